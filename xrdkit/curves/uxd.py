"""Bruker .uxd: text; ``_KEY=value`` lines, then a marker and the numbers of each range.

The marker is _COUNTS or _CPS (intensities from _START in steps of _STEPSIZE) or _2THETACOUNTS or
_2THETACPS (pairs of angle and intensity). The first column is whatever _DRIVE names. Further keys:
_STEPTIME s, _ANODE, _WL1 and _WL2 in _WL_UNIT, _WLRATIO, _KV, _MA, _GONIOMETER_RADIUS mm,
_DATEMEASURED, _SAMPLE. Lines that begin with ``;`` are comments.

Source: DIFFRAC^plus FILE EXCHANGE and XCH (Bruker AXS 2002), files of instruments.
"""

import re

import numpy as np

from xrdkit.curves.beam import tube_lines
from xrdkit.curves.columns import Array, Columns
from xrdkit.curves.counting import counted
from xrdkit.curves.facts import as_number, facts, iso_time
from xrdkit.curves.raw import RawCurve
from xrdkit.curves.source import Source
from xrdkit.errors import CurveError

_MARKER = re.compile(r"_(2THETA)?(COUNTS|CPS)\s*(?:=.*)?$")
_KEY = re.compile(r"_([A-Z0-9_]+)\s*=\s*(.*?)\s*$")
_SIGNS = (b"_FILEVERSION", b"_2THETACOUNTS", b"_2THETACPS", b"\n_COUNTS", b"\n_CPS")
_TWO_THETA = ("COUPLED", "2THETA", "LOCKED COUPLED", "UNLOCKED COUPLED", "TWOTHETA")


def matches(source: Source) -> bool:
    """Return whether the file is text with keys or a marker of .uxd near its beginning."""
    return source.is_text and any(sign in source.head for sign in _SIGNS)


def read(source: Source) -> list[RawCurve]:
    """Return the ranges of a .uxd file, angles in degree.

    Raises CurveError where a line is neither key, comment nor numbers, or a range has no points.
    """
    keys: dict[str, str] = {}
    marker: tuple[bool, bool] | None = None
    rows: list[tuple[int, list[float]]] = []
    found: list[RawCurve] = []

    def close() -> None:
        if marker is not None:
            found.append(_range(dict(keys), marker, rows, source))

    for number, line in enumerate(source.lines, start=1):
        word = line.strip()
        if not word or word.startswith(";"):
            continue
        if word.startswith("_"):
            if rows:
                close()
                marker, rows = None, []
            match = _MARKER.match(word)
            if match:
                marker = (match[1] is not None, match[2] == "CPS")
            elif key := _KEY.match(word):
                keys[key[1]] = key[2].strip("'\"")
            elif not re.match(r"_[A-Z0-9_]+$", word):
                raise _bad(number, word, source)
        else:
            try:
                values = [float(token) for token in word.replace(",", " ").split()]
            except ValueError as exc:
                raise _bad(number, word, source) from exc
            if marker is None or not values:
                raise _bad(number, word, source)
            rows.append((number, values))
    close()
    if not found:
        raise CurveError("holds no range", source=source.file)
    return found


def _bad(number: int, word: str, source: Source) -> CurveError:
    return CurveError(f"line {number}: {word[:40]!r} is no line of a .uxd", source=source.file)


def _range(
    keys: dict[str, str],
    marker: tuple[bool, bool],
    rows: list[tuple[int, list[float]]],
    source: Source,
) -> RawCurve:
    paired, rate = marker
    angles, values, lines = _points(keys, rows, source, paired=paired)
    time = as_number(keys.get("STEPTIME"))
    result = counted(values, rate=rate, time=time)
    drive = keys.get("DRIVE", "")
    scale = {"NM": 10.0}.get(keys.get("WL_UNIT", "A").upper(), 1.0)
    waves = [as_number(keys.get(name)) for name in ("WL1", "WL2")]
    lengths = [None if w is None else w * scale for w in waves]
    # Without a drive, the marker names the first column.
    is_angle = drive.upper() in _TWO_THETA or (paired and not drive)
    refused = None if is_angle else f"the scan moves {drive or 'an axis that is not named'}"
    return RawCurve(
        columns=Columns(
            abscissa=angles,
            intensity=result.intensity,
            sigma=result.sigma,
            lines=lines,
            source=str(source.file),
        ),
        unit="degree",
        intensity_unit=result.unit,
        default_unit="1",
        beam=tube_lines(keys.get("ANODE"), lengths[0], lengths[1], keys.get("WLRATIO")),
        facts=facts(
            sample_name=keys.get("SAMPLE"),
            start_time=iso_time(keys.get("DATEMEASURED")),
            anode=keys.get("ANODE"),
            wavelength_stated=lengths[0],
            tube_voltage=keys.get("KV"),
            tube_current=keys.get("MA"),
            scan_axis=drive,
            exposure_time=time,
            goniometer_radius=keys.get("GONIOMETER_RADIUS"),
        ),
        attrs=result.attrs,
        refused=refused,
    )


def _points(
    keys: dict[str, str], rows: list[tuple[int, list[float]]], source: Source, *, paired: bool
) -> tuple[Array, Array, np.ndarray | None]:
    if not rows:
        raise CurveError("a range has no points", source=source.file)
    if paired:
        for number, values in rows:
            if len(values) != 2:
                raise _bad(number, " ".join(f"{v:g}" for v in values), source)
        table = np.array([values for _, values in rows], dtype=np.float64)
        return table[:, 0], table[:, 1], np.array([n for n, _ in rows], dtype=np.int64)
    flat = np.array([v for _, values in rows for v in values], dtype=np.float64)
    start, step = as_number(keys.get("START")), as_number(keys.get("STEPSIZE"))
    if start is None or step is None or step == 0:
        raise CurveError("a range has no _START and _STEPSIZE", source=source.file)
    declared = as_number(keys.get("STEPCOUNT"))
    if declared is not None and declared > flat.size:
        raise CurveError(
            f"a range has {flat.size} points, declares {declared:g}",
            source=source.file,
            hint="the file is truncated; fetch it again",
        )
    return start + step * np.arange(flat.size, dtype=np.float64), flat, None
