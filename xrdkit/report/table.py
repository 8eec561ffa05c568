"""Tables of fitted numbers: value ± error with unit, verdict in colour and in words."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import xarray as xr

from xrdkit.report.choose import evenly, frame_count, frame_name
from xrdkit.report.label import unit_text, with_unit
from xrdkit.report.markup import Markup, element, join
from xrdkit.report.measured import plain_number, quality_number, value_with_error
from xrdkit.report.quantity import Quantity, quantities
from xrdkit.report.series_axis import series_axis
from xrdkit.report.verdict import Reading, read, verdicts

_MOST_ROWS = 60
_SHOWN_OF_MANY = 25


def badge(reading: Reading) -> Markup:
    """Return a verdict as a coloured word."""
    return element("span", reading.word, class_=f"badge {reading.grade}", title=reading.meaning)


def fit_table(result: xr.Dataset) -> Markup:
    """Return the numbers of a PHASES or SIZES Dataset: a list for one frame, else a row for each.

    Of more than 60 frames 25 evenly spread ones and every failed one (up to 60 rows) are shown.
    """
    found = quantities(result)
    owners = list(dict.fromkeys(q.of for q in found if q.of))
    found.sort(key=lambda q: owners.index(q.of) if q.of else len(owners))
    if frame_count(result) == 1:
        return _one_frame(result, found)
    return _many_frames(result, found)


def cell(quantity: Quantity, index: int) -> str:
    """Return value and error of one frame as text, without the unit."""
    if quantity.name in ("Rwp", "goodness of fit"):
        return quality_number(float(quantity.value[index]))
    return value_with_error(float(quantity.value[index]), float(quantity.sigma[index]))


def fact_table(rows: Sequence[tuple[str, object]]) -> Markup:
    """Return a two-column table of names and values."""
    lines = [element("tr", element("th", k, scope="row"), element("td", v)) for k, v in rows]
    return element("table", element("tbody", *lines), class_="facts")


def _one_frame(result: xr.Dataset, found: list[Quantity]) -> Markup:
    head = element(
        "tr",
        *(element("th", text, scope="col") for text in ("", "quantity", "value", "unit")),
    )
    lines = []
    for of, group in groupby(found, key=lambda q: q.of):
        members = list(group)
        for i, q in enumerate(members):
            first = element("th", of, scope="rowgroup", rowspan=len(members)) if i == 0 else None
            texts = (q.name, cell(q, 0), unit_text(q.unit))
            cells = [
                element("td", t, class_="number" if k == 1 else None) for k, t in enumerate(texts)
            ]
            lines.append(element("tr", *([first] if first else []), *cells))
    said = [read(v) for v in verdicts(result)]
    notes = [element("p", "Verdict: ", badge(r), f" {r.meaning}.", class_="verdict") for r in said]
    table = element("table", element("thead", head), element("tbody", *lines), class_="numbers")
    return join([*notes, element("div", table, class_="scroll")])


def _many_frames(result: xr.Dataset, found: list[Quantity]) -> Markup:
    axis = series_axis(result)
    physical = axis.coordinate != "frame"
    groups = [(of, list(members)) for of, members in groupby(found, key=lambda q: q.of)]
    top = [element("th", "", colspan=3 if physical else 2)]
    top += [element("th", of, colspan=len(m), scope="colgroup") for of, m in groups]
    names = ["frame", *([axis.label] if physical else []), "verdict"]
    names += [with_unit(q.name, q.unit) for _, m in groups for q in m]
    head = [element("tr", *top), element("tr", *(element("th", n, scope="col") for n in names))]
    said = [read(v) for v in verdicts(result)]
    rows = _rows(said)
    lines = []
    for i in rows:
        cells = [element("th", frame_name(result, i).removeprefix("frame "), scope="row")]
        if physical:
            cells.append(element("td", plain_number(float(axis.values[i]), 4), class_="number"))
        cells.append(element("td", badge(said[i])))
        cells += [element("td", cell(q, i), class_="number") for _, m in groups for q in m]
        lines.append(element("tr", *cells))
    table = element(
        "table", element("thead", *head), element("tbody", *lines), class_="numbers series"
    )
    note = f"{len(rows)} of {len(said):,} frames; the result file has all of them."
    caption = element("p", note, class_="note") if len(rows) < len(said) else ""
    return join([element("div", table, class_="scroll long"), caption])


def _rows(said: list[Reading]) -> list[int]:
    if len(said) <= _MOST_ROWS:
        return list(range(len(said)))
    failed = np.flatnonzero([r.grade != "good" for r in said]).tolist()
    room = _MOST_ROWS - _SHOWN_OF_MANY
    if len(failed) > room:
        failed = [failed[i] for i in evenly(len(failed), room)]
    return sorted({*evenly(len(said), _SHOWN_OF_MANY), *failed})
