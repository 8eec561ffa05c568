"""Lognormal distribution of radii.

Volume-weighted density exp(-ln²(R/m)/2s²)/(R s √2π) with the volume-weighted median m; the
number-weighted one is lognormal too, with median m exp(-ps²), p the power of R that the volume goes
with, 3 for spheres (Hatch & Choate, J. Franklin Inst. 207
(1929) 369). Location: ln m; width: s.
"""

import numpy as np

from xrdkit.saxs.distribution import Array


class Lognormal:
    """The lognormal `Family`."""

    name = "lognormal"
    has_width = True
    width_range = (0.005, 1.2)

    def log_density(
        self, u: Array, location: float, s: float, power: int = 3
    ) -> tuple[Array, Array, Array]:
        """Return ln density per ln R, and derivatives by location and ln s."""
        z = (u - location) / s
        return -0.5 * z * z, z / s, z * z

    def reach(self, s: float, lowest_power: int, power: int = 3) -> tuple[float, float]:
        """Return 8 widths, counted from where the moment of the power peaks."""
        return 8.0 * s + abs(lowest_power) * s * s, 8.0 * s + 5.0 * s * s


def number_median(volume_median: float, s: float) -> float:
    """Return the number-weighted median of a lognormal, m_n = m_v exp(-3s²), in its unit."""
    return volume_median * float(np.exp(-3.0 * s * s))


def volume_median(number_median: float, s: float) -> float:
    """Return the volume-weighted median of a lognormal, m_v = m_n exp(3s²), in its unit."""
    return number_median * float(np.exp(3.0 * s * s))
