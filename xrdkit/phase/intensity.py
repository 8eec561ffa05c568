"""Structure factors by direct summation over the whole cell."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from xrdkit.phase.cell import inverse_d_squared
from xrdkit.phase.reflections import same_spacing, unique_reflections
from xrdkit.phase.scattering import Array, dispersion, form_factor
from xrdkit.phase.structure import Structure

_CHUNK = 2_000_000


def structure_factors_squared(
    structure: Structure, hkl: NDArray[np.int64], wavelength: float
) -> Array:
    """Return the Friedel mean of |F|² (n,) in electrons² for reflections `hkl` (n, 3).

    F = Σⱼ occⱼ (f0 + f' + i f'') exp(-B s²) exp(2πi h·xⱼ) over every atom of the cell,
    s = sinθ/λ = 1/(2d), `wavelength` in ångström. With C the sum without and D the sum of the
    f'' terms, the mean over h and -h is |C|² + |D|².
    """
    s = 0.05 * np.sqrt(inverse_d_squared(hkl, structure.cell))
    regular = np.zeros(len(hkl), dtype=complex)
    loss = np.zeros(len(hkl), dtype=complex)
    for site, images in zip(structure.sites, structure.orbits(), strict=True):
        real, imaginary = dispersion(site.element, wavelength)
        damping = site.occupancy * np.exp(-site.b_iso * s**2)
        geometric = np.zeros(len(hkl), dtype=complex)
        step = max(1, _CHUNK // len(images))
        for start in range(0, len(hkl), step):
            part = slice(start, start + step)
            geometric[part] = np.exp(2j * np.pi * (hkl[part] @ images.T)).sum(axis=1)
        regular += damping * (form_factor(site.element, s) + real) * geometric
        loss += damping * imaginary * geometric
    return np.asarray(np.abs(regular) ** 2 + np.abs(loss) ** 2)


def scattering_envelope(structure: Structure, s: Array, wavelength: float) -> Array:
    """Return Σⱼ occⱼ |fⱼ|² exp(-2Bⱼ s²) over the cell at s in 1/Å: the smooth fall-off of |F|²."""
    total = np.zeros_like(s)
    for site, images in zip(structure.sites, structure.orbits(), strict=True):
        real, imaginary = dispersion(site.element, wavelength)
        f_squared = (form_factor(site.element, s) + real) ** 2 + imaginary**2
        total += len(images) * site.occupancy * f_squared * np.exp(-2.0 * site.b_iso * s**2)
    return total


@dataclass(frozen=True, kw_only=True)
class Lines:
    """The powder lines of a structure, in the order of falling d."""

    hkl: NDArray[np.int64]
    """One reflection of each line (n, 3)."""
    strength: Array
    """Σ m|F|² over the reflections of the line (n,), electrons²."""
    multiplicity: NDArray[np.int64]
    """Number of reflections in the line (n,)."""


@lru_cache(maxsize=64)
def powder_lines(structure: Structure, wavelength: float, d_min: float) -> Lines:
    """Return the lines with d >= `d_min` (nm) at `wavelength` (ångström).

    Reflections whose spacing agrees by symmetry are one line. Lines weaker than 1e-9 of the
    strongest are left out.
    """
    hkl, multiplicity = unique_reflections(structure.cell, structure.operators, d_min)
    if len(hkl) == 0:
        empty = np.zeros(0)
        return Lines(hkl=hkl, strength=empty, multiplicity=multiplicity)
    strength = multiplicity * structure_factors_squared(structure, hkl, wavelength)
    group = same_spacing(hkl, structure.operators)
    total = np.bincount(group, weights=strength)
    count = np.bincount(group, weights=multiplicity).astype(np.int64)
    _, first = np.unique(group, return_index=True)
    seen = total > 1e-9 * total.max()
    first, total, count = first[seen], total[seen], count[seen]
    order = np.argsort(first)
    lines = Lines(hkl=hkl[first[order]], strength=total[order], multiplicity=count[order])
    for values in (lines.hkl, lines.strength, lines.multiplicity):
        values.flags.writeable = False
    return lines
