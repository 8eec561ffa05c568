"""Scattering of spheres on a lattice of ln R: one matrix per q, for any distribution of sizes.

I(q_i) = Σ_j G_ij x_j with G_ij = 1e-21 cm³/nm³ · Δρ² V_j P(q_i R_j): q in 1/nm, I in 1/cm, V in
nm³, Δρ² in 1/cm⁴, x_j the volume fraction at node j. P = f², f(x) = 3(sin x - x cos x)/x³
(Rayleigh, Proc. R. Soc. A 84 (1911) 25). Where a point stands for pixels at q ± s, as a bin of an
integrated profile does, P is the mean of its values at q + s and q - s.

The nodes are ln R = k h with h = 2^-n at most a sixth of the width s of the distribution and at
most 1/32. A sum over equidistant nodes converges like exp(-2π²s²/h²) for a Gaussian in ln R, so
that it is exact to rounding as long as the lattice resolves the ripples cos(2qR) of P. Where it
does not, the distribution has averaged them out: they are faded out around qR = e^-0.6 π/2h, and
what stays is the mean 9(1 + x²)/2x⁶.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc

from xrdkit.errors import SpecError

Array = NDArray[np.float64]

#: 1e-21 cm³/nm³ times 1e20 1/cm⁴: contrast is given in 1e10 1/cm².
CONTRAST_UNIT = 0.1
_SERIES_BELOW = 0.01
_COARSEST = 5
_FINEST = 12
_NODES_PER_WIDTH = 6
_FADE_WIDTH = 0.15
_FADE_BEFORE = 4 * _FADE_WIDTH
_CHUNK = 64


def sphere_amplitude(x: Array) -> Array:
    """Return f(x) = 3(sin x - x cos x)/x³ of x = qR, 1 at x = 0; by its series below 0.01."""
    x = np.asarray(x, dtype=np.float64)
    small = x < _SERIES_BELOW
    safe = np.where(small, 1.0, x)
    square = x * x
    series = 1.0 - square / 10.0 + square * square / 280.0
    return np.where(small, series, 3.0 * (np.sin(safe) - safe * np.cos(safe)) / safe**3)


def sphere_matrix(q: Array, radius: Array) -> Array:
    """Return V P(qR)/10, shape (q, radius): 1/cm per volume fraction and (1e10/cm²)² of contrast.

    `q` in 1/nm, `radius` in nm.
    """
    volume = 4.0 / 3.0 * np.pi * radius**3
    result: Array = CONTRAST_UNIT * volume * sphere_amplitude(np.outer(q, radius)) ** 2
    return result


def lattice_level(width: float) -> int:
    """Return n of the lattice step 2^-n for a distribution of relative width `width`."""
    if not width > 0:
        raise SpecError(f"relative width {width} is not positive")
    wanted = math.ceil(math.log2(_NODES_PER_WIDTH / width))
    return min(max(wanted, _COARSEST), _FINEST)


class SphereKernel:
    """The matrices G/Δρ² of one axis, one per lattice step, grown as far as they are asked for."""

    def __init__(self, q: Array, spread: Array | None = None) -> None:
        self.q = np.ascontiguousarray(q, dtype=np.float64)
        self._sides: tuple[Array, ...] = (self.q,)
        if spread is not None and spread.any():
            self._sides = (self.q + spread, self.q - spread)
        self._blocks: dict[tuple[int, int], Array] = {}

    def apply(self, level: int, first: int, weights: Array) -> Array:
        """Return Σ_j G_ij w_j, shape (q,) or (q, m), in 1/cm per (1e10/cm²)².

        `weights`, shape (nodes,) or (nodes, m), belong to the nodes ln R = k 2^-level from
        k = `first` on.
        """
        total = np.zeros((self.q.size, *weights.shape[1:]))
        last = first + len(weights)
        for number in range(first // _CHUNK, (last - 1) // _CHUNK + 1):
            low = max(first, number * _CHUNK)
            high = min(last, (number + 1) * _CHUNK)
            inside = slice(low - number * _CHUNK, high - number * _CHUNK)
            total += self._block(level, number)[:, inside] @ weights[low - first : high - first]
        return total

    def _block(self, level: int, number: int) -> Array:
        block = self._blocks.get((level, number))
        if block is None:
            step = 2.0**-level
            nodes = np.arange(number * _CHUNK, (number + 1) * _CHUNK) * step
            sides = [_faded_matrix(q, np.exp(nodes), step) for q in self._sides]
            block = sides[0] if len(sides) == 1 else 0.5 * (sides[0] + sides[1])
            self._blocks[level, number] = block
        return block


def _faded_matrix(q: Array, radius: Array, step: float) -> Array:
    exact = sphere_matrix(q, radius)
    centre = math.log(math.pi / (2.0 * step)) - _FADE_BEFORE
    x = np.outer(q, radius)
    far = x > math.exp(centre - 8 * _FADE_WIDTH)
    if not far.any():
        return exact
    high = x[far]
    share = 0.5 * erfc((np.log(high) - centre) / (math.sqrt(2.0) * _FADE_WIDTH))
    volume = np.broadcast_to(4.0 / 3.0 * np.pi * radius**3, x.shape)[far]
    mean = CONTRAST_UNIT * volume * 4.5 * (1.0 + high**2) / high**6
    exact[far] = mean + share * (exact[far] - mean)
    return exact


def sphere_kernel(q: Array, spread: Array | None = None) -> SphereKernel:
    """Return the kernel of `q` (1/nm), kept for the next call with the same q.

    `spread` is the standard deviation of q within each point, 1/nm (None: points are sharp).
    """
    wide = np.zeros(q.size) if spread is None else spread
    both = np.stack([q, wide]).astype(np.float64)
    return _kept(both.tobytes())


@lru_cache(maxsize=4)
def _kept(content: bytes) -> SphereKernel:
    q, spread = np.frombuffer(content, dtype=np.float64).reshape(2, -1)
    return SphereKernel(q, spread)
