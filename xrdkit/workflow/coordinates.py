"""Values that belong to frames and are not in their files: potential, time, temperature ..."""

import csv
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from xrdkit.errors import InputError, RecipeError, SpecError
from xrdkit.schema import FRAME, RADIAL, SCHEMAS
from xrdkit.units import canonical

_HEAD = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]{0,63})\s*[(\[]\s*([^()\[\]]+?)\s*[)\]]\s*")
_RESERVED = {name for s in SCHEMAS.values() for name in s.fields} | set(RADIAL) | {"y", "x"}
_MAX_BYTES = 100_000_000


def read_coordinates(path: Path, frames: int) -> dict[str, xr.DataArray]:
    """Return the columns of a CSV file as coordinates over ``frame``, which runs from 0.

    The first line names the columns with their units, ``cell_voltage (V)``; units are needed
    (``1`` for a ratio). Without a column ``frame``, rows are in the order of the frames. Every
    value is a finite number. Raises RecipeError naming line and column.
    """
    lines = _lines(path)
    head, rows = [name.strip() for name in lines[0]], lines[1:]
    if len(rows) != frames:
        raise RecipeError(
            f"has {len(rows)} rows for {frames} frames",
            source=path,
            hint="after the line of names, one row for each frame",
        )
    order = list(range(frames))
    if FRAME in head:
        order = [int(v) for v in _column(rows, head.index(FRAME), FRAME, path)]
        if sorted(order) != list(range(frames)):
            raise RecipeError(
                f"column 'frame' does not number the frames 0 to {frames - 1}", source=path
            )
    out: dict[str, xr.DataArray] = {}
    for at, text in enumerate(head):
        if text == FRAME:
            continue
        name, unit = _name_and_unit(text, path)
        if name in out:
            raise RecipeError(f"two columns are called {name!r}", source=path)
        values = dict(zip(order, _column(rows, at, name, path), strict=True))
        attrs = {"units": unit, "long_name": name.replace("_", " ")}
        out[name] = xr.DataArray([values[k] for k in range(frames)], dims=FRAME, attrs=attrs)
    if not out:
        raise RecipeError("has no column besides 'frame'", source=path)
    return out


def rows_of(coordinates: dict[str, xr.DataArray], frames: Sequence[int]) -> dict[str, Any]:
    """Return units and values of `frames` as plain values, for the key of a block."""
    chosen = list(frames)
    return {
        name: [str(array.attrs["units"]), array.values[chosen].tolist()]
        for name, array in coordinates.items()
    }


def _lines(path: Path) -> list[list[str]]:
    try:
        if not path.is_file():
            raise InputError("there is no such file of coordinates", source=path)
        if path.stat().st_size > _MAX_BYTES:
            raise RecipeError("is larger than 100 MB", source=path)
        with path.open(newline="", encoding="utf-8-sig") as stream:
            lines = [
                line for line in csv.reader(stream) if line and not line[0].lstrip().startswith("#")
            ]
    except InputError:
        raise
    except UnicodeDecodeError as exc:
        raise RecipeError(
            "is not UTF-8 text", source=path, hint="save it as CSV in UTF-8, units included"
        ) from exc
    except (OSError, csv.Error) as exc:
        raise RecipeError(f"cannot be read as CSV: {exc}", source=path) from exc
    if not lines:
        raise RecipeError("is empty", source=path)
    for number, line in enumerate(lines):
        if len(line) != len(lines[0]):
            raise RecipeError(
                f"row {number} has {len(line)} values for {len(lines[0])} columns", source=path
            )
    return lines


def _column(rows: list[list[str]], at: int, name: str, path: Path) -> list[float]:
    out = []
    for number, row in enumerate(rows, start=1):
        try:
            value = float(row[at])
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or (name == FRAME and value != int(value)):
            wanted = "a whole number" if name == FRAME else "a finite number"
            raise RecipeError(
                f"row {number}, column {name!r}: {row[at]!r} is not {wanted}", source=path
            )
        out.append(value)
    return out


def _name_and_unit(text: str, path: Path) -> tuple[str, str]:
    match = _HEAD.fullmatch(text)
    if match is None:
        raise RecipeError(
            f"column {text!r} is not a name with its unit",
            source=path,
            hint="write for example 'cell_voltage (V)' or 'cycle (1)', with commas between columns",
        )
    name, unit = match.groups()
    if name in _RESERVED:
        raise RecipeError(f"column {name!r} has the name of a result", source=path)
    try:
        return name, canonical(unit)
    except SpecError:
        # A unit that xrdkit never converts, such as mA/cm², is carried as it is written.
        return name, unit
