"""Tables of the sources of error and of the corrections of a profile."""

from collections.abc import Iterator, Sequence

import numpy as np
import xarray as xr

from xrdkit.report.budget import axis_error, factors, neighbour_correlation, shares
from xrdkit.report.choose import frame_count
from xrdkit.report.label import plain_text, unit_text
from xrdkit.report.markup import Markup, element
from xrdkit.report.measured import plain_number
from xrdkit.report.table import fact_table
from xrdkit.schema import FRAME, radial_dim

_NOTE = (
    "Medians over all bins and frames. Errors independent between bins shrink when bins are "
    "averaged; common ones move all bins together and stay."
)
#: Spottiness over its error from which it is surely there.
_SURE = 3.0


def budget(profile: xr.Dataset) -> Iterator[Markup]:
    """Yield what is known of the errors, corrections and outliers of a PROFILE Dataset."""
    found = shares(profile)
    if found:
        yield element("h4", "Where the errors come from")
        rows = [
            (
                _name(s.name),
                percent(s.relative),
                s.between_bins or "",
                s.between_frames if frame_count(profile) > 1 else None,
            )
            for s in found
        ]
        heads = ("source", "relative error", "between bins", "between frames")
        yield table(heads[: 4 if frame_count(profile) > 1 else 3], rows)
        yield element("p", _NOTE, class_="note")
    changed = factors(profile)
    if changed:
        yield element("h4", "What the corrections did")
        lines = [(_name(f.name), plain_number(f.median, 4), _range(f.low, f.high)) for f in changed]
        yield table(("correction", "median factor", "smallest to largest"), lines)
    facts = list(_facts(profile))
    if facts:
        yield fact_table(facts)


def _facts(profile: xr.Dataset) -> Iterator[tuple[str, object]]:
    axis = axis_error(profile)
    radial = radial_dim(profile)
    if axis is not None:
        unit = unit_text(str(profile[radial].attrs.get("units", "")))
        yield (
            f"error of {_name(radial)}",
            f"{plain_number(axis[0], 2)} {unit}, {percent(axis[1])} (median), from the geometry",
        )
    correlation = neighbour_correlation(profile)
    if correlation is not None:
        yield "correlation of neighbouring bins", f"{correlation:.2f} (mean): pixels are split"
    if "n_outliers" in profile:
        number = np.asarray(profile["n_outliers"].values, dtype=np.float64)
        frames = frame_count(profile)
        each = f", {plain_number(float(number.sum()) / frames, 3)} per frame" if frames > 1 else ""
        text = f"{int(number.sum()):,} pixels left out{each}"
        if FRAME in profile.dims and frames > 1:
            per_frame = number.reshape(frames, -1).sum(axis=1)
            text += f", {int(per_frame.max()):,} at most"
        yield "outliers", text
    if "spottiness" in profile:
        yield "spottiness", _spottiness(profile)


def _spottiness(profile: xr.Dataset) -> str:
    value = np.asarray(profile["spottiness"].values, dtype=np.float64)
    good = np.isfinite(value)
    if not good.any():
        return "not known"
    middle = float(np.median(value[good]))
    if middle < 0:
        text = "none (median): the pixels of a bin scatter less than counting"
    else:
        text = f"{percent(middle)} (median) scatter between pixels of a bin beyond counting"
    if "spottiness_sigma" in profile:
        sigma = np.asarray(profile["spottiness_sigma"].values, dtype=np.float64)
        with np.errstate(invalid="ignore"):
            sure = float(np.mean((value > _SURE * sigma)[good]))
        text += f"; surely there in {100 * sure:.0f} % of the bins"
    return text


def table(
    heads: tuple[str, ...], rows: Sequence[tuple[str | None, ...]], scroll: str = "scroll"
) -> Markup:
    """Return a table of texts: the first of each row is its head, None leaves a cell out."""
    head = element("tr", *(element("th", text, scope="col") for text in heads))
    lines = []
    for first, *rest in rows:
        cells = [element("td", text, class_="number") for text in rest if text is not None]
        lines.append(element("tr", element("th", first, scope="row"), *cells))
    table = element("table", element("thead", head), element("tbody", *lines), class_="numbers")
    return element("div", table, class_=scroll)


def _name(text: str) -> str:
    return plain_text(text).replace("_", " ")


def _range(low: float, high: float) -> str:
    first, last = plain_number(low, 4), plain_number(high, 4)
    return "the same everywhere" if first == last else f"{first} to {last}"


def percent(value: float) -> str:
    """Return a share in percent, a dash where it is not finite."""
    return f"{plain_number(100 * value, 2)} %" if np.isfinite(value) else "–"
