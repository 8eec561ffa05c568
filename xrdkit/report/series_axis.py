"""What a series is drawn against: the time, voltage or temperature of its frames, or a number."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.report.label import plain_text, with_unit
from xrdkit.schema import FRAME

Array = NDArray[np.float64]
#: Coordinates on `frame` by preference; the first that varies is taken.
_PREFERRED = (
    "time",
    "elapsed_time",
    "start_time",
    "position",
    "temperature",
    "cell_voltage",
    "cell_potential",
)
_COMPANIONS = ("cell_voltage", "cell_potential", "potential", "current", "temperature", "pressure")


@dataclass(frozen=True, kw_only=True)
class SeriesAxis:
    """Positions of the frames along a physical axis."""

    label: str
    """Name with unit, as printed."""
    values: Array
    """Position of each frame, shape (frame,), finite."""
    coordinate: str
    """Name of the coordinate it comes from."""


def series_axis(data: xr.Dataset, against: str | None = None) -> SeriesAxis:
    """Return the axis a series is drawn against.

    `against` names a coordinate on ``frame``; by default it is the first of time, start time,
    position, temperature and cell voltage that is finite and varies, else the frame number.
    Times from 10 minutes on are in minutes, from 5 hours on in hours.
    """
    names = (against,) if against is not None else _PREFERRED
    for name in names:
        found = _numbers(data, name)
        if found is not None:
            return found
    return frame_axis(data)


def frame_axis(data: xr.Dataset) -> SeriesAxis:
    """Return the frame numbers as the axis."""
    count = int(data.sizes.get(FRAME, 1))
    labels = data[FRAME].values if FRAME in data.coords and FRAME in data.dims else None
    if labels is None or labels.dtype.kind not in "iuf":
        labels = np.arange(count)
    return SeriesAxis(label="frame", values=labels.astype(np.float64), coordinate=FRAME)


def companions(data: xr.Dataset, axis: SeriesAxis) -> list[SeriesAxis]:
    """Return what else was varied during the series: voltage, temperature, current."""
    found = (_numbers(data, name) for name in _COMPANIONS if name != axis.coordinate)
    return [f for f in found if f is not None]


def _numbers(data: xr.Dataset, name: str) -> SeriesAxis | None:
    if name not in data.coords or data[name].dims != (FRAME,):
        return None
    raw = data[name].values
    unit = str(data[name].attrs.get("units", ""))
    if raw.dtype.kind in "iuf":
        values = raw.astype(np.float64)
    else:
        values, unit = _seconds(raw), "s"
    if not np.all(np.isfinite(values)) or np.ptp(values) == 0:
        return None
    if unit == "s":
        values, unit = _readable_time(values)
    said = "time" if name == "start_time" else plain_text(name).replace("_", " ")
    return SeriesAxis(label=with_unit(said, unit), values=values, coordinate=name)


def _seconds(raw: NDArray[np.generic]) -> Array:
    """Return seconds since the first of ISO 8601 times; NaN where a text is not one."""
    seconds = np.full(raw.shape, np.nan)
    texts = raw.astype("datetime64[us]").astype(str) if raw.dtype.kind == "M" else raw
    for i, text in enumerate(texts):
        try:
            moment = datetime.fromisoformat(str(text))
        except ValueError:
            return seconds
        # A time without a zone is not taken as the machine's: its summer time would move frames.
        seconds[i] = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return seconds - seconds[0]


def _readable_time(seconds: Array) -> tuple[Array, str]:
    span = float(np.max(np.abs(seconds)))
    if span >= 5 * 3600:
        return seconds / 3600, "h"
    if span >= 600:
        return seconds / 60, "min"
    return seconds, "s"
