"""Refinement of a geometry from a start on a calibrant frame: find rings, fit, find again."""

import logging
import math
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import schema
from xrdkit.calibration.asked import asked_wavelength
from xrdkit.calibration.exposure_facts import contradicted_pixels
from xrdkit.calibration.frame import calibrant_frame
from xrdkit.calibration.judgement import judged
from xrdkit.calibration.likely_cause import Attempt, explained
from xrdkit.calibration.named import named_detector
from xrdkit.calibration.refinement import refined
from xrdkit.calibration.result import (
    CalibrationResult,
    CalibrationVerdict,
)
from xrdkit.calibration.rings import calibrant_rings
from xrdkit.calibration.unassisted_refine import found_without_start
from xrdkit.calibration.unassisted_ridges import seen
from xrdkit.errors import (
    CalibrationRejected,
    FrameShapeMismatch,
    SpecError,
)
from xrdkit.geometry import Calibration, Detector

Array = NDArray[np.float64]
LOG = logging.getLogger("xrdkit")

#: how far off the start may be: share of the radius and pixels; tried in this order
_STARTS = ((0.012, 6.0), (0.035, 12.0))


def calibrate(
    frames: xr.Dataset,
    *,
    calibrant: str,
    detector: Detector | str | None = None,
    wavelength: float | None = None,
    start: Calibration | None = None,
    frame: int | None = None,
    mask: xr.DataArray | NDArray[Any] | None = None,
    force: bool = False,
) -> CalibrationResult:
    """Return the geometry that explains the rings of a calibrant, from `start` or from nothing.

    Without a start, bright ridges of the frame are found, their normals vote for beam centres, and
    radii for distances (`find_hypotheses`); what fits best is refined and has more to show before
    it is accepted (`search_reasons`): a tilt that the data tell, no other geometry that fits as
    well, and three rings, or two that are no other pair of any usual standard (`other_pairs`).

    Rings are found as peak positions in azimuth sectors (`ring_points`), the geometry is fitted to
    them (`fit_geometry`), and both are repeated until no point moves by more than 0.01 px or 5 % of
    the rms. Distance and beam position are always free, the tilt where the data show it, the
    wavelength never.

    Args:
        frames: FRAMES Dataset, counts (frame, y, x); the mean over its written frames is used.
        calibrant: name of the standard as in pyFAI: LaB6, CeO2, AgBh, Si, ...
        detector: detector or its name in pyFAI's list; default: that of `start`; needed without.
        wavelength: ångström; default: that of `start`; needed without.
        start: geometry within about 3 % of the distance and 12 px of the beam centre; None: the
            geometry is looked for.
        frame: use this frame alone, a position along ``frame``.
        mask: (y, x), not 0 where a pixel is left out, besides the masks of `frames`.
        force: return a geometry that must not be used too, to look at: its verdict is ``rejected``.

    Raises CalibrationRejected where nothing is found, or (without `force`) where the outcome must
    not be used, naming the reasons, the outcome being its ``result``; SpecError for settings that
    contradict each other, an unknown calibrant or frame; FrameShapeMismatch where frame, detector
    and mask differ in shape; EmptyResult where no pixel holds data.
    """
    if start is None:
        device, known = _asked_for(detector, wavelength, frames)
        exposure = calibrant_frame(frames, frame=frame, mask=mask, detector=device)
        rings = calibrant_rings(calibrant, known)
        frame_seen = seen(exposure)
        asked = Attempt(
            frames=frames,
            exposure=exposure,
            calibrant=rings.name,
            detector=device,
            wavelength=known,
            frame=frame_seen,
        )
        try:
            found = found_without_start(frame_seen, rings, device, known)
        except CalibrationRejected as refusal:
            raise explained(refusal, asked) from refusal
        if found.verdict is CalibrationVerdict.REJECTED and not force:
            raise explained(
                _refusal(f"{found.calibrant}: {'; '.join(found.reasons)}", found), asked
            )
        return _with_pixels_doubted(found, frames)
    first = _prepared(start, detector, wavelength, frames)
    rings = calibrant_rings(calibrant, first.wavelength)
    exposure = calibrant_frame(frames, frame=frame, mask=mask, detector=first.detector)
    first.two_theta((exposure.counts.shape[0], exposure.counts.shape[1]))  # refuses a wrong shape
    failures: list[str] = []
    best: CalibrationResult | None = None
    rejected: CalibrationResult | None = None
    for reach in _STARTS:
        try:
            result = judged(refined(exposure, rings, first, reach), exposure, rings, first)
        except CalibrationRejected as exc:
            failures.append(exc.message)
            continue
        if result.verdict is CalibrationVerdict.ACCEPTED:
            return _with_pixels_doubted(result, frames)
        if result.verdict is CalibrationVerdict.REJECTED:
            failures.append("; ".join(result.reasons))
            rejected = rejected or result
        else:
            best = best or result
    if best is not None:
        return best
    if rejected is not None and force:
        return rejected
    asked = Attempt(
        frames=frames,
        exposure=exposure,
        calibrant=rings.name,
        detector=first.detector,
        wavelength=first.wavelength,
        start=first,
    )
    raise explained(_refusal(f"{rings.name}: {failures[0]}", rejected), asked)


