"""Absorption in a flat plate, for beams that leave it at an angle.

With c_0, c_1 the cosines of the incident and the scattered beam to the normal of the plate, and
x = μt (1/c_1 - 1/c_0), the mean of the attenuation over the depth of scattering is

    <exp> = exp(-μt/c_0) [1 - exp(-x)]/x

* transmission: A = <exp>/T with the plate's own T = exp(-μt/c_0), so that A is 1 in the direct beam
  (x = μt (sec 2θ - 1) at normal incidence);
* reflection: A = <exp> 2 μt/c_0 = 2 [1 - exp(-y)]/(1 + c_0/|c_1|), y = μt (1/c_0 + 1/|c_1|), which
  is 1 for a thick plate in symmetric reflection.

Source: International Tables for Crystallography C (2004), section 6.3.3; for small angles,
B. R. Pauw et al., J. Appl. Cryst. 50 (2017) 1800.
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.corrections._step import CORRECTIONS, frame_shape, with_factor
from xrdkit.errors import SpecError
from xrdkit.geometry import Calibration

Array = NDArray[np.float64]
PlateGeometry = Literal["transmission", "reflection"]
_PARALLEL = 1e-9
_OPAQUE = 50.0  # transmission of 2e-22


@dataclass(frozen=True, kw_only=True)
class PlateAbsorption:
    """A flat sample, wider than the beam."""

    calibration: Calibration
    """Geometry of the detector."""
    mu_t: float
    """Attenuation times thickness along the normal of the plate; -ln T of a plate across the beam.
    Above 0, at most 1000 (a plate that nothing passes)."""
    tilt: float = 0.0
    """Angle between beam and normal of the plate, degree; 0 to below 90. A beam that glances at 10°
    is a tilt of 80."""
    tilt_azimuth: float = 0.0
    """Azimuth towards which the normal of the exit face leans, degree; 0 along +x, 90 along +y. A
    surface that faces up and reflects upwards leans towards -90."""
    geometry: PlateGeometry = "transmission"
    """Whether A is relative to the transmission of the plate, or to symmetric reflection."""

    def __post_init__(self) -> None:
        if not 0 < self.mu_t <= 1000:
            raise SpecError(
                f"mu_t {self.mu_t} is outside 0 to 1000",
                hint="it is attenuation times thickness: -ln of the transmission",
            )
        if not 0 <= self.tilt < 90:
            raise SpecError(f"tilt {self.tilt} degree is outside 0 to below 90")
        if not (math.isfinite(self.tilt_azimuth) and abs(self.tilt_azimuth) <= 360):
            raise SpecError(f"tilt_azimuth {self.tilt_azimuth} degree is outside -360 to 360")
        if self.geometry not in get_args(PlateGeometry):
            raise SpecError(f"geometry {self.geometry!r} is not transmission or reflection")
        enters = self.mu_t / math.cos(math.radians(self.tilt))
        if self.geometry == "transmission" and enters > _OPAQUE:
            raise SpecError(
                f"mu_t {self.mu_t} at a tilt of {self.tilt} degree: nothing is transmitted "
                "that the absorption could be relative to",
                hint="geometry = 'reflection'?",
            )

    def apply(self, data: xr.Dataset) -> xr.Dataset:
        """Return the frames with A as ``factor_plate_absorption``; NaN along the plate itself."""
        t1, t2, t3 = self.calibration.positions(frame_shape(data, "PlateAbsorption"))
        tilt, azimuth = math.radians(self.tilt), math.radians(self.tilt_azimuth)
        across = math.sin(tilt) * (math.sin(azimuth) * t1 + math.cos(azimuth) * t2)
        incident = math.cos(tilt)
        leaving = (across + incident * t3) / np.sqrt(t1**2 + t2**2 + t3**2)
        factor = plate_factor(self.mu_t, incident, leaving, self.geometry)
        return with_factor(data, "plate_absorption", factor, "transmission of the sample, relative")

    def record(self) -> dict[str, object]:
        """Return the settings."""
        return {
            "calibration": self.calibration.digest(),
            "mu_t": self.mu_t,
            "tilt": self.tilt,
            "tilt_azimuth": self.tilt_azimuth,
            "geometry": self.geometry,
        }


def plate_factor(mu_t: float, incident: float, leaving: Array, geometry: PlateGeometry) -> Array:
    """Return A for the cosines of incident and leaving beam to the normal of the exit face.

    `leaving` is negative for beams that come out of the face where the beam enters; any shape. The
    formula is in the head of the module.
    """
    cosine = np.where(np.abs(leaving) > _PARALLEL, leaving, np.nan)
    enters, leaves = mu_t / incident, mu_t / np.abs(cosine)
    # Through the plate exp(-enters u - leaves (1 - u)) is averaged over depth u, written so that no
    # exponent is above 0; out of the entrance face the depth is crossed on both ways.
    least = np.minimum(enters, leaves)
    through = np.exp(-least) * _mean_exponential(np.abs(leaves - enters))
    mean = np.where(cosine > 0, through, _mean_exponential(enters + leaves))
    return mean * (math.exp(enters) if geometry == "transmission" else 2.0 * enters)


def _mean_exponential(x: Array) -> Array:
    """Return [1 - exp(-x)]/x, 1 at x = 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(x < 1e-12, 1.0, -np.expm1(-x) / x)


CORRECTIONS.add("plate_absorption", PlateAbsorption)
