"""Schulz (gamma) distribution of radii.

Volume-weighted density R^(k-1) exp(-kR/m) with mean m and k = 1/s², s the standard deviation over
the mean; the number-weighted one is a Schulz distribution with k - p, p the power of R that the
volume goes with, 3 for spheres (Kotlarchyk & Chen, J. Chem. Phys. 79 (1983) 2461). Location: ln m;
width: s.
"""

import numpy as np

from xrdkit.saxs.distribution import Array


class Schulz:
    """The Schulz `Family`."""

    name = "schulz"
    has_width = True
    #: Above 0.5 (k = 4) the number-weighted density is infinite at R = 0.
    width_range = (0.005, 0.5)

    def log_density(
        self, u: Array, location: float, s: float, power: int = 3
    ) -> tuple[Array, Array, Array]:
        """Return ln density per ln R, and derivatives by location and ln s."""
        k = 1.0 / (s * s)
        t = u - location
        e = np.expm1(t)
        return k * (t - e), k * e, -2.0 * k * (t - e)

    def reach(self, s: float, lowest_power: int, power: int = 3) -> tuple[float, float]:
        """Return where R^k, lowered by the power, and exp(-kR/m) have vanished."""
        k = 1.0 / (s * s)
        return 8.0 * s + 34.0 / (k + min(lowest_power, 0)), 8.0 * s + 5.0 * s * s
