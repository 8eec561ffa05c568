"""Parts of the page about small angles beyond sizes: models, orientation, other numbers."""

from collections.abc import Callable, Iterator

import numpy as np
import xarray as xr

from xrdkit.report.canvas import ReportFigure
from xrdkit.report.choose import at, evenly, frame_count, frame_name
from xrdkit.report.label import plain_text, unit_text, with_unit
from xrdkit.report.markup import Markup, element, join
from xrdkit.report.measured import plain_number, value_with_error
from xrdkit.report.methods_figure import METHOD, plot_size_methods
from xrdkit.report.model_figure import plot_model
from xrdkit.report.orientation_figure import plot_orientation
from xrdkit.report.pictures import Pictures
from xrdkit.report.series_axis import series_axis
from xrdkit.report.sizes_series_figure import plot_size_series
from xrdkit.report.table import badge
from xrdkit.report.verdict import read, verdicts
from xrdkit.schema import FRAME, ORIENTATION, SCATTERING_MODEL

_SHOWN = 2
#: Rows of a table and columns of a series.
_MOST_ROWS, _MOST_COLUMNS = 60, 8
_HEADS = {SCATTERING_MODEL.name: "Model", ORIENTATION.name: "Orientation"}
_FIGURES: dict[str, Callable[..., ReportFigure]] = {
    SCATTERING_MODEL.name: plot_model,
    ORIENTATION.name: plot_orientation,
}
_SIGMA = "_sigma"


def has_numbers(data: xr.Dataset) -> bool:
    """Return whether a result holds numbers with errors that a table can show."""
    known = data.attrs.get("schema") in _HEADS or METHOD in data.dims
    return known or bool(numbers_of(data))


def numbers_of(data: xr.Dataset) -> list[str]:
    """Return the variables of one number per frame that have a standard error."""
    names = map(str, data.data_vars)
    return [n for n in names if f"{n}{_SIGMA}" in data and set(data[n].dims) <= {FRAME}]


def saxs_part(data: xr.Dataset, pictures: Pictures) -> Iterator[Markup]:
    """Yield the pictures of first and last frame, and the numbers of all, of such a result."""
    kind = str(data.attrs["schema"])
    name = kind.removeprefix("xrdkit/").rpartition("/")[0].replace("_", " ")
    yield element("h3", _HEADS.get(kind, name.capitalize()))
    if METHOD in data.dims:
        for i in evenly(frame_count(data), _SHOWN):
            text = (
                "Sizes by several methods. Thick bars are standard errors of each, thin ones have"
                " the spread between methods in them."
            )
            figure = plot_size_methods(data, frame=i)
            yield pictures.show(figure, text, alt="Sizes by several methods")
        return
    if kind in _FIGURES:
        for i in evenly(frame_count(data), _SHOWN):
            yield _picture(data, i, pictures, _FIGURES[kind])
    found = numbers_of(data)
    if found:
        yield _table(data, found) if frame_count(data) > 1 else _list(data, found)


def size_series(data: xr.Dataset, pictures: Pictures) -> Iterator[Markup]:
    """Yield the waterfall of the distributions of a SIZES series."""
    if not np.isfinite(np.asarray(data["distribution_volume"].values, dtype=float)).any():
        return
    text = (
        "Volume-weighted size distributions along the series, each scaled to its maximum, with a"
        " stroke at its mean radius; beside them the numbers with standard errors."
    )
    if "mean_radius_volume_trend" in data:
        text += " Lines with bands are smooth trends; the points are single fits."
    yield pictures.show(plot_size_series(data), text, alt="Size distributions along the series")


def _picture(
    data: xr.Dataset, index: int, pictures: Pictures, figure: Callable[..., ReportFigure]
) -> Markup:
    name = frame_name(data, index)
    one = at(data, index)
    lead = f"{name.capitalize()}: " if name else ""
    reason = str(one["verdict_reason"].values) if "verdict_reason" in one else ""
    words = [f"{lead}√χ²r {plain_number(float(one['gof'].values), 3)}, "]
    caption: list[object] = [*words, badge(read(verdicts(data)[index]))]
    caption.append(f": {reason.rstrip('.')}." if reason else ".")
    alt = f"Fit of {name or 'the curve'}"
    return pictures.show(figure(data, frame=index), *caption, alt=alt)


def _list(data: xr.Dataset, found: list[str]) -> Markup:
    one = at(data, 0)
    lines = [
        element(
            "tr",
            element("th", plain_text(name).replace("_", " "), scope="row"),
            element("td", _number(one, name), class_="number"),
            element("td", unit_text(one[name].attrs.get("units", ""))),
        )
        for name in found[:_MOST_ROWS]
    ]
    said = [element("p", "Verdict: ", badge(read(v)), class_="verdict") for v in verdicts(data)]
    table = element("table", element("tbody", *lines), class_="numbers")
    return join([*said, element("div", table, class_="scroll")])


def _table(data: xr.Dataset, found: list[str]) -> Markup:
    axis = series_axis(data)
    shown = found[:_MOST_COLUMNS]
    units = [data[n].attrs.get("units", "") for n in shown]
    heads = [
        axis.label,
        "verdict",
        *(with_unit(plain_text(n).replace("_", " "), u) for n, u in zip(shown, units, strict=True)),
    ]
    said = verdicts(data)
    rows = []
    for i in evenly(frame_count(data), _MOST_ROWS):
        one = at(data, i)
        cells = [
            element("th", plain_number(float(axis.values[i]), 4), scope="row"),
            element("td", badge(read(said[i]))),
            *(element("td", _number(one, n), class_="number") for n in shown),
        ]
        rows.append(element("tr", *cells))
    head = element("thead", element("tr", *(element("th", h, scope="col") for h in heads)))
    table = element("table", head, element("tbody", *rows), class_="numbers series")
    return element("div", table, class_="scroll long")


def _number(one: xr.Dataset, name: str) -> str:
    return value_with_error(float(one[name].values), float(one[f"{name}{_SIGMA}"].values))
