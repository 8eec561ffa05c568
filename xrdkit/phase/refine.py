"""The verb: whole-pattern refinement of phases."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import xarray as xr

from xrdkit import provenance, schema
from xrdkit.errors import SpecError, StructureError
from xrdkit.phase.absorption_check import check_absorption
from xrdkit.phase.blank import BLANK, blank_of, with_blank_noise
from xrdkit.phase.cif import load_structure
from xrdkit.phase.embedded import embedded_structure, is_embedded
from xrdkit.phase.observation import Observation, observe
from xrdkit.phase.places import check_places
from xrdkit.phase.result import assemble
from xrdkit.phase.series import Series
from xrdkit.phase.series_parametric import coordinates_of, joint_fit, with_curves
from xrdkit.phase.series_result import with_flags
from xrdkit.phase.series_steps import find_steps
from xrdkit.phase.spec import RefinementSpec
from xrdkit.phase.structure import Structure
from xrdkit.phase.unit_cell import require_atoms

_SOFTWARE = ("numpy", "scipy", "lmfit", "numba", "gemmi")

#: Most fits until the noise of a blank is that of its factor, and how nearly.
_BLANK_ROUNDS, _SAME_NOISE = 3, 0.1

_DEFAULT = RefinementSpec()


def refine_phases(
    profile: xr.Dataset,
    phases: Sequence[str | Path | Structure],
    spec: RefinementSpec = _DEFAULT,
    *,
    blank: xr.Dataset | None = None,
) -> xr.Dataset:
    """Refine the crystalline phases of a powder pattern (Rietveld) and return `schema.PHASES`.

    profile: `schema.PROFILE` over q (1/nm) or two_theta (degree) with the coordinate
    ``wavelength``; where it was integrated from frames, solid angle and polarisation must have been
    corrected. A leading ``frame`` dimension is fitted frame by frame, each from the last good one
    and every twentieth from a fresh start too (`series`); a frame that cannot be fitted leaves NaN
    and its verdict. Other coordinates on ``frame`` (time, temperature, voltage) stay.
    phases: names of embedded structures (``"LaB6"``), paths of CIF files, or Structures; cells
    without atoms (`unit_cell`) where lines are free.
    spec: see `RefinementSpec`.
    blank: profile of the empty capillary or holder, one frame, on the radial coordinate and in the
    unit of `profile`: a part of the background with a free factor, ``blank_scale``, whose noise
    enters the errors. Points that it does not cover are left out.

    The result holds, per phase, ``weight_fraction``, ``lattice`` (nm), ``lattice_angle`` (degree),
    ``crystallite_size`` (nm), ``strain``, ``scale``, ``b_iso`` (Å²), each with ``_sigma`` (from the
    full covariance, times the goodness of fit) and NaN where a phase is absent or a number was not
    refined; the instrument's ``zero_shift`` and widths; observed and calculated curves; reflection
    positions; ``rwp``, ``rexp``, ``gof``, ``verdict`` with ``verdict_reason``.

    A profile that names the sources of its errors is weighted by those that scatter from point to
    point alone. A source common to all points (transmission, absolute scale, geometry) neither
    weights nor enters the goodness of fit; it goes through the fit as it is, unscaled, and so does
    the covariance of points that share pixels: that of the parameters is A (B + Σ e eᵀ) Aᵀ, A the
    linear estimator that the fit is near its minimum (`xrdkit.uncertainty`).
    ``<name>_errors(source, phase)`` of weight fraction, lattice, size and scale tells what each
    source contributes. Where points share pixels, there are ``neighbour_correlation`` and
    ``points_effective`` too, and the reason of the verdict says so above 0.2.

    Model and formulas: `xrdkit.phase.model`, `pattern`, `widths`, `quantify`; method: Rietveld,
    J. Appl. Cryst. 2 (1969) 65.

    Raises StructureError for an unknown phase, a CIF that cannot be used or a cell without atoms in
    Rietveld refinement, CurveError for a
    profile that does not carry what is needed, SpecError for a range outside the data, EmptyResult
    for too few points and FitFailed where the model cannot be computed, in every frame.
    """
    structures = resolve(phases)
    told = isinstance(spec, RefinementSpec) and spec.parametric
    coordinates = coordinates_of(profile, spec.parametric) if told else []
    given, scale = profile, 1.0
    for _ in range(1 if blank is None else _BLANK_ROUNDS):
        profile, observed = _observed(given, blank, scale, spec)
        check_atoms(structures, spec)
        check_absorption(profile, spec, integrated=observed.integrated)
        series = Series(observed, structures, spec)
        series.run()
        if series.failure is not None and not any(entry.fit for entry in series.entries):
            raise series.failure
        before, scale = scale, _blank_scale(series, scale)
        if abs(scale - before) < _SAME_NOISE * abs(before):
            break
    result = _assembled(profile, observed, structures, series)
    if schema.FRAME in profile.dims:
        steps = find_steps(result)
        at_steps = {k for number in steps.frames for k in (number - 1, number)}
        if series.review(sorted(at_steps)):
            result = _assembled(profile, observed, structures, series)
            steps = find_steps(result)
        joint = None
        if spec.parametric:
            series.entries, joint = joint_fit(
                series.entries, observed, spec.parametric, coordinates
            )
            result = _assembled(profile, observed, structures, series)
            steps = find_steps(result)
        result = with_flags(result, series.entries, steps)
        if joint is not None:
            result = with_curves(result, joint, profile)
    result = provenance.append(
        result,
        "refine_phases",
        {
            "phases": list(structures),
            "spec": spec,
            "sigma": observed.sigma_rule,
            "polarization_ratio": None if observed.integrated else spec.polarization,
            "blank": None if blank is None else provenance.content_sha256(blank),
        },
        inputs=[provenance.content_sha256(d) for d in (given, blank) if d is not None],
        software=_SOFTWARE,
        history=given,
    )
    return schema.validate(result, schema.PHASES)


def _observed(
    profile: xr.Dataset, blank: xr.Dataset | None, scale: float, spec: RefinementSpec
) -> tuple[xr.Dataset, Observation]:
    """Return the profile with the noise of `scale` times a blank, and what is fitted of it."""
    if blank is None:
        return profile, observe(profile, spec)
    schema.validate(profile, schema.PROFILE)
    noisier = with_blank_noise(profile, blank, scale)
    return noisier, replace(observe(noisier, spec), blank=blank_of(profile, blank))


def _blank_scale(series: Series, scale: float) -> float:
    """Return the median factor of the blank over the frames; `scale` without a blank."""
    found = [e.fit.values[BLANK] for e in series.entries if e.fit and BLANK in e.fit.values]
    return float(np.median(found)) if found else scale


def resolve(phases: Sequence[str | Path | Structure]) -> tuple[Structure, ...]:
    """Return the structures that names, CIF paths or Structures stand for.

    Raises StructureError for unknown ones and for atoms where others are, SpecError for none at
    all, for equal names and for one structure under two names.
    """
    if isinstance(phases, str | Path | Structure):
        raise SpecError("phases is a list", hint=f"write [{phases!r}]")
    if not isinstance(phases, Sequence):
        raise SpecError(f"phases is a list of names, paths and Structures, not {phases!r}")
    structures = tuple(_structure(p) for p in phases)
    names = [s.name for s in structures]
    if not names:
        raise SpecError("no phase to refine")
    if len(set(names)) != len(names):
        raise SpecError(f"two phases have the same name: {', '.join(names)}")
    known: dict[object, str] = {}
    for one in structures:
        other = known.setdefault((one.cell, one.operators, one.sites), one.name)
        if other != one.name:
            raise SpecError(
                f"{one.name} and {other} are one structure: no pattern tells them apart"
            )
    return structures


def check_atoms(structures: Sequence[Structure], spec: RefinementSpec) -> None:
    """Raise StructureError for a cell without atoms where `spec` asks for what needs them."""
    for one in structures:
        own = spec.of(one.name)
        if spec.mode_of(one.name) == "rietveld":
            require_atoms(one, "Rietveld refinement")
        if own.particle_diameter is not None:
            require_atoms(one, "microabsorption")
        if own.added_fraction is not None:
            require_atoms(one, "an internal standard")


def _structure(phase: str | Path | Structure) -> Structure:
    if isinstance(phase, Structure):
        check_places(phase)
        return phase
    if not isinstance(phase, str | Path):
        raise StructureError(f"a phase is a name, a path or a Structure, not {phase!r}")
    if isinstance(phase, str) and is_embedded(phase):
        return embedded_structure(phase)
    if isinstance(phase, Path) or phase.lower().endswith((".cif", ".mcif")) or Path(phase).exists():
        return load_structure(phase)
    return embedded_structure(phase)  # which says what is near


def _assembled(
    profile: xr.Dataset, observed: Observation, structures: Sequence[Structure], series: Series
) -> xr.Dataset:
    fits = [entry.fit for entry in series.entries]
    verdicts = [(entry.verdict, entry.reason) for entry in series.entries]
    return assemble(profile, observed, [s.name for s in structures], fits, verdicts)
