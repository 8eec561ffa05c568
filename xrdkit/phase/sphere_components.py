"""The line of lognormal spheres as a sum of four: two Gaussians and two Lorentzians.

For L_vol = 1 the line over offsets of s* = 2 sin θ/λ depends on the variance v = σ² of ln D alone
(`sphere_profile`). Shares and widths of the four are splines in v/(v + 0.04) through a table that
least squares found for all v at once, with weights as counts have them
(`tests/benchmarks/fit_sphere_components.py`). The sum differs from the line by at most 0.8 % of
its top for σ from 0.2 to 0.8; towards one size the line has ripples that no such sum follows, and
the difference grows to 3.1 % at σ = 0. Tails are within 3 %, below σ = 0.2 within 8 %.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

Array = NDArray[np.float64]

#: Number of components; the first so many are Gaussians, the others Lorentzians.
COMPONENTS, GAUSSIANS = 4, 2
#: Widest distribution that the table holds.
SIGMA_MOST = 0.8
#: Where the splines have their knots, as σ, and the curvature of their axis.
KNOTS = (0.0, 0.08, 0.14, 0.2, 0.26, 0.33, 0.41, 0.5, 0.6, 0.7, SIGMA_MOST)
BEND = 0.04
#: At each knot the logarithms of the shares of components 2 to 4 over that of the first, and those
#: of the four FWHM.
_TABLE = (
    (-2.2197, -9.4629, -1.7248, -0.2800, 0.8734, 0.9322, 1.0170),
    (-2.2236, -8.0746, -1.6603, -0.2788, 0.8570, 0.8257, 0.9610),
    (-2.2703, -6.1078, -1.5155, -0.2781, 0.8169, 0.6331, 0.8333),
    (-2.6344, -4.2601, -1.0920, -0.2879, 0.7709, 0.2858, 0.4491),
    (-2.9463, -2.6711, -0.4438, -0.2995, 0.6425, -0.0065, -0.0397),
    (-2.1667, -1.3341, 0.0416, -0.2863, 0.3458, -0.2636, -0.2861),
    (-1.2829, -0.1931, 0.3227, -0.2765, 0.3102, -0.4138, -0.3687),
    (-0.8852, 0.7546, 0.6058, -0.2050, 0.4351, -0.4385, -0.4757),
    (-0.7355, 1.5553, 0.9522, -0.0109, 0.6780, -0.3692, -0.6716),
    (-0.6574, 2.1803, 1.3147, 0.2234, 0.9762, -0.2520, -0.8956),
    (-0.5997, 2.6590, 1.6434, 0.4232, 1.2971, -0.1192, -1.0981),
)


@dataclass(frozen=True, kw_only=True)
class SphereComponents:
    """Four lines that add up to that of lognormal spheres of L_vol = 1; arrays are (4,)."""

    share: Array
    """Share of the area; the sum is 1."""
    width: Array
    """FWHM in units of 1/L_vol."""
    share_slope: Array
    """∂ ln share/∂v."""
    width_slope: Array
    """∂ width/∂v."""


def knot_axis(variance: Array | float) -> Array:
    """Return where a variance of ln D lies on the axis of the splines."""
    v = np.asarray(variance, dtype=np.float64)
    return np.asarray(v / (v + BEND))


@lru_cache(maxsize=1)
def _spline() -> CubicSpline:
    return CubicSpline(knot_axis(np.square(KNOTS)), np.array(_TABLE))


def sphere_components(variance: float) -> SphereComponents:
    """Return the components for a variance of ln D, 0 to 0.64 (beyond: as there)."""
    v = min(max(variance, 0.0), SIGMA_MOST**2)
    row = _spline()(knot_axis(v))
    slope = _spline()(knot_axis(v), 1) * BEND / (v + BEND) ** 2
    odds, odds_slope = np.concatenate([[0.0], row[:3]]), np.concatenate([[0.0], slope[:3]])
    share = np.exp(odds - odds.max())
    share /= share.sum()
    width = np.exp(row[3:])
    return SphereComponents(
        share=share,
        width=width,
        share_slope=odds_slope - float(share @ odds_slope),
        width_slope=width * slope[3:],
    )
