"""Powder line strengths of atoms that move: all that stays the same is computed once."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import SpecError
from xrdkit.phase.cell import inverse_d_squared, metric
from xrdkit.phase.scattering import Array, dispersion, form_factor
from xrdkit.phase.structure import Structure
from xrdkit.phase.structure_sum import SLOPES, roots_of_unity, sum_structure_factors
from xrdkit.phase.symmetry import cosets, operators, project

_NONE = np.zeros((0, 0, SLOPES))


@dataclass(frozen=True, kw_only=True)
class Atoms:
    """What of the sites of a structure may move while reflections and form factors stay."""

    positions: Array
    """Fractional coordinates (site, 3), exactly on their special positions."""
    b_iso: Array
    """Isotropic displacement parameters (site,) in Å²."""
    occupancy: Array
    """Shares of the sites that are filled (site,)."""


def atoms_of(structure: Structure) -> Atoms:
    """Return positions, B and occupancies of the sites of `structure`."""
    rotations, translations = operators(structure.operators)
    tensor = metric(structure.cell)
    return Atoms(
        positions=np.array(
            [project(s.position, rotations, translations, tensor)[0] for s in structure.sites]
        ),
        b_iso=np.array([s.b_iso for s in structure.sites]),
        occupancy=np.array([s.occupancy for s in structure.sites]),
    )


def with_atoms(structure: Structure, atoms: Atoms) -> Structure:
    """Return `structure` with other positions, B and occupancies; StructureError as for Site."""
    values = zip(structure.sites, atoms.positions, atoms.b_iso, atoms.occupancy, strict=True)
    sites = tuple(
        replace(site, position=(float(x), float(y), float(z)), b_iso=float(b), occupancy=float(o))
        for site, (x, y, z), b, o in values
    )
    return replace(structure, sites=sites)


class StructureFactors:
    """|F|² of fixed reflections of one structure for any place of its atoms.

    Form factors are those at the spacings of the structure's own cell.
    """

    def __init__(self, structure: Structure, hkl: NDArray[np.int64], wavelength: float) -> None:
        """`hkl` (n, 3); `wavelength` in ångström. Raises SpecError beyond sinθ/λ = 2 1/Å."""
        short = cosets(structure.operators)
        self.hkl = np.ascontiguousarray(hkl, dtype=np.int64)
        if self.hkl.ndim != 2 or self.hkl.shape[1] != 3:
            raise SpecError(f"reflections of shape {self.hkl.shape}: (n, 3) integers are needed")
        s = 0.05 * np.sqrt(inverse_d_squared(self.hkl, structure.cell))
        self.s_squared = s**2
        f0 = {e: form_factor(e, s) for e in dict.fromkeys(x.element for x in structure.sites)}
        terms = [dispersion(x.element, wavelength) for x in structure.sites]
        self.regular = np.array(
            [f0[x.element] + t[0] for x, t in zip(structure.sites, terms, strict=True)]
        )
        self.loss = np.array([t[1] for t in terms])
        self.share = np.array(_multiplicities(structure)) / (
            len(short.rotations) * len(short.centring) * (2 if short.centric else 1)
        )
        present = np.all(self.hkl @ short.centring.T % 24 == 0, axis=1)
        self.factor = len(short.centring) * present.astype(float)
        turned = [np.abs(self.hkl @ r).max(initial=0) for r in short.rotations]
        self.fixed = (
            self.hkl,
            self.factor,
            short.rotations,
            short.translations,
            short.centric,
            int(max(turned)),
            roots_of_unity(),
        )

    def squared(self, atoms: Atoms) -> Array:
        """Return the Friedel mean of |F|² (n,) in electrons²."""
        return self._sum(atoms, _NONE)

    def squared_and_slopes(self, atoms: Atoms) -> tuple[Array, Array]:
        """Return |F|² (n,) and its slopes (n, site, 5) to x, y, z, B (1/Å²) and occupancy.

        The coordinates of a site on a special position move together only along
        `site_freedom(...).directions`.
        """
        slopes = np.empty((len(self.hkl), len(self.loss), SLOPES))
        return self._sum(atoms, slopes), slopes

    def _sum(self, atoms: Atoms, slopes: Array) -> Array:
        squared = np.empty(len(self.hkl))
        sum_structure_factors(
            *self.fixed,
            np.ascontiguousarray(atoms.positions, dtype=float),
            np.ascontiguousarray(atoms.occupancy, dtype=float),
            np.ascontiguousarray(atoms.b_iso, dtype=float),
            self.share,
            self.s_squared,
            self.regular,
            self.loss,
            squared,
            slopes,
        )
        return squared


@lru_cache(maxsize=256)
def _multiplicities(structure: Structure) -> tuple[int, ...]:
    rotations, translations = operators(structure.operators)
    tensor = metric(structure.cell)
    return tuple(
        len(rotations) // int(project(s.position, rotations, translations, tensor)[1].sum())
        for s in structure.sites
    )
