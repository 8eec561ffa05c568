"""Whether atoms of a structure are where others are."""

import numpy as np

from xrdkit.errors import StructureError
from xrdkit.phase.cell import metric
from xrdkit.phase.structure import Structure

#: Nearer than this (nm) two atoms cannot both be; the shortest bond, H-H, has 0.074 nm.
_TOUCHING = 0.03
#: Occupancies of one place may add up to this much more than 1: they are rounded.
_ROUNDED = 0.05


def check_places(structure: Structure) -> None:
    """Raise StructureError where atoms nearer than 0.03 nm fill their place more than 1.05 times.

    Sites that share a place (mixed or split ones) have occupancies that add up to 1 at most.
    """
    orbits = structure.orbits()
    tensor = metric(structure.cell)
    for site, images in zip(structure.sites, orbits, strict=True):
        total, names = 0.0, []
        for other, places in zip(structure.sites, orbits, strict=True):
            apart = places - images[0]
            apart -= np.round(apart)
            near = np.einsum("ni,ij,nj->n", apart, tensor, apart) < _TOUCHING**2
            if near.any():
                total += float(near.sum()) * other.occupancy
                names.append(other.label)
        if total > 1.0 + _ROUNDED and total > site.occupancy + _ROUNDED:
            raise StructureError(
                f"{structure.name}: one place is filled {total:.3f} times, by"
                f" {', '.join(dict.fromkeys(names))}",
                hint="sites that share a place need occupancies that add up to 1 at most; is it"
                " the right origin and setting?",
            )
