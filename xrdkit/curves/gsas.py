"""GSAS powder data: BANK lines of constant wavelength, angles in hundredths of a degree.

``BANK <number> <points> <records> CONS[T] <start> <step> 0 0 <type>``; types: STD (the default)
10(I2,F6.0) number of detectors n and mean counts I, σ = √(I/n); ESD 5(F8,F8) I and σ; FXY angle and
I, FXYE angle, I and σ, free format. ALT and the other binnings are of time of flight.

Source: A. C. Larson, R. B. Von Dreele, GSAS Manual, LAUR 86-748 (2004), "Powder data files".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xrdkit.curves.columns import Array, Columns
from xrdkit.curves.facts import facts, iso_time
from xrdkit.curves.raw import RawCurve
from xrdkit.curves.source import Source
from xrdkit.curves.stated import stated_wavelength
from xrdkit.curves.text import COMMENT, numbers
from xrdkit.errors import CurveError

_BANK = re.compile(r"^\s*BANK\s+\d+\s+\d+", re.MULTILINE)
_TYPES = ("STD", "ESD", "FXY", "FXYE")
_WIDTH, _RECORD = 8, 80
#: Lines that the program of 11-BM (APS) writes above the data.
_HEADER = {
    "temperature": r"Temp \(K\)",
    "exposure_time": r"Time per step \(sec\)",
    "start_time": r"Scan time",
    "sample_name": r"Sample Comment",
}


@dataclass(frozen=True, kw_only=True)
class _Bank:
    line: int
    points: int
    start: float
    step: float
    kind: str


def matches(source: Source) -> bool:
    """Return whether the file is text with a BANK line among the first."""
    return source.is_text and _BANK.search(source.head.decode("latin-1")) is not None


def read(source: Source) -> list[RawCurve]:
    """Return the banks of a GSAS file, angles in centidegree.

    Files in use hold a point more than their BANK line declares; all are read. Raises CurveError
    for banks of time of flight, lines that are not numbers, and fewer points than declared.
    """
    lines = source.lines
    starts = [i for i, line in enumerate(lines) if _BANK.match(line)]
    header = "\n".join(lines[: starts[0]]) if starts else ""
    found = []
    for first, after in zip(starts, [*starts[1:], len(lines)], strict=True):
        bank = _bank(lines[first], first + 1, source)
        body = list(enumerate(lines[first + 1 : after], start=first + 2))
        kept = [(n, t) for n, t in body if t.strip() and t.strip()[0] not in COMMENT]
        free = bank.kind in ("FXY", "FXYE")
        columns = _free(kept, bank, source) if free else _fixed(kept, bank, source)
        found.append(
            RawCurve(
                columns=columns,
                unit="centidegree",
                intensity_unit="count",
                wavelength=stated_wavelength(header),
                facts=_facts(header),
            )
        )
    return found


def _bank(line: str, number: int, source: Source) -> _Bank:
    words = line.split()
    values = numbers(" ".join(words[5:7])) or []
    kind = words[-1] if words[-1].isalpha() else "STD"
    constant = len(words) > 6 and words[4] in ("CONS", "CONST")
    if not constant or kind not in _TYPES or len(values) != 2:
        raise CurveError(
            f"line {number}: GSAS data of type {' '.join([*words[4:5], kind])}, not CONST"
            f" {', '.join(_TYPES)}",
            source=source.file,
            hint="only patterns of one wavelength are read; export as FXYE",
        )
    return _Bank(line=number, points=int(words[2]), start=values[0], step=values[1], kind=kind)


def _short(bank: _Bank, found: int, source: Source) -> CurveError:
    return CurveError(
        f"has {found} points, its BANK line declares {bank.points}",
        source=source.file,
        hint="the file is truncated; fetch it again",
    )


def _free(body: Sequence[tuple[int, str]], bank: _Bank, source: Source) -> Columns:
    width = len(bank.kind) - 1
    rows = []
    for number, line in body:
        row = numbers(line)
        if row is None or len(row) != width:
            named = "angle, intensity and error" if width == 3 else "angle and intensity"
            raise CurveError(
                f"line {number}: {line.strip()[:40]!r} is not {named}", source=source.file
            )
        rows.append(row)
    if len(rows) < bank.points:
        raise _short(bank, len(rows), source)
    table = np.array(rows, dtype=np.float64).reshape(-1, width)
    return Columns(
        abscissa=table[:, 0],
        intensity=table[:, 1],
        sigma=table[:, 2] if width == 3 else None,
        lines=np.array([n for n, _ in body], dtype=np.int64),
        source=str(source.file),
    )


def _fixed(body: Sequence[tuple[int, str]], bank: _Bank, source: Source) -> Columns:
    values, extra, where = [], [], []
    size = 2 * _WIDTH if bank.kind == "ESD" else _WIDTH
    for number, line in body:
        text = line.expandtabs().rstrip()
        if number != body[-1][0] and len(text) != _RECORD:
            raise CurveError(
                f"line {number}: a record of {bank.kind} has {_RECORD} characters, not {len(text)}",
                source=source.file,
            )
        for at in range(0, len(text), size):
            field = text[at : at + size]
            if len(field) < size:
                break  # the end of a truncated file: digits may be missing
            split = _WIDTH if bank.kind == "ESD" else 2
            try:
                first, second = (
                    float(part) if part.strip() else 0.0 for part in (field[:split], field[split:])
                )
            except ValueError as exc:
                raise CurveError(
                    f"line {number}: {field!r} is no number of {bank.kind}", source=source.file
                ) from exc
            values.append(first if bank.kind == "ESD" else second)
            extra.append(second if bank.kind == "ESD" else max(first, 1.0))
            where.append(number)
    if len(values) < bank.points:
        raise _short(bank, len(values), source)
    intensity = np.array(values[: bank.points], dtype=np.float64)
    other: Array = np.array(extra[: bank.points], dtype=np.float64)
    return Columns(
        abscissa=bank.start + bank.step * np.arange(bank.points, dtype=np.float64),
        intensity=intensity,
        # A mean of no counts has no error of its own; that of one count stands in.
        sigma=other if bank.kind == "ESD" else np.sqrt(np.maximum(intensity, 1.0) / other),
        lines=np.array(where[: bank.points], dtype=np.int64),
        source=str(source.file),
    )


def _facts(header: str) -> dict[str, float | str]:
    said = {}
    for name, words in _HEADER.items():
        match = re.search(rf"^#\s*{words}\s*=\s*(.*?)\s*$", header, re.MULTILINE)
        said[name] = match[1] if match else None
    return facts(**{**said, "start_time": iso_time(said["start_time"])})
