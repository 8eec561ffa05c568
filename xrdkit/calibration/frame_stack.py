"""A stack of frames read one by one: their sum, and which pixels stay bright."""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.errors import EmptyResult
from xrdkit.masks import declared_sentinels, no_data_reasons

Array = NDArray[np.float64]
#: Groups of frames, at most, that each have to show a bright pixel, and how much of it.
_GROUPS, _SHARE, _NEARLY = 10, 0.2, 0.9
#: counts of a bright pixel that a group of frames should hold to speak for itself
_TELLING = 8.0


class FrameStack:
    """The frames that hold data, read one by one."""

    def __init__(self, frames: xr.Dataset) -> None:
        self.counts = frames["counts"]
        written = frames["written"].values if "written" in frames.coords else None
        number = self.counts.sizes["frame"]
        self.positions = [k for k in range(number) if written is None or written[k]]
        if not self.positions:
            raise EmptyResult("there is no frame to look at")
        shape = (self.counts.sizes["y"], self.counts.sizes["x"])
        own = frames.get("mask")
        self.usable = np.ones(shape, bool) if own is None else np.asarray(own.values) == 0
        self.sentinels = declared_sentinels(self.counts.attrs)

    def frame(self, position: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return values and valid pixels of one frame."""
        raw = np.asarray(self.counts[position].values)
        return raw, (no_data_reasons(raw, self.sentinels) == 0) & self.usable

    def total(self) -> tuple[Array, NDArray[np.bool_]]:
        """Return the sum over the frames and the pixels that hold data in most of them.

        Where a pixel lacks some frames its sum is scaled up.
        """
        summed = np.zeros(self.usable.shape)
        seen = np.zeros(self.usable.shape, dtype=np.int64)
        for position in self.positions:
            raw, good = self.frame(position)
            np.add(summed, raw, out=summed, where=good, casting="unsafe")
            seen += good
        number = len(self.positions)
        valid = 2 * seen > number
        np.multiply(summed, number / np.maximum(seen, 1), out=summed, where=seen < number)
        return summed, valid

    def stays_bright(
        self, places: NDArray[np.intp], totals: Array, background: Array
    ) -> NDArray[np.bool_]:
        """Return which of `places` (n, 2) are bright in nearly every group of frames.

        `totals` and `background` are the sums of the pixel and of one around it over all frames.
        """
        number = len(self.positions)
        if number == 1 or len(places) == 0:
            return np.ones(len(places), dtype=bool)
        excess = totals - background
        parts = np.clip(np.floor(excess / _TELLING), 2, min(number, _GROUPS)).astype(np.int64)
        groups = np.zeros((len(places), _GROUPS))
        offsets = [(v, u) for v in (-1, 0, 1) for u in (-1, 0, 1) if v or u]
        rows, columns = self.usable.shape
        one = np.arange(len(places))
        for k, position in enumerate(self.positions):
            raw, good = self.frame(position)
            y, x = places.T
            around = np.full((len(offsets), len(places)), np.nan)
            for at, (v, u) in enumerate(offsets):
                yy, xx = y + v, x + u
                inside = (yy >= 0) & (yy < rows) & (xx >= 0) & (xx < columns)
                yy, xx = np.clip(yy, 0, rows - 1), np.clip(xx, 0, columns - 1)
                around[at] = np.where(inside & good[yy, xx], raw[yy, xx].astype(float), np.nan)
            level = _median_of_present(around)
            value = np.where(good[y, x], raw[y, x].astype(float) - level, 0.0)
            groups[one, k * parts // number] += value
        needed = np.ceil(_NEARLY * parts)
        shown = groups > _SHARE * (excess / parts)[:, None]
        shown &= np.arange(_GROUPS)[None, :] < parts[:, None]
        return np.asarray(shown.sum(axis=1) >= needed)


def _median_of_present(values: Array) -> Array:
    """Return the median over the first axis of what is not NaN, 0 where nothing is there."""
    ordered = np.sort(values, axis=0)
    number = np.isfinite(values).sum(axis=0)
    column = np.arange(values.shape[1])
    low = ordered[np.maximum(number - 1, 0) // 2, column]
    high = ordered[np.minimum(number // 2, values.shape[0] - 1), column]
    return np.where(number > 0, 0.5 * (low + np.where(number > 0, high, 0.0)), 0.0)
