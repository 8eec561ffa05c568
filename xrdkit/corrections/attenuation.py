"""Linear attenuation of a substance: μ(E) = ρ (μ/ρ)(E), photoelectric and scattering together.

Tables: W. T. Elam, B. D. Ravel & J. R. Sieber, Radiat. Phys. Chem. 63 (2002) 121, in xraydb. They
agree with NIST's (J. H. Hubbell & S. M. Seltzer, NISTIR 5632) to about 1 % between 5 and 100 keV.
"""

import math
from functools import cache

import xraydb

from xrdkit.errors import SpecError
from xrdkit.units import wavelength_from_energy

_ENERGY_KEV = (1.0, 800.0)
_CENTIMETRES = 100.0  # per metre
_GRAMS = 1e-3  # g/cm³ per kg/m³


@cache
def linear_attenuation(material: str, *, wavelength: float, density: float | None = None) -> float:
    """Return μ of `material` in 1/m for photons of `wavelength` in ångström.

    `material` is a formula (``"Si"``, ``"CdTe"``, ``"SiO2"``) or a name that xraydb knows
    (``"kapton"``); `density` is in kg/m³, by default xraydb's. Raises SpecError for a material that
    cannot be read or has no known density, and for energies outside 1 to 800 keV.
    """
    if not (math.isfinite(wavelength) and wavelength > 0):
        raise SpecError(f"wavelength {wavelength} Å is not positive")
    energy = wavelength_from_energy(wavelength)  # E = hc/λ is its own inverse
    low, high = _ENERGY_KEV
    if not low <= energy <= high:
        raise SpecError(f"photon energy {energy:.4g} keV is outside {low:g} to {high:g} keV")
    if density is not None and not (math.isfinite(density) and 0 < density < 30_000):
        raise SpecError(
            f"density {density} kg/m³ of {material} is not above 0 and below 30000",
            hint="it is given in kg/m³: 2329 for silicon",
        )
    grams = None if density is None else density * _GRAMS
    try:
        mu = float(xraydb.material_mu(material, 1e3 * energy, density=grams))
    except (Warning, ValueError, KeyError, TypeError) as exc:
        raise SpecError(
            f"the attenuation of {material!r} cannot be found: {exc}",
            hint="give a chemical formula, and the density in kg/m³",
        ) from exc
    if not (math.isfinite(mu) and mu > 0):
        raise SpecError(f"the attenuation of {material!r} at {energy:.4g} keV is {mu} 1/cm")
    return mu * _CENTIMETRES
