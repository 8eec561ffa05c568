"""What a correlation function of lamellae tells: long period, thickness, volume fraction."""

import math

import numpy as np

from xrdkit.saxs.model_free import Array

#: name -> unit and what it is.
NAMES = {
    "long_period": ("nm", "long period: first maximum of the correlation function"),
    "lamella_thickness": ("nm", "thickness of the thinner phase, from flank and minimum"),
    "volume_fraction": ("1", "share of the thinner phase in the long period"),
    "lamella_thickness_slope": ("nm", "thickness of the thinner phase, from the flank alone"),
    "volume_fraction_slope": ("1", "share of the thinner phase, from the flank alone"),
    "minimum": ("1", "correlation function at its first minimum"),
}
#: Share of the steepest slope from which the flank is straight.
_STRAIGHT = 0.9
_FEWEST = 3
#: Share of the largest rise of γ from which a maximum is one.
_PROMINENT = 0.3


def readings(distance: Array, gamma: Array) -> dict[str, float] | None:
    """Return the numbers of `NAMES` and ``maximum`` of γ1, None where it has no maximum."""
    low = _first_minimum(gamma)
    if low is None:
        return None
    high = low + _first_maximum(gamma[low:])
    if not low < high < gamma.size - 1:
        return None
    period, top = _vertex(distance, gamma, high)
    _, bottom = _vertex(distance, gamma, low)
    slope = np.gradient(gamma[: low + 1], distance[: low + 1])
    steepest = int(np.argmin(slope))
    straight = slope <= _STRAIGHT * slope[steepest]
    first, last = steepest, steepest
    while first > 0 and straight[first - 1]:
        first -= 1
    while last < low and straight[last + 1]:
        last += 1
    if last - first + 1 < _FEWEST:
        first, last = max(0, steepest - 1), min(low, steepest + 1)
    part = slice(first, last + 1)
    fall, start = np.polyfit(distance[part], gamma[part], 1)
    thickness = (bottom - start) / fall
    zero = -start / fall
    # The flank of sharp boundaries begins at its own γ(0): start, where boundaries are diffuse.
    product = zero / period
    share = 0.5 * (1.0 - math.sqrt(1.0 - 4.0 * product)) if product < 0.25 else math.nan
    return {
        "long_period": period,
        "lamella_thickness": float(thickness),
        "volume_fraction": float(thickness) / period,
        "lamella_thickness_slope": share * period,
        "volume_fraction_slope": share,
        "minimum": bottom,
        "maximum": top,
    }


def _first_minimum(gamma: Array) -> int | None:
    """Return the lowest place before the first high maximum."""
    negative = np.flatnonzero(gamma < 0)
    if negative.size == 0:
        return None
    start = int(negative[0])
    later = gamma[start:]
    # From the lowest value so far, the curve must come up by a share of what it comes up at all.
    risen = later - np.minimum.accumulate(later)
    high = np.flatnonzero(risen > _PROMINENT * risen.max()) if risen.max() > 0 else risen[:0]
    return start + int(np.argmin(later[: int(high[0]) + 1])) if high.size else None


def _first_maximum(gamma: Array) -> int:
    """Return the highest place before the curve falls again by a share of its rise."""
    fallen = np.maximum.accumulate(gamma) - gamma
    rise = float(gamma.max() - gamma[0])
    risen = np.maximum.accumulate(gamma) - gamma[0] > _PROMINENT * rise
    down = np.flatnonzero(risen & (fallen > _PROMINENT * rise))
    stop = int(down[0]) if down.size else gamma.size
    return int(np.argmax(gamma[:stop]))


def _vertex(x: Array, y: Array, at: int) -> tuple[float, float]:
    """Return the extremum of the parabola through a point and its neighbours."""
    if not 0 < at < y.size - 1:
        return float(x[at]), float(y[at])
    left, middle, right = y[at - 1 : at + 2]
    bend = left - 2.0 * middle + right
    shift = 0.5 * (left - right) / bend if bend != 0 else 0.0
    return float(x[at] + shift * (x[1] - x[0])), float(middle - 0.25 * (left - right) * shift)
