"""The fit of one group of peaks, and what it is worth."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import FitFailed
from xrdkit.fitting import FitOutcome, Table, Verdict, least_squares
from xrdkit.phase.peak_shapes import FORMS
from xrdkit.phase.peaks_data import PeakData
from xrdkit.phase.peaks_groups import Group
from xrdkit.phase.peaks_model import GroupModel, Peak, peak_key
from xrdkit.phase.peaks_spec import PeakSpec
from xrdkit.uncertainty import ErrorModel

Array = NDArray[np.float64]

_EVALUATIONS, _TOLERANCE = 60, 1e-8
#: Another term of the background for each of these many FWHM of a group.
_TERM = 15.0
_MOST_TERMS = 10
#: Peaks nearer than this, in FWHM of the wider, must be likelier than one.
_SAME = 1.0
#: A width may come out smaller than the smallest that is searched, by this factor.
_NARROWER = 0.6
#: Fourth differences, the quarter of |N(0, 1)| below 0.3186, and how much scatter is too much.
_FOURTH: Array = np.array([1.0, -4.0, 6.0, -4.0, 1.0])
_QUARTER, _MUCH, _FEWEST_DIFFERENCES = 0.3186, 10.0, 20


@dataclass(frozen=True, kw_only=True)
class FrameData:
    """Points of one frame that hold data."""

    x: Array
    """Radial coordinate (n,)."""
    spread: Array
    """Spread of the pixels of each point (n,)."""
    y: Array
    """Intensity (n,)."""
    sigma: Array
    """Standard errors that weight the fit (n,)."""
    errors: ErrorModel | None
    """Model of the errors of y, where more than their size is known."""

    @property
    def band(self) -> Array:
        """Covariance of neighbours from errors that scatter, (b, n), `excess` included."""
        band = self.sigma[None] ** 2 if self.errors is None else self.errors.band
        return np.asarray(band * self.excess**2)

    @cached_property
    def excess(self) -> float:
        """How many times more the points scatter than their errors say; 1 below 10 times.

        From the quarter of the points with the smallest fourth differences, which no smooth curve
        has: with such errors every bump of the noise would be a peak.
        """
        if self.y.size < _FEWEST_DIFFERENCES:
            return 1.0
        rough = np.abs(np.convolve(self.y, _FOURTH, mode="valid"))
        error = np.sqrt(np.convolve(self.sigma**2, _FOURTH**2, mode="valid"))
        ratio = float(np.quantile(rough / error, 0.25)) / _QUARTER
        return ratio if ratio > _MUCH else 1.0


@dataclass(frozen=True, kw_only=True)
class FittedGroup:
    """One fit."""

    group: Group
    """Its peaks and range."""
    model: GroupModel
    """Its model; peaks are in the order of the group."""
    outcome: FitOutcome
    """Its result, in natural units."""
    inside: NDArray[np.bool_]
    """Which points of the frame it is fitted to."""

    @property
    def peaks(self) -> list[Peak]:
        """The fitted peaks."""
        return [self.model.peak(self.outcome.values, k) for k in range(len(self.model.peaks))]

    def gradient(self, number: int, name: str, slope: float = 1.0) -> dict[str, float]:
        """Return `slope` times the gradient of a number of a peak by the natural parameters."""
        shared = self.model.shared and name in ("form", "asymmetry")
        key = peak_key(0 if shared else number, name)
        return {key: slope * self.model.unit(peak_key(number, name))}


def fit_group(
    group: Group,
    peaks: list[Peak],
    inside: NDArray[np.bool_],
    rest: Array,
    sigma: Array,
    frame: FrameData,
    data: PeakData,
    spec: PeakSpec,
    widths: tuple[float, float],
    least: float,
) -> FittedGroup | None:
    """Return the fit of the peaks of a group that are significant; None where none is."""
    while peaks:
        fit = _fit(group, peaks, inside, rest, sigma, frame, data, spec, widths)
        if fit is None:
            return None
        found = significances(fit, sigma[inside]) / frame.excess
        if spec.positions is None:
            # Single points that stick out are no peaks.
            narrow = np.array([p.fwhm for p in fit.peaks]) < 1.1 * _NARROWER * widths[0]
            found = np.where(narrow, 0.0, found)
        weakest = int(np.argmin(found))
        if found[weakest] < least:
            peaks = [p for k, p in enumerate(fit.peaks) if k != weakest and p.area > 0]
            continue
        doubtful = _doubtful(fit) if spec.positions is None else None
        if doubtful is None:
            return fit
        fewer = [p for k, p in enumerate(fit.peaks) if k != doubtful]
        other = _fit(group, fewer, inside, rest, sigma, frame, data, spec, widths)
        if other is None or not _as_good(other, fit, spec.shape_tolerance, frame.excess):
            return fit
        peaks = other.peaks
    return None


def _as_good(fewer: FittedGroup, fit: FittedGroup, tolerance: float, excess: float) -> bool:
    """Return whether a fit with a peak less is as likely, or differs by no more than shapes do.

    Likelihood: Schwarz, Ann. Stat. 6 (1978) 461. With enough counts any true shape is two peaks of
    another one, so the curves must differ by more than `tolerance` of the height too.
    """
    cost = (len(fit.outcome.names) - len(fewer.outcome.names)) * np.log(fit.model.x.size)
    cost *= excess**2
    if fewer.outcome.chi2 - fit.outcome.chi2 < cost:
        return True
    curve = fit.model.intensity(fit.outcome.values)
    gone = np.abs(curve - fewer.model.intensity(fewer.outcome.values))
    place = int(np.argmax(gone))
    near = np.abs(fit.model.x - fit.model.x[place]) < max(p.fwhm for p in fit.peaks)
    height = curve - fit.model.background(fit.outcome.values)
    return bool(gone[place] < tolerance * float(height[near].max()))


def _doubtful(fit: FittedGroup) -> int | None:
    """Return the smaller of the two peaks that overlap most; None where none share their tops."""
    peaks, found, nearest = fit.peaks, None, _SAME
    for k, peak in enumerate(peaks):
        for j in range(k):
            apart = abs(peak.position - peaks[j].position) / max(peak.fwhm, peaks[j].fwhm)
            if apart < nearest:
                nearest = apart
                found = k if peak.area < peaks[j].area else j
    return found


def _fit(
    group: Group,
    peaks: list[Peak],
    inside: NDArray[np.bool_],
    rest: Array,
    sigma: Array,
    frame: FrameData,
    data: PeakData,
    spec: PeakSpec,
    widths: tuple[float, float],
) -> FittedGroup | None:
    x, y, error = frame.x[inside], frame.y[inside] - rest, sigma[inside]
    wide = float(np.median([p.fwhm for p in peaks]))
    extent = (float(np.ptp(x)) if x.size else 0.0) / wide - 2.0 * spec.reach
    terms = min(spec.background + max(int(extent / _TERM), 0), _MOST_TERMS)
    form = FORMS[spec.shape]
    own = 3 + int(form.free) + int(form.split)
    if x.size < own * len(peaks) + terms + 1:
        return None
    level = max(float(np.max(np.abs(y))), 1e-300)
    model = GroupModel(
        peaks,
        x,
        frame.spread[inside],
        shape=spec.shape,
        emission=data.emission,
        terms=terms,
        level=level,
        shared_form=spec.shared_form,
        limits=(group.low, group.high),
    )
    areas, background = _linear_start(model, y, error)
    start = [
        replace(p, area=max(a * p.area, 0.05 * p.area)) for p, a in zip(peaks, areas, strict=True)
    ]
    model.peaks = tuple(start)
    known = None
    if frame.errors is not None:
        known = frame.errors.select(np.flatnonzero(inside)).over(error)

    def residual(values: Mapping[str, float]) -> Array:
        return np.asarray((model.intensity(values) - y) / error)

    def jacobian(values: Mapping[str, float], names: tuple[str, ...]) -> Array:
        return (model.slopes(values, names) / error).T

    table = model.parameters(background, smallest_width=_NARROWER * widths[0])
    try:
        outcome = _minimise(residual, jacobian, table, known)
        # A form at the end of its range is none to have an error; the rest is fitted beside it.
        stuck = [n for n in outcome.at_bound if n.endswith("_form")]
        if stuck:
            ends = {name: _end(outcome.table, name) for name in stuck}
            table = replace(
                outcome.table,
                values=outcome.table.values | ends,
                free=tuple(name for name in outcome.table.free if name not in ends),
            )
            outcome = _minimise(residual, jacobian, table, known)
    except FitFailed:
        return None
    return FittedGroup(group=group, model=model, outcome=outcome, inside=inside)


def _end(table: Table, name: str) -> float:
    (low, high), value = table.bounds[name], table.values[name]
    return low if value - low < high - value else high


def _minimise(
    residual: Callable[[Mapping[str, float]], Array],
    jacobian: Callable[[Mapping[str, float], tuple[str, ...]], Array],
    table: Table,
    known: ErrorModel | None,
) -> FitOutcome:
    return least_squares(
        residual,
        table,
        jacobian=jacobian,
        errors=known,
        max_evaluations=_EVALUATIONS,
        tolerance=_TOLERANCE,
        solver="lm",
    )


def _linear_start(model: GroupModel, y: Array, sigma: Array) -> tuple[Array, Array]:
    """Return the areas, as multiples of those of the start, and background terms that fit best."""
    names = [peak_key(k, "area") for k in range(len(model.peaks))]
    names += [f"background{j}" for j in range(model.terms)]
    table = model.parameters(np.zeros(model.terms), smallest_width=0.0)
    columns = (model.slopes(table.values, names) / sigma).T
    solution = np.asarray(np.linalg.lstsq(columns, y / sigma, rcond=None)[0], dtype=np.float64)
    return solution[: len(model.peaks)], solution[len(model.peaks) :] * model.level


def significances(fit: FittedGroup, sigma: Array) -> Array:
    """Return the area of each peak over its error if its shape were known, (peaks,).

    Background and the areas of the other peaks are free in that: A |P⊥ ∂y/∂A| with P⊥ the
    projection off their columns.
    """
    count, terms = len(fit.model.peaks), fit.model.terms
    names = [peak_key(k, "area") for k in range(count)] + [f"background{j}" for j in range(terms)]
    columns = (fit.model.slopes(fit.outcome.values, names) / sigma).T
    # The diagonal of (CᵀC)⁻¹ is 1/|P⊥ c|²; errors that neighbours share make it larger.
    length = np.linalg.norm(columns, axis=0)
    unit = columns / np.where(length > 0, length, 1.0)
    inverse = np.linalg.pinv(unit.T @ unit)
    free = np.sqrt(np.maximum(np.diag(inverse), 1e-300))[:count] / np.maximum(
        length[:count], 1e-300
    )
    areas = np.array([fit.outcome.values[n] for n in names[:count]])
    return np.asarray(areas / free)


def verdicts(fit: FittedGroup, frame: FrameData, spec: PeakSpec) -> list[Verdict]:
    """Return what the numbers of each peak of a group are worth."""
    outcome = fit.outcome
    if outcome.verdict in (Verdict.NOT_CONVERGED, Verdict.UNIDENTIFIABLE):
        return [outcome.verdict] * len(fit.peaks)
    x = frame.x[fit.inside]
    found = []
    for k, peak in enumerate(fit.peaks):
        core = np.abs(x - peak.position) < 1.5 * peak.fwhm
        residual = outcome.residual[core]
        n = max(int(core.sum()), 1)
        notable = float(residual @ residual) / n > 1.0 + 5.0 * np.sqrt(2.0 / n)
        misfit = residual * frame.sigma[fit.inside][core]
        rms = float(np.sqrt(misfit @ misfit / n))
        height = peak.height(spec.shape) * max(fit.model.emission.weights)
        if any(name.startswith(peak_key(k, "")) for name in outcome.at_bound):
            found.append(Verdict.AT_BOUND)
        elif notable and rms > spec.shape_tolerance * height:
            found.append(Verdict.MISFIT)
        else:
            found.append(Verdict.OK)
    return found
