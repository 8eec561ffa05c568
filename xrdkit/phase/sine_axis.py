"""The axis on which lines that crystals broaden are symmetric: u = (360/π) sin θ, in degree.

Small crystals spread a line evenly over s* = 2 sin θ/λ about 1/d. Over 2θ it is skewed, the more
the broader it is: for 2 nm of platinum and Cu Kα by some 100 ppm of the cell. du = cos θ d(2θ), so
that the widths of narrow lines are the same but for cos θ, and so are their areas.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_HALF = np.pi / 360.0


def sine_of(two_theta: Array) -> Array:
    """Return u (n,) of 2θ in degree, ascending to 180 degree and then beyond all others."""
    inside = np.minimum(two_theta, 180.0)
    beyond = np.maximum(two_theta - 180.0, 0.0)
    return np.asarray(np.sin(inside * _HALF) / _HALF + beyond)


def sine_slope(two_theta: Array) -> Array:
    """Return du/d(2θ) = cos θ (n,); 1 beyond 180 degree."""
    return np.asarray(np.where(two_theta < 180.0, np.cos(two_theta * _HALF), 1.0))


def sine_curvature(two_theta: Array) -> Array:
    """Return d²u/d(2θ)² (n,) in 1/degree."""
    return np.asarray(np.where(two_theta < 180.0, -_HALF * np.sin(two_theta * _HALF), 0.0))
