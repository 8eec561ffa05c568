"""The fit of one frame: a linear start, then least squares on everything that is free."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xrdkit.fitting import FitOutcome, least_squares
from xrdkit.phase.effects import phase_key
from xrdkit.phase.model import PatternModel
from xrdkit.phase.observation import Observation
from xrdkit.phase.parameters import Plan, background_key
from xrdkit.phase.spec import RefinementSpec
from xrdkit.phase.start import LinearPart, search, stretched
from xrdkit.phase.structure import Structure
from xrdkit.uncertainty import ErrorModel, effective_points, neighbour_correlation

Array = NDArray[np.float64]

_FIRST_EVALUATIONS = 40
_TOLERANCE = 1e-8
#: Broadening below this share of its natural unit is none.
_NOTHING = 1e-3
#: A start that gains less over the background is noise, not worth many evaluations.
_HARDLY_ANY = 30.0
#: A phase weaker than this many standard errors is not there.
_SIGNIFICANT = 3.0


@dataclass(frozen=True, kw_only=True)
class FrameFit:
    """A fitted frame."""

    model: PatternModel
    """The model on the points with data."""
    plan: Plan
    """Parameters as they were in the last fit."""
    outcome: FitOutcome
    """Result in natural units of `plan`."""
    values: dict[str, float]
    """Every parameter in physical units."""
    found: tuple[bool, ...]
    """Whether each phase is significant."""
    chi2_background: float
    """χ² of the best background alone."""
    sources: tuple[str, ...] = ()
    """Named sources of error: those that scatter from point to point, then common ones."""
    neighbour_correlation: float = 0.0
    """Mean correlation of neighbouring points."""
    points_effective: float = float("nan")
    """Number of independent points that tell as much."""

    def sigma(self, name: str) -> float:
        """Standard error of a parameter in physical units; NaN where it was not free."""
        if name not in self.outcome.names:
            return float("nan")
        return self.sigma_of({name: 1.0})

    def sigma_of(self, gradient: Mapping[str, float]) -> float:
        """Standard error of a number with a `gradient` per physical unit of each parameter."""
        return self.outcome.sigma_of({n: g * self.plan.units[n] for n, g in gradient.items()})

    def sources_of(self, gradient: Mapping[str, float]) -> Array:
        """Error of such a number from each of `sources`, signed where common to all points."""
        return self.outcome.sources_of({n: g * self.plan.units[n] for n, g in gradient.items()})


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The data of one frame that are fitted, and the limits of the background."""

    two_theta: Array
    """Angles of points with data (n,), degree."""
    intensity: Array
    """(n,)"""
    sigma: Array
    """(n,), above 0."""
    limits: tuple[float, float]
    """Angles between which the background is defined, degree."""
    errors: ErrorModel | None = None
    """Model of (intensity - truth)/sigma, where more is known of it than that it scatters."""

    @property
    def fewer(self) -> float:
        """Share of the points that tell something of their own, 1 where none share errors."""
        if self.errors is None:
            return 1.0
        return effective_points(self.errors) / self.two_theta.size


def cold_fit(
    frame: Frame,
    structures: Sequence[Structure],
    spec: RefinementSpec,
    observed: Observation,
    *,
    strongest_first: bool = False,
) -> FrameFit:
    """Return the fit of a frame from a searched start.

    With `strongest_first` only the strongest phase is given its line shapes before all are free.
    """
    first = _model(frame, structures, spec, observed)
    linear = LinearPart(first.background_rows, frame.intensity, frame.sigma)
    start = search(first, linear)
    moved = [
        s.with_cell(stretched(s.cell, f)) for s, f in zip(structures, start.stretch, strict=True)
    ]
    model = _model(frame, moved, spec, observed, start.width)
    begin = model.plan(width=start.width, scales=start.scales, background=start.background)
    if spec.refine_instrument and spec.instrument is not None:
        begin = begin.changed(values=model.node_values(spec.instrument))
    shapes = begin.free & begin.late
    rough = _minimise(model, frame, begin.changed(fixed=shapes), _FIRST_EVALUATIONS)
    begin = begin.changed(values=begin.physical(rough.values))
    model = model.with_nodes(begin.values)
    if strongest_first:
        # Until the strong phase has its shape, what it leaves draws the lines of the others wide.
        weak = _weaker(model, begin)
        held = [n for n in shapes if any(n.startswith(phase_key(p, "")) for p in weak)]
        shaped = _minimise(model, frame, begin.changed(fixed=held), _FIRST_EVALUATIONS)
        begin = begin.changed(values=begin.physical(shaped.values))
    most = spec.max_evaluations if start.gain > _HARDLY_ANY else _FIRST_EVALUATIONS
    return _finish(model, frame, begin, linear.chi2_background, most)


