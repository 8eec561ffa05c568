"""A table for a paper: phases by rows, with standard uncertainties as 5.4115(2)."""

import csv
import io
import itertools
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import xarray as xr

from xrdkit.atomic import write_file
from xrdkit.errors import SchemaError
from xrdkit.schema import FRAME, PHASES
from xrdkit.store.export._result import pair, phase_names
from xrdkit.store.export.uncertain import with_uncertainty

_ANGSTROM = 10.0
#: Variable over ``phase`` -> heading, LaTeX heading, factor to the unit of the heading.
_COLUMNS = {
    "weight_fraction": ("wt%", r"wt\%", 100.0),
    "absolute_fraction": ("wt% absolute", r"wt\% absolute", 100.0),
    "crystallite_size": ("size (nm)", r"$L_\mathrm{vol}$ (nm)", 1.0),
    "strain": ("strain (%)", r"$\varepsilon$ (\%)", 100.0),
    "b_iso": ("B (Å²)", r"$B$ (\AA$^2$)", 1.0),
    "march": ("March r", r"$r$", 1.0),
}
_CELL = {
    "lattice": (("a", "b", "c"), ("lattice_parameter",), "Å", r"\AA"),
    "lattice_angle": (("α", "β", "γ"), ("lattice_angle_name",), "°", r"$^\circ$"),
}
_GREEK = {"α": r"\alpha", "β": r"\beta", "γ": r"\gamma"}
_PATTERN = {
    "amorphous_fraction": ("amorphous wt%", r"amorphous wt\%", 100.0),
    "rwp": ("Rwp (%)", r"$R_\mathrm{wp}$ (\%)", 100.0),
    "gof": ("GoF", r"GoF", 1.0),
}
_IF_REFINED = ("b_iso", "march", "strain")
_Row = list[str]


def write_table(data: xr.Dataset, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a table of the phases as .csv, .md or .tex, as the suffix says; return the file.

    data: the result of a refinement. One row for each phase, and frame: weight fraction in percent,
    cell in Å and degree, crystallite size in nm, strain in percent, with standard uncertainties in
    parentheses; Rwp in percent, GoF and the verdict stand in the first row of a frame. Axes equal
    to one before and angles of 90° or 120° are left out, and so are columns without a number.

    Raises SchemaError for another Dataset or another suffix, ResultExists, StoreError.
    """
    target = Path(path)
    if data.attrs.get("schema") != PHASES.name:
        raise SchemaError("the table is of refined phases", source=target)
    write = _WRITERS.get(target.suffix.lower())
    if write is None:
        raise SchemaError(
            f"a table ends in {', '.join(_WRITERS)}, not {target.suffix!r}", source=target
        )
    count = data.sizes.get(FRAME, 1)
    parts = [data.isel({FRAME: k}) for k in range(count)] if FRAME in data.dims else [data]
    body = [_rows(one) for one in parts]
    labels = _labels(parts[0])
    framed = FRAME in data.dims
    rows: list[_Row] = []
    kept = [k for k in range(len(labels)) if any(row[k] for row in itertools.chain(*body))]
    heads = [["frame", *(labels[k][form] for k in kept)] for form in (0, 1)]
    for k, (one, lines) in enumerate(zip(parts, body, strict=True)):
        name = str(int(one[FRAME])) if framed and FRAME in data.coords else str(k)
        rows += [[name if framed else "", *(row[j] for j in kept)] for row in lines]
    if not framed:
        heads, rows = [h[1:] for h in heads], [row[1:] for row in rows]
    write_file(target, write(heads, rows).encode(), overwrite=overwrite)
    return target


def _labels(data: xr.Dataset) -> list[tuple[str, str]]:
    labels = [("phase", "phase")]
    labels += [(head, tex) for head, tex, _ in _COLUMNS.values()][:2]
    for names, _, unit, tex in _CELL.values():
        labels += [(f"{n} ({unit})", f"${_GREEK.get(n, n)}$ ({tex})") for n in names]
    labels += [(head, tex) for head, tex, _ in _COLUMNS.values()][2:]
    labels += [(head, tex) for head, tex, _ in _PATTERN.values()]
    return [*labels, ("verdict", "verdict")]


def _rows(data: xr.Dataset) -> list[_Row]:
    rows = []
    for k, name in enumerate(phase_names(data)):
        cells = {
            key: with_uncertainty(*_known(data, key, scale, k))
            for key, (_, _, scale) in _COLUMNS.items()
        }
        own = list(cells.values())
        row = [name, *own[:2], *_cell(data, k), *own[2:]]
        row += _quality(data) if k == 0 else [""] * (len(_PATTERN) + 1)
        rows.append(row)
    return rows


def _quality(data: xr.Dataset) -> list[str]:
    found = []
    for key, (_, _, scale) in _PATTERN.items():
        value, sigma = pair(data, key, scale)
        if math.isfinite(sigma):
            found.append(with_uncertainty(value, sigma))
        else:
            found.append(f"{value:.2f}" if math.isfinite(value) else "")
    return [*found, str(data["verdict"].values) if "verdict" in data else ""]


def _known(data: xr.Dataset, key: str, scale: float, phase: int) -> tuple[float, float]:
    """Return value and error; numbers that were not refined are told of a few quantities only."""
    value, sigma = pair(data, key, scale, phase=phase)
    refined = math.isfinite(sigma) and sigma > 0
    return (value, sigma) if refined or key not in _IF_REFINED else (math.nan, math.nan)


def _cell(data: xr.Dataset, phase: int) -> list[str]:
    found: list[str] = []
    for variable, (names, (dim,), unit, _) in _CELL.items():
        scale = _ANGSTROM if unit == "Å" else 1.0
        values = [
            pair(data, variable, scale, **{"phase": phase, dim: k}) for k in range(len(names))
        ]
        for k, (value, sigma) in enumerate(values):
            if unit == "Å":
                told = any(abs(value - v) < 1e-9 * abs(v) for v, _ in values[:k])
            else:
                told = any(abs(value - right) < 1e-9 for right in (90.0, 120.0))
            found.append("" if told else with_uncertainty(value, sigma))
    return found


def _csv(heads: Sequence[_Row], rows: Sequence[_Row]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([heads[0], *rows])
    return out.getvalue()


def _markdown(heads: Sequence[_Row], rows: Sequence[_Row]) -> str:
    lines = [heads[0], ["---"] * len(heads[0]), *rows]
    return "".join(
        "| " + " | ".join(re.sub(r"([|\\])", r"\\\1", c) for c in line) + " |\n" for line in lines
    )


def _latex(heads: Sequence[_Row], rows: Sequence[_Row]) -> str:
    def line(words: Sequence[str]) -> str:
        return " & ".join(words) + r" \\"

    body = [line([_plain(c) for c in row]) for row in rows]
    columns = "l" * len(heads[1])
    return "\n".join(
        [
            rf"\begin{{tabular}}{{{columns}}}",
            r"\hline",
            line(heads[1]),
            r"\hline",
            *body,
            r"\hline",
            r"\end{tabular}",
            "",
        ]
    )


def _plain(text: str) -> str:
    special = {c: "\\" + c for c in "&%$#_{}"}
    special.update({"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\^{}"})
    return "".join(special.get(c, c) for c in text)


_WRITERS: dict[str, Callable[[Sequence[_Row], Sequence[_Row]], str]] = {
    ".csv": _csv,
    ".md": _markdown,
    ".tex": _latex,
}
