"""The verb: whole-pattern refinement of phases."""

import logging
from collections.abc import Sequence
from pathlib import Path

import xarray as xr

from xrdkit import provenance, schema
from xrdkit.errors import ComputeError, SpecError, StructureError
from xrdkit.fitting import Verdict
from xrdkit.phase.cif import load_structure
from xrdkit.phase.embedded import embedded_names, embedded_structure
from xrdkit.phase.fit import Frame, FrameFit, cold_fit, warm_fit
from xrdkit.phase.judgement import judge
from xrdkit.phase.observation import Observation, observe, usable
from xrdkit.phase.result import assemble
from xrdkit.phase.spec import RefinementSpec
from xrdkit.phase.structure import Structure

_LOG = logging.getLogger(__name__)
_SOFTWARE = ("numpy", "scipy", "lmfit", "numba", "gemmi")
#: A frame that fits this much worse than the one before it is fitted from a fresh start too.
_WORSE = 1.1
#: Verdicts after which a mixture is tried again, strongest phase first.
_LOST = (Verdict.NOT_CONVERGED, Verdict.UNIDENTIFIABLE, Verdict.AT_BOUND)

_DEFAULT = RefinementSpec()


def refine_phases(
    profile: xr.Dataset,
    phases: Sequence[str | Path | Structure],
    spec: RefinementSpec = _DEFAULT,
) -> xr.Dataset:
    """Refine the crystalline phases of a powder pattern (Rietveld) and return `schema.PHASES`.

    profile: `schema.PROFILE` over q (1/nm) or two_theta (degree) with the coordinate
    ``wavelength``; where it was integrated from frames, solid angle and polarisation must have been
    corrected. A leading ``frame`` dimension is fitted frame by frame, each from the last good one;
    a frame that cannot be fitted leaves NaN and its verdict.
    phases: names of embedded structures (``"LaB6"``), paths of CIF files, or Structures.
    spec: see `RefinementSpec`.

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

    Raises StructureError for an unknown phase or a CIF that cannot be used, CurveError for a
    profile that does not carry what is needed, SpecError for a range outside the data, EmptyResult
    for too few points and FitFailed where the model cannot be computed, in every frame.
    """
    structures = resolve(phases)
    observed = observe(profile, spec)
    fits: list[FrameFit | None] = []
    verdicts: list[tuple[Verdict, str]] = []
    good: FrameFit | None = None
    failure: ComputeError | None = None
    for number in range(len(observed.intensity)):
        try:
            frame = _frame(observed, number)
            fit, verdict = _fit(frame, good, structures, spec, observed)
        except ComputeError as exc:
            failure = exc
            fits.append(None)
            verdict = Verdict.NOT_CONVERGED, exc.message
        else:
            fits.append(fit)
            good = fit if verdict[0] is Verdict.OK else good
        verdicts.append(verdict)
        if verdict[0] is not Verdict.OK:
            _LOG.warning("frame %d: %s: %s", number, verdict[0], verdict[1])
    if failure is not None and not any(fits):
        raise failure
    result = assemble(profile, observed, [s.name for s in structures], fits, verdicts)
    result = provenance.append(
        result,
        "refine_phases",
        {
            "phases": list(structures),
            "spec": spec,
            "sigma": observed.sigma_rule,
            "polarization_ratio": None if observed.integrated else spec.polarization,
        },
        inputs=[provenance.content_sha256(profile)],
        software=_SOFTWARE,
        history=profile,
    )
    return schema.validate(result, schema.PHASES)


def resolve(phases: Sequence[str | Path | Structure]) -> tuple[Structure, ...]:
    """Return the structures that names, CIF paths or Structures stand for.

    Raises StructureError for unknown ones, SpecError for none at all or for equal names.
    """
    if isinstance(phases, str | Path | Structure):
        raise SpecError("phases is a list", hint=f"write [{phases!r}]")
    structures = tuple(_structure(p) for p in phases)
    names = [s.name for s in structures]
    if not names:
        raise SpecError("no phase to refine")
    if len(set(names)) != len(names):
        raise SpecError(f"two phases have the same name: {', '.join(names)}")
    return structures


def _structure(phase: str | Path | Structure) -> Structure:
    if isinstance(phase, Structure):
        return phase
    if not isinstance(phase, str | Path):
        raise StructureError(f"a phase is a name, a path or a Structure, not {phase!r}")
    if isinstance(phase, str) and (phase in embedded_names() or phase == "graphite"):
        return embedded_structure(phase)
    if isinstance(phase, Path) or phase.lower().endswith((".cif", ".mcif")) or Path(phase).exists():
        return load_structure(phase)
    raise StructureError(
        f"unknown phase {phase!r}",
        hint=f"an embedded one of {', '.join(embedded_names())}, or the path of a CIF",
    )


def _frame(observed: Observation, number: int) -> Frame:
    good = usable(observed, number)
    return Frame(
        two_theta=observed.positions[number][good],
        intensity=observed.intensity[number][good],
        sigma=observed.sigma[number][good],
        errors=observed.errors(number, good),
        limits=(float(observed.two_theta[0]), float(observed.two_theta[-1])),
    )


def _fit(
    frame: Frame,
    before: FrameFit | None,
    structures: Sequence[Structure],
    spec: RefinementSpec,
    observed: Observation,
) -> tuple[FrameFit, tuple[Verdict, str]]:
    warm: tuple[FrameFit, tuple[Verdict, str]] | None = None
    if before is not None:
        try:
            fit = warm_fit(frame, before, observed)
        except ComputeError as exc:
            _LOG.info("no fit from the frame before: %s", exc)
        else:
            warm = fit, judge(frame, fit)
            if warm[1][0] is Verdict.OK and fit.outcome.gof <= _WORSE * before.outcome.gof:
                return warm
    fit = cold_fit(frame, structures, spec, observed)
    cold = fit, judge(frame, fit)
    if cold[1][0] in _LOST and len(structures) > 1:
        fit = cold_fit(frame, structures, spec, observed, strongest_first=True)
        again = fit, judge(frame, fit)
        cold = again if again[1][0] is Verdict.OK else cold
    if warm is None:
        return cold
    better = (warm[1][0] is Verdict.OK, -warm[0].outcome.chi2) > (
        cold[1][0] is Verdict.OK,
        -cold[0].outcome.chi2,
    )
    return warm if better else cold
