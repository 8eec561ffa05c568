"""Space-group operators: parsing, group closure, orbits of sites, systematic absences."""

from collections.abc import Sequence
from dataclasses import dataclass
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
    rotations = np.array([op.rot for op in parsed], dtype=np.int64) // gemmi.Op.DEN
    shifts = np.array([op.tran for op in parsed], dtype=np.int64)
    products = np.einsum("aij,bjk->abik", rotations, rotations)
    composed = (np.einsum("aij,bj->abi", rotations, shifts) + shifts[:, None]) % gemmi.Op.DEN
    missing = np.isin(_codes(products, composed), _codes(rotations, shifts), invert=True)
    if missing.any():
        first, second = (parsed[int(k)].triplet() for k in np.argwhere(missing)[0])
        raise StructureError(
            f"the symmetry operators are no group: {first} after {second} is missing",
            hint="list every operator of the cell, centring included",
        )
    return rotations, shifts / gemmi.Op.DEN


def _codes(rotations: NDArray[np.int64], shifts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return one number per operator; no two operators share one."""
    digits = np.concatenate([rotations.reshape(*rotations.shape[:-2], 9) + 2, shifts], axis=-1)
    bases = np.array([5] * 9 + [gemmi.Op.DEN] * 3, dtype=np.int64)
    weights = np.concatenate([[1], np.cumprod(bases[:-1])])
    # Products of what is no group may have entries beyond -2 to 2, which no operator has.
    outside = np.any(np.abs(rotations) > 2, axis=(-2, -1))
    return np.asarray(np.where(outside, -1, digits @ weights))


def triplets_of(group: gemmi.SpaceGroup) -> tuple[str, ...]:
    """Return every operator of a tabulated space group setting, centring included."""
    return tuple(op.wrap().triplet() for op in group.operations())


@lru_cache(maxsize=256)
def setting_of(triplets: tuple[str, ...]) -> gemmi.SpaceGroup | None:
    """Return the tabulated setting that has exactly these operators, or None."""
    return gemmi.find_spacegroup_by_ops(gemmi.GroupOps([gemmi.Op(t) for t in triplets]))


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


def project(
    position: Sequence[float], rotations: NDArray[np.int64], translations: Array, metric: Array
) -> tuple[Array, NDArray[np.bool_], float]:
    """Return a fractional position put exactly on its special position.

    Also returns which operators leave it there (n,) and how far (nm) it was moved. Images of the
    site closer to it than `SAME_ATOM` are the same atom and are averaged. `metric` (3, 3) in nm².
    """
    start = np.asarray(position, dtype=float)
    here = start
    count = 0
    while True:
        shift = rotations @ here + translations - here
        shift -= np.round(shift)
        stay = np.einsum("ni,ij,nj->n", shift, metric, shift) < SAME_ATOM**2
        if int(stay.sum()) == count:
            break
        # The average may come closer to a further symmetry element: until no operator joins.
        count = int(stay.sum())
        here = here + shift[stay].mean(axis=0)
    moved = here - start
    return here, stay, float(np.sqrt(moved @ metric @ moved))


def orbit(
    position: Sequence[float], rotations: NDArray[np.int64], translations: Array, metric: Array
) -> Array:
    """Return the distinct images (n, 3) of a fractional position in one cell.

    Images closer than `SAME_ATOM` are averaged, which puts a site given with few digits (.333)
    exactly on its special position. `metric` (3, 3) in nm².
    """
    here, _, _ = project(position, rotations, translations, metric)
    images = rotations @ here + translations
    images -= np.floor(images + 1e-9)
    _, first = np.unique(np.round(images, 6) % 1.0, axis=0, return_index=True)
    return np.asarray(images[np.sort(first)])


@dataclass(frozen=True, kw_only=True)
class Cosets:
    """The operators of a cell without what centring and an inversion at the origin repeat."""

    rotations: NDArray[np.int64]
    """Rotation parts (n, 3, 3), each once; one of each pair R, -R where `centric`."""
    translations: NDArray[np.int64]
    """Translation parts (n, 3) in 1/24 of the cell edges."""
    centring: NDArray[np.int64]
    """Centring vectors (m, 3) in 1/24 of the cell edges, the null vector included."""
    centric: bool
    """Whether the origin is a centre of inversion: the left-out half are complex conjugates."""


@lru_cache(maxsize=256)
def cosets(triplets: tuple[str, ...]) -> Cosets:
    """Return the operators of a cell in the shortest form that sums over the cell need."""
    rotations, translations = operators(triplets)
    shifts = np.rint(translations * gemmi.Op.DEN).astype(np.int64) % gemmi.Op.DEN
    unit = np.eye(3, dtype=np.int64)
    centring = shifts[np.all(rotations == unit, axis=(1, 2))]
    inverted = shifts[np.all(rotations == -unit, axis=(1, 2))]
    centric = any(np.array_equal(t, c) for t in inverted for c in centring)
    seen: set[bytes] = set()
    kept = []
    for k, rotation in enumerate(rotations):
        if rotation.tobytes() not in seen:
            kept.append(k)
            seen.add(rotation.tobytes())
            if centric:
                seen.add((-rotation).tobytes())
    return Cosets(
        rotations=rotations[kept],
        translations=shifts[kept],
        centring=centring,
        centric=centric,
    )


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
