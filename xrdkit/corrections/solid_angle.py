"""Solid angle of the pixels: Ω = cos³ of the angle of incidence, 1 at normal incidence.

Source: B. R. Pauw et al., J. Appl. Cryst. 50 (2017) 1800, correction SP.
"""

from dataclasses import dataclass

import xarray as xr

from xrdkit.corrections._step import CORRECTIONS, frame_shape, with_factor
from xrdkit.geometry import Calibration


@dataclass(frozen=True, kw_only=True)
class SolidAngle:
    """Relative solid angle of flat pixels."""

    calibration: Calibration
    """Geometry of the detector."""

    def apply(self, data: xr.Dataset) -> xr.Dataset:
        """Return the frames with Ω as ``factor_solid_angle``."""
        omega = self.calibration.solid_angle(frame_shape(data, "SolidAngle"))
        return with_factor(data, "solid_angle", omega, "solid angle of the pixel")

    def record(self) -> dict[str, object]:
        """Return the settings."""
        return {"calibration": self.calibration.digest()}


CORRECTIONS.add("solid_angle", SolidAngle)
