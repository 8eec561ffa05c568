"""Mass fractions on an absolute scale from a standard that was measured by itself.

In a flat thick sample the beam sees a mass of 1/µ_m per area, µ_m the mass attenuation of the
sample. A phase of mass fraction W has the scale S ρ = K W/µ_m with a constant K of the instrument,
which a standard of known crystalline fraction W_s gives:

    W_p = (S ρ)_p µ_m / K,    K = (S ρ)_s µ_s / W_s

and 1 - Σ W_p is amorphous or not in the model. O'Connor & Raven, Powder Diffr. 3 (1988) 2, with
scales per cross-section instead of S ρ V².
"""

import math
from collections.abc import Mapping

import numpy as np
import xarray as xr

from xrdkit import provenance, schema
from xrdkit.errors import SchemaError, SpecError
from xrdkit.phase.content import mass_attenuation
from xrdkit.phase.phase_spec import is_number

Attenuation = float | Mapping[str, float]

_SAME_WAVELENGTH = 1e-4


def absolute_fractions(
    result: xr.Dataset,
    standard: xr.Dataset,
    *,
    attenuation: Attenuation,
    standard_attenuation: Attenuation,
    attenuation_sigma: float = 0.0,
    standard_attenuation_sigma: float = 0.0,
    standard_phase: str | None = None,
    standard_fraction: float = 1.0,
    standard_fraction_sigma: float = 0.0,
    exposure_ratio: float = 1.0,
) -> xr.Dataset:
    """Return `result` with mass fractions of the whole sample, and what is amorphous.

    result, standard: of `refine_phases` (`schema.PHASES`), from flat thick samples measured on one
    diffractometer in the same way; `result` may have frames, `standard` has one pattern.
    attenuation, standard_attenuation: µ/ρ in cm²/g of the whole samples, amorphous parts included,
    or their composition as `mass_attenuation` takes it; with ``_sigma`` in cm²/g.
    standard_phase: phase of `standard` that is the standard; None: its only one.
    standard_fraction: its crystalline mass fraction there, above 0 up to 1, with ``_sigma``.
    exposure_ratio: exposure (intensity of the beam times time) of the standard over that of the
    sample, where the intensities are not divided by it.

    ``absolute_fraction(phase)`` and ``amorphous_fraction`` come with standard errors: those of the
    scales with their covariance, of both attenuations, of the standard's scale and fraction.
    Fractions of absent phases count as they were refined. The amorphous fraction can come out below
    0, which says that an attenuation or the standard is wrong.

    Raises SchemaError for what is no result of a refinement, SpecError for numbers outside their
    range, another wavelength or intensity unit, and a standard that was not found.
    """
    for one, what in ((result, "result"), (standard, "standard")):
        if one.attrs.get("schema") != schema.PHASES.name or "mass_scale" not in one:
            raise SchemaError(f"{what} is no result of refine_phases of this version")
    if "absolute_fraction" in result:
        raise SpecError("the result has absolute fractions from an internal standard already")
    _alike(result, standard)
    for name, value in (
        ("attenuation_sigma", attenuation_sigma),
        ("standard_attenuation_sigma", standard_attenuation_sigma),
        ("standard_fraction_sigma", standard_fraction_sigma),
    ):
        if not is_number(value) or not 0.0 <= value < math.inf:
            raise SpecError(f"{name} = {value!r} is no number from 0 upwards")
    if not is_number(exposure_ratio) or not 0.0 < exposure_ratio < math.inf:
        raise SpecError(f"exposure_ratio = {exposure_ratio!r} is no number above 0")
    if not is_number(standard_fraction) or not 0.0 < standard_fraction <= 1.0:
        raise SpecError(f"standard_fraction = {standard_fraction!r} is not above 0 up to 1")
    sample_mu = _mu(attenuation, "attenuation", result)
    standard_mu = _mu(standard_attenuation, "standard_attenuation", standard)
    mass, mass_sigma = _standard_mass(standard, standard_phase)
    factor = sample_mu * standard_fraction * exposure_ratio / (mass * standard_mu)
    # Common to all phases, relative.
    relative2 = (
        (attenuation_sigma / sample_mu) ** 2
        + (standard_attenuation_sigma / standard_mu) ** 2
        + (mass_sigma / mass) ** 2
        + (standard_fraction_sigma / standard_fraction) ** 2
    )
    share = factor * result["mass_scale"].values
    own = factor**2 * result["mass_scale_covariance"].values
    variance = np.diagonal(own, axis1=-2, axis2=-1) + relative2 * share**2
    whole = share.sum(axis=-1)
    whole_variance = own.sum(axis=(-2, -1)) + relative2 * whole**2
    lead = result["mass_scale"].dims[:-1]
    text = "mass of the phase over that of the sample, from an external standard"
    rest = "mass of what is none of the phases over that of the sample, from an external standard"
    made = result.assign(
        absolute_fraction=((*lead, "phase"), share, _attrs(text, "absolute_fraction")),
        absolute_fraction_sigma=(
            (*lead, "phase"),
            np.sqrt(variance),
            {"units": "1", "long_name": "standard error of absolute_fraction"},
        ),
        amorphous_fraction=(lead, 1.0 - whole, _attrs(rest, "amorphous_fraction")),
        amorphous_fraction_sigma=(
            lead,
            np.sqrt(whole_variance),
            {"units": "1", "long_name": "standard error of amorphous_fraction"},
        ),
    )
    made = provenance.append(
        made,
        "absolute_fractions",
        {
            "attenuation": sample_mu,
            "attenuation_sigma": attenuation_sigma,
            "standard_attenuation": standard_mu,
            "standard_attenuation_sigma": standard_attenuation_sigma,
            "standard_phase": standard_phase,
            "standard_fraction": standard_fraction,
            "standard_fraction_sigma": standard_fraction_sigma,
            "exposure_ratio": exposure_ratio,
        },
        inputs=[provenance.content_sha256(result), provenance.content_sha256(standard)],
        software=("numpy", "xraydb"),
        history=result,
    )
    return schema.validate(made, schema.PHASES)


