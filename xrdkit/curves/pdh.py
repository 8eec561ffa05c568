"""Anton Paar SAXSess .pdh: five header lines, three columns, then XML with the units.

A ``CounterSlitLength`` in the XML is that of a line-collimated camera, whose curves are smeared.
Whether it is the whole length or half of it, no public document says: it is kept as it stands.
"""

import re

import numpy as np

from xrdkit.curves.columns import Columns
from xrdkit.curves.facts import as_number
from xrdkit.curves.raw import RawCurve
from xrdkit.curves.source import Source
from xrdkit.curves.text import numbers
from xrdkit.errors import CurveError
from xrdkit.units import factor

_HEADER = 5
_COUNT_LINE = 3
_UNITS = {"n_m^-1": "1/nm", "A^-1": "1/angstrom"}


_SLIT = re.compile(
    r'key="CounterSlitLength".*?<value key="value">\s*([0-9.eE+-]+)\s*</value>'
    r'.*?<value key="unit">\s*([^<]*?)\s*</value>',
    re.DOTALL,
)
_COUNTS = re.compile(r"\s*\d+(?:\s+\d+){7}\s*")


def matches(source: Source) -> bool:
    """Return whether the file is called .pdh, or its third line is eight whole numbers."""
    if not source.is_text:
        return False
    if source.file.suffix.lower() == ".pdh":
        return True
    lines = source.head.decode("latin-1").splitlines()
    return len(lines) >= _HEADER and _COUNTS.fullmatch(lines[_COUNT_LINE - 1]) is not None


def read(source: Source) -> list[RawCurve]:
    """Return the curve of a .pdh file: q, intensity and standard error.

    The third line declares the number of points. The unit of q is read from the XML at the end,
    where there is one; a slit length there makes the attributes ``slit_smeared`` and
    ``slit_length_stated`` (1/nm). Raises CurveError where points are missing or lines are not three
    numbers.
    """
    lines, file = source.lines, source.file
    declared = numbers(lines[_COUNT_LINE - 1]) if len(lines) >= _HEADER else None
    if not declared or declared[0] < 1 or declared[0] != int(declared[0]):
        raise CurveError(f"line {_COUNT_LINE}: no number of points", source=file)
    count = int(declared[0])
    body = lines[_HEADER : _HEADER + count]
    rows = []
    for number, line in enumerate(body, start=_HEADER + 1):
        row = numbers(line)
        if row is None or len(row) != 3:
            raise CurveError(
                f"line {number}: {line.strip()[:40]!r} is not q, intensity and error", source=file
            )
        rows.append(row)
    if len(rows) != count:
        raise CurveError(f"has {len(rows)} points, line 3 declares {count}", source=file)
    table = np.array(rows, dtype=np.float64)
    tail = "".join(lines[_HEADER + count :])
    found = {unit for name, unit in _UNITS.items() if f">{name}<" in tail}
    return [
        RawCurve(
            columns=Columns(
                abscissa=table[:, 0],
                intensity=table[:, 1],
                sigma=table[:, 2],
                lines=np.arange(_HEADER + 1, _HEADER + 1 + count),
                source=str(file),
            ),
            unit=found.pop() if len(found) == 1 else None,
            attrs=_slit(tail),
        )
    ]


def _slit(tail: str) -> dict[str, str | int | float]:
    match = _SLIT.search(tail)
    length = None if match is None else as_number(match[1])
    if match is None or length is None or not length > 0 or match[2] not in _UNITS:
        return {}
    return {"slit_smeared": 1, "slit_length_stated": length * factor(_UNITS[match[2]], "1/nm")}
