"""Fit2D .chi: four lines of header, then columns.

Line 1 is a title, 2 names the abscissa ("2-Theta Angle (Degrees)", "Q (Inverse Nanometres)",
"Q (Inverse Angstroms)"), 3 the intensity, 4 gives the number of points. Files that pyFAI writes
under this suffix are columns below comments, see `xrdkit.curves.text`.

Source: A. P. Hammersley, FIT2D reference manual, ESRF98HA01T.
"""

import re

import numpy as np

from xrdkit.curves.columns import Columns
from xrdkit.curves.raw import RawCurve
from xrdkit.curves.source import Source
from xrdkit.curves.text import numbers
from xrdkit.errors import CurveError

_HEADER = 4
_AXES = (
    (re.compile(r"2-?\s*theta.*deg", re.IGNORECASE), "degree"),
    (re.compile(r"2-?\s*theta.*rad", re.IGNORECASE), "radian"),
    (re.compile(r"\bq\b.*(?:inverse nano|nm\s*\^?-1|1/nm)", re.IGNORECASE), "1/nm"),
    (re.compile(r"\bq\b.*(?:inverse ang|a\s*\^?-1|1/a)", re.IGNORECASE), "1/angstrom"),
)
_OTHER = re.compile(r"radial distance|azimuth|row|column|pixel", re.IGNORECASE)


def matches(source: Source) -> bool:
    """Return whether the second line names an axis and the fourth is a number of points."""
    if not source.is_text:
        return False
    lines = source.head.decode("latin-1").splitlines()[:_HEADER]
    if len(lines) < _HEADER or any(line.lstrip()[:1] in ("#", "") for line in lines[1:]):
        return False
    named = any(form.search(lines[1]) for form, _ in _AXES) or bool(_OTHER.search(lines[1]))
    return named and re.fullmatch(r"\s*\d+(?:\s+\d+)*\s*", lines[3]) is not None


def read(source: Source) -> list[RawCurve]:
    """Return the curve of a Fit2D .chi file.

    Raises CurveError where the axis is no angle and no q, points are missing, or a line is not two
    or three numbers.
    """
    lines, file = source.lines, source.file
    unit = next((u for form, u in _AXES if form.search(lines[1])), None)
    if unit is None:
        raise CurveError(
            f"line 2: the axis {lines[1].strip()[:40]!r} is no angle or q", source=file
        )
    declared = int(lines[3].split()[0])
    rows, where = [], []
    for number, line in enumerate(lines[_HEADER:], start=_HEADER + 1):
        if not line.strip():
            continue
        row = numbers(line)
        if row is None or len(row) not in (2, 3):
            raise CurveError(
                f"line {number}: {line.strip()[:40]!r} is not abscissa and intensity", source=file
            )
        rows.append(row)
        where.append(number)
    if len(rows) != declared or len({len(row) for row in rows}) != 1:
        raise CurveError(
            f"has {len(rows)} points, line 4 declares {declared}",
            source=file,
            hint="the file is truncated; fetch it again",
        )
    table = np.array(rows, dtype=np.float64)
    return [
        RawCurve(
            columns=Columns(
                abscissa=table[:, 0],
                intensity=table[:, 1],
                sigma=table[:, 2] if table.shape[1] == 3 else None,
                lines=np.array(where, dtype=np.int64),
                source=str(file),
            ),
            unit=unit,
        )
    ]
