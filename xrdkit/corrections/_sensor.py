"""The sensor that two corrections share: its substance and the angle at which photons enter it."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.corrections.attenuation import linear_attenuation
from xrdkit.errors import SpecError
from xrdkit.geometry import Calibration

Array = NDArray[np.float64]


def check_sensor(material: str, thickness: float, density: float | None, mu: float | None) -> None:
    """Raise SpecError for a sensor that cannot be: thickness outside 1 µm to 10 cm, and so on."""
    if not (math.isfinite(thickness) and 1e-6 <= thickness <= 0.1):
        raise SpecError(
            f"sensor thickness {thickness} m is outside 1e-6 to 0.1 m",
            hint="it is given in metre: 450e-6 for 450 µm",
        )
    if mu is not None and not (math.isfinite(mu) and mu > 0):
        raise SpecError(f"sensor attenuation mu {mu} 1/m is not positive")
    if mu is not None and density is not None:
        raise SpecError("sensor: give density or mu, not both")
    # Looked up at an energy that every table has, so that a wrong name is found at once.
    linear_attenuation(material, wavelength=1.0, density=density)


@dataclass(frozen=True, kw_only=True)
class InSensor:
    """What a correction needs to know of a flat sensor."""

    calibration: Calibration
    """Geometry of the detector, and the wavelength."""
    material: str
    """Sensor: formula or name that xraydb knows, such as ``"Si"``, ``"CdTe"``."""
    thickness: float
    """Thickness t of the sensor, m; 1 µm to 10 cm."""
    density: float | None = None
    """Density of the sensor, kg/m³; None: xraydb's."""
    mu: float | None = None
    """Attenuation of the sensor, 1/m, where it is known better than from tables."""

    def __post_init__(self) -> None:
        check_sensor(self.material, self.thickness, self.density, self.mu)

    @property
    def attenuation(self) -> float:
        """μ in 1/m at the wavelength of the calibration, or `mu` where it is given."""
        if self.mu is not None:
            return self.mu
        wavelength = self.calibration.wavelength
        return linear_attenuation(self.material, wavelength=wavelength, density=self.density)

    def record(self) -> dict[str, object]:
        """Return the settings, with the attenuation that was used in 1/m."""
        return {
            "calibration": self.calibration.digest(),
            "material": self.material,
            "thickness": self.thickness,
            "density": self.density,
            "mu": self.mu,
            "attenuation": self.attenuation,
        }


def cos_incidence(calibration: Calibration, shape: tuple[int, int]) -> Array:
    """Return the cosine of the angle to the detector's normal at every pixel, of `shape`."""
    return np.cbrt(calibration.solid_angle(shape))
