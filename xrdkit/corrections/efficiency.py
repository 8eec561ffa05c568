"""Efficiency of the sensor against the angle of incidence a, 1 at normal incidence:

    E = [1 - exp(-μ t/cos a)] / [1 - exp(-μ t)]

μ is the total attenuation: the share of photons absorbed rather than scattered cancels. Source:
J. Zaleski, G. Wu & P. Coppens, J. Appl. Cryst. 31 (1998) 302. Golden numbers, Si of 450 µm with μ
of xraydb: Mo Kα1 1.191 (40°), 1.501 (60°); Cu Kα1 1.0013 (60°).
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from xrdkit.corrections._sensor import check_sensor, cos_incidence, sensor_attenuation
from xrdkit.corrections._step import CORRECTIONS, frame_shape, with_factor
from xrdkit.geometry import Calibration


@dataclass(frozen=True, kw_only=True)
class DetectorEfficiency:
    """A flat sensor that absorbs more of the beam where it crosses it at an angle."""

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

    def apply(self, data: xr.Dataset) -> xr.Dataset:
        """Return the frames with E as ``factor_efficiency``."""
        cosine = cos_incidence(self.calibration, frame_shape(data, "DetectorEfficiency"))
        mu = sensor_attenuation(self.calibration, self.material, self.density, self.mu)
        depth = mu * self.thickness
        factor = np.expm1(-depth / cosine) / np.expm1(-depth)
        return with_factor(data, "efficiency", factor, "efficiency of the sensor at this angle")

    def record(self) -> dict[str, object]:
        """Return the settings, with the attenuation that was used in 1/m."""
        return {
            "calibration": self.calibration.digest(),
            "material": self.material,
            "thickness": self.thickness,
            "density": self.density,
            "mu": self.mu,
            "attenuation": sensor_attenuation(
                self.calibration, self.material, self.density, self.mu
            ),
        }


CORRECTIONS.add("efficiency", DetectorEfficiency)
