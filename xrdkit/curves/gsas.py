"""GSAS powder data with standard errors: one BANK of type FXYE, angles in hundredths of a degree.

Source: A. C. Larson, R. B. Von Dreele, GSAS Manual, LAUR 86-748 (2004), "Powder data files".
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from xrdkit.curves.columns import Columns
from xrdkit.curves.raw import RawCurve
from xrdkit.curves.stated import stated_wavelength
from xrdkit.curves.text import COMMENT, numbers
from xrdkit.errors import CurveError


def is_bank(line: str) -> bool:
    """Return whether `line` is the BANK line that heads the data of a GSAS file."""
    words = line.split()
    return len(words) >= 5 and words[0] == "BANK" and words[1].isdigit() and words[2].isdigit()


def read(lines: Sequence[str], file: Path) -> RawCurve:
    """Return the one bank of a GSAS FXYE file, angles in centidegree.

    Files in use hold a point more than their BANK line declares; all are read. Raises CurveError
    for other bank types, several banks, lines that are not three numbers, and fewer points than
    the BANK line declares.
    """
    banks = [i for i, line in enumerate(lines) if is_bank(line)]
    if len(banks) > 1:
        raise CurveError(
            f"line {banks[1] + 1}: a second BANK",
            source=file,
            hint="split the file; one pattern has one bank",
        )
    words = lines[banks[0]].split()
    if words[-1] != "FXYE" or words[4] not in ("CONS", "CONST"):
        raise CurveError(
            f"line {banks[0] + 1}: GSAS data of type {words[4]} {words[-1]}, not CONS FXYE",
            source=file,
            hint="export as FXYE, or as columns of two_theta, intensity and sigma",
        )
    declared = int(words[2])
    rows, where = [], []
    for number, line in enumerate(lines[banks[0] + 1 :], start=banks[0] + 2):
        if not line.strip() or line.strip()[0] in COMMENT:
            continue
        row = numbers(line)
        if row is None or len(row) != 3:
            raise CurveError(
                f"line {number}: {line.strip()[:40]!r} is not angle, intensity and error",
                source=file,
            )
        rows.append(row)
        where.append(number)
    if len(rows) < declared:
        raise CurveError(
            f"has {len(rows)} points, its BANK line declares {declared}",
            source=file,
            hint="the file is truncated; fetch it again",
        )
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return RawCurve(
        columns=Columns(
            abscissa=table[:, 0],
            intensity=table[:, 1],
            sigma=table[:, 2],
            lines=np.array(where, dtype=np.int64),
            source=str(file),
        ),
        unit="centidegree",
        wavelength=stated_wavelength("\n".join(lines[: banks[0]])),
    )
