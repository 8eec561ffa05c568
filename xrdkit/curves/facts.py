"""What curve files say of a measurement, in one vocabulary: name, unit, meaning and bounds.

They become coordinates of the Dataset. Names of people and accounts are never among them.
"""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

#: Longest text that is kept.
_LONGEST = 200


@dataclass(frozen=True, kw_only=True)
class Fact:
    """What one named fact is."""

    unit: str
    """Stored unit; empty for text."""
    long_name: str
    """For axes and tables."""
    low: float = 0.0
    """Smallest possible value (exclusive), in the stored unit."""
    high: float = float("inf")
    """Largest possible value, in the stored unit."""


FACTS: dict[str, Fact] = {
    "sample_name": Fact(unit="", long_name="what the file calls the sample"),
    "start_time": Fact(unit="", long_name="start of the scan, ISO 8601"),
    "anode": Fact(unit="", long_name="element of the X-ray tube"),
    "tube_voltage": Fact(unit="kV", long_name="voltage of the X-ray tube", high=1000.0),
    "tube_current": Fact(unit="mA", long_name="current of the X-ray tube", high=10_000.0),
    "wavelength_stated": Fact(
        unit="angstrom", long_name="wavelength of Kα1 as the file states it", low=0.01, high=10.0
    ),
    "monochromator": Fact(unit="", long_name="monochromator or mirror before the sample"),
    "scan_axis": Fact(unit="", long_name="what the file calls the axis that moved"),
    "exposure_time": Fact(unit="s", long_name="counting time of a point", high=1e7),
    "temperature": Fact(unit="K", long_name="temperature of the sample", high=5000.0),
    "goniometer_radius": Fact(
        unit="mm", long_name="radius of the goniometer", low=10.0, high=10_000.0
    ),
}
_TIMES = ("%m/%d/%Y %H:%M:%S", "%m/%d/%y %H:%M:%S", "%d-%b-%Y %H:%M:%S", "%b %d, %Y %H:%M:%S.%f")


def facts(**stated: Any) -> dict[str, float | str]:
    """Return the facts among `stated` that hold something and are within their bounds.

    Numbers may come as text. What is None, empty, no number or out of bounds is left out: a
    diffractometer writes 0 or -1 for what it does not know.
    """
    found: dict[str, float | str] = {}
    for name, value in stated.items():
        what = FACTS[name]
        if what.unit:
            number = as_number(value)
            if number is not None and what.low < number <= what.high:
                found[name] = number
        elif value is not None:
            text = "".join(c if c.isprintable() else " " for c in str(value)).strip()
            if text:
                found[name] = text[:_LONGEST]
    return found


def as_number(value: Any) -> float | None:
    """Return `value` as a finite number, None where it is none."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def iso_time(text: str | None) -> str | None:
    """Return the time that `text` states as ISO 8601, None where it states none that is known.

    Dates with slashes are month/day/year, as diffractometers of every maker write them.
    """
    stated = (text or "").strip()
    try:
        return datetime.fromisoformat(stated).isoformat() if stated else None
    except ValueError:
        pass
    for form in _TIMES:
        try:
            return datetime.strptime(stated, form).isoformat()
        except ValueError:
            continue
    return None
