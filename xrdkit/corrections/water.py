"""Absolute scattering of liquid water from its thermodynamics.

At small angles a pure liquid scatters by its density fluctuations alone, evenly over q:

    dΣ/dΩ = ρ_e² r_e² k_B T κ_T

with the electron density ρ_e = 10 N_A ρ/M, the classical electron radius r_e and the isothermal
compressibility κ_T (D. Orthaber, A. Bergmann & O. Glatter, J. Appl. Cryst. 33 (2000) 218). Density
and κ_T at one atmosphere: G. S. Kell, J. Chem. Eng. Data 20 (1975) 97.

The formula gives 0.01642 1/cm at 20 °C. The value of 0.01632 1/cm that is quoted from Orthaber et
al., and the table that goes with it, lie 0.6 % below at 0 to 40 °C. That difference, whose origin
is not known here, is taken as the standard error.
"""

import math

from xrdkit.constants import AVOGADRO, ELECTRON_RADIUS_CM
from xrdkit.errors import SpecError

#: Relative standard error of `water_cross_section`.
WATER_RELATIVE_SIGMA = 0.006
#: Largest q, 1/nm, up to which water is taken to scatter evenly. Molecular form factor and Compton
#: scattering, a few per cent each and of opposite sign there, are not part of the formula.
WATER_Q_MAX = 3.0

_BOLTZMANN = 1.380649e-23  # J/K, exact
_MOLAR_MASS = 18.01528  # g/mol
_ELECTRONS = 10
_CELSIUS = 273.15
#: Kell's numerators, by power of the temperature in °C, and the slope of each denominator.
_DENSITY = (  # kg/m³
    (999.83952, 16.945176, -7.9870401e-3, -46.170461e-6, 105.56302e-9, -280.54253e-12),
    16.879850e-3,
)
_COMPRESSIBILITY = (  # 1e-6 1/bar
    (50.88496, 0.6163813, 1.459187e-3, 20.08438e-6, -58.47727e-9, 410.4110e-12),
    19.67348e-3,
)


def water_density(temperature: float) -> float:
    """Return the density of water at `temperature` in K and one atmosphere, kg/m³."""
    return _kell(temperature, *_DENSITY)


def water_compressibility(temperature: float) -> float:
    """Return the isothermal compressibility of water at `temperature` in K, 1/Pa."""
    return _kell(temperature, *_COMPRESSIBILITY) * 1e-11


def water_cross_section(temperature: float) -> float:
    """Return dΣ/dΩ of water at `temperature` in K, 1/cm; its error is `WATER_RELATIVE_SIGMA`.

    Raises SpecError outside 273.15 to 373.15 K.
    """
    grams_per_cm3 = water_density(temperature) * 1e-3
    electrons = _ELECTRONS * AVOGADRO * grams_per_cm3 / _MOLAR_MASS  # 1/cm³
    # k_B T κ_T in m³, and 1e6 cm³ to each.
    volume = _BOLTZMANN * temperature * water_compressibility(temperature) * 1e6
    return (electrons * ELECTRON_RADIUS_CM) ** 2 * volume


def _kell(temperature: float, numerator: tuple[float, ...], slope: float) -> float:
    celsius = temperature - _CELSIUS
    if not (math.isfinite(celsius) and 0 <= celsius <= 100):
        raise SpecError(
            f"temperature {temperature} K: water is liquid from 273.15 to 373.15 K",
            hint="temperatures are in kelvin: 20 °C is 293.15",
        )
    above = sum(c * celsius**k for k, c in enumerate(numerator))
    return above / (1 + slope * celsius)
