"""What of a frame itself keeps rings from being found: counts, saturation, mask, header."""

import numpy as np
import xarray as xr

from xrdkit.calibration.frame import CalibrantFrame
from xrdkit.geometry import Detector

#: share of the pixels that stand at the largest value, and how large that is, where it is a limit
_FULL, _LARGE = 5e-4, 1000.0
#: mean counts of a pixel below which rings are hardly seen
_FEW = 0.02
_MASKED = 0.5
#: stated values that differ by more than this are not the ones given
_STATED = 0.01


def exposure_facts(exposure: CalibrantFrame) -> list[str]:
    """Return what is wrong with the counts of a frame, in words, the gravest first."""
    valid = exposure.counts[exposure.valid]
    found = []
    largest, mean = float(valid.max()), float(valid.mean())
    if largest <= 0:
        return ["no pixel has counted anything"]
    if float(valid.min()) == largest:
        return [f"all pixels hold {largest:g}"]
    full = float(np.mean(valid == largest))
    if largest >= _LARGE and full > _FULL:
        found.append(f"{full:.1%} of the pixels stand at {largest:g}: saturated?")
    if mean < _FEW:
        found.append(f"{mean:.2g} counts in a pixel are few: expose longer, or hand in more frames")
    left_out = 1.0 - valid.size / exposure.valid.size
    if left_out > _MASKED:
        found.append(f"{left_out:.0%} of the frame are masked: does the mask cover the rings?")
    return found


def stated_facts(
    frames: xr.Dataset, detector: Detector, wavelength: float, distance: float | None
) -> list[str]:
    """Return where the header of the frame, or its shape, contradicts what was given, in words.

    `wavelength` is in ångström, `distance` that of the start in m, None where there is none.
    """
    found = []
    stated = _header(frames, "wavelength_header")
    if stated is not None and not _near(stated, wavelength):
        found.append(f"the header states a wavelength of {stated:.5g} Å, {wavelength:.5g} is given")
    pixels = contradicted_pixels(frames, detector)
    if pixels:
        found.append(pixels)
    stated = _header(frames, "distance_header")
    if distance is not None and stated is not None and not _near(stated, distance, 0.05):
        found.append(f"the header states {stated * 1e3:.5g} mm, the start has {distance * 1e3:.5g}")
    return found


def contradicted_pixels(frames: xr.Dataset, detector: Detector) -> str:
    """Return that the frame comes from other pixels than those of `detector`; empty where not so.

    The size of square pixels cannot be seen in the rings of a flat detector: with all lengths
    multiplied by one factor no angle changes. The shape of a frame counts more than its header.
    """
    pixel = detector.pixel_size_y
    known = _pixels_of_shape(frames)
    if any(_near(size, pixel) for size in known):
        return ""
    stated = _header(frames, "pixel_size_y_header")
    if stated is not None and not _near(stated, pixel):
        return f"the header states pixels of {stated * 1e6:g} µm, {pixel * 1e6:g} are given"
    if stated is None and known:
        size, name = min(known.items(), key=lambda pair: abs(pair[0] - pixel))
        rows, columns = frames.sizes["y"], frames.sizes["x"]
        return (
            f"frames of {rows} x {columns} come from {name} of {size * 1e6:g} µm,"
            f" {pixel * 1e6:g} are given"
        )
    return ""


def _near(a: float, b: float, within: float = _STATED) -> bool:
    return abs(a - b) <= within * abs(b)


def _header(frames: xr.Dataset, name: str) -> float | None:
    """Return a number that the header states once for all frames; None where it does not."""
    if name not in frames.variables:
        return None
    try:
        values = np.unique(np.asarray(frames[name].values, dtype=float))
    except (TypeError, ValueError):
        return None
    values = values[np.isfinite(values) & (values > 0)]
    return float(values[0]) if values.size == 1 else None


def _pixels_of_shape(frames: xr.Dataset) -> dict[float, str]:
    """Return the edges (m) of pixels that detectors with frames of this shape have, and names."""
    from pyFAI.detectors import ALL_DETECTORS

    shape = (frames.sizes["y"], frames.sizes["x"])
    known: dict[float, str] = {}
    if shape[0] == shape[1]:  # squares are of too many makes to tell
        return known
    for device in ALL_DETECTORS.values():
        if getattr(device, "MAX_SHAPE", None) is None or tuple(device.MAX_SHAPE) != shape:
            continue
        pixel = getattr(device, "PIXEL_SIZE", None)
        if pixel is not None and device.force_pixel:
            known[float(pixel[0])] = device.__name__
    return known
