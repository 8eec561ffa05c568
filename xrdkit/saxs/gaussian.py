"""Gaussian distribution of radii, by number, cut at R = 0.

Number-weighted density exp(-(R/m - 1)²/2s²) for R > 0 with mode m and s the standard deviation over
the mode; by volume it is R³ times that, or what other power the volume of the shape goes with.
Location: ln m; width: s.
"""

import numpy as np

from xrdkit.saxs.distribution import Array


class Gaussian:
    """The Gaussian `Family`."""

    name = "gaussian"
    has_width = True
    width_range = (0.005, 0.6)

    def log_density(
        self, u: Array, location: float, s: float, power: int = 3
    ) -> tuple[Array, Array, Array]:
        """Return ln of the volume-weighted density per ln R, and derivatives by location, ln s."""
        ratio = np.exp(u - location)
        z = (ratio - 1.0) / s
        slope = power + 1.0
        return slope * (u - location) - 0.5 * z * z, z * ratio / s - slope, z * z

    def reach(self, s: float, lowest_power: int, power: int = 3) -> tuple[float, float]:
        """Return where R^(power + 1), lowered by the power, or the Gaussian have vanished."""
        slowest = 34.0 / (power + 1.0 + min(lowest_power, 0))
        below = -np.log1p(-9.0 * s) if 9.0 * s < 1.0 else slowest
        return float(min(slowest, below)) + 0.05, float(np.log1p(10.0 * s)) + 0.05
