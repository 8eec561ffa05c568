"""Geometry of an instrument: PONI files, masks, and refinement on a calibrant."""

from xrdkit.calibration.instrument import Instrument, load_instrument
from xrdkit.calibration.mask import load_mask
from xrdkit.calibration.named import named_detector
from xrdkit.calibration.poni import load_calibration, save_calibration
from xrdkit.calibration.refine import calibrate
from xrdkit.calibration.result import CalibrationResult, CalibrationVerdict, RingResidual

__all__ = [
    "CalibrationResult",
    "CalibrationVerdict",
    "Instrument",
    "RingResidual",
    "calibrate",
    "load_calibration",
    "load_instrument",
    "load_mask",
    "named_detector",
    "save_calibration",
]
