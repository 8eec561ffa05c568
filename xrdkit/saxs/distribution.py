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
    width_range: tuple[float, float]
    """Smallest and largest s."""

    def log_density(self, u: Array, location: float, s: float) -> tuple[Array, Array, Array]:
        """Return ln of the volume-weighted density per ln R at u = ln R, up to a constant.

        With its derivatives by `location` (a value of ln R) and by ln s.
        """

    def reach(self, s: float, lowest_power: int) -> tuple[float, float]:
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


def lattice_weights(family: Family, location: float, s: float, *, lowest_power: int) -> Weights:
    """Return the shares of volume of a distribution on the lattice that fits its width."""
    level = lattice_level(s)
    step = 2.0**-level
    below, above = family.reach(s, lowest_power)
    first = int(np.floor((location - below) / step))
    last = int(np.ceil((location + above) / step))
    u: Array = np.arange(first, last + 1, dtype=np.float64) * step
    return Weights(level=level, first=first, table=normalised(family, u, location, s))


def normalised(family: Family, u: Array, location: float, s: float) -> Array:
    """Return shares on equidistant `u` = ln R, and their derivatives, shape (u, 3)."""
    log, by_location, by_width = family.log_density(u, location, s)
    share = np.exp(log - log.max())
    share /= share.sum()
    slopes = [share * (d - share @ d) for d in (by_location, by_width)]
    return np.stack([share, *slopes], axis=1)
