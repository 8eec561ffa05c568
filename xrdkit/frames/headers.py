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
from xrdkit.frames.vocabulary import COORDINATES

__all__ = [
    "COORDINATES",
    "Fact",
    "Facts",
    "convert",
    "epoch_fact",
    "fact",
    "number",
    "quantity",
    "stacked",
    "text_fact",
    "time_fact",
]

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_QUANTITY = re.compile(rf"({_NUMBER.pattern})[\s_]*([A-Za-zµÅ°/^\-0-9]*)")
_TIME_FORMATS = (
    "%a %b %d %H:%M:%S %Y",
    "%Y:%m:%d %H:%M:%S",
    "%Y/%b/%d %H:%M:%S.%f",
    "%Y/%m/%d %H:%M:%S",
    "%m%d%H%M%Y.%S",
    "%d-%b-%Y %H:%M:%S",
    "%d-%b-%Y-%H-%M-%S",
    "%d-%b-%Y %H:%M:%S.%f",
)
_CELSIUS = {"c", "degc", "deg c", "celsius", "°c"}
_PIXEL = {"pixel", "pixels", "px"}
_ZERO_CELSIUS = 273.15
#: Longest text that is taken over: a name, not a story.
_LONGEST_TEXT = 80
_NO_TEXT = {"", "?", "-", "na", "n/a", "nil", "(nil)", "none", "null", "unknown", "undefined"}


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


def text_fact(name: str, text: object, source_key: str) -> dict[str, Fact]:
    """Return ``{name: Fact}`` of a short text, or nothing where it is empty or says "unknown"."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if not isinstance(text, str):
        return {}
    if name == "detector_name":  # serial number and firmware follow in brackets or after a comma
        text = re.split(r",| \(", text, maxsplit=1)[0]
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if words.lower() in _NO_TEXT or len(words) > _LONGEST_TEXT:
        return {}
    return {name: Fact(values=np.array(words), source_key=source_key)}


def time_fact(text: object, source_key: str) -> dict[str, Fact]:
    """Return the start time as ISO 8601 text, or nothing where `text` is no date."""
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    if not isinstance(text, str):
        return {}
    moment = _moment(" ".join(text.strip().strip("\0").split()))
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
