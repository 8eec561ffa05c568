"""The mean of several exposures and its variance: for darks, empty beams and flats."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.canonical import sha256_array
from xrdkit.errors import EmptyResult, FrameShapeMismatch
from xrdkit.masks import declared_sentinels, no_data_reasons

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class AveragedFrame:
    """Mean of the valid values of every pixel over one or more frames."""

    mean: Array
    """Mean counts per frame, shape (y, x); NaN where no frame has a valid value."""
    variance: Array
    """Poisson variance of `mean`, counts²: sum of the counts over their number squared."""
    exposure_time: float | None
    """Exposure of one frame, s, where all frames state the same."""
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
    counts: Any = data["counts"] if isinstance(data, xr.Dataset) else np.asarray(data)
    if counts.ndim == 2:
        counts = counts[None]
    if counts.ndim != 3:
        raise FrameShapeMismatch(f"frames have shape (frame, y, x) or (y, x), not {counts.shape}")
    sentinels = declared_sentinels(counts.attrs) if isinstance(data, xr.Dataset) else ()
    static = np.asarray(data["mask"]) != 0 if isinstance(data, xr.Dataset) and "mask" in data else 0
    total = np.zeros(counts.shape[1:])
    number = np.zeros(counts.shape[1:])
    for k in range(counts.shape[0]):
        raw = np.asarray(counts[k])
        valid = (no_data_reasons(raw, sentinels) | static) == 0
        total[valid] += raw[valid]
        number += valid
    if not number.any():
        raise EmptyResult("no frame to average holds a valid pixel")
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(number > 0, total / number, np.nan)
        variance = np.where(number > 0, np.maximum(total, 0.0) / number**2, np.nan)
    return AveragedFrame(
        mean=mean, variance=variance, exposure_time=_exposure(data), frames=counts.shape[0]
    )


def _exposure(data: Any) -> float | None:
    if not isinstance(data, xr.Dataset) or "exposure_time" not in data.coords:
        return None
    times = np.unique(np.atleast_1d(data["exposure_time"].values).astype(float))
    return float(times[0]) if times.size == 1 and times[0] > 0 else None
