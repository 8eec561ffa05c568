"""A population of spheres whose radii are lognormal: one truth behind SAXS and WAXS."""

import math
from dataclasses import dataclass

from xrdkit.errors import SpecError


@dataclass(frozen=True, kw_only=True)
class LognormalSpheres:
    """Spheres with ln R normally distributed about ln(median) with standard deviation `width`."""

    median_radius: float
    """Number median of the radius, nm."""
    width: float
    """Standard deviation of ln R."""

    def __post_init__(self) -> None:
        if not 0 < self.median_radius < math.inf:
            raise SpecError(f"median_radius {self.median_radius} nm is not positive and finite")
        if not 0 < self.width <= 1:
            raise SpecError(f"width {self.width} is outside 0 to 1")

    def moment(self, order: float) -> float:
        """Return <R^k> over the number distribution, nm^k: m^k exp(k² s²/2)."""
        return float(self.median_radius**order * math.exp(0.5 * (order * self.width) ** 2))

    @property
    def mean_radius_number(self) -> float:
        """Number-weighted mean radius, nm: <R>."""
        return self.moment(1)

    @property
    def width_number(self) -> float:
        """Standard deviation of the number distribution, nm."""
        return self.mean_radius_number * math.sqrt(math.expm1(self.width**2))

    @property
    def mean_radius_volume(self) -> float:
        """Volume-weighted mean radius, nm: <R⁴>/<R³>."""
        return self.moment(4) / self.moment(3)

    @property
    def width_volume(self) -> float:
        """Standard deviation of the volume distribution, nm: of the same s about a larger mean."""
        return self.mean_radius_volume * math.sqrt(math.expm1(self.width**2))

    @property
    def volume_weighted_length(self) -> float:
        """Volume-weighted column length L_vol, nm: (3/4) <D⁴>/<D³> with D = 2R.

        What the integral breadth of a diffraction line gives where each sphere is one crystal
        (Krill & Birringer, Philos. Mag. A 77 (1998) 621).
        """
        return 1.5 * self.mean_radius_volume

    @property
    def area_weighted_length(self) -> float:
        """Area-weighted column length L_area, nm: (2/3) <D³>/<D²> with D = 2R."""
        return 4.0 / 3.0 * self.moment(3) / self.moment(2)
