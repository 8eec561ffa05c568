"""Parts of the page about phases and peaks: the map of a series, its flags, fitted peaks."""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from xrdkit.report.choose import at, evenly, frame_count, frame_name
from xrdkit.report.label import plain_text, radial_label, unit_text, with_unit
from xrdkit.report.markup import Markup, element
from xrdkit.report.measured import plain_number, quality_number, value_with_error
from xrdkit.report.peaks_figure import plot_peaks
from xrdkit.report.phase_series_figure import flagged, plot_phase_series
from xrdkit.report.pictures import Pictures
from xrdkit.report.table import badge
from xrdkit.report.verdict import read, verdicts
from xrdkit.schema import radial_dim

Rows = list[tuple[str, ...]]
#: So many flagged frames, or peaks of one frame, are listed.
_MOST_FLAGS, _MOST_PEAKS = 40, 40
_SHOWN = 2


def series_map(data: xr.Dataset, pictures: Pictures) -> Iterator[Markup]:
    """Yield the map of a PHASES series with its numbers beside it, and the list of its flags."""
    marked = flagged(data)
    text = (
        "The patterns of the series as a map, and beside it the numbers of each fit; bands are one "
        "standard error. Cell lengths are relative to those of the first fit."
    )
    if marked.any():
        text += " Red marks are the frames listed below."
    yield pictures.show(plot_phase_series(data), text, alt="Map of the patterns and fitted numbers")
    if marked.any():
        yield _flags(data, np.flatnonzero(marked).tolist())


def _flags(data: xr.Dataset, index: list[int]) -> Markup:
    rows = []
    said = verdicts(data)
    for i in index[:_MOST_FLAGS]:
        one = at(data, i)
        why = str(one["frame_flag"].values) if "frame_flag" in one else ""
        if not why.strip() and "verdict_reason" in one:
            why = str(one["verdict_reason"].values)
        cells = [
            element("th", frame_name(data, i), scope="row"),
            element("td", badge(read(said[i]))),
            element("td", _words(why)),
        ]
        rows.append(element("tr", *cells))
    more = len(index) - _MOST_FLAGS
    note = [element("p", f"{more:,} more in the result file.", class_="note")] if more > 0 else []
    head = element("tr", *(element("th", t, scope="col") for t in ("frame", "verdict", "flag")))
    table = element("table", element("thead", head), element("tbody", *rows), class_="numbers")
    return element("div", element("h4", "Flagged frames"), table, *note, class_="scroll")


def _words(text: str) -> str:
    """Return a reason in full: it is made of parts that each fit a line."""
    return "; ".join(plain_text(part) for part in text.split(";"))


def peaks_part(data: xr.Dataset, pictures: Pictures) -> Iterator[Markup]:
    """Yield the pictures and tables of first and last frame of a PEAKS Dataset."""
    yield element("h3", "Peaks")
    said = verdicts(data)
    for i in evenly(frame_count(data), _SHOWN):
        one = at(data, i)
        name = frame_name(data, i)
        reason = str(one["verdict_reason"].values) if "verdict_reason" in one else ""
        lead = f"{name.capitalize()}: " if name else ""
        caption: list[object] = [
            f"{lead}goodness of fit {quality_number(float(one['gof'].values))}, ",
            badge(read(said[i])),
            f"{': ' + reason if reason else ''}. Marks are the peaks, red those that are not ok.",
        ]
        alt = f"Fit of the peaks of {name or 'the profile'}"
        yield pictures.show(plot_peaks(data, frame=i), *caption, alt=alt)
        yield _peak_table(one)


def _peak_table(one: xr.Dataset) -> Markup:
    radial = radial_dim(one)
    unit = one[radial].attrs.get("units", "")
    heads = (radial_label(one, radial), with_unit("FWHM", unit), _head(one, "area"), "significance")
    place = np.asarray(one["position"].values, dtype=np.float64)
    order = [int(k) for k in np.argsort(place) if np.isfinite(place[k])]
    rows = []
    for k in order[:_MOST_PEAKS]:
        peak = one.isel(peak=k)
        texts = [
            value_with_error(float(peak[n].values), float(peak[f"{n}_sigma"].values))
            for n in ("position", "fwhm", "area")
        ]
        texts.append(plain_number(float(peak["significance"].values), 3))
        cells = [element("td", text, class_="number") for text in texts]
        cells.append(element("td", badge(read(str(peak["peak_verdict"].values)))))
        rows.append(element("tr", *cells))
    head = element("tr", *(element("th", t, scope="col") for t in (*heads, "verdict")))
    table = element("table", element("thead", head), element("tbody", *rows), class_="numbers")
    more = len(order) - _MOST_PEAKS
    note = [element("p", f"{more:,} more in the result file.", class_="note")] if more > 0 else []
    return element("div", table, *note, class_="scroll")


def _head(one: xr.Dataset, name: str) -> str:
    unit = str(one[name].attrs.get("units", ""))
    return f"{name} ({' '.join(unit_text(part) for part in unit.split())})" if unit else name
