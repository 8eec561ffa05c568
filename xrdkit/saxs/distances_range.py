"""Which part of a curve tells the extent of its particles, and how large that may be."""

import numpy as np

from xrdkit.saxs.model_free import Array, Curve
from xrdkit.saxs.relative_error import relative_error
from xrdkit.saxs.selection import MIN_POINTS

#: Share of the highest intensity down to which a curve is looked at for its extent.
_HEAD = 1e-3


def largest_extent(q: Array) -> float:
    """Return the largest D, nm, that a curve is asked for: half as much again as π/q_min."""
    return 1.5 * np.pi / float(q[0])


def head_of(curve: Curve) -> Curve:
    """Return the part of a curve above a thousandth of its intensity: what tells the extent."""
    smooth = relative_error(curve.intensity)
    below = np.flatnonzero(smooth < _HEAD * smooth.max())
    return curve.until(max(int(below[0]) if below.size else curve.q.size, 2 * MIN_POINTS))
