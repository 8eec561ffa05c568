"""Geometry of an instrument: PONI files, masks, and refinement on a calibrant."""

from xrdkit.calibration.poni import load_calibration, save_calibration
from xrdkit.calibration.refine import calibrate
from xrdkit.calibration.result import CalibrationResult, CalibrationVerdict, RingResidual

__all__ = [
    "CalibrationResult",
    "CalibrationVerdict",
    "RingResidual",
    "calibrate",
    "load_calibration",
    "save_calibration",
]
