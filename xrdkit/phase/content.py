"""What a cell contains: formula, formula units, mass and absorption."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd

import gemmi

from xrdkit.constants import HC_KEV_ANGSTROM
from xrdkit.errors import SpecError, StructureError
from xrdkit.phase.structure import Structure

_WHOLE = 1e-3


@dataclass(frozen=True, kw_only=True)
class Content:
    """The atoms of one cell in formula units."""

    units: int
    """Formula units Z in one cell."""
    formula: Mapping[str, float]
    """Atoms of each element in one formula unit."""
    formula_mass: float
    """Mass of one formula unit in g/mol."""
    density: float
    """X-ray density in g/cm³."""

    def __str__(self) -> str:
        """Return the formula in the order of Hill: C, H, then by letter; without C by letter."""
        first = ("C", "H") if "C" in self.formula else ()
        order = sorted(self.formula, key=lambda e: (e not in first, e))
        return " ".join(
            f"{e}{'' if abs(n - 1) < _WHOLE else f'{n:.3f}'.rstrip('0').rstrip('.')}"
            for e in order
            for n in (self.formula[e],)
        )


def cell_content(structure: Structure) -> Content:
    """Return the content of the cell of `structure`.

    Z is the largest number that divides the atoms of every element, or, where partly filled sites
    make those no whole numbers, the multiplicity of every site.
    """
    counts: dict[str, float] = {}
    for number, site in zip(structure.atoms_per_cell(), structure.sites, strict=True):
        counts[site.element] = counts.get(site.element, 0.0) + number
    whole = all(abs(n - round(n)) < _WHOLE * max(n, 1.0) for n in counts.values())
    if whole:
        units = gcd(*(round(n) for n in counts.values()))
    else:
        units = gcd(*(len(images) for images in structure.orbits()))
    return Content(
        units=units,
        formula={e: n / units for e, n in counts.items()},
        formula_mass=structure.mass / units,
        density=structure.density,
    )


def mass_attenuation(composition: Mapping[str, float], wavelength: float) -> float:
    """Return the mass attenuation coefficient µ/ρ in cm²/g of a mixture, `wavelength` in ångström.

    composition: formulas (``"Al2O3"``, ``"Zn"``; no brackets) and their mass fractions, which add
    up to 1 within 1 %. Cross-sections as `linear_absorption`. Raises SpecError for formulas that
    cannot be read, fractions that do not add up and wavelengths outside 0.1 to 100 keV.
    """
    import xraydb  # loading its tables takes more than a second, and few ask for µ

    energy = 1000.0 * HC_KEV_ANGSTROM / wavelength if wavelength > 0 else 0.0
    if not 100.0 <= energy <= 1e5:
        raise SpecError(f"wavelength {wavelength} Å: absorption is tabulated from 0.1 to 100 keV")
    whole = sum(composition.values())
    if not abs(whole - 1.0) <= 0.01 or any(not share >= 0 for share in composition.values()):
        raise SpecError(f"mass fractions {dict(composition)} do not add up to 1")
    total = 0.0
    for formula, share in composition.items():
        masses: dict[str, float] = {}
        if not re.fullmatch(r"(?:[A-Z][a-z]?\d*\.?\d*)+", formula):
            raise SpecError(f"formula {formula!r} cannot be read", hint='write "Al2O3" or "Zn"')
        for symbol, count in re.findall(r"([A-Z][a-z]?)(\d*\.?\d*)", formula):
            element = gemmi.Element(symbol)
            if not 1 <= element.atomic_number <= 98 or element.name != symbol:
                raise SpecError(f"formula {formula!r}: no absorption of {symbol} is known")
            masses[symbol] = masses.get(symbol, 0.0) + element.weight * float(count or 1)
        mass = sum(masses.values())
        for symbol, part in masses.items():
            number = gemmi.Element(symbol).atomic_number
            total += share / whole * part / mass * float(xraydb.mu_elam(number, energy))
    return total


def linear_absorption(structure: Structure, wavelength: float) -> float:
    """Return the linear absorption coefficient µ in 1/cm of the solid, `wavelength` in ångström.

    µ = ρ Σ wᵢ (µ/ρ)ᵢ with the total cross-sections of Elam, Ravel & Sieber, Radiat. Phys. Chem.
    63 (2002) 121, as xraydb tabulates them. Raises SpecError outside 0.1 to 100 keV and
    StructureError for an element without an entry (beyond Cf).
    """
    import xraydb  # loading its tables takes more than a second, and few ask for µ

    energy = 1000.0 * HC_KEV_ANGSTROM / wavelength if wavelength > 0 else 0.0
    if not 100.0 <= energy <= 1e5:
        raise SpecError(f"wavelength {wavelength} Å: absorption is tabulated from 0.1 to 100 keV")
    total = 0.0
    for number, site in zip(structure.atoms_per_cell(), structure.sites, strict=True):
        element = gemmi.Element(site.element)
        if not 1 <= element.atomic_number <= 98:
            raise StructureError(f"site {site.label!r}: no absorption of {site.element} is known")
        share = number * element.weight / structure.mass
        total += share * float(xraydb.mu_elam(element.atomic_number, energy))
    return structure.density * total