def _with_pixels_doubted(result: CalibrationResult, frames: xr.Dataset) -> CalibrationResult:
    """Return an accepted result as doubtful where the frame states other pixels: no ring would."""
    contradiction = contradicted_pixels(frames, result.calibration.detector)
    if not contradiction or result.verdict is not CalibrationVerdict.ACCEPTED:
        return result
    reason = f"{contradiction}: every length scales with it"
    return replace(result, verdict=CalibrationVerdict.DOUBTFUL, reasons=(reason,))


def _refusal(message: str, result: CalibrationResult | None) -> CalibrationRejected:
    refusal = CalibrationRejected(message)
    refusal.result = result
    return refusal


def _asked_for(
    detector: Detector | str | None, wavelength: float | None, frames: xr.Dataset
) -> tuple[Detector, float]:
    """Return detector and wavelength of a calibration without a start, which need both."""
    if detector is None or wavelength is None:
        missing = "a detector" if detector is None else "a wavelength"
        raise SpecError(
            f"{missing} is needed where there is no start",
            hint="pass detector= (name or pixel size) and wavelength= in ångström, or start=",
        )
    device = named_detector(detector) if isinstance(detector, str) else detector
    known = asked_wavelength(wavelength)
    schema.validate(frames, schema.FRAMES)
    shape = (frames.sizes["y"], frames.sizes["x"])
    if device.shape is not None and tuple(device.shape) != shape:
        raise FrameShapeMismatch(
            f"frame of {shape} pixels, detector of {device.shape}",
            hint="name the detector of this frame, or give its pixel size alone",
        )
    return replace(device, shape=shape), known


def _prepared(
    start: Calibration,
    detector: Detector | str | None,
    wavelength: float | None,
    frames: xr.Dataset,
) -> Calibration:
    """Return the start with the detector and wavelength that are asked for."""
    own = start.detector
    if detector is None:
        chosen = own
    elif isinstance(detector, str):
        chosen = replace(named_detector(detector), orientation=own.orientation)
    else:
        chosen = detector
    for name in ("pixel_size_y", "pixel_size_x", "orientation"):
        if not math.isclose(getattr(chosen, name), getattr(own, name), rel_tol=1e-6):
            raise SpecError(
                f"detector {name} is {getattr(chosen, name)}, in the start {getattr(own, name)}",
                hint="the start places another detector; give one of the same pixels",
            )
    if chosen.shape is None and "counts" in frames:
        sizes = frames["counts"].sizes
        if "y" in sizes and "x" in sizes:
            chosen = replace(chosen, shape=(sizes["y"], sizes["x"]))
    if wavelength is None:
        return replace(start, detector=chosen)
    known = asked_wavelength(wavelength)
    if not math.isclose(known, start.wavelength, rel_tol=1e-3):
        LOG.warning("wavelength %g Å is used, the start has %g Å", known, start.wavelength)
    return replace(start, detector=chosen, wavelength=known)
