"""Rigaku .ras: text, scans one after another between *RAS_DATA_START and *RAS_DATA_END.

Each scan is *RAS_HEADER_START, lines ``*KEY "value"``, *RAS_HEADER_END, *RAS_INT_START, rows of
axis, intensity and attenuator factor, *RAS_INT_END. See `xrdkit.curves.rigaku`.
"""

import re

from xrdkit.curves.raw import RawCurve
from xrdkit.curves.rigaku import scan
from xrdkit.curves.source import Source
from xrdkit.errors import CurveError

_START = b"*RAS_DATA_START"
_KEY = re.compile(r'\*([A-Za-z0-9_\-]+)\s+"(.*)"\s*$')


def matches(source: Source) -> bool:
    """Return whether the file begins as .ras does."""
    return source.head.lstrip().startswith(_START)


def read(source: Source) -> list[RawCurve]:
    """Return the scans of a .ras file, angles in degree.

    Raises CurveError where a scan has no end, or there is none.
    """
    scans: list[RawCurve] = []
    keys: dict[str, str] = {}
    rows: list[tuple[int, str]] | None = None
    for number, line in enumerate(source.lines, start=1):
        word = line.strip()
        if word == "*RAS_HEADER_START":
            keys = {}
        elif word == "*RAS_INT_START":
            rows = []
        elif word == "*RAS_INT_END":
            if rows is None:
                raise CurveError(f"line {number}: the end of no scan", source=source.file)
            scans.append(scan(keys, rows, source, lines=True))
            rows = None
        elif rows is not None:
            if word:
                rows.append((number, line))
        else:
            match = _KEY.match(word)
            if match:
                keys[match[1]] = match[2].strip()
    if rows is not None:
        raise CurveError(
            "ends within a scan", source=source.file, hint="the file is truncated; fetch it again"
        )
    if not scans:
        raise CurveError("holds no scan", source=source.file)
    return scans
