"""One frame to calibrate on: the mean of the frames handed in, and where it can be trusted."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import masks, schema
from xrdkit.calibration.named import module_gaps
from xrdkit.errors import EmptyResult, FrameShapeMismatch, SpecError
from xrdkit.geometry import Detector


@dataclass(frozen=True, kw_only=True)
class CalibrantFrame:
    """Counts of a calibrant exposure and the pixels that hold data."""

    counts: NDArray[np.float64]
    """Mean counts per frame, shape (y, x); 0 where not valid."""
    valid: NDArray[np.bool_]
    """Pixels that hold data, shape (y, x)."""


def calibrant_frame(
    frames: xr.Dataset,
    *,
    frame: int | None = None,
    mask: xr.DataArray | NDArray[Any] | None = None,
    detector: Detector | None = None,
) -> CalibrantFrame:
    """Return the mean over all written frames (or one of them) with every mask applied.

    `frames` is a FRAMES Dataset, `frame` a position along its ``frame`` dimension, `mask` a (y, x)
    array that is not 0 where a pixel is left out. Pixels are left out where the file's own mask,
    `mask`, the module gaps of a named `detector`, or the no-data rule of any frame says so.

    Raises SchemaError where `frames` is none, SpecError for a frame that is not there,
    FrameShapeMismatch for a mask of another shape, EmptyResult where no pixel is left.
    """
    schema.validate(frames, schema.FRAMES)
    counts = frames["counts"]
    number = counts.sizes["frame"]
    if frame is not None and not -number <= frame < number:
        raise SpecError(f"frame {frame} is not there", hint=f"the source holds {number} frames")
    shape = (counts.sizes["y"], counts.sizes["x"])
    valid = np.ones(shape, dtype=bool)
    for extra in (frames.get("mask"), mask):
        if extra is not None:
            left_out = np.asarray(extra)
            if left_out.shape != shape:
                raise FrameShapeMismatch(f"mask of {left_out.shape} pixels, frame of {shape}")
            valid &= left_out == 0
    gaps = None if detector is None else module_gaps(detector)
    if gaps is not None and gaps.shape == shape:
        valid &= ~gaps
    written = np.asarray(frames["written"].values) if "written" in frames.coords else None
    chosen = range(number) if frame is None else [frame % number]
    sentinels = masks.declared_sentinels(counts.attrs)
    total, used = np.zeros(shape), 0
    for position in chosen:
        if frame is None and written is not None and not written[position]:
            continue
        raw = np.asarray(counts.isel(frame=position).values)
        good = masks.no_data_reasons(raw, sentinels) == 0
        valid &= good
        total += np.where(good, raw, 0)
        used += 1
    if used == 0 or not valid.any():
        raise EmptyResult(
            "no pixel of the calibrant frame holds data",
            hint="all are masked, not a number, below 0, saturated, or no frame was written:"
            " check file and mask",
        )
    return CalibrantFrame(counts=np.where(valid, total / used, 0.0), valid=valid)
