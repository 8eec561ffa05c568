"""Solid angle of the pixels: Ω = cos³ of the angle of incidence, 1 at normal incidence."""

from dataclasses import dataclass

import xarray as xr

from xrdkit.corrections._step import CORRECTIONS, frame_shape, weighted
from xrdkit.geometry import Calibration


@dataclass(frozen=True, kw_only=True)
class SolidAngle:
    """Relative solid angle of flat pixels."""

    calibration: Calibration
    """Geometry of the detector."""

    def apply(self, data: xr.Dataset) -> xr.Dataset:
        """Return the frames with Ω in their ``pixel_weight``."""
        shape = frame_shape(data, "SolidAngle")
        factor = xr.DataArray(self.calibration.solid_angle(shape), dims=("y", "x"))
        return weighted(data, factor)

    def record(self) -> dict[str, object]:
        """Return the settings."""
        return {"calibration": self.calibration.digest()}


CORRECTIONS.add("solid_angle", SolidAngle)
