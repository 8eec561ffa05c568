"""The sensor that two corrections share: its substance and the angle at which photons enter it."""

import math

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


def sensor_attenuation(
    calibration: Calibration, material: str, density: float | None, mu: float | None
) -> float:
    """Return μ of the sensor in 1/m at the wavelength of `calibration`, or `mu` where given."""
    if mu is not None:
        return mu
    return linear_attenuation(material, wavelength=calibration.wavelength, density=density)


def cos_incidence(calibration: Calibration, shape: tuple[int, int]) -> Array:
    """Return the cosine of the angle to the detector's normal at every pixel, of `shape`."""
    return np.cbrt(calibration.solid_angle(shape))