def _attrs(text: str, name: str) -> dict[str, str]:
    return {"units": "1", "long_name": text, "ancillary_variables": f"{name}_sigma"}


def _alike(result: xr.Dataset, standard: xr.Dataset) -> None:
    units = [str(one["mass_scale"].attrs["units"]) for one in (result, standard)]
    if units[0] != units[1]:
        raise SpecError(f"the result is in {units[0]}, the standard in {units[1]}")
    one, other = (np.atleast_1d(d["wavelength"].values).astype(float) for d in (result, standard))
    if one.shape != other.shape or not np.allclose(one, other, rtol=_SAME_WAVELENGTH, atol=0.0):
        raise SpecError(f"wavelengths differ: {one} Å and {other} Å of the standard")


def _mu(given: Attenuation, name: str, data: xr.Dataset) -> float:
    if isinstance(given, Mapping):
        lines = np.atleast_1d(np.asarray(data["wavelength"].values, dtype=float))
        weights = np.ones_like(lines)
        if "emission_weight" in data.coords:
            weights = np.atleast_1d(np.asarray(data["emission_weight"].values, dtype=float))
        return mass_attenuation(given, float(lines @ weights / weights.sum()))
    if not is_number(given) or not 0.0 < given < math.inf:
        raise SpecError(f"{name} = {given!r} is no number above 0, cm²/g")
    return float(given)


def _standard_mass(standard: xr.Dataset, phase: str | None) -> tuple[float, float]:
    names = [str(n) for n in standard["phase"].values]
    if phase is None and len(names) > 1:
        raise SpecError(f"which phase is the standard? it has {', '.join(names)}")
    if phase is not None and phase not in names:
        raise SpecError(f"the standard has no phase {phase!r}, it has {', '.join(names)}")
    if standard["mass_scale"].ndim > 1 and standard.sizes[schema.FRAME] > 1:
        raise SpecError("the standard has several frames", hint="select or average them")
    at = 0 if phase is None else names.index(phase)
    value, sigma, found = (
        float(np.asarray(standard[n].values).reshape(-1, len(names))[0, at])
        for n in ("mass_scale", "mass_scale_sigma", "phase_found")
    )
    if not (found and value > 0.0 and sigma >= 0.0):
        raise SpecError(f"the standard {names[at]} was not found in its pattern")
    return value, sigma
