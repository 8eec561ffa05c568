"""The reflections of a structure: which are there, how many are equivalent."""

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import LimitExceeded
from xrdkit.phase.cell import Cell, inverse_d_squared, metric
from xrdkit.phase.symmetry import absent, operators

_BOX_LIMIT = 5_000_000


def unique_reflections(
    cell: Cell, triplets: tuple[str, ...], d_min: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return one hkl (n, 3) per set of Laue equivalents with d >= `d_min` (nm), and set sizes.

    Systematic absences are left out; the order is that of falling d. The number is the
    multiplicity under the Laue group, Friedel mates included. Raises LimitExceeded for more than
    5 million candidates.
    """
    reach = np.floor(np.sqrt(np.diag(metric(cell))) / d_min).astype(int)
    if np.prod(2.0 * reach + 1.0) > _BOX_LIMIT:
        raise LimitExceeded(
            f"a cell of {cell[:3]} nm has too many reflections down to d = {d_min:.4f} nm",
            hint="narrow the range at high angles",
        )
    axes = [np.arange(-n, n + 1) for n in reach]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    inverse = inverse_d_squared(grid, cell)
    inside = (inverse > 1e-12) & (inverse <= 1.0 / d_min**2)
    hkl, inverse = grid[inside], inverse[inside]
    rotations, translations = operators(triplets)
    kept = np.logical_not(absent(hkl, rotations, translations))
    hkl, inverse = hkl[kept], inverse[kept]
    own = _rank(hkl, int(reach.max(initial=1)))
    code = own.copy()
    for rotation in np.unique(np.concatenate([rotations, -rotations]), axis=0):
        np.maximum(code, _rank(hkl @ rotation, int(reach.max(initial=1))), out=code)
    _, first, count = np.unique(code, return_index=True, return_counts=True)
    place = {int(rank): i for i, rank in enumerate(own)}
    members = np.array([place[int(code[i])] for i in first], dtype=np.int64)
    order = np.lexsort((-code[first], np.round(inverse[first], 9)))
    return hkl[members[order]].reshape(-1, 3), count[order]


def _rank(hkl: NDArray[np.int64], reach: int) -> NDArray[np.int64]:
    """Return a number per reflection, largest for the member of a set that people write."""
    base = 4 * reach + 3
    negative = (hkl < 0).sum(axis=1)
    return np.asarray(hkl @ np.array([base * base, base, 1]) - negative * base**3)


def same_spacing(hkl: NDArray[np.int64], triplets: tuple[str, ...]) -> NDArray[np.int64]:
    """Return a group number (n,) such that lines of one group have equal d in every cell.

    Cubic 333 and 511 are an example. The six products of hkl, averaged over the rotations, are
    the coefficients of the free part of the reciprocal metric.
    """
    rotations, _ = operators(triplets)
    mean = np.zeros((len(hkl), 6))
    for rotation in rotations:
        h, k, m = (hkl @ rotation).T
        mean += np.stack([h * h, k * k, m * m, h * k, h * m, k * m], axis=1)
    rounded = np.round(mean / len(rotations), 6)
    _, group = np.unique(rounded, axis=0, return_inverse=True)
    return np.asarray(group.ravel(), dtype=np.int64)
