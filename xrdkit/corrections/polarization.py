"""Polarisation: P = [1 + cos² 2θ - f cos 2χ sin² 2θ]/2.

f is pyFAI's factor, (I_h - I_v)/(I_h + I_v) of the horizontal and vertical parts of the beam.
Source: R. Kahn et al., J. Appl. Cryst. 15 (1982) 330.
"""

from dataclasses import dataclass

import xarray as xr

from xrdkit.corrections._step import CORRECTIONS, frame_shape, with_factor
from xrdkit.errors import SpecError
from xrdkit.geometry import Calibration


@dataclass(frozen=True, kw_only=True)
class Polarization:
    """Polarisation of the incident beam."""

    calibration: Calibration
    """Geometry of the detector."""
    factor: float
    """f, -1 to 1: +1 horizontal, 0 unpolarised, -1 vertical (pyFAI's sign)."""

    def __post_init__(self) -> None:
        if not -1 <= self.factor <= 1:
            raise SpecError(f"polarization factor {self.factor} is outside -1 to 1")

    def apply(self, data: xr.Dataset) -> xr.Dataset:
        """Return the frames with P as ``factor_polarization``; f is its attribute."""
        shape = frame_shape(data, "Polarization")
        factor = self.calibration.polarization(shape, self.factor)
        result = with_factor(data, "polarization", factor, "polarisation factor of the pixel")
        result["factor_polarization"].attrs["polarization_factor"] = float(self.factor)
        return result

    def record(self) -> dict[str, object]:
        """Return the settings."""
        return {"calibration": self.calibration.digest(), "factor": self.factor}


CORRECTIONS.add("polarization", Polarization)
