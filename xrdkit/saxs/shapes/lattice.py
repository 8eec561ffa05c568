"""Nodes equidistant in ln R, and what becomes of ripples that they do not resolve.

The nodes are ln R = k h with h = 2^-n at most a sixth of the width s of the distribution and at
most 1/32. A sum over equidistant nodes converges like exp(-2π²s²/h²) for a Gaussian in ln R, so
that it is exact to rounding as long as the lattice resolves the ripples cos(2qR) of a form factor.
Where it does not, the distribution has averaged them out: they are faded out around
qR = e^-0.6 π/2h, and what stays is the mean over one ripple.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc

from xrdkit.errors import SpecError

Array = NDArray[np.float64]
Nodes = NDArray[np.intp]

_COARSEST = 5
_FINEST = 12
_NODES_PER_WIDTH = 6
FADE_WIDTH = 0.15
_FADE_BEFORE = 4 * FADE_WIDTH


def lattice_level(width: float) -> int:
    """Return n of the lattice step 2^-n for a distribution of relative width `width`."""
    if not width > 0:
        raise SpecError(f"relative width {width} is not positive")
    wanted = math.ceil(math.log2(_NODES_PER_WIDTH / width))
    return min(max(wanted, _COARSEST), _FINEST)


@dataclass(frozen=True)
class Lattice:
    """A row of nodes ln R = k 2^-level, R in nm."""

    level: int
    """The step of ln R is 2^-level."""
    first: int
    """Number k of the first node."""
    count: int
    """Number of nodes."""

    @property
    def step(self) -> float:
        """Distance of the nodes in ln R."""
        return 2.0**-self.level

    @property
    def radius(self) -> Array:
        """Radius of the nodes, nm."""
        result: Array = np.exp((self.first + np.arange(self.count)) * self.step)
        return result


def fade_centre(step: float) -> float:
    """Return ln of the x = qR around which ripples cos 2x fade out on a lattice of `step`."""
    return math.log(math.pi / (2.0 * step)) - _FADE_BEFORE


def faded(exact: Array, x: Array, step: float, mean: Callable[[Array, Nodes], Array]) -> Array:
    """Return `exact`, shape (q, nodes), with the ripples faded out that the lattice cannot tell.

    `x` = qR has the same shape; `mean(x, node)` returns what stays of the elements of these x at
    the nodes with these numbers. `exact` is overwritten.
    """
    centre = fade_centre(step)
    far = x > math.exp(centre - 8 * FADE_WIDTH)
    if not far.any():
        return exact
    high = x[far]
    node = np.broadcast_to(np.arange(x.shape[1]), x.shape)[far]
    share = 0.5 * erfc((np.log(high) - centre) / (math.sqrt(2.0) * FADE_WIDTH))
    stays = mean(high, node)
    exact[far] = stays + share * (exact[far] - stays)
    return exact


def faded_row(exact: Array, x: Array, step: float, mean: Callable[[Array], Array]) -> Array:
    """Return `exact` at `x` (n,), faded to `mean(x)` as in `faded`; it is overwritten."""
    centre = fade_centre(step)
    far = x > math.exp(centre - 8 * FADE_WIDTH)
    if far.any():
        high = x[far]
        share = 0.5 * erfc((np.log(high) - centre) / (math.sqrt(2.0) * FADE_WIDTH))
        stays = mean(high)
        exact[far] = stays + share * (exact[far] - stays)
    return exact
