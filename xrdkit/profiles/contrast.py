"""Differences Σ c_f I_f between the frames of a series, with the errors they have by chance."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from xrdkit.profiles.combining import principal_modes
from xrdkit.profiles.expected import Counting, counting_of
from xrdkit.profiles.shape import Cumulants, ShapeTest, compare_shape, count_cumulants
from xrdkit.profiles.stack import Stack

Array = NDArray[np.float64]


#: A variance below this part of that of the frames is nothing but rounding.
_ROUNDING = 1e-12
#: Fewer expected counts than this in all frames together are none.
_SILENT = 0.5


@dataclass(frozen=True, kw_only=True)
class Series:
    """The frames of a profile, prepared for comparison."""

    stack: Stack
    counting: Counting
    own: Array
    """Variance other than counting of sources independent between points and frames, (F, K)."""
    shared: list[Array]
    """Errors of sources independent between points that are one measurement for all frames, each
    (F, K); they cancel where frames are alike."""
    exposure: Array
    """Weight of each point in means over frames, (F, K): the inverse of the variance that one unit
    of intensity has, or of the stated variance; 0 where there is nothing."""


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """One difference, with its errors where there is none."""

    difference: Array
    """Shape (K,); NaN where a frame with a part in it has nothing."""
    band: Array
    """Its covariance between points k and k + b, shape (b, K)."""
    modes: Array
    """Its errors common to the points, shape (m, K)."""
    cumulants: Cumulants
    """How far it is from normal."""


def series_of(stack: Stack) -> Series:
    """Return the frames of a profile, prepared for comparison."""
    counting = counting_of(stack, alike=True)
    single = ~stack.common_bins & stack.common_frames
    shared = [stack.errors[:, m] for m in np.flatnonzero(single)]
    same = sum((e**2 for e in shared), start=np.zeros_like(stack.intensity))
    base = counting.slope if counting.known else stack.variance
    there = np.isfinite(stack.intensity) & (base > 0)
    return Series(
        stack=stack,
        counting=counting,
        own=np.maximum(counting.rest - same, 0.0),
        shared=shared,
        exposure=np.where(there, 1 / np.where(there, base, 1.0), 0.0),
    )


def pooled(series: Series, frames: NDArray[np.intp], levels: Array) -> Array:
    """Return the mean curve of `frames`, each divided by its level, shape (K,).

    With weights of counts it is what all counts together say.
    """
    weight = series.exposure[frames] * levels[:, None]
    values = np.nan_to_num(series.stack.intensity[frames]) / levels[:, None]
    total = np.sum(weight, axis=0)
    mean = np.sum(weight * values, axis=0) / np.where(total > 0, total, 1.0)
    return np.asarray(np.where(total > 0, mean, np.nan))


def contrast(series: Series, frames: NDArray[np.intp], factors: Array, expected: Array) -> Contrast:
    """Return Σ c_f I_f over `frames` and its errors if `expected` (F', K) is the truth.

    `factors` c have shape (F', K). Sources independent between the frames add in quadrature, those
    of one measurement for all linearly, so that what frames share cancels.
    """
    stack, counting = series.stack, series.counting
    idle = factors == 0  # a frame that has nothing in a bin is not asked there
    intensity = np.where(idle, 0.0, stack.intensity[frames])
    part = Counting(
        slope=counting.slope[frames],
        measured=counting.measured[frames],
        rest=series.own[frames],
        weight=counting.weight[frames],
        known=counting.known,
    )
    counted = part.counting(intensity, expected)
    variance = np.where(idle, 0.0, counted + part.rest)
    counted = np.where(idle, 0.0, counted)
    squared = factors**2
    linear = [np.sum(np.where(idle, 0.0, factors * e[frames]), axis=0) for e in series.shared]
    total = np.sum(squared * variance, axis=0) + sum(e**2 for e in linear)
    events = np.where(idle, 0.0, part.events(intensity, expected))
    # Nothing was counted in any of the frames (but for what rounding, and scaling a dark, leave).
    from_counts = np.sum(squared * counted, axis=0)
    silent = (np.sum(events, axis=0) < _SILENT) & (from_counts > 0.5 * total)
    stated = np.sum(squared * np.where(idle, 0.0, stack.variance[frames]), axis=0)
    total = np.where(silent | (total < _ROUNDING * stated), 0.0, total)
    rows = [total]
    if stack.band is not None:
        band = stack.band[frames]
        root = np.sqrt(np.where(band[:, 0] > 0, band[:, 0], np.inf))
        scaled = factors * np.sqrt(variance)
        for b in range(1, min(band.shape[1], total.size)):
            rho = np.nan_to_num(band[:, b, :-b] / (root[:, :-b] * root[:, b:]))
            row = np.zeros_like(total)
            row[:-b] = np.sum(rho * scaled[:, :-b] * scaled[:, b:], axis=0)
            row[:-b] += sum(np.mean(rho, axis=0) * e[:-b] * e[b:] for e in linear)
            rows.append(row)
    modes = []
    for m in np.flatnonzero(stack.common_bins):
        moved = factors * stack.errors[frames, m]
        if stack.common_frames[m]:
            modes.append(np.nan_to_num(np.sum(moved, axis=0)))
        else:
            modes.extend(principal_modes(np.nan_to_num(moved)))
    return Contrast(
        difference=np.sum(factors * intensity, axis=0),
        band=np.stack(rows),
        modes=np.stack(modes) if modes else np.zeros((0, total.size)),
        cumulants=count_cumulants(
            factors * part.slope, events, total, np.mean(part.weight, axis=0)
        ),
    )


def level_of(found: Contrast, weights: Array, mean: Array) -> tuple[float, float]:
    """Return Σ w d / Σ w m and its standard error from all sources; NaN where nothing compares."""
    good = np.isfinite(found.difference) & np.isfinite(found.band[0]) & np.isfinite(mean)
    w = np.where(good, weights, 0.0)
    bottom = float(np.sum(w * np.where(good, mean, 0.0)))
    if not bottom > 0:
        return np.nan, np.nan
    variance = float(np.sum(w**2 * np.where(good, found.band[0], 0.0)))
    for b in range(1, found.band.shape[0]):
        both = good[:-b] & good[b:]
        variance += 2 * float(np.sum(w[:-b] * w[b:] * np.where(both, found.band[b, :-b], 0.0)))
    variance += float(np.sum((np.nan_to_num(found.modes) @ w) ** 2))
    value = float(np.sum(w * np.where(good, found.difference, 0.0))) / bottom
    return value, float(np.sqrt(max(variance, 0.0))) / bottom


def two_sided(value: float, sigma: float) -> float:
    """Return the probability of a value as far from 0 by chance, normal of error `sigma`."""
    if not (np.isfinite(value) and sigma > 0):
        return float("nan")
    return float(2 * stats.norm.sf(abs(value) / sigma))


def shape_of(found: Contrast, mean: Array) -> ShapeTest:
    """Test whether a contrast is noise, apart from a factor of the `mean` curve."""
    return compare_shape(
        found.difference, found.band, modes=found.modes, direction=mean, cumulants=found.cumulants
    )
