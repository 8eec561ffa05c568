"""Distribution of radii that coarsening by diffusion ends in, of Lifshitz, Slyozov and Wagner.

Number-weighted density of z = R/m with mean 1, nothing above z = 3/2:
h(z) = (4/9) z² (3/(3 + z))^(7/3) ((3/2)/(3/2 - z))^(11/3) exp(-z/(3/2 - z))
(I. M. Lifshitz, V. V. Slyozov, J. Phys. Chem. Solids 19 (1961) 35; C. Wagner, Z. Elektrochem. 65
(1961) 581). Location: ln m, m the number-weighted mean; the width is what it is: the standard
deviation is 0.215 m.
"""

import numpy as np

from xrdkit.saxs.distribution import Array

_LARGEST = 1.5


class LifshitzSlyozovWagner:
    """The Lifshitz-Slyozov-Wagner `Family`; it has no width."""

    name = "lsw"
    has_width = False
    #: What the lattice needs: the upper end of h averages ripples out far slower than a Gaussian.
    width_range = (0.05, 0.05)

    def log_density(
        self, u: Array, location: float, s: float, power: int = 3
    ) -> tuple[Array, Array, Array]:
        """Return ln density per ln R, and derivatives by location and ln s (0)."""
        z = np.exp(u - location)
        inside = z < _LARGEST * (1.0 - 1e-9)
        z = np.where(inside, z, 1.0)
        gap = _LARGEST - z
        log = (power + 3.0) * np.log(z) - 7.0 / 3.0 * np.log(3.0 + z)
        log += -11.0 / 3.0 * np.log(gap) - z / gap
        slope = power + 3.0 - 7.0 / 3.0 * z / (3.0 + z) + 11.0 / 3.0 * z / gap
        slope -= _LARGEST * z / gap**2
        return np.where(inside, log, -np.inf), np.where(inside, -slope, 0.0), np.zeros_like(u)

    def reach(self, s: float, lowest_power: int, power: int = 3) -> tuple[float, float]:
        """Return where R^(power + 3), lowered by the power, has vanished, and the largest size."""
        return 34.0 / (power + 3.0 + lowest_power), float(np.log(_LARGEST))
