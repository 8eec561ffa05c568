"""Columns of numbers in a text file, below any header."""

import codecs
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from xrdkit.curves.beam import tube_lines
from xrdkit.curves.column_names import FORTRAN, named_columns
from xrdkit.curves.columns import Columns
from xrdkit.curves.raw import RawCurve, Roles
from xrdkit.curves.stated import (
    stated_intensity_unit,
    stated_lines,
    stated_unit,
    stated_wavelength,
)
from xrdkit.errors import CurveError
from xrdkit.units import factor

COMMENT = "#%!"
_CONTROL = {b for b in range(32) if chr(b) not in "\t\n\r\f\x1a"}
#: Columns of the widest format whose first three are abscissa, intensity and error (NIST, SANS).
_MOST_COLUMNS = 6
_SLIT_HINT = "The 6 columns are"
#: Heads of tables over distances, as indirect transformations write them.
_GNOM = "G N O M"
_FEW = 20
_DISTANCES = re.compile(r"\bR\s+P\(R\)", re.IGNORECASE)


def decode(content: bytes, file: Path) -> list[str]:
    """Return the lines of a text file; raise CurveError where it is empty or binary."""
    if not content.strip():
        raise CurveError("is empty", source=file)
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return content.decode("utf-16").splitlines()
        except UnicodeDecodeError as exc:
            raise CurveError("begins as UTF-16 text and is none", source=file) from exc
    if _CONTROL.intersection(content[:65536]):
        raise CurveError(
            "is not a text file, and no curve format that is known",
            source=file,
            hint="known binary formats: Bruker .raw and .brml, Rigaku .rasx, NXcanSAS HDF5",
        )
    try:
        return content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        return content.decode("latin-1").splitlines()


def numbers(line: str) -> list[float] | None:
    """Return the numbers of a line, None where it holds anything else or a decimal comma.

    Separators are white space, semicolons, or commas; a comma beside white space within a token
    pair ("0,1 2,5") is a decimal comma.
    """
    body = line.strip()
    if ";" in body:
        tokens = [t.strip() for t in body.rstrip(";").split(";")]
    elif "," in body:
        tokens = [t.strip() for t in body.rstrip(",").split(",")]
    else:
        tokens = body.split()
    try:
        return [float(t) for t in tokens] or None
    except ValueError:
        return None


