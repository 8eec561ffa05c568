"""Parallax: photons that enter a thick sensor at an angle are counted further out.

With μ' = μ/cos a, the mean absorption lies off the point of entry, along the sensor, by

    dr = (sin a/μ) [1 - (1 + μ' t) exp(-μ' t)] / [1 - exp(-μ' t)]

away from the point of normal incidence. A count seen at r entered at r_0 with r_0 + dr(r_0) = r.
Source: pyFAI's parallax model (J. Kieffer et al., J. Synchrotron Rad. 27 (2020) 558, and its
documentation).
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.corrections._sensor import check_sensor, cos_incidence, sensor_attenuation
from xrdkit.corrections._step import CORRECTIONS, attached, frame_shape
from xrdkit.geometry import Calibration

Array = NDArray[np.float64]
#: Each gains a factor of (mean depth of absorption)/distance, two digits or more in practice.
_ITERATIONS = 12


@dataclass(frozen=True, kw_only=True)
class Parallax:
    """Depth of absorption in the sensor, seen at an angle."""

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
        """Return the frames with ``radial_shift`` (y, x), m: r - r_0 of each pixel, outward."""
        cosine = cos_incidence(self.calibration, frame_shape(data, "Parallax"))
        mu = sensor_attenuation(self.calibration, self.material, self.density, self.mu)
        distance = self.calibration.distance
        seen = distance * np.sqrt(np.maximum(cosine**-2 - 1.0, 0.0))
        shift = np.zeros_like(seen)
        for _ in range(_ITERATIONS):
            shift = mean_displacement((seen - shift) / distance, mu, self.thickness)
        label = {"units": "m", "long_name": "how far outward of its entry a photon is counted"}
        return attached(data, radial_shift=(("y", "x"), shift, label))

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


def mean_displacement(tangent: Array, mu: float, thickness: float) -> Array:
    """Return dr in m for the tangent of the angle of incidence, any shape.

    `mu` is in 1/m, `thickness` in m; the formula is in the head of the module.
    """
    secant = np.sqrt(1.0 + tangent**2)
    depth = mu * thickness * secant
    # (1 - (1 + u) e^-u)/(1 - e^-u) is 1 - u e^-u/(1 - e^-u), which loses no digits in thin sensors.
    return tangent / (secant * mu) * (1.0 + depth * np.exp(-depth) / np.expm1(-depth))


CORRECTIONS.add("parallax", Parallax)
