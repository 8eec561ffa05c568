"""One table with a line of names and units."""

import csv
import io
import itertools
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from xrdkit.atomic import write_file
from xrdkit.errors import SchemaError
from xrdkit.schema import FRAME, PROFILE, RADIAL
from xrdkit.uncertainty import OFFSET, SOURCE

#: Dimensions along which a table of fit results does not run: curves, not results.
_CURVES = {*RADIAL, "radius", "y", "x"}


def write_csv(
    data: xr.Dataset, path: str | Path, *, along: str | None = None, overwrite: bool = False
) -> Path:
    """Write `data` as comma-separated values and return the file.

    A profile gives one row for each frame and bin; its ``errors`` have a column for each source,
    its covariance and ledger are left out. Fit results give one row for each frame, with one column
    for each quantity and label, such as ``lattice[Pt,a] (nm)``; their curves, edges and covariances
    are left out; `along` names the dimension whose curves are written instead, ``"radius"`` for
    size distributions or ``"q"`` for measured and fitted intensities, with one row for each frame
    and point. Missing numbers are empty. Raises SchemaError where nothing can be put into such a
    table.
    """
    target = Path(path)
    axes = [d for d in RADIAL if d in data.dims]
    if along is not None:
        if along not in data.dims:
            raise SchemaError(
                f"has no {along!r} to write rows along",
                source=target,
                hint=f"it has {', '.join(map(str, data.dims))}",
            )
        axes = [along]
    is_curve = along is not None or data.attrs.get("schema") == PROFILE.name
    rows = [d for d in (FRAME, *(axes if is_curve else [])) if d in data.dims]
    columns: dict[str, np.ndarray[Any, Any]] = {}
    for name, variable in data.variables.items():
        dims = {str(d) for d in variable.dims}
        if dims & (_CURVES - set(rows)) or str(name) in rows or _is_matrix_or_edges(dims):
            continue
        if along is not None and along not in dims:
            continue
        columns.update(_columns(data, name, rows))
    if not columns:
        raise SchemaError("holds nothing that fits into a table", source=target)
    labels = [_head(data, d) for d in rows]
    counts = [range(data.sizes[d]) for d in rows]
    places = [data[d].values for d in rows]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*labels, *columns])
    for index in itertools.product(*counts):
        ends = [_text(values[i]) for values, i in zip(places, index, strict=True)]
        writer.writerow([*ends, *(_text(values[index]) for values in columns.values())])
    write_file(target, out.getvalue().encode(), overwrite=overwrite)
    return target


def _is_matrix_or_edges(dims: set[str]) -> bool:
    """Return whether a variable is a covariance, or edges of bins: no quantity of a frame."""
    if dims & {OFFSET, "correction"} or dims == {SOURCE}:
        return True
    return any(d.endswith("_edge") or d.removesuffix("_2") in dims - {d} for d in dims)


def _columns(data: xr.Dataset, name: Hashable, rows: list[str]) -> dict[str, np.ndarray[Any, Any]]:
    """Return a column over `rows` for each label of the other dimensions of a variable."""
    array = data[name]
    others = [d for d in array.dims if d not in rows]
    if any(d == name for d in others):
        return {}  # the labels stand in the heads of the columns
    sizes = [data.sizes[d] for d in rows]
    out = {}
    for place in itertools.product(*(range(data.sizes[d]) for d in others)):
        one = array.isel(dict(zip(others, place, strict=True)))
        present = [d for d in rows if d in one.dims]
        values = one.transpose(*present).values
        shape = [data.sizes[d] if d in present else 1 for d in rows]
        labels = [str(data[d].values[i]) for d, i in zip(others, place, strict=True)]
        text = f"{name}[{','.join(labels)}]" if labels else str(name)
        out[_head(data, name, text)] = np.broadcast_to(values.reshape(shape), sizes)
    return out


def _head(data: xr.Dataset, name: Hashable, text: str | None = None) -> str:
    unit = data[name].attrs.get("units")
    label = str(name) if text is None else text
    return f"{label} ({unit})" if unit and unit != "1" else label


def _text(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else repr(float(value))
    return str(value)
