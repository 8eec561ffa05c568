"""The mean of several exposures and its variance: for darks, empty beams and flats."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.canonical import sha256_array
from xrdkit.errors import EmptyResult, FrameShapeMismatch, SchemaError
from xrdkit.masks import declared_sentinels, no_data_reasons

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class AveragedFrame:
    """Mean of the valid values of every pixel over one or more frames."""

    mean: Array
    """Mean counts in `exposure_time` (where that is not known, per frame), shape (y, x); NaN where
    no frame has a valid value."""
    variance: Array
    """Poisson variance of `mean`, counts²: sum of the counts over their number squared."""
    exposure_time: float | None
    """Mean exposure of the frames, s, where all of them state theirs."""
    frames: int
    """Number of frames."""

    def digest(self) -> str:
        """Return the SHA-256 of mean and variance."""
        return sha256_array(np.stack([self.mean, self.variance]))


def average_frames(data: xr.Dataset | xr.DataArray | NDArray[Any]) -> AveragedFrame:
    """Return the mean over the frames of a FRAMES Dataset, or of an array of counts.

    An array is one frame (y, x) or a stack (frame, y, x) of counts with Poisson variance. No-data
    values are left out pixel by pixel. Raises EmptyResult where nothing valid is left and
    FrameShapeMismatch for other shapes.
    """
    if isinstance(data, xr.Dataset) and "counts" not in data:
        raise SchemaError("a Dataset of frames needs the variable 'counts'")
    counts: Any = data["counts"] if isinstance(data, xr.Dataset) else data
    sentinels = declared_sentinels(counts.attrs) if isinstance(counts, xr.DataArray) else ()
    counts = counts if isinstance(data, xr.Dataset) else np.asarray(data)
    if counts.ndim == 2:
        counts = counts[None]
    if counts.ndim != 3:
        raise FrameShapeMismatch(f"frames have shape (frame, y, x) or (y, x), not {counts.shape}")
    static = np.asarray(data["mask"]) != 0 if isinstance(data, xr.Dataset) and "mask" in data else 0
    times = _exposures(data, counts.shape[0])
    # Frames count by their exposure, so that a pixel that lacks one keeps its counts per second.
    parts = np.ones(counts.shape[0])
    mean_time = None if times is None else float(times[0])
    if times is not None and np.any(times != times[0]):
        mean_time = float(np.mean(times))
        parts = times / mean_time
    total = np.zeros(counts.shape[1:])
    number = np.zeros(counts.shape[1:])
    for k in range(counts.shape[0]):
        raw = np.asarray(counts[k])
        valid = (no_data_reasons(raw, sentinels) | static) == 0
        total[valid] += raw[valid]
        number += parts[k] * valid
    if not number.any():
        raise EmptyResult("no frame to average holds a valid pixel")
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(number > 0, total / number, np.nan)
        variance = np.where(number > 0, np.maximum(total, 0.0) / number**2, np.nan)
    return AveragedFrame(
        mean=mean, variance=variance, exposure_time=mean_time, frames=counts.shape[0]
    )


def _exposures(data: Any, number: int) -> Array | None:
    """Return the exposure of each of `number` frames, s; None where one does not state it."""
    if not isinstance(data, xr.Dataset) or "exposure_time" not in data.coords or number == 0:
        return None
    times = np.broadcast_to(data["exposure_time"].values, (number,)).astype(float)
    return times if np.all(np.isfinite(times) & (times > 0)) else None
