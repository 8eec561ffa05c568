"""The verb `compare_headers`: headers held against the calibration, the detector and themselves."""

import xarray as xr

from xrdkit import schema
from xrdkit.errors import SpecError
from xrdkit.frames.contradiction import Contradiction, HeaderTolerance
from xrdkit.frames.header_checks import CHECKS
from xrdkit.frames.header_geometry import check_calibration, check_detector
from xrdkit.geometry import Calibration, Detector


def compare_headers(
    frames: xr.Dataset,
    calibration: Calibration | Detector | None = None,
    *,
    tolerance: HeaderTolerance | None = None,
) -> list[Contradiction]:
    """Return what the headers of `frames` say that cannot be; an empty list where all agrees.

    `frames` is a Dataset of `open_frames`; no pixel is read. Against a `calibration` are held pixel
    sizes, distance, wavelength, beam centre (also with x and y swapped, and counted from the other
    edges) and shape; against a `Detector` pixel sizes and shape. Without either, and always, the
    header is held against what was stated, the known detector of its name or shape (pyFAI's list),
    and itself: exposure and live time, exposure and period, wavelength, energy and threshold, the
    name of the sample and that of the file. One fact of the same frames is reported once.

    A header that says nothing contradicts nothing. Raises SchemaError where `frames` are none,
    SpecError where `calibration` is of another kind.
    """
    schema.validate(frames, schema.FRAMES)
    limits = HeaderTolerance() if tolerance is None else tolerance
    found: list[Contradiction] = []
    if isinstance(calibration, Calibration):
        found += check_calibration(frames, calibration, limits)
    elif isinstance(calibration, Detector):
        found += check_detector(frames, calibration, limits)
    elif calibration is not None:
        raise SpecError(
            f"headers are compared with a Calibration, not with a {type(calibration).__name__}",
            hint="load_calibration reads one",
        )
    for check in CHECKS:
        found += check(frames, limits)
    told: dict[tuple[str, tuple[int, ...]], Contradiction] = {}
    for one in found:
        told.setdefault((one.name, one.frames), one)
    return list(told.values())
