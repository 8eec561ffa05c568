"""Which coordinates of a site are free: what the symmetry of its place leaves."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.phase.cell import metric
from xrdkit.phase.structure import Structure
from xrdkit.phase.symmetry import operators, project

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class SiteFreedom:
    """The linear map x = origin + p · directions of the free coordinates p of one site."""

    origin: Array
    """Present fractional coordinates (3,), exactly on the special position."""
    directions: Array
    """Shift of x, y, z (k, 3) per free coordinate; of 0 rows where nothing is free."""
    names: tuple[str, ...]
    """Axis that each free coordinate is read on (k,): its direction has 1 there."""
    multiplicity: int
    """Number of equivalent atoms in one cell."""


def site_freedom(structure: Structure, index: int) -> SiteFreedom:
    """Return what of the coordinates of site number `index` symmetry leaves free.

    A shift u may happen where R u = u for every operator that keeps the site in its place; the
    average of those R projects on these shifts. Its rows, in echelon form, are the directions:
    (x, 0, 0), (x, 2x, 1/4) and such, as in International Tables A.
    """
    rotations, translations = operators(structure.operators)
    site = structure.sites[index]
    origin, stay, _ = project(site.position, rotations, translations, metric(structure.cell))
    projection = rotations[stay].mean(axis=0)
    rows = echelon(projection.T)
    return SiteFreedom(
        origin=origin,
        directions=rows,
        names=tuple("xyz"[int(np.argmax(np.abs(row) > 1e-9))] for row in rows),
        multiplicity=len(rotations) // int(stay.sum()),
    )


def floating_origin(structure: Structure) -> Array:
    """Return the directions (k, 3) along which all atoms may shift together without effect.

    In polar groups such as P 63 m c (here 0, 0, 1) the origin is a choice: where every atom is
    free along such a direction, hold the coordinate of one of them. No row in other groups.
    """
    rotations, _ = operators(structure.operators)
    return echelon(rotations.mean(axis=0).T)


def echelon(matrix: Array) -> Array:
    """Return a basis of the row space, each row led by 1 where all others have 0."""
    rows = np.array(matrix, dtype=float)
    rank = 0
    for column in range(rows.shape[1]):
        pivot = rank + int(np.argmax(np.abs(rows[rank:, column]))) if rank < len(rows) else 0
        if rank == len(rows) or abs(rows[pivot, column]) < 1e-9:
            continue
        rows[[rank, pivot]] = rows[[pivot, rank]]
        rows[rank] /= rows[rank, column]
        for other in range(len(rows)):
            if other != rank:
                rows[other] -= rows[other, column] * rows[rank]
        rank += 1
    return np.round(rows[:rank], 12) + 0.0
