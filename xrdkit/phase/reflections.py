"""The reflections of a structure: which are there, which are equivalent."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import LimitExceeded
from xrdkit.phase.cell import Cell, inverse_d_squared, metric
from xrdkit.phase.symmetry import absent, cosets

Integers = NDArray[np.int64]

_BOX_LIMIT = 5_000_000


def unique_reflections(
    cell: Cell, triplets: tuple[str, ...], d_min: float
) -> tuple[Integers, Integers]:
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
    short = cosets(triplets)
    grid = grid[np.all(grid @ short.centring.T % 24 == 0, axis=1)]
    inverse = inverse_d_squared(grid, cell)
    inside = (inverse > 1e-12) & (inverse <= 1.0 / d_min**2)
    hkl, inverse = grid[inside], inverse[inside]
    top = 2 * int(reach.max(initial=1)) + 1
    own = _rank(hkl, top)
    code = own.copy()
    for rotation in laue_rotations(triplets):
        np.maximum(code, _rank(hkl @ rotation, top), out=code)
    best, first, count = np.unique(code, return_index=True, return_counts=True)
    by_rank = np.argsort(own)
    members = by_rank[np.searchsorted(own[by_rank], best)]
    # Whether a reflection is there is asked of one of each set: its equivalents share the answer.
    present = np.logical_not(extinct(hkl[members], triplets))
    members, first, count, best = members[present], first[present], count[present], best[present]
    order = np.lexsort((-best, np.round(inverse[first], 9)))
    return hkl[members[order]].reshape(-1, 3), count[order]


def extinct(hkl: Integers, triplets: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return whether each reflection of `hkl` (n, 3) is systematically absent."""
    short = cosets(triplets)
    gone = np.asarray(np.any(hkl @ short.centring.T % 24 != 0, axis=1))
    rotations, shifts = short.rotations, short.translations / 24.0
    gone |= absent(hkl, rotations, shifts)
    if short.centric:
        gone |= absent(hkl, -rotations, -shifts)
    return gone


def equivalents(hkl: Integers, triplets: tuple[str, ...]) -> tuple[Integers, ...]:
    """Return, for each reflection of `hkl` (n, 3), its Laue equivalents (m, 3), itself included.

    Friedel mates are equivalents. Their number is the multiplicity of `unique_reflections`.
    """
    images = np.stack([hkl @ rotation for rotation in laue_rotations(triplets)], axis=1)
    return tuple(np.unique(of_one, axis=0) for of_one in images)


@lru_cache(maxsize=64)
def laue_rotations(triplets: tuple[str, ...]) -> Integers:
    """Return the rotations (n, 3, 3) of the Laue class, the inversion included."""
    rotations = cosets(triplets).rotations
    return np.asarray(np.unique(np.concatenate([rotations, -rotations]), axis=0))


def _rank(hkl: Integers, top: int) -> Integers:
    """Return a number per reflection, largest for the member of a set that people write."""
    base = 4 * top + 3
    negative = (hkl < 0).sum(axis=1)
    return np.asarray(hkl @ np.array([base * base, base, 1]) - negative * base**3)


def same_spacing(hkl: Integers, triplets: tuple[str, ...]) -> Integers:
    """Return a group number (n,) such that lines of one group have equal d in every cell.

    Cubic 333 and 511 are an example. The six products of hkl, averaged over the rotations, are
    the coefficients of the free part of the reciprocal metric.
    """
    rotations = cosets(triplets).rotations
    total = np.zeros((len(hkl), 6), dtype=np.int64)
    for rotation in rotations:
        h, k, m = (hkl @ rotation).T
        total += np.stack([h * h, k * k, m * m, h * k, h * m, k * m], axis=1)
    _, group = np.unique(total, axis=0, return_inverse=True)
    return np.asarray(group.ravel(), dtype=np.int64)