def warm_fit(frame: Frame, before: FrameFit, observed: Observation) -> FrameFit:
    """Return the fit of a frame that starts from the result of another one."""
    old = before.model
    same = np.array_equal(old.x, frame.two_theta)
    model = old if same else _model(frame, old.structures, old.spec, observed, old.width)
    linear = LinearPart(model.background_rows, frame.intensity, frame.sigma)
    # Whatever an earlier frame fixed is free again: a phase may appear, a size become visible.
    begin = model.plan(
        width=before.plan.width,
        scales=[before.plan.units[phase_key(p, "scale")] for p in range(len(old.structures))],
        background=[before.values[background_key(k)] for k in range(old.spec.background)],
    )
    kept = {
        name: value
        for name, value in before.values.items()
        if value > _NOTHING * begin.units[name] or name not in begin.broadening
    }
    kept |= {
        key: max(before.values[key], 0.01 * begin.units[key])
        for key in (phase_key(p, "scale") for p in range(len(old.structures)))
    }
    return _finish(
        model, frame, begin.changed(values=kept), linear.chi2_background, old.spec.max_evaluations
    )


def _weaker(model: PatternModel, begin: Plan) -> list[int]:
    """Return the phases that are not the strongest one at the start."""
    areas = model.phases(begin.values).sum(axis=1)
    return [p for p in range(len(areas)) if p != int(np.argmax(areas))]


def _model(
    frame: Frame,
    structures: Sequence[Structure],
    spec: RefinementSpec,
    observed: Observation,
    width: float = 0.0,
) -> PatternModel:
    return PatternModel(
        structures,
        frame.two_theta,
        spec,
        wavelengths=observed.wavelengths,
        weights=observed.weights,
        emission_widths=observed.emission_widths,
        integrated=observed.integrated,
        limits=frame.limits,
        width=width,
    )


def _minimise(model: PatternModel, frame: Frame, begin: Plan, most: int) -> FitOutcome:
    def residual(values: Mapping[str, float]) -> Array:
        return np.asarray((model.pattern(begin.physical(values)) - frame.intensity) / frame.sigma)

    def jacobian(values: Mapping[str, float], names: tuple[str, ...]) -> Array:
        slopes = model.slopes(begin.physical(values), names)
        slopes *= np.array([begin.units[n] for n in names])[:, np.newaxis]
        slopes /= frame.sigma
        return slopes.T

    return least_squares(
        residual,
        begin.lmfit(),
        jacobian=jacobian,
        errors=frame.errors,
        max_evaluations=most,
        tolerance=_TOLERANCE,
    )


def _finish(
    model: PatternModel, frame: Frame, begin: Plan, chi2_background: float, most: int
) -> FrameFit:
    """Fit, then fix what came out as nothing and fit again, so that errors mean something."""
    outcome = _minimise(model, frame, begin, most)
    found = [True] * len(model.structures)
    for _ in range(3):
        values = begin.physical(outcome.values)
        # An error common to all points makes no phase less certain to be there.
        scatter = outcome.sigma(common=False)
        widths = [n for n in outcome.names if n in begin.broadening]
        nothing = [n for n in widths if outcome.values[n] < _NOTHING]
        faded = [
            p
            for p, here in enumerate(found)
            if here and not _significant(outcome, scatter, phase_key(p, "scale"))
        ]
        if not nothing and not faded:
            break
        changes = dict.fromkeys(nothing, 0.0)
        fixed = list(nothing)
        for p in faded:
            found[p] = False
            own = [n for n in begin.free if n.startswith(phase_key(p, ""))]
            fixed += [n for n in own if n != phase_key(p, "scale")]
            changes |= {n: begin.values[n] for n in fixed if n in own}
        begin = begin.changed(values={**values, **changes}, fixed=fixed)
        free_scales = {phase_key(p, "scale") for p, here in enumerate(found) if not here}
        begin = replace(
            begin, bounds={k: v for k, v in begin.bounds.items() if k not in free_scales}
        )
        outcome = _minimise(model, frame, begin, most)
    errors = frame.errors
    return FrameFit(
        model=model,
        plan=begin,
        outcome=outcome,
        values=begin.physical(outcome.values),
        found=tuple(found),
        chi2_background=chi2_background,
        sources=() if errors is None else errors.sources,
        neighbour_correlation=0.0 if errors is None else neighbour_correlation(errors),
        points_effective=frame.fewer * frame.two_theta.size,
    )


def _significant(outcome: FitOutcome, errors: Mapping[str, float], name: str) -> bool:
    value, error = outcome.values[name], errors.get(name, float("nan"))
    return bool(value > 1e-9 and not value < _SIGNIFICANT * error)
