"""Absorption between sample and detector: paths are longer away from the direct beam.

    A = exp[-μ_g (|r| - D - Λ (sec 2θ - 1)) - Σ_j μ_j l_j (sec 2θ - 1)],  Λ = Σ_j l_j

r is the vector from sample to pixel, D the distance along the beam to the detector (that of the
PONI where the detector is turned away from the beam). The parts j (flight tubes, windows) are slabs
across the beam of length l_j, and gas fills the rest. A is 1 in the direct beam. Gases are ideal:
ρ = p M/(R T). Source: B. R. Pauw et al., J. Appl. Cryst. 50 (2017) 1800, for the principle. Golden
number: air at 20 °C and 1 atm, 8 keV: μ = 1.19 1/m.
"""

import math
from dataclasses import dataclass

import numpy as np
import xarray as xr

from xrdkit.corrections._step import CORRECTIONS, frame_shape, with_factor
from xrdkit.corrections.attenuation import linear_attenuation
from xrdkit.errors import CorrectionFailed, SpecError
from xrdkit.geometry import Calibration

_GAS_CONSTANT = 8.314462618  # J/(mol K)
VACUUM = "vacuum"
#: Gas -> (atoms, molar mass in kg/mol). Dry air: US Standard Atmosphere 1976.
GASES = {
    "air": ("N1.5617O0.4195Ar0.0093C0.0003", 28.9644e-3),
    "nitrogen": ("N", 28.0134e-3),
    "helium": ("He", 4.002602e-3),
    "argon": ("Ar", 39.948e-3),
}


@dataclass(frozen=True, kw_only=True)
class AirAbsorption:
    """The path of the scattered photons through gas, flight tubes and windows."""

    calibration: Calibration
    """Geometry of the detector, and the wavelength."""
    gas: str = "air"
    """What fills the path outside `parts`: ``"air"``, ``"nitrogen"``, ``"helium"``, ``"argon"`` or
    ``"vacuum"``."""
    parts: tuple[tuple[str, float], ...] = ()
    """(substance, length along the beam in m) of slabs across the beam: one of the gases,
    ``"vacuum"``, or a solid by formula or name, such as ``("kapton", 50e-6)``."""
    pressure: float = 101_325.0
    """Pressure of all gases, Pa; 0 to 1e7."""
    temperature: float = 293.15
    """Temperature of all gases, K; 50 to 2000."""

    def __post_init__(self) -> None:
        if self.gas != VACUUM and self.gas not in GASES:
            raise SpecError(f"gas {self.gas!r} is not known", hint=f"{', '.join(GASES)}, vacuum")
        if not 0 <= self.pressure <= 1e7:
            raise SpecError(f"pressure {self.pressure} Pa is outside 0 to 1e7 Pa")
        if not 50 <= self.temperature <= 2000:
            raise SpecError(f"temperature {self.temperature} K is outside 50 to 2000 K")
        for name, length in self.parts:
            if not (math.isfinite(length) and length > 0):
                raise SpecError(f"length {length} m of the part {name!r} is not positive")
            self._attenuation(name, 1.0)

    def apply(self, data: xr.Dataset) -> xr.Dataset:
        """Return the frames with A as ``factor_air_absorption``.

        Raises CorrectionFailed where the parts are longer than the way to the detector. Behind the
        sample (2θ ≥ 90°) pixels are NaN where there are parts.
        """
        shape = frame_shape(data, "AirAbsorption")
        t1, t2, t3 = self.calibration.positions(shape)
        path = np.sqrt(t1**2 + t2**2 + t3**2)
        direct = self.calibration.direct_distance
        if direct < 0:  # turned away by more than 90°: the direct beam never meets it
            direct = self.calibration.distance
        inside = sum(length for _, length in self.parts)
        if inside > direct:
            raise CorrectionFailed(
                f"the parts of the flight path are {inside:.6g} m long, the detector is at "
                f"{direct:.6g} m",
                hint="lengths are in metre, along the beam from the sample on",
            )
        wavelength = self.calibration.wavelength
        depth = self._attenuation(self.gas, wavelength) * (path - direct)
        if self.parts:
            with np.errstate(divide="ignore"):
                longer = np.where(t3 > 0, path / t3, np.nan) - 1.0
            in_parts = sum(n * self._attenuation(name, wavelength) for name, n in self.parts)
            depth += (in_parts - inside * self._attenuation(self.gas, wavelength)) * longer
        return with_factor(data, "air_absorption", np.exp(-depth), "transmission to the pixel")

    def _attenuation(self, name: str, wavelength: float) -> float:
        """Return μ of a part in 1/m."""
        if name == VACUUM or (name in GASES and self.pressure == 0):
            return 0.0
        if name not in GASES:
            return linear_attenuation(name, wavelength=wavelength)
        atoms, molar_mass = GASES[name]
        density = self.pressure * molar_mass / (_GAS_CONSTANT * self.temperature)
        return linear_attenuation(atoms, wavelength=wavelength, density=density)

    def record(self) -> dict[str, object]:
        """Return the settings, with the attenuation of the gas that was used in 1/m."""
        return {
            "calibration": self.calibration.digest(),
            "gas": self.gas,
            "parts": self.parts,
            "pressure": self.pressure,
            "temperature": self.temperature,
            "attenuation": self._attenuation(self.gas, self.calibration.wavelength),
        }


CORRECTIONS.add("air_absorption", AirAbsorption)
