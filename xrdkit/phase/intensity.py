"""Powder lines and their strengths: Σ m|F|² over the reflections of equal spacing."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from xrdkit.phase.reflections import same_spacing, unique_reflections
from xrdkit.phase.scattering import Array, dispersion, form_factor
from xrdkit.phase.strengths import Atoms, StructureFactors, atoms_of
from xrdkit.phase.structure import Structure


def structure_factors_squared(
    structure: Structure, hkl: NDArray[np.int64], wavelength: float
) -> Array:
    """Return the Friedel mean of |F|² (n,) in electrons² for reflections `hkl` (n, 3).

    F = Σⱼ occⱼ (f0 + f' + i f'') exp(-B s²) exp(2πi h·xⱼ) over every atom of the cell,
    s = sinθ/λ = 1/(2d), `wavelength` in ångström. With C the sum without and D the sum of the
    f'' terms, the mean over h and -h is |C|² + |D|². 1 where the structure has no atoms.
    """
    if not structure.sites:
        return np.ones(len(hkl))
    return StructureFactors(structure, hkl, wavelength).squared(atoms_of(structure))


def scattering_envelope(structure: Structure, s: Array, wavelength: float) -> Array:
    """Return Σⱼ occⱼ |fⱼ|² exp(-2Bⱼ s²) over the cell at s in 1/Å: the smooth fall-off of |F|².

    1 where the structure has no atoms.
    """
    if not structure.sites:
        return np.ones_like(s)
    total = np.zeros_like(s)
    for site, images in zip(structure.sites, structure.orbits(), strict=True):
        real, imaginary = dispersion(site.element, wavelength)
        f_squared = (form_factor(site.element, s) + real) ** 2 + imaginary**2
        total += len(images) * site.occupancy * f_squared * np.exp(-2.0 * site.b_iso * s**2)
    return total


@dataclass(frozen=True, kw_only=True)
class Lines:
    """The powder lines of a structure, in the order of falling d.

    A line holds one set of Laue equivalents or, as 333 and 511 of a cubic structure, several.
    """

    hkl: NDArray[np.int64]
    """One reflection of each line (n, 3)."""
    strength: Array
    """Σ m|F|² over the reflections of the line (n,), electrons²."""
    multiplicity: NDArray[np.int64]
    """Number of reflections in the line (n,)."""
    sets: NDArray[np.int64]
    """One reflection of each set of Laue equivalents (m, 3), in the order of the lines."""
    set_line: NDArray[np.int64]
    """Index of the line that each set belongs to (m,), ascending."""
    set_multiplicity: NDArray[np.int64]
    """Number of reflections in each set (m,)."""
    set_strength: Array
    """m|F|² of each set (m,), electrons²."""


@lru_cache(maxsize=64)
def powder_lines(
    structure: Structure,
    wavelength: float,
    d_min: float,
    weakest: float = 1e-9,
    *,
    apart: bool = False,
) -> Lines:
    """Return the lines with d >= `d_min` (nm) at `wavelength` (ångström).

    Reflections whose spacing agrees by symmetry are one line, unless equivalent ones alone shall be
    one (`apart`: 333 and 511 may differ in width). Lines weaker than `weakest` of the strongest
    are left out; where atoms are refined take -1, which keeps a line that is extinct only at the
    present coordinates.
    """
    hkl, multiplicity = unique_reflections(structure.cell, structure.operators, d_min)
    strength = multiplicity * structure_factors_squared(structure, hkl, wavelength)
    group = np.arange(len(hkl)) if apart else same_spacing(hkl, structure.operators)
    total = np.bincount(group, weights=strength)
    seen = total > weakest * total.max(initial=0.0)
    # Lines in the order in which their first reflection stands, which is that of falling d.
    _, first = np.unique(group, return_index=True)
    order = np.argsort(first)
    order = order[seen[order]]
    rank = np.full(len(total), -1, dtype=np.int64)
    rank[order] = np.arange(len(order))
    line = rank[group]
    members = np.argsort(line, kind="stable")
    members = members[line[members] >= 0]
    lines = Lines(
        hkl=hkl[first[order]],
        strength=total[order],
        multiplicity=np.bincount(group, weights=multiplicity)[order].astype(np.int64),
        sets=hkl[members],
        set_line=line[members],
        set_multiplicity=multiplicity[members],
        set_strength=strength[members],
    )
    for values in vars(lines).values():
        values.flags.writeable = False
    return lines


class LineStrengths:
    """Strengths of fixed lines of one structure for any place of its atoms."""

    def __init__(self, structure: Structure, lines: Lines, wavelength: float) -> None:
        """`lines` are those of `structure`; `wavelength` in ångström."""
        self.lines = lines
        self.count = len(lines.hkl)
        self.factors = StructureFactors(structure, lines.sets, wavelength)
        self.start = np.searchsorted(lines.set_line, np.arange(self.count))

    def strengths(self, atoms: Atoms) -> Array:
        """Return Σ m|F|² (n,) of the lines in electrons²."""
        weighted = self.lines.set_multiplicity * self.factors.squared(atoms)
        return self._gather(weighted)

    def strengths_and_slopes(self, atoms: Atoms) -> tuple[Array, Array]:
        """Return Σ m|F|² (n,) and its slopes (n, site, 5) to x, y, z, B (1/Å²) and occupancy."""
        squared, slopes = self.factors.squared_and_slopes(atoms)
        multiplicity = self.lines.set_multiplicity
        return (
            self._gather(multiplicity * squared),
            self._gather(multiplicity[:, None, None] * slopes),
        )

    def _gather(self, values: Array) -> Array:
        if self.count == len(values):
            return values
        return np.asarray(np.add.reduceat(values, self.start, axis=0))
