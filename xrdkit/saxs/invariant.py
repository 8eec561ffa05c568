"""The verb `invariant`: volume fraction and surface from the area under q²I.

G. Porod, Kolloid-Z. 124 (1951) 83; O. Glatter, O. Kratky, Small Angle X-ray Scattering (1982).
"""

import math
from dataclasses import dataclass
from typing import Literal

import xarray as xr

from xrdkit.errors import SpecError
from xrdkit.saxs.checks import check_contrast, check_flags, check_range, is_number
from xrdkit.saxs.invariant_sum import invariant_curve
from xrdkit.saxs.model_free import Quantity, assemble, each_frame, select_range
from xrdkit.saxs.smearing import SmearingSpec, check_smearing
from xrdkit.schema import INVARIANT


@dataclass(frozen=True, kw_only=True)
class InvariantSpec:
    """How the invariant is taken. No window is needed."""

    contrast: float | None = None
    """Difference of scattering length density of the two phases in 1e10 1/cm²; without it volume
    fraction and surface are unknown (but see `volume_fraction`)."""
    contrast_sigma: float = 0.0
    """Standard error of `contrast`, 1e10 1/cm²."""
    volume_fraction: float | None = None
    """Volume fraction of one phase where it is known otherwise: the surface then needs neither
    contrast nor absolute intensity."""
    dilute: bool = True
    """Whether Q = 2π²φΔρ² (particles, each for itself, 1 - φ taken as 1), or 2π²φ(1-φ)Δρ² (two
    phases that fill the sample; φ is that of the minority)."""
    flat: bool = True
    """Whether a flat background is fitted with Porod's law, and taken off everywhere."""
    range: tuple[float, float] | None = None
    """Lowest and highest q that are used, 1/nm; None: all."""
    scale_errors: bool = True
    """Whether standard errors are multiplied by ``sigma_scale`` = √χ²r."""
    smearing: SmearingSpec | Literal["auto", "none"] = "auto"
    """Resolution that smears the curve; ``"auto"``: what the profile says; ``"none"``: none."""

    def __post_init__(self) -> None:
        check_contrast(self.contrast, self.contrast_sigma)
        check_range(self.range)
        check_flags(self, "dilute", "flat", "scale_errors")
        check_smearing(self.smearing)
        fraction = self.volume_fraction
        if fraction is not None and not (is_number(fraction) and 0 < fraction < 1):
            raise SpecError(f"volume_fraction {fraction!r} is not between 0 and 1")


_DEFAULT = InvariantSpec()


def invariant(profile: xr.Dataset, spec: InvariantSpec = _DEFAULT) -> xr.Dataset:
    """Return the scattering invariant of each frame of a profile and what follows (INVARIANT).

    `profile` (PROFILE) is a curve over q, best on absolute scale (1/cm); points without a finite
    intensity and a positive sigma are left out. No window is needed: below the curve Guinier's law
    goes on (see `guinier`), above the start of its window Porod's (see `porod`), whose flat
    background, and an upturn that Guinier's window shows, are taken off everywhere.

    The result holds, each with ``<name>_sigma``: ``invariant`` Q = ∫q²I dq (unit/nm³),
    ``volume_fraction`` φ and ``surface_per_volume`` of the sample (1/nm; both NaN without contrast
    or absolute intensity), ``specific_surface`` = surface per volume of the particles (1/nm),
    ``porod_length`` l = 4Q/(πK) (nm), ``porod_constant`` and ``background_flat``;
    ``share_below``, ``share_above``: the shares of Q below and above the data; ``q_low`` and
    ``q_high`` between which the data themselves were summed, ``sigma_scale``, ``verdict`` and
    ``verdict_reason``.

    Q = 2π²φΔρ² where `spec.dilute`, else 2π²φ(1-φ)Δρ²; S/V = πφ(1-φ)K/Q = K/(2πΔρ²). Errors: every
    number is a linear estimate from the same points, so that the covariance of background, constant
    and sum is in them, times ``sigma_scale``; with the priors and spread of the windows.

    A frame without a Porod region gets NaN and the verdict ``unidentifiable``; one without a
    Guinier region has a constant intensity below the data, wrong by no more than all of it, and the
    verdict ``misfit`` where that matters. Raises SchemaError for what is no profile over q,
    CurveError for a curve smeared by a slit, SpecError for q = 0, EmptyResult where fewer than 10
    points lie in `spec.range`.
    """
    if not isinstance(spec, InvariantSpec):
        raise SpecError(f"spec is a {type(spec).__name__}, not an InvariantSpec")
    data = select_range(profile, spec.range)
    unit = str(data["intensity"].attrs["units"])
    contrast = spec.contrast if unit == "1/cm" else None
    frames = each_frame(
        profile,
        data,
        lambda curve: invariant_curve(
            curve,
            contrast=math.nan if contrast is None else abs(contrast),
            contrast_sigma=spec.contrast_sigma,
            known_fraction=math.nan if spec.volume_fraction is None else spec.volume_fraction,
            dilute=spec.dilute,
            flat=spec.flat,
            scale_errors=spec.scale_errors,
        ),
        spec.smearing,
    )
    quantities = {
        "invariant": Quantity(unit=f"{unit}/nm^3", what="scattering invariant ∫q²I dq"),
        "volume_fraction": Quantity(unit="1", what="volume fraction of particles"),
        "surface_per_volume": Quantity(unit="1/nm", what="surface per volume of the sample"),
        "specific_surface": Quantity(unit="1/nm", what="surface per volume of the particles"),
        "porod_length": Quantity(unit="nm", what="Porod length 4Q/(πK)"),
        "porod_constant": Quantity(unit=f"{unit}/nm^4", what="constant K of Porod's law"),
        "background_flat": Quantity(unit=unit, what="flat background"),
        "share_below": Quantity(
            unit="1", what="share of the invariant below the lowest q", error=False
        ),
        "share_above": Quantity(
            unit="1", what="share of the invariant from Porod's law", error=False
        ),
        "q_low": Quantity(unit="1/nm", what="lowest q of the data that are summed", error=False),
        "q_high": Quantity(unit="1/nm", what="q above which Porod's law is summed", error=False),
        "sigma_scale": Quantity(
            unit="1", what="factor that the standard errors were multiplied by", error=False
        ),
    }
    return assemble(
        frames,
        profile,
        data,
        quantities,
        step="invariant",
        spec=spec,
        schema=INVARIANT,
        coords={},
    )
