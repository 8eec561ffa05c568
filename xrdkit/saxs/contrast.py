"""Contrast: difference of X-ray scattering length density between particle and matrix.

SLD = r_e N_A ρ Σ n_i (Z_i + f'_i) / Σ n_i A_i, f' at the photon energy (Chantler's tables in
xraydb; C. T. Chantler, J. Phys. Chem. Ref. Data 24 (1995) 71), r_e the classical electron radius.
The volume fraction goes with the square of the contrast: its error counts twice.
"""

import math
from dataclasses import dataclass
from typing import Self

import xraydb

from xrdkit.constants import AVOGADRO, ELECTRON_RADIUS_CM
from xrdkit.errors import SpecError
from xrdkit.saxs.materials import material_entry
from xrdkit.units import wavelength_from_energy

#: Standard error of f', electrons per atom, as large as Chantler's table and that of CXRO (B. L.
#: Henke, E. M. Gullikson & J. C. Davis, At. Data Nucl. Data Tables 54 (1993) 181) differ for
#: elements from H to Pb at 6 to 25 keV: a twentieth of f', and no less than what the relativistic
#: corrections of the two do, which grow with Z. Of the SLD at Cu Kα: Au 0.8, Pt 0.8, Ag 0.25, SiO2
#: 0.08 %. Within some 50 eV of an edge tables differ by more.
_F1_SHARE = 0.05
_F1_FLOOR = 1e-3
_RELATIVISTIC = (0.65, 79, 1.83)  # at Z = 79, and the power of Z
_ENERGY_RANGE = (1.0, 400.0)


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Contrast with its standard error, as `SizeSpec` takes them."""

    value: float
    """SLD of the particle minus that of the matrix, 1e10 1/cm²."""
    sigma: float
    """Its standard error from dispersion corrections and densities, 1e10 1/cm²."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """A substance by formula and mass density."""

    formula: str
    """Chemical formula such as ``"Pt"`` or ``"SiO2"``."""
    density: float
    """Mass density, g/cm³."""
    density_sigma: float = 0.0
    """Standard error of `density`, g/cm³."""

    @classmethod
    def named(cls, name: str, *, density: float | None = None, density_sigma: float = 0.0) -> Self:
        """Return a common substance by name, such as ``"Pt"``, ``"silica"`` or ``"water"``.

        `density` and `density_sigma`, g/cm³, are by default those of the library at room
        temperature (`xrdkit.saxs.materials`, each with its source); a density that is given holds
        with the error that is given. Raises SpecError for a name that is not known.
        """
        entry = material_entry(name)
        if density is None:
            if density_sigma:
                raise SpecError("density_sigma is the error of a density that is given")
            density, density_sigma = entry["density"], entry["density_sigma"]
        return cls(formula=entry["formula"], density=density, density_sigma=density_sigma)

    def __post_init__(self) -> None:
        if not 0 < self.density < 30:
            raise SpecError(f"density {self.density} g/cm³ of {self.formula} is outside 0 to 30")
        if not 0 <= self.density_sigma <= self.density:
            raise SpecError(f"density_sigma {self.density_sigma} is outside 0 to the density")


def scattering_length_density(material: Material, *, energy: float) -> tuple[float, float]:
    """Return the SLD (real part) at `energy` in keV and its standard error, both 1e10 1/cm².

    Raises SpecError for a formula that cannot be read or an energy outside 1 to 400 keV.
    """
    low, high = _ENERGY_RANGE
    if not low <= energy <= high:
        raise SpecError(f"photon energy {energy} keV is outside {low} to {high} keV")
    try:
        atoms = xraydb.chemparse(material.formula)
    except ValueError as exc:
        raise SpecError(f"formula {material.formula!r} cannot be read") from exc
    if not atoms:
        raise SpecError("a formula is empty")
    electrons = variance = mass = 0.0
    for element, count in atoms.items():
        number = xraydb.atomic_number(element)
        correction = float(xraydb.f1_chantler(element, 1e3 * energy))
        electrons += count * (number + correction)
        variance += (count * _f1_sigma(number, correction)) ** 2
        mass += count * xraydb.atomic_mass(element)
    scale = ELECTRON_RADIUS_CM * AVOGADRO * material.density / mass / 1e10
    value = scale * electrons
    relative_density = material.density_sigma / material.density
    return value, math.hypot(scale * math.sqrt(variance), value * relative_density)


def _f1_sigma(number: int, correction: float) -> float:
    size, at, power = _RELATIVISTIC
    relativistic = size * (number / at) ** power
    return max(_F1_SHARE * abs(correction), _F1_FLOOR * number, relativistic)


def xray_contrast(
    particle: Material,
    matrix: Material | None,
    *,
    energy: float | None = None,
    wavelength: float | None = None,
) -> Contrast:
    """Return the contrast of `particle` in `matrix` (None: vacuum or gas).

    Give the photon `energy` in keV or the `wavelength` in ångström, one of them. Raises SpecError
    otherwise, and for what `scattering_length_density` refuses.
    """
    if (energy is None) == (wavelength is None):
        raise SpecError("give either energy or wavelength")
    if energy is None:
        # E = hc/λ is its own inverse.
        energy = wavelength_from_energy(wavelength or 0.0)
    inside, inside_sigma = scattering_length_density(particle, energy=energy)
    outside, outside_sigma = (
        (0.0, 0.0) if matrix is None else scattering_length_density(matrix, energy=energy)
    )
    return Contrast(value=inside - outside, sigma=math.hypot(inside_sigma, outside_sigma))
