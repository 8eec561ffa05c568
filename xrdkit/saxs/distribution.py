"""Size distributions as functions of ln R: what each family gives, and sums over the lattice."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from xrdkit.saxs.shapes.lattice import lattice_level

Array = NDArray[np.float64]


class Family(Protocol):
    """A family of volume-weighted distributions with a location and a relative width s."""

    name: str
    """Name of the method in `SizeSpec`."""
    has_width: bool
    """Whether s is a parameter; where it is not, `width_range` is the one s that is asked for."""
    width_range: tuple[float, float]
    """Smallest and largest s."""

    def log_density(
        self, u: Array, location: float, s: float, power: int = 3
    ) -> tuple[Array, Array, Array]:
        """Return ln of the volume-weighted density per ln R at u = ln R, up to a constant.

        With its derivatives by `location` (a value of ln R) and by ln s. The volume goes as
        R^`power`: 3 for spheres.
        """

    def reach(self, s: float, lowest_power: int, power: int = 3) -> tuple[float, float]:
        """Return how far below and above the location, in ln R, the density matters.

        Beyond, less than 1e-12 is missing from means of R^n with n from `lowest_power` to 5.
        """


@dataclass(frozen=True)
class Weights:
    """Shares of volume on lattice nodes, with derivatives."""

    level: int
    """The step of ln R is 2^-level."""
    first: int
    """Number of the first node."""
    table: Array
    """Shares, adding up to 1, and their derivatives by location and ln s, shape (nodes, 3)."""

    @property
    def radius(self) -> Array:
        """Radius of the nodes, nm."""
        result: Array = np.exp((self.first + np.arange(len(self.table))) * 2.0**-self.level)
        return result


def lattice_weights(
    family: Family,
    location: float,
    s: float,
    *,
    lowest_power: int,
    power: int = 3,
    least_level: int = 0,
) -> Weights:
    """Return the shares of volume of a distribution on the lattice that fits its width.

    The volume goes as R^`power`; the lattice is at least as fine as `least_level`.
    """
    level = max(lattice_level(s), least_level)
    step = 2.0**-level
    below, above = family.reach(s, lowest_power, power)
    first = int(np.floor((location - below) / step))
    last = int(np.ceil((location + above) / step))
    u: Array = np.arange(first, last + 1, dtype=np.float64) * step
    table = normalised(family, u, location, s, power=power)
    return Weights(level=level, first=first, table=table)


def normalised(family: Family, u: Array, location: float, s: float, *, power: int = 3) -> Array:
    """Return shares on equidistant `u` = ln R, and their derivatives, shape (u, 3)."""
    log, by_location, by_width = family.log_density(u, location, s, power)
    share = np.exp(log - log.max())
    share /= share.sum()
    slopes = [share * (d - share @ d) for d in (by_location, by_width)]
    return np.stack([share, *slopes], axis=1)
