"""``xrdkit show``."""

import itertools
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import xarray as xr

_GAP, _MOST = 2, 60
_CURVES = {"q", "two_theta", "d_spacing", "detector_radius", "radius", "y", "x", "reflection"}


def show(
    result: Annotated[Path, typer.Argument(help="A result file (.nc).", metavar="RESULT")],
) -> None:
    """Check a result file and print what is in it: its numbers with errors, and its history."""
    from rich.console import Console

    from xrdkit.provenance import content_sha256, steps
    from xrdkit.report.verdict import reason_lines
    from xrdkit.store import load

    data = load(result)
    console = Console(highlight=False)
    console.print(
        f"{result.name}  {data.attrs['schema']}  {content_sha256(data)[:12]}", markup=False
    )
    sizes = ", ".join(f"{name} {size}" for name, size in data.sizes.items())
    console.print(sizes, markup=False)
    console.print(f"made by {' > '.join(s.step for s in steps(data))}", markup=False)
    for name in data.coords:
        if name in _CURVES:
            values, unit = data[name].values, data[name].attrs.get("units", "")
            text = f"{name} {values.min():.5g} to {values.max():.5g} {unit}"
            console.print(text, markup=False)
    for line in (_sources(data), _corrections(data)):
        if line:
            console.print(line, markup=False, soft_wrap=True)
    table = _table(data, console.width)
    if table is not None:
        console.print(table)
    for line in reason_lines(data):
        console.print(line, markup=False, soft_wrap=True)


def _sources(data: "xr.Dataset") -> str:
    """Return the sources of error with their median share in one line; "" where none are told."""
    from xrdkit.report.budget import shares
    from xrdkit.schema import PROFILE

    if data.attrs["schema"] != PROFILE.name:
        return ""
    words = []
    for one in shares(data):
        kind = f" {one.between_bins}" if one.between_bins else ""
        words.append(f"{one.name} {100 * one.relative:.2g} %{kind}")
    return f"errors {', '.join(words)} (medians, relative)" if words else ""


def _corrections(data: "xr.Dataset") -> str:
    """Return the corrections with their median factor in one line; "" where none are told."""
    from xrdkit.report.budget import factors
    from xrdkit.schema import PROFILE

    if data.attrs["schema"] != PROFILE.name:
        return ""
    words = [f"{one.name} {one.median:.4g}" for one in factors(data)]
    return f"corrections {', '.join(words)} (median factors)" if words else ""


def _table(data: "xr.Dataset", width: int) -> Any:
    """Return the quantities that the schema names, with a column for as many frames as fit."""
    from rich.table import Table

    from xrdkit.schema import SCHEMAS

    rows: list[tuple[str, list[Any], list[Any]]] = []
    for name in SCHEMAS[data.attrs["schema"]].fields:
        if name not in data.data_vars or name.endswith("_sigma"):
            continue
        array = data[name]
        if set(array.dims) & _CURVES or array.size > _MOST * data.sizes.get("frame", 1):
            continue
        sigma = data.get(f"{name}_sigma")
        rows += _rows(name, array, array if sigma is None else sigma, has_sigma=sigma is not None)
    if not rows:
        return None
    count = data.sizes.get("frame", 1)
    cells = [(head, list(map(_cell, values, errors))) for head, values, errors in rows]
    # A number cut off is worse than one column less.
    widest = max(len(cell) for _, column in cells for cell in column)
    room = max(1, (width - max(len(head) for head, _ in cells)) // (widest + _GAP))
    chosen = sorted({round(k * (count - 1) / max(1, room - 1)) for k in range(room)})
    table = Table(box=None, pad_edge=False)
    table.add_column("frame" if "frame" in data.dims else "", no_wrap=True)
    for place in chosen:
        head = str(data["frame"].values[place]) if "frame" in data.coords else ""
        table.add_column(head, justify="right", no_wrap=True)
    for head, column in cells:
        table.add_row(head, *(column[place] for place in chosen))
    return table


def _rows(
    name: str, array: "xr.DataArray", sigma: "xr.DataArray", *, has_sigma: bool
) -> list[tuple[str, list[Any], list[Any]]]:
    """Return (head, values, standard errors) over the frames for each label of a variable."""
    labels = [d for d in array.dims if d != "frame"]
    unit = array.attrs.get("units", "1")
    out = []
    for place in itertools.product(*(range(array.sizes[d]) for d in labels)):
        at = dict(zip(labels, place, strict=True))
        names = [str(array[d].values[k]) for d, k in at.items()]
        head = f"{name}[{','.join(names)}]" if names else name
        values = array.isel(at).values.reshape(-1).tolist()
        errors = sigma.isel(at).values.reshape(-1).tolist() if has_sigma else [None] * len(values)
        out.append((f"{head} {unit}" if unit != "1" else head, values, errors))
    return out


def _cell(value: Any, sigma: Any) -> str:
    if isinstance(value, str):
        return value
    if value != value:
        return "-"
    if isinstance(sigma, float) and 0 < sigma < math.inf and value:
        digits = 1 - math.floor(math.log10(sigma))
        if 0 <= digits <= 8:
            return f"{value:.{digits}f}±{sigma:.{digits}f}"
        return f"{value:.4g}±{sigma:.1g}"
    return f"{value:.5g}"
