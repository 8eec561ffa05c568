"""Header facts as named coordinates: an allow-list with one unit each, strictly parsed.

What a header says is a hint. A value that is missing, unreadable or impossible is absent: it never
becomes 0 or 1. Names of people, proposals and folders are never copied.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdkit import units
from xrdkit.errors import SpecError

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_QUANTITY = re.compile(rf"({_NUMBER.pattern})[\s_]*([A-Za-zµÅ°/^\-0-9]*)")
_TIME_FORMATS = (
    "%a %b %d %H:%M:%S %Y",
    "%Y:%m:%d %H:%M:%S",
    "%Y/%b/%d %H:%M:%S.%f",
    "%Y/%m/%d %H:%M:%S",
    "%m%d%H%M%Y.%S",
)
_CELSIUS = {"c", "degc", "deg c", "celsius", "°c"}
_PIXEL = {"pixel", "pixels", "px"}
_ZERO_CELSIUS = 273.15


@dataclass(frozen=True, kw_only=True)
class Coordinate:
    """What one named header coordinate is."""

    unit: str
    """Stored unit; empty for text."""
    long_name: str
    """For axes and tables."""
    low: float = 0.0
    """Smallest possible value (exclusive), in the stored unit."""
    high: float = float("inf")
    """Largest possible value, in the stored unit."""


#: Every coordinate that a header may give.
COORDINATES: dict[str, Coordinate] = {
    "exposure_time": Coordinate(unit="s", long_name="exposure time", high=1e7),
    "wavelength_header": Coordinate(
        unit="angstrom", long_name="wavelength stated in the header", low=0.01, high=100.0
    ),
    "distance_header": Coordinate(
        unit="m", long_name="sample to detector distance stated in the header", low=1e-3, high=200.0
    ),
    "monitor": Coordinate(unit="count", long_name="incident-beam monitor", high=1e30),
    "monitor_raw": Coordinate(
        unit="count", long_name="incident-beam monitor before division by its gain", high=1e30
    ),
    "monitor_gain": Coordinate(unit="V/A", long_name="gain of the monitor amplifier", high=1e30),
    "transmission": Coordinate(unit="1", long_name="transmission of the sample", high=1.0),
    "temperature": Coordinate(unit="K", long_name="temperature of the sample", high=5000.0),
    "start_time": Coordinate(unit="", long_name="start of the exposure, ISO 8601"),
    "beam_center_x_header": Coordinate(
        unit="pixel", long_name="what the header calls beam centre x", low=-1e6, high=1e6
    ),
    "beam_center_y_header": Coordinate(
        unit="pixel", long_name="what the header calls beam centre y", low=-1e6, high=1e6
    ),
    "pixel_size_x_header": Coordinate(
        unit="m", long_name="pixel size along x stated in the header", low=1e-7, high=1e-2
    ),
    "pixel_size_y_header": Coordinate(
        unit="m", long_name="pixel size along y stated in the header", low=1e-7, high=1e-2
    ),
}


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One header value, or one per frame."""

    values: NDArray[Any]
    """Number or text in the stored unit; shape () or (frame,), NaN or "" where a frame has none."""
    source_key: str
    """Where in the header it stands."""


Facts = Mapping[str, Fact]


def number(value: object) -> float | None:
    """Return a finite float from a number or from text that is nothing but a number, else None."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, str):
        text = value.strip()
        return number(float(text)) if _NUMBER.fullmatch(text) else None
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, int | float | np.integer | np.floating):
        result = float(value)
        return result if np.isfinite(result) else None
    return None


def quantity(text: str) -> tuple[float, str] | None:
    """Return (number, unit text) from ``"0.21 m"``, ``"1.0e-10"`` or ``"10_mm"``, else None."""
    match = _QUANTITY.fullmatch(text.strip())
    value = number(match.group(1)) if match else None
    return None if match is None or value is None else (value, match.group(4))


def convert(value: float, unit: str, target: str) -> float | None:
    """Return `value` in the unit `target`, None where `unit` is unknown or another quantity.

    Degrees Celsius become kelvin, and photon energies wavelengths.
    """
    name = unit.strip().lower()
    if target == "K" and name in _CELSIUS:
        return value + _ZERO_CELSIUS
    if target == "pixel":
        return value if name in _PIXEL else None
    try:
        if target == "angstrom" and units.canonical(unit) in ("keV", "eV"):
            return units.wavelength_from_energy(value * units.factor(unit, "keV"))
        return value * units.factor(unit, target)
    except SpecError:
        return None


def fact(name: str, value: object, unit: str, source_key: str) -> dict[str, Fact]:
    """Return ``{name: Fact}`` of one number in `unit`, or nothing where it is not to be believed.

    `unit` is converted to the stored unit of the coordinate `name`; the value must be finite and
    within the coordinate's bounds.
    """
    wanted = COORDINATES[name]
    parsed = number(value)
    if parsed is not None and unit != wanted.unit:
        parsed = convert(parsed, unit, wanted.unit)
    if parsed is None or not wanted.low < parsed <= wanted.high:
        return {}
    return {name: Fact(values=np.array(parsed), source_key=source_key)}


def time_fact(text: object, source_key: str) -> dict[str, Fact]:
    """Return the start time as ISO 8601 text, or nothing where `text` is no date."""
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    if not isinstance(text, str):
        return {}
    moment = _moment(text.strip().strip("\0").strip())
    if moment is None or not 1950 < moment.year < 2200:
        return {}
    return {"start_time": Fact(values=np.array(moment.isoformat()), source_key=source_key)}


def epoch_fact(seconds: float, source_key: str) -> dict[str, Fact]:
    """Return the start time from seconds since 1970 (UTC), or nothing where it is no date."""
    if not 0 < seconds < 7e9:
        return {}
    moment = datetime.fromtimestamp(seconds, tz=UTC)
    return {"start_time": Fact(values=np.array(moment.isoformat()), source_key=source_key)}


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    for pattern in _TIME_FORMATS:
        try:
            return datetime.strptime(text, pattern)
        except ValueError:
            continue
    return None


def stacked(parts: Sequence[tuple[Facts, int]]) -> dict[str, Fact]:
    """Return the facts of several files after one another, one value per frame.

    `parts` are (facts, number of frames). Where only some have a fact the others get NaN or "".
    """
    names = [name for name in COORDINATES if any(name in facts for facts, _ in parts)]
    result: dict[str, Fact] = {}
    for name in names:
        nothing: Any = "" if not COORDINATES[name].unit else np.nan
        values = [
            np.broadcast_to(facts[name].values if name in facts else np.array(nothing), (count,))
            for facts, count in parts
        ]
        keys = dict.fromkeys(facts[name].source_key for facts, _ in parts if name in facts)
        result[name] = Fact(values=np.concatenate(values), source_key="; ".join(keys))
    return result