def read(
    lines: Sequence[str],
    file: Path,
    columns: tuple[int, ...] | None = None,
    header_lines: int | None = None,
) -> RawCurve:
    """Return the columns of a text file: abscissa, intensity and, as the third, its sigma.

    Where the header names the columns (q, I, dI, dQ), the names hold, and a column of the
    resolution of q is read too; what is left unread of more than three columns is said in the
    attribute ``columns_note``. The header ends before the first line that has as many numbers as
    most lines have, or after a Fortran format; from there on every line must have that many, blank
    lines and comments (``# % !``) aside. Raises CurveError naming the line that does not, and for
    a table of distances instead of a curve.
    """
    if columns is not None and (
        len(columns) not in (2, 3, 4) or len(set(columns)) != len(columns) or min(columns) < 0
    ):
        raise CurveError(
            f"columns={columns} are not two to four different column numbers", source=file
        )
    if any(_GNOM in line for line in lines[:_FEW]):
        raise CurveError(
            "is the report of an indirect transformation (GNOM), not a scattering curve",
            source=file,
            hint="read the curve that was transformed",
        )
    first = _after_format(lines) if header_lines is None else header_lines
    if first < 0:
        raise CurveError(f"header_lines={header_lines} is negative", source=file)
    parsed = [
        (number, line, numbers(line))
        for number, line in enumerate(lines, start=1)
        if number > first and line.strip() and line.strip()[0] not in COMMENT
    ]
    widths = Counter(len(row) for _, _, row in parsed if row is not None and len(row) > 1)
    if not widths:
        raise CurveError(
            "has no columns of numbers",
            source=file,
            hint="numbers are written with a decimal point, columns divided by spaces, tabs,"
            " commas or semicolons",
        )
    width = widths.most_common(1)[0][0]
    start = next(i for i, (_, _, row) in enumerate(parsed) if row and len(row) == width)
    rows = []
    for number, line, row in parsed[start:]:
        if row is None or len(row) != width:
            raise CurveError(
                f"line {number}: {line.strip()[:40]!r} is not {width} numbers",
                source=file,
                hint="mend the line; header_lines=N skips the first N lines",
            )
        rows.append((number, row))
    header_rows = [
        line
        for number, line in enumerate(lines, start=1)
        if number < rows[0][0] or line.strip()[:1] in tuple(COMMENT)
    ]
    roles = named_columns([line for line in lines[: rows[0][0] - 1] if line.strip()], width)
    if columns is None and width > _MOST_COLUMNS and roles.abscissa is None:
        raise CurveError(
            f"has {width} columns, and nothing says which are meant",
            source=file,
            hint="columns=(0, 1) or (0, 1, 2) names abscissa, intensity and standard error",
        )
    header = "\n".join(header_rows)
    if _DISTANCES.search(header):
        raise CurveError("holds a distance distribution p(r), not a scattering curve", source=file)
    table = np.array([row for _, row in rows], dtype=np.float64)
    slit = _slit(header, table)
    wanted, note = _wanted(columns, roles, width, smeared=bool(slit))
    if max(wanted) >= width:
        raise CurveError(f"has {width} columns, columns={columns} asks for more", source=file)
    waves = stated_lines(header)
    return RawCurve(
        columns=Columns(
            abscissa=table[:, wanted[0]],
            intensity=table[:, wanted[1]],
            sigma=table[:, wanted[2]] if len(wanted) > 2 and wanted[2] >= 0 else None,
            resolution=table[:, wanted[3]] if len(wanted) == 4 else None,
            lines=np.array([number for number, _ in rows], dtype=np.int64),
            source=str(file),
        ),
        unit=stated_unit(header),
        intensity_unit=stated_intensity_unit(header),
        wavelength=stated_wavelength(header),
        beam=tube_lines(None, waves[0], waves[1]) if len(waves) == 2 else None,
        attrs={**slit, **note},
    )


def _after_format(lines: Sequence[str]) -> int:
    found = [number for number, line in enumerate(lines[:_FEW], start=1) if FORTRAN.fullmatch(line)]
    return found[0] if found else 0


def _wanted(
    columns: tuple[int, ...] | None, roles: Roles, width: int, *, smeared: bool
) -> tuple[tuple[int, ...], dict[str, str]]:
    """Return the columns to read, -1 for an error that there is not, and what to say of others."""
    if columns is not None:
        return columns, {}
    if roles.abscissa is None or roles.intensity is None:
        plain = tuple(range(min(width, 3)))
        if width <= len(plain):
            return plain, {}
        return plain, {
            "columns_note": f"{width - 3} of {width} columns were not read, as nothing says what"
            " they are; columns=(0, 1, 2, 3) reads the fourth as the standard deviation of q"
        }
    found = (roles.abscissa, roles.intensity)
    # A resolution that stands for a slit is no standard deviation.
    if roles.resolution is not None and not smeared:
        return (*found, -1 if roles.sigma is None else roles.sigma, roles.resolution), {}
    return found if roles.sigma is None else (*found, roles.sigma), {}


def _slit(header: str, table: np.ndarray) -> dict[str, str | int | float]:
    # The six-column NIST format states a slit height as a negative resolution in column 4.
    if _SLIT_HINT not in header or table.shape[1] != 6 or not np.all(table[:, 3] < 0):
        return {}
    unit = stated_unit(header) or "1/angstrom"
    return {"slit_smeared": 1, "slit_length": float(-table[0, 3]) * factor(unit, "1/nm")}
