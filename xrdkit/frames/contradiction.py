"""What a header contradiction is, and how far two values may differ before they are one."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import xarray as xr

from xrdkit.errors import SpecError

#: A number, a pair or shape of them, or text.
Value = float | str | tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Contradiction:
    """Something that a header says and that cannot be."""

    name: str
    """Name of the fact, as in `vocabulary.COORDINATES`; ``"beam_center_header"`` for (x, y) in
    pixels together, ``"shape"`` for rows and columns."""
    header_value: Value
    """What the header says."""
    true_value: Value
    """What it should say: from the calibration, the detector, what was stated, or the fact of the
    same header that it contradicts."""
    unit: str
    """Unit of both values; empty for text."""
    source_key: str
    """Where in the header the value stands."""
    frames: tuple[int, ...]
    """Positions along ``frame`` of the frames that it is about."""
    message: str
    """What is wrong, in words."""

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, kw_only=True)
class HeaderTolerance:
    """How far a header may be from the truth before it is reported."""

    distance: float = 5e-3
    """Relative, of the sample to detector distance."""
    wavelength: float = 1e-3
    """Relative, of wavelength and photon energy."""
    pixel_size: float = 5e-3
    """Relative, of the pixel pitch."""
    beam_center: float = 2.0
    """Pixels, of the beam centre; programs that count from pixel centres are 0.7 off."""
    time: float = 5e-3
    """Relative, of exposure and live time."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (np.isfinite(value) and value > 0):
                raise SpecError(f"tolerance of {field.name} must be positive, not {value}")


def numbers(frames: xr.Dataset, name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
    """Return the fact `name` per frame, NaN where a frame has none; None where no frame has it."""
    if name not in frames.coords:
        return None
    values = np.asarray(frames[name].values, dtype=np.float64)
    return np.broadcast_to(values, (frames.sizes["frame"],))


def distinct(
    *columns: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> Iterator[tuple[tuple[float, ...], tuple[int, ...]]]:
    """Yield each combination of finite values that occurs, with the positions of its frames."""
    rows = np.stack(columns, axis=1)
    places = np.flatnonzero(np.isfinite(rows).all(axis=1))
    found: dict[tuple[float, ...], list[int]] = {}
    for place in places:
        found.setdefault(tuple(rows[place].tolist()), []).append(int(place))
    for values, where in found.items():
        yield values, tuple(where)


def source_key(frames: xr.Dataset, *names: str) -> str:
    """Return where the facts `names` stand in the header."""
    return "; ".join(dict.fromkeys(str(frames[name].attrs.get("source_key", "")) for name in names))


def differs(value: float, truth: float, tolerance: float) -> bool:
    """Tell whether `value` is further from `truth` than the relative `tolerance`."""
    return abs(value - truth) > tolerance * abs(truth)


def unit_slip(value: float, truth: float, tolerance: float) -> str:
    """Return words on a factor of ten or a thousand between two values, "" where there is none."""
    for factor in (10.0, 100.0, 1000.0):
        for times, ratio in ((factor, value / truth), (factor, truth / value)):
            if not differs(ratio, times, 5 * tolerance):
                way = "large" if value > truth else "small"
                return f"; {times:g} times too {way} is a wrong unit"
    return ""
