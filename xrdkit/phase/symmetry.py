"""Space-group operators: parsing, group closure, orbits of sites, systematic absences."""

from collections.abc import Sequence
from functools import lru_cache

import gemmi
import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import StructureError

Array = NDArray[np.float64]

#: Images of one site closer than this (nm) are one atom on a special position.
SAME_ATOM = 0.01


@lru_cache(maxsize=256)
def operators(triplets: tuple[str, ...]) -> tuple[NDArray[np.int64], Array]:
    """Return rotations (n, 3, 3) and translations (n, 3) of operators such as ``"-x,y+1/2,z"``.

    Raises StructureError where a triplet cannot be read or the operators do not form a group.
    """
    try:
        parsed = [gemmi.Op(t).wrap() for t in triplets]
    except (ValueError, RuntimeError) as exc:
        raise StructureError(f"a symmetry operator cannot be read: {exc}") from exc
    codes = {op.triplet() for op in parsed}
    if "x,y,z" not in codes or len(codes) != len(parsed):
        raise StructureError("the symmetry operators lack x,y,z or repeat one")
    if len(parsed) > 192:
        raise StructureError(f"{len(parsed)} symmetry operators: no space group has more than 192")
    for first in parsed:
        for second in parsed:
            if (first * second).wrap().triplet() not in codes:
                raise StructureError(
                    f"the symmetry operators are no group: {first.triplet()} after "
                    f"{second.triplet()} is missing",
                    hint="list every operator of the cell, centring included",
                )
    rotations = np.array([op.rot for op in parsed], dtype=np.int64) // gemmi.Op.DEN
    translations = np.array([op.tran for op in parsed], dtype=float) / gemmi.Op.DEN
    return rotations, translations


def triplets_of(group: gemmi.SpaceGroup) -> tuple[str, ...]:
    """Return every operator of a tabulated space group setting, centring included."""
    return tuple(op.wrap().triplet() for op in group.operations())


def find_group(symbol: str, cell_angles: Sequence[float]) -> gemmi.SpaceGroup:
    """Return the setting that a Hermann-Mauguin `symbol` names.

    Groups with two origins need the suffix (``"F d -3 m:2"``): without it coordinates would be
    read on the wrong origin. Rhombohedral groups without suffix take the setting that
    `cell_angles` (degree) shows. Raises StructureError for unknown or ambiguous symbols.
    """
    found = gemmi.find_spacegroup_by_name(symbol)
    if found is None:
        raise StructureError(f"unknown space group {symbol!r}")
    if ":" in symbol or found.ext not in ("1", "2", "H", "R"):
        return found
    if found.ext in ("1", "2"):
        raise StructureError(
            f"space group {symbol!r} has two origins and the symbol does not say which",
            hint=f"write {found.hm}:1 or {found.hm}:2, or list the operators",
        )
    hexagonal = abs(cell_angles[2] - 120.0) < 0.5 and abs(cell_angles[0] - 90.0) < 0.5
    name = f"{found.hm}:{'H' if hexagonal else 'R'}"
    setting = gemmi.find_spacegroup_by_name(name)
    if setting is None:
        raise StructureError(f"unknown space group {name!r}")
    return setting


def orbit(
    position: Sequence[float], rotations: NDArray[np.int64], translations: Array, metric: Array
) -> Array:
    """Return the distinct images (n, 3) of a fractional position in one cell.

    Images closer than `SAME_ATOM` are averaged, which puts a site given with few digits (.333)
    exactly on its special position. `metric` (3, 3) in nm².
    """
    here = np.asarray(position, dtype=float)
    # The image nearest to the site itself, for every operator, gives the projection.
    images = rotations @ here + translations
    shift = images - here
    shift -= np.round(shift)
    near = np.einsum("ni,ij,nj->n", shift, metric, shift) < SAME_ATOM**2
    images = rotations @ (here + shift[near].mean(axis=0)) + translations
    images -= np.floor(images + 1e-9)
    kept: list[Array] = []
    for image in images:
        if kept:
            apart = np.array(kept) - image
            apart -= np.round(apart)
            if np.min(np.einsum("ni,ij,nj->n", apart, metric, apart)) < SAME_ATOM**2:
                continue
        kept.append(image)
    return np.array(kept)


def absent(
    hkl: NDArray[np.int64], rotations: NDArray[np.int64], translations: Array
) -> NDArray[np.bool_]:
    """Return whether each reflection of `hkl` (n, 3) is extinct: hR = h while h·t is fractional."""
    gone = np.zeros(len(hkl), dtype=bool)
    for rotation, translation in zip(rotations, translations, strict=True):
        same = np.all(hkl @ rotation == hkl, axis=1)
        phase = hkl @ translation
        gone |= same & (np.abs(phase - np.round(phase)) > 1e-6)
    return gone
