"""Which frames of a series are shown one by one."""

import operator

import numpy as np
import xarray as xr

from xrdkit.errors import SpecError
from xrdkit.schema import FRAME, Schema, validate


def evenly(count: int, wanted: int) -> list[int]:
    """Return at most `wanted` indices, first and last included, evenly spread over `count`."""
    if count <= 0:
        return []
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, wanted)).tolist()})


def frame_count(data: xr.Dataset) -> int:
    """Return the number of frames; a Dataset without the dimension is one."""
    return int(data.sizes.get(FRAME, 1))


def telling(result: xr.Dataset, wanted: int = 6) -> list[int]:
    """Return the indices of frames whose fits are shown: spread evenly, and the worst one.

    Frames without a calculated curve are passed over; an all-failed series gives none.
    """
    fitted = _fitted(result)
    if fitted.size <= wanted:
        return [int(i) for i in fitted]
    gof = np.atleast_1d(np.asarray(result["gof"].values, dtype=float))[fitted]
    spread = {int(fitted[i]) for i in evenly(fitted.size, wanted - 1)}
    if np.isfinite(gof).any():
        spread.add(int(fitted[int(np.nanargmax(gof))]))
    return sorted(spread)


def at(data: xr.Dataset, index: int) -> xr.Dataset:
    """Return one frame of `data` without its dimension; `data` itself where it has none."""
    return data.isel({FRAME: index}) if FRAME in data.dims else data


def wanted_frame(result: xr.Dataset, schema: Schema, index: int) -> xr.Dataset:
    """Return one frame of a result of `schema` that a user asked for; see `at`.

    Raises SchemaError for a result of another kind, SpecError for a frame that it does not have.
    """
    validate(result, schema)
    count = frame_count(result)
    try:
        number = operator.index(index)
    except TypeError as exc:
        raise SpecError(f"frame is {index!r}, not a whole number") from exc
    if not -count <= number < count:
        raise SpecError(
            f"there is no frame {number}: the result has {count}",
            hint="frame= counts from 0, whatever the frames are called",
        )
    return at(result, number)


def frame_name(data: xr.Dataset, index: int) -> str:
    """Return ``"frame 12"`` by the frame's own label, ``""`` where there are no frames."""
    if FRAME not in data.dims:
        return ""
    label = data[FRAME].values[index] if FRAME in data.coords else index
    return f"frame {label}"


def _fitted(result: xr.Dataset) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    curve = np.asarray(result["intensity_calculated"].values, dtype=float)
    rows = curve.reshape(frame_count(result), -1)
    return np.flatnonzero(np.isfinite(rows).any(axis=1))
