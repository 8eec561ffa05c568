"""The peaks of one frame: searched, fitted in groups, searched again in what is left."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xrdkit.phase.peak_shapes import FORMS, height_factor
from xrdkit.phase.peaks_data import PeakData
from xrdkit.phase.peaks_group_fit import FittedGroup, FrameData, fit_group
from xrdkit.phase.peaks_groups import groups
from xrdkit.phase.peaks_model import Peak, peak_intensity
from xrdkit.phase.peaks_search import (
    Candidate,
    height_filter,
    probe,
    search,
    stretches,
    threshold,
    widths_in_points,
)
from xrdkit.phase.peaks_spec import PeakSpec

Array = NDArray[np.float64]

_ROUNDS = 3
#: Fits of all groups: the second knows the tails of the others; bare counts are weighted by what
#: the fit before expects.
_TURNS, _TURNS_OF_COUNTS = 2, 4
#: Tails of other groups count to this many FWHM.
_TAIL = 60.0
#: A peak of a search that is less significant than this after the fit was none.
_LEAST = 3.0
#: A candidate lower than this part of a stronger one, where another emission line of that lies, is
#: that line.
_GHOST = 0.8
_WIDTHS = (2.5, 20.0)
#: Widths that differ by more than this factor are not of one peak.
_HUMP = 3.0


@dataclass(frozen=True, kw_only=True)
class FramePeaks:
    """Everything that was fitted in a frame."""

    fits: tuple[FittedGroup, ...]
    """Groups, ascending in position."""
    level: float
    """Significance that a peak had to exceed."""
    calculated: Array
    """Calculated intensity on the points of the frame (n,), NaN where nothing was fitted."""
    background: Array
    """Background there (n,)."""


def frame_data(data: PeakData, frame: int) -> tuple[FrameData, NDArray[np.bool_]]:
    """Return the points of a frame that hold data, and which of all they are."""
    good = np.isfinite(data.intensity[frame])
    errors = data.errors(frame)
    return (
        FrameData(
            x=data.positions[frame][good],
            spread=data.spreads[frame][good],
            y=data.intensity[frame][good],
            sigma=data.sigma[frame][good],
            errors=None if errors is None else errors.select(np.flatnonzero(good)),
        ),
        good,
    )


def fit_frame(
    frame: FrameData, data: PeakData, spec: PeakSpec, expected: Sequence[Peak] = ()
) -> FramePeaks:
    """Return the peaks of a frame; `expected` ones are tried beside those that are found."""
    widths = _widths(frame.x, spec)
    if spec.positions is not None:
        found = probe(frame.x, frame.y, frame.band, spec.positions, widths)
        level = _level_of_positions(frame.x, widths, spec)
        peaks = [
            replace(_start(c, data, spec), label=k)
            for k, c in enumerate(found)
            if c.significance > 0
        ]
    else:
        found, level = search(
            frame.x, frame.y, frame.band, widths=widths, false_alarm=spec.false_alarm
        )
        found = _without_ghosts(found, data)[: spec.most_peaks]
        peaks = [_start(c, data, spec) for c in found]
    peaks += [p for p in expected if _is_new(p, peaks)]
    least = min(level, _LEAST) if spec.positions is None else level
    fits: list[FittedGroup] = []
    for turn in range(_ROUNDS):
        fits, peaks = _fit_all(peaks, frame, data, spec, widths, least)
        if spec.positions is not None or turn == _ROUNDS - 1:
            break
        added = _left_over(fits, frame, data, spec, widths)
        added = [p for p in added if _is_new(p, peaks)][: max(spec.most_peaks - len(peaks), 0)]
        if not added:
            break
        peaks = [*peaks, *added]
    calculated, background = np.full((2, frame.x.size), np.nan)
    total = _all_peaks(peaks, frame.x, data, spec)
    for fit in fits:
        own = fit.model.background(fit.outcome.values)
        background[fit.inside] = own
        calculated[fit.inside] = own + total[fit.inside]
    return FramePeaks(fits=tuple(fits), level=level, calculated=calculated, background=background)


def _widths(x: Array, spec: PeakSpec) -> tuple[float, float]:
    if spec.widths is not None:
        return spec.widths
    step = float(np.median(np.diff(x))) if x.size > 1 else 1.0
    points, share = _WIDTHS
    low, high = points * step, float(np.ptp(x)) / share
    return low, max(high, low)


def _level_of_positions(x: Array, widths: tuple[float, float], spec: PeakSpec) -> float:
    """Return the level for peaks that may lie within two FWHM of the places given."""
    parts = stretches(x, np.ones(x.size, dtype=bool))
    if not parts or spec.positions is None:
        return np.inf
    step = float(np.median(np.diff(x)))
    found = widths_in_points(*widths, step, max(p.stop - p.start for p in parts))
    if not found:
        return np.inf
    points = [int(min(4.0 * w * len(spec.positions), x.size)) for w in found]
    return threshold([height_filter(w) for w in found], points, spec.false_alarm)


def _start(candidate: Candidate, data: PeakData, spec: PeakSpec) -> Peak:
    form = FORMS[spec.shape].start
    area = candidate.height * candidate.fwhm / height_factor(spec.shape, form)[0]
    return Peak(
        area=area / max(data.emission.weights),
        position=candidate.position,
        fwhm=candidate.fwhm,
        form=form,
    )


def _without_ghosts(found: list[Candidate], data: PeakData) -> list[Candidate]:
    """Return the candidates that are not a weaker emission line of a stronger one."""
    kept: list[Candidate] = []
    for new in found:
        ghost = False
        for old in kept:
            centres = data.emission.centres(old.position)[0]
            away = np.abs(centres - new.position)[np.array(data.emission.ratios) != 1.0]
            near = np.any(away < 0.5 * max(old.fwhm, new.fwhm))
            ghost |= bool(near) and new.height < _GHOST * old.height
        if not ghost:
            kept.append(new)
    return kept


def _is_new(peak: Peak, others: Sequence[Peak]) -> bool:
    """Return whether a peak is no second answer to one that is there."""
    for other in others:
        narrow, wide = sorted((peak.fwhm, other.fwhm))
        # A hump under a sharp peak is another thing than its shape.
        same = _HUMP * narrow if wide > _HUMP * narrow else wide
        if abs(peak.position - other.position) < 0.4 * same and wide < 5.0 * _HUMP * narrow:
            return False
    return True


def _fit_all(
    peaks: list[Peak],
    frame: FrameData,
    data: PeakData,
    spec: PeakSpec,
    widths: tuple[float, float],
    least: float,
) -> tuple[list[FittedGroup], list[Peak]]:
    """Return the groups fitted again and again, with the tails of the others known.

    Peaks that are not significant are left out on the way.
    """
    fits: list[FittedGroup] = []
    for turn in range(_TURNS_OF_COUNTS if data.counted else _TURNS):
        tails = _all_peaks(peaks, frame.x, data, spec) if turn > 0 else 0.0 * frame.x
        sigma = _sigma(fits, frame, data)
        fits = []
        for group in groups(peaks, data.emission, spec.reach):
            inside = (frame.x >= group.low) & (frame.x <= group.high)
            own = [peaks[k] for k in group.members]
            if turn > 0:
                own_part = _all_peaks(own, frame.x[inside], data, spec)
                rest = tails[inside] - own_part
            else:
                rest = 0.0 * frame.x[inside]
            fit = fit_group(group, own, inside, rest, sigma, frame, data, spec, widths, least)
            if fit is not None:
                fits.append(fit)
        peaks = [p for fit in fits for p in fit.peaks]
        # Numbers of the members follow the new list.
        count = 0
        for k, fit in enumerate(fits):
            size = len(fit.peaks)
            members = tuple(range(count, count + size))
            fits[k] = replace(fit, group=replace(fit.group, members=members))
            count += size
    return fits, peaks


def _sigma(fits: Sequence[FittedGroup], frame: FrameData, data: PeakData) -> Array:
    """Return the errors that weight the next fit: for bare counts, of the counts expected."""
    if not data.counted or not fits:
        return frame.sigma
    sigma = frame.sigma.copy()
    for fit in fits:
        expected = fit.model.intensity(fit.outcome.values)
        sigma[fit.inside] = np.sqrt(np.maximum(expected, 1.0))
    return sigma


def _left_over(
    fits: Sequence[FittedGroup],
    frame: FrameData,
    data: PeakData,
    spec: PeakSpec,
    widths: tuple[float, float],
) -> list[Peak]:
    """Return the peaks that a search in the residual of the fits sees."""
    peaks = [p for fit in fits for p in fit.peaks]
    total = _all_peaks(peaks, frame.x, data, spec)
    found, _ = search(
        frame.x,
        frame.y - total,
        frame.band,
        widths=widths,
        false_alarm=spec.false_alarm,
        known_peaks=total,
        tolerance=spec.shape_tolerance,
    )
    return [_start(c, data, spec) for c in _without_ghosts(found, data)]


def _all_peaks(peaks: Sequence[Peak], x: Array, data: PeakData, spec: PeakSpec) -> Array:
    """Return the sum of the peaks at x, each to 60 FWHM."""
    total = np.zeros(x.size)
    for peak in peaks:
        centres = data.emission.centres(peak.position)[0]
        near = x > np.nanmin(centres) - _TAIL * peak.fwhm
        near &= x < np.nanmax(centres) + _TAIL * peak.fwhm
        total[near] += peak_intensity(x[near], peak, spec.shape, data.emission)
    return total
