"""Fitted numbers along a series, with error bars, and what was varied meanwhile."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator
from numpy.typing import NDArray

from xrdkit.report.canvas import WIDTH, ReportFigure, drawing, empty, inside
from xrdkit.report.label import few_ticks, legend_text, superscript, unit_text, with_unit
from xrdkit.report.palette import DOUBTFUL, MUTED, PHASES, SERIES
from xrdkit.report.quantity import Quantity, phase_names, quantities
from xrdkit.report.series_axis import SeriesAxis, companions, series_axis
from xrdkit.report.verdict import is_good
from xrdkit.schema import PHASES as PHASES_SCHEMA

Array = NDArray[np.float64]
MOST_BARS = 120
_VECTOR = 400
_GROUPS = 60
_TALL = 1.75
_LEFT, _GAP_X, _GAP_Y, _BOTTOM = 0.82, 0.95, 0.5, 0.55


def plot_series(result: xr.Dataset, *, against: str | None = None) -> ReportFigure:
    """Return the numbers of a PHASES or SIZES Dataset along its frames, one panel for each kind.

    `against` names a coordinate on ``frame``; see `series_axis` for the default. Fits that are not
    OK are ringed. Up to 120 frames carry error bars; more are dots around a line of medians.
    """
    axis = series_axis(result, against)
    panels: dict[str, list[Quantity]] = {}
    for quantity in quantities(result):
        if np.isfinite(quantity.value).any():
            panels.setdefault(quantity.panel, []).append(quantity)
    extra = companions(result, axis)
    good = is_good(result)
    # A phase has its own colour in every picture of the page.
    names = phase_names(result) if result.attrs.get("schema") == PHASES_SCHEMA.name else []
    colours = {name: PHASES[i % len(PHASES)] for i, name in enumerate(names)}
    with drawing():
        count = max(1, len(panels) + len(extra))
        rows = -(-count // 2)
        figure = empty(_BOTTOM + rows * _TALL + (rows - 1) * _GAP_Y + 0.32)
        places = _places(figure, count, rows)
        for place, members in zip(places, panels.values(), strict=False):
            draw_panel(place, axis, members, good, colours)
        for place, companion in zip(places[len(panels) :], extra, strict=False):
            place.step(axis.values, companion.values, where="post", color=MUTED, linewidth=1.2)
            place.set_ylabel(companion.label)
            few_ticks(place, "y", 4)
        for i, place in enumerate(places):
            finish(place, axis, last=i >= count - 2)
        return figure


def draw_quantity(
    axes: Axes,
    x: Array,
    quantity: Quantity,
    colour: str,
    *,
    marker: str = "o",
    label: str = "",
    hollow: bool = False,
) -> None:
    """Draw one quantity against `x` (frame,): points with error bars.

    Above 120 frames every one is a faint dot, and a line with a band joins the medians of value and
    error over 60 groups of neighbours.
    """
    order = np.argsort(x, kind="stable")
    x, value, sigma = x[order], quantity.value[order], quantity.sigma[order]
    if x.size <= MOST_BARS:
        axes.errorbar(
            x,
            value,
            yerr=np.where(sigma >= 0, sigma, 0.0),
            fmt=marker,
            linestyle="-",
            color=colour,
            markersize=6.0 if hollow else 3.6,
            markeredgewidth=1.0 if hollow else 0,
            markerfacecolor="none" if hollow else colour,
            linewidth=0.7,
            elinewidth=1.0,
            capsize=0,
            label=label,
        )
        return
    axes.plot(
        x,
        value,
        ".",
        color=colour,
        alpha=0.3,
        markersize=2.5,
        markeredgewidth=0,
        rasterized=x.size > _VECTOR,
    )
    groups = np.stack([x, value, sigma], axis=1)
    middle = np.stack([_median(g) for g in np.array_split(groups, _GROUPS)])
    x, value, sigma = middle.T
    axes.plot(x, value, color=colour, linewidth=1.3, label=label)
    axes.fill_between(x, value - sigma, value + sigma, color=colour, alpha=0.25, linewidth=0)


def _median(group: Array) -> Array:
    """Return the median of each column over its finite values, NaN where there is none."""
    kept = (column[np.isfinite(column)] for column in group.T)
    return np.array([np.median(k) if k.size else np.nan for k in kept])


def _places(figure: ReportFigure, count: int, rows: int) -> list[Axes]:
    across = 2 if count > 1 else 1
    wide = (WIDTH - _LEFT - 0.15 - (across - 1) * _GAP_X) / across
    places = []
    for i in range(count):
        row, column = divmod(i, 2)
        bottom = _BOTTOM + (rows - 1 - row) * (_TALL + _GAP_Y)
        left = _LEFT + column * (wide + _GAP_X)
        places.append(figure.add_axes(inside(figure, left, bottom, wide, _TALL)))
    return places


def draw_panel(
    axes: Axes,
    axis: SeriesAxis,
    members: list[Quantity],
    good: NDArray[np.bool_],
    colours: Mapping[str, str] | None = None,
) -> None:
    """Draw quantities of one kind along a series on one panel; rings mark fits not in `good`.

    `colours` are those of what a quantity is of, by name; others have those of `SERIES` in order.
    """
    power = _power(members)
    members = [_scaled(quantity, power) for quantity in members]
    for i, quantity in enumerate(members):
        colour = (colours or {}).get(quantity.of, SERIES[i % len(SERIES)])
        name = legend_text(quantity.of) if len(members) > 1 else ""
        draw_quantity(axes, axis.values, quantity, colour, marker="os^Dv"[i % 5], label=name)
        doubt = ~good & np.isfinite(quantity.value)
        # Where no fit is OK the caption says so; a ring around everything tells nothing.
        if doubt.any() and good.any():
            axes.plot(
                axis.values[doubt],
                quantity.value[doubt],
                "o",
                markerfacecolor="none",
                markeredgecolor=DOUBTFUL,
                markersize=7,
                markeredgewidth=0.9,
                linestyle="none",
                rasterized=int(doubt.sum()) > _VECTOR,
                zorder=5,
            )
    axes.set_ylabel(with_unit(members[0].panel, members[0].unit))
    _limit(axes, members, good)
    few_ticks(axes, "y", 5)
    if len(members) > 1:
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=min(len(members), 4),
            borderaxespad=0.1,
            handlelength=1.3,
            columnspacing=1.2,
        )


def _power(members: list[Quantity]) -> int:
    """Return the power of ten taken out of an axis whose numbers would have many zeros."""
    largest = max(float(np.nanmax(np.abs(q.value))) for q in members)
    if largest == 0 or 1e-2 <= largest < 1e5:
        return 0
    return math.floor(math.log10(largest))


def _scaled(quantity: Quantity, power: int) -> Quantity:
    if power == 0:
        return quantity
    scale = 10.0**-power
    unit = f"10{superscript(power)} {unit_text(quantity.unit)}".strip()
    return replace(quantity, value=scale * quantity.value, sigma=scale * quantity.sigma, unit=unit)


def _limit(axes: Axes, members: list[Quantity], good: NDArray[np.bool_]) -> None:
    """Leave out what only wild errors of fits that are not OK would ask for."""
    usable = good if good.any() else np.ones(good.shape, dtype=bool)
    ends = []
    for q in members:
        sigma = np.where(np.isfinite(q.sigma), q.sigma, 0.0)
        ends += [(q.value - sigma)[usable], (q.value + sigma)[usable]]
    flat = np.concatenate(ends)
    flat = flat[np.isfinite(flat)]
    if flat.size == 0:
        return
    low, high = float(flat.min()), float(flat.max())
    margin = 0.08 * (high - low) or 0.01 * abs(high) or 1.0
    axes.set_ylim(low - margin, high + margin)


def finish(axes: Axes, axis: SeriesAxis, *, last: bool) -> None:
    """Set limits, ticks and labels of a panel; the `last` of a column names its axis."""
    span = float(np.ptp(axis.values)) or 1.0
    axes.set_xlim(float(axis.values.min()) - 0.03 * span, float(axis.values.max()) + 0.03 * span)
    few_ticks(axes, "x", 6, integer=axis.coordinate == "frame")
    if axis.values.size == 1:
        axes.xaxis.set_major_locator(FixedLocator(axis.values.tolist()))
    axes.yaxis.set_label_coords(-0.62 / (axes.get_position().width * WIDTH), 0.5)
    if last:
        axes.set_xlabel(axis.label)
