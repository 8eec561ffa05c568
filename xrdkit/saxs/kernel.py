"""Scattering of particles of one shape on a lattice of ln R: a matrix for any distribution.

I(q_i) = Σ_j G_ij x_j: q in 1/nm, I in 1/cm, x_j the volume fraction at node j; G of a shape is said
in `xrdkit.saxs.shapes.shape`, the lattice in `xrdkit.saxs.shapes.lattice`. Where a point stands for
pixels at q ± s, as a bin of an integrated profile does, G is the mean of its values at q + s and
q - s. Where a beam or detector smears the curve, G is W G(q_model): the matrix of the smearing
times the one at the q it needs.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

import numpy as np

from xrdkit.saxs.shapes.lattice import Array, Lattice, lattice_level
from xrdkit.saxs.shapes.shape import Shape, Values
from xrdkit.saxs.shapes.sphere import Sphere, sphere_amplitude, sphere_matrix

__all__ = [
    "Kernel",
    "Smears",
    "kernel",
    "lattice_level",
    "sphere_amplitude",
    "sphere_kernel",
    "sphere_matrix",
]

_CHUNK = 64
_SPHERE = Sphere()


class Smears(Protocol):
    """A linear smearing: intensities at the q of the points from a model at more q."""

    def __hash__(self) -> int:
        """Return what tells it from others."""

    @property
    def q_model(self) -> Array:
        """q at which the model is wanted, 1/nm, shape (m,)."""

    def apply(self, values: Array) -> Array:
        """Return the smeared curves (q,) or (q, k) of curves (m,) or (m, k) at `q_model`."""


class Kernel:
    """The matrices G of one axis and shape, one per lattice step, grown as far as asked for.

    Those of a shape with free parameters depend on them and are made anew.
    """

    def __init__(
        self,
        q: Array,
        spread: Array | None = None,
        smearing: Smears | None = None,
        shape: Shape = _SPHERE,
    ) -> None:
        self.q = np.ascontiguousarray(q, dtype=np.float64)
        self.smearing = smearing
        self.shape = shape
        self._sides: tuple[Array, ...] = (self.q,)
        if smearing is not None:
            self._sides = (np.ascontiguousarray(smearing.q_model, dtype=np.float64),)
        elif spread is not None and spread.any():
            self._sides = (self.q + spread, self.q - spread)
        self._blocks: dict[tuple[int, int], Array] = {}
        #: What others computed with this kernel and will want again.
        self.kept: dict[str, object] = {}

    def seen(self, model: Callable[[Array], Array]) -> Array:
        """Return what the points see of a model: `model(q)` returns (q,) or (q, m) at any q."""
        parts = [model(q) for q in self._sides]
        if self.smearing is not None:
            return self.smearing.apply(parts[0])
        return parts[0] if len(parts) == 1 else 0.5 * (parts[0] + parts[1])

    def apply(self, level: int, first: int, weights: Array, values: Values | None = None) -> Array:
        """Return Σ_j G_ij w_j, shape (q,) or (q, m), in 1/cm.

        `weights`, shape (nodes,) or (nodes, m), belong to the nodes ln R = k 2^-level from
        k = `first` on; `values` are the free parameters of the shape (default: as stated).
        """
        if self.shape.free:
            lattice = Lattice(level, first, len(weights))
            known = self._values(values)
            return self.seen(lambda q: self.shape.columns(q, lattice, weights, known))
        total = np.zeros((self.q.size, *weights.shape[1:]))
        last = first + len(weights)
        for number in range(first // _CHUNK, (last - 1) // _CHUNK + 1):
            low = max(first, number * _CHUNK)
            high = min(last, (number + 1) * _CHUNK)
            inside = slice(low - number * _CHUNK, high - number * _CHUNK)
            total += self._block(level, number)[:, inside] @ weights[low - first : high - first]
        return total

    def slopes(
        self, level: int, first: int, weights: Array, values: Values
    ) -> tuple[Array, dict[str, Array]]:
        """Return `apply` of `weights` (nodes, m) and the derivatives of its first column.

        These are by the free parameters of the shape, shape (q,) each.
        """
        names = self.shape.free
        if not names:
            return self.apply(level, first, weights), {}
        lattice = Lattice(level, first, len(weights))
        known = self._values(values)

        def model(q: Array) -> Array:
            found, slopes = self.shape.slopes(q, lattice, weights, known)
            return np.column_stack([found, *(slopes[name] for name in names)])

        seen = self.seen(model)
        wide = weights.shape[1]
        return seen[:, :wide], dict(zip(names, seen[:, wide:].T, strict=True))

    def matrix(self, level: int, first: int, count: int, values: Values | None = None) -> Array:
        """Return G, shape (q, count), of the nodes from number `first` on."""
        lattice = Lattice(level, first, count)
        known = self._values(values)
        return self.seen(lambda q: self.shape.matrix(q, lattice, known))

    def _values(self, values: Values | None) -> Values:
        return self.shape.stated | dict(values or {})

    def _block(self, level: int, number: int) -> Array:
        block = self._blocks.get((level, number))
        if block is None:
            block = self.matrix(level, number * _CHUNK, _CHUNK)
            self._blocks[level, number] = block
        return block


def kernel(
    q: Array,
    spread: Array | None = None,
    smearing: Smears | None = None,
    shape: Shape = _SPHERE,
) -> Kernel:
    """Return the kernel of `q` (1/nm) for `shape`, kept for the next call with the same.

    `spread` is the standard deviation of q within each point, 1/nm (None: points are sharp). A
    `smearing` has it in its matrix already: with one, `spread` does not count.
    """
    wide = np.zeros(q.size) if spread is None or smearing is not None else spread
    both = np.stack([q, wide]).astype(np.float64)
    return _kept(both.tobytes(), smearing, shape)


def sphere_kernel(q: Array, spread: Array | None = None) -> Kernel:
    """Return `kernel` of spheres."""
    return kernel(q, spread)


@lru_cache(maxsize=8)
def _kept(content: bytes, smearing: Smears | None, shape: Shape) -> Kernel:
    q, spread = np.frombuffer(content, dtype=np.float64).reshape(2, -1)
    return Kernel(q, spread, smearing, shape)
