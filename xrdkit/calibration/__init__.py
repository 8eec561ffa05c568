"""Geometry of an instrument: PONI files, masks, and refinement on a calibrant."""

from xrdkit.calibration.bad_pixels import find_bad_pixels
from xrdkit.calibration.drift import CalibrationDifference, Difference, compare_calibrations
from xrdkit.calibration.goniometer import Goniometer, Motion
from xrdkit.calibration.goniometer_file import load_goniometer, save_goniometer
from xrdkit.calibration.goniometer_fit import GoniometerResult, calibrate_goniometer
from xrdkit.calibration.instrument import Instrument, load_instrument, save_instrument
from xrdkit.calibration.load import load_calibration, save_calibration
from xrdkit.calibration.mask import load_mask
from xrdkit.calibration.mask_formats import save_mask
from xrdkit.calibration.named import named_detector
from xrdkit.calibration.orientation import OrientationResult, find_orientation
from xrdkit.calibration.refine import calibrate
from xrdkit.calibration.resolution import Resolution, instrument_resolution
from xrdkit.calibration.result import CalibrationResult, CalibrationVerdict, RingResidual
from xrdkit.calibration.several import CalibrantExposure, SeveralResult, calibrate_several
from xrdkit.calibration.shadow import find_shadow
from xrdkit.calibration.with_mask import with_mask

__all__ = [
    "CalibrantExposure",
    "CalibrationDifference",
    "CalibrationResult",
    "CalibrationVerdict",
    "Difference",
    "Goniometer",
    "GoniometerResult",
    "Instrument",
    "Motion",
    "OrientationResult",
    "Resolution",
    "RingResidual",
    "SeveralResult",
    "calibrate",
    "calibrate_goniometer",
    "calibrate_several",
    "compare_calibrations",
    "find_bad_pixels",
    "find_orientation",
    "find_shadow",
    "instrument_resolution",
    "load_calibration",
    "load_goniometer",
    "load_instrument",
    "load_mask",
    "named_detector",
    "save_calibration",
    "save_goniometer",
    "save_instrument",
    "save_mask",
    "with_mask",
]
