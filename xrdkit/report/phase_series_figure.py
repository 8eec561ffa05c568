"""A series of whole-pattern fits: the patterns as a map, and the numbers beside it."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator
from numpy.typing import NDArray

from xrdkit.report.binning import fewer_rows, resampled
from xrdkit.report.canvas import WIDTH, ReportFigure, drawing, empty, inside
from xrdkit.report.choose import frame_count, frame_name
from xrdkit.report.label import (
    few_ticks,
    intensity_label,
    legend_text,
    log_axis,
    power_of_ten,
    radial_label,
    strictly_finite,
)
from xrdkit.report.palette import DOUBTFUL, INK, INTENSITY, MUTED, PHASES
from xrdkit.report.pattern_axes import in_zoom, root_ticks
from xrdkit.report.quantity import Quantity, phase_names, quantities
from xrdkit.report.series_axis import SeriesAxis, frame_axis, series_axis
from xrdkit.report.verdict import is_good
from xrdkit.schema import radial_dim

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
_COLUMNS, _ROWS = 480, 300
_TALL, _MAP, _PANEL, _APART = 4.1, 2.75, 1.16, 0.22
_LEFT, _BOTTOM = 0.72, 0.92
#: From so many frames on, points are not marked one by one.
_MARKED = 60
#: Beyond this ratio of largest to smallest a size axis is logarithmic.
_WIDE = 20.0
_LINES: tuple[Any, ...] = ("-", (0, (4, 2)), (0, (1, 1.5)))
_LISTED = 8


@dataclass(frozen=True, kw_only=True)
class _Panel:
    """Numbers that share one axis."""

    label: str
    members: list[tuple[Quantity, int, int]]
    """Number, index of its phase (-1: of the whole fit) and of its line style."""
    log: bool = False


def plot_phase_series(
    result: xr.Dataset, *, against: str | None = None, zoom: tuple[float, float] | None = None
) -> ReportFigure:
    """Return the map of the patterns of a PHASES series and, at the same height, its numbers.

    Upwards run the frames, or the coordinate on ``frame`` named by `against` (by default time,
    temperature or voltage, where it rises or falls throughout; see `series_axis`). Beside the
    observed intensity (square-root colours) stand weight fractions, relative changes of the cell
    lengths since the first fit, crystallite sizes and the goodness of fit, each with a band of one
    standard error. Frames whose verdict is not ok or that the series flags (``frame_flag``) carry
    a red mark at the map and a line through all panels. Long series are averaged in the map, to
    300 rows, never in the numbers; a column of the map is as bright as its brightest point.
    `zoom` limits the map on the radial axis, in its unit (degree or 1/nm).

    Raises SpecError where `zoom` holds fewer than two points.
    """
    axis = _upward(result, against)
    place = axis.values
    order = np.argsort(place, kind="stable")
    panels = _panels(result)
    marked = flagged(result)
    with drawing():
        beside = len(panels) * (_PANEL + _APART)
        wide = max(_MAP, WIDTH - _LEFT - beside - 0.6)
        figure = empty(_BOTTOM + _TALL + 0.42, _LEFT + wide + beside + 0.15)
        image = figure.add_axes(inside(figure, _LEFT, _BOTTOM, wide, _TALL))
        bar = figure.add_axes(
            inside(figure, _LEFT + 0.5 * wide, _BOTTOM + _TALL + 0.06, 0.5 * wide, 0.07)
        )
        _draw_map(figure, image, bar, result, place[order], order, zoom)
        image.set_ylabel(axis.label)
        few_ticks(image, "y", 8, integer=axis.coordinate == "frame")
        left = _LEFT + wide + _APART
        for panel in panels:
            axes = figure.add_axes(inside(figure, left, _BOTTOM, _PANEL, _TALL), sharey=image)
            _draw_panel(axes, panel, place, order, is_good(result))
            left += _PANEL + _APART
        _name_phases(figure, result, _LEFT + wide + _APART)
        _mark(figure, image, place, marked, result)
        return figure


def flagged(result: xr.Dataset) -> Flags:
    """Return which frames have a verdict that is not ok or a flag of the series, shape (frame,)."""
    marked = ~is_good(result)
    if marked.size != frame_count(result):
        marked = np.zeros(frame_count(result), dtype=bool)
    if "frame_flag" in result:
        text = np.atleast_1d(result["frame_flag"].values).astype(str)
        marked = marked | (np.char.str_len(np.char.strip(text)) > 0)
    return np.asarray(marked)


def _upward(result: xr.Dataset, against: str | None) -> SeriesAxis:
    axis = series_axis(result, against)
    step = np.diff(axis.values)
    if np.all(step > 0) or np.all(step < 0):
        return axis
    # A coordinate that comes back would lay rows over one another.
    return frame_axis(result)


def _draw_map(
    figure: ReportFigure,
    axes: Axes,
    bar: Axes,
    result: xr.Dataset,
    place: Array,
    order: NDArray[np.intp],
    zoom: tuple[float, float] | None,
) -> None:
    radial = radial_dim(result)
    along = np.argsort(result[radial].values)
    x = np.asarray(result[radial].values, dtype=np.float64)[along]
    rows = np.asarray(result["intensity"].values, dtype=np.float64).reshape(place.size, -1)
    rows = rows[order][:, along]
    seen = np.flatnonzero(np.isfinite(rows).any(axis=0))
    if seen.size > 1:
        x, rows = x[seen[0] : seen[-1] + 1], rows[:, seen[0] : seen[-1] + 1]
    near = in_zoom(x, zoom)
    x, rows = x[near], rows[:, near]
    edges = np.linspace(x[0], x[-1] * (1 + 1e-12), min(_COLUMNS, x.size) + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # rows without a number stay so
        picture = _brightest(fewer_rows(rows, _ROWS), x, edges)
    lines = _row_edges(fewer_rows(place[:, np.newaxis], _ROWS)[:, 0])
    good = strictly_finite(picture)
    low, high = (0.0, 1.0) if good.size == 0 else np.percentile(good, (2.0, 99.3))
    low = max(float(low), 0.0)
    # The square root gives weak lines colours, and noise the same spread everywhere.
    norm = PowerNorm(0.5, low, max(float(high), low + 1e-12), clip=True)
    drawn = axes.pcolormesh(
        edges, lines, np.ma.masked_invalid(picture), cmap=INTENSITY, norm=norm, rasterized=True
    )
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(lines[0], lines[-1])
    few_ticks(axes, "x", 5)
    axes.grid(visible=False)
    axes.set_xlabel(radial_label(result, radial))
    key = figure.colorbar(drawn, cax=bar, orientation="horizontal")
    key.outline.set_visible(False)
    bar.xaxis.set_ticks_position("top")
    bar.grid(visible=False)
    bar.tick_params(length=2, pad=1, labelsize=7.5)
    ticks = root_ticks(low, float(high), apart=0.2)
    if max((len(power_of_ten(tick)) for tick in ticks), default=0) > 4:
        ticks = root_ticks(low, float(high), apart=0.5)
    bar.xaxis.set_major_locator(FixedLocator(ticks))
    bar.xaxis.set_major_formatter(FuncFormatter(lambda value, _: power_of_ten(value) or "0"))
    axes.text(
        0.0,
        1.015,
        f"{intensity_label(result['intensity'])}",
        transform=axes.transAxes,
        fontsize=8.5,
        va="bottom",
    )


def _brightest(rows: Array, x: Array, edges: Array) -> Array:
    """Return the largest value of each row between `edges`, the mean where columns are wider.

    Lines of a synchrotron are narrower than a column: their mean would be dark.
    """
    mean = resampled(rows, x, edges)
    cell = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, edges.size - 2)
    starts = np.flatnonzero(np.diff(cell, prepend=-1))
    mean[:, cell[starts]] = np.fmax.reduceat(rows, starts, axis=1)
    return mean


def _row_edges(place: Array) -> Array:
    """Return the edges of rows in the middle between ascending places."""
    if place.size == 1:
        return np.array([place[0] - 0.5, place[0] + 0.5])
    middle = (place[1:] + place[:-1]) / 2
    return np.concatenate(
        [[2 * place[0] - middle[0]], middle, [2 * place[-1] - middle[-1]]],
    )


def _panels(result: xr.Dataset) -> list[_Panel]:
    """Return what stands beside the map, as far as the result has it."""
    names = phase_names(result)
    found = [q for q in quantities(result) if np.isfinite(q.value).any()]

    def of(keep: Callable[[Quantity], bool]) -> list[tuple[Quantity, int, int]]:
        return [(q, names.index(q.of) if q.of in names else -1, 0) for q in found if keep(q)]

    panels = []
    fractions = of(lambda q: q.name == "weight fraction")
    if fractions:
        panels.append(_Panel(label="weight fraction\n(%)", members=fractions, log=_wide(fractions)))
    cells = [
        (_change(q), names.index(q.of), "abc".find(q.name[-1:]))
        for q in found
        if q.name.startswith("lattice ") and q.of in names
    ]
    if cells:
        panels.append(_Panel(label="change of cell\n(10⁻³)", members=cells))
    sizes = of(lambda q: q.name == "crystallite size")
    if sizes:
        panels.append(_Panel(label="crystallite size\n(nm)", members=sizes, log=_wide(sizes)))
    quality = of(lambda q: q.name == "goodness of fit")
    if quality:
        panels.append(_Panel(label="goodness of fit\n(1 = as noise)", members=quality))
    return panels


def _wide(members: list[tuple[Quantity, int, int]]) -> bool:
    every = strictly_finite(np.concatenate([q.value for q, _, _ in members]))
    return bool(every.min() > 0 and every.max() / every.min() > _WIDE)


def _change(quantity: Quantity) -> Quantity:
    """Return a length as its change relative to that of the first fit, in 10⁻³."""
    first = quantity.value[np.flatnonzero(np.isfinite(quantity.value))[0]]
    value, sigma = 1e3 * (quantity.value / first - 1), 1e3 * quantity.sigma / first
    return replace(quantity, value=value, sigma=sigma, unit="1")


def _draw_panel(
    axes: Axes, panel: _Panel, place: Array, order: NDArray[np.intp], good: Flags
) -> None:
    if panel.log:
        axes.set_xscale("log")
    marker = "o" if place.size <= _MARKED else ""
    ends = []
    for quantity, phase, style in panel.members:
        colour = PHASES[phase % len(PHASES)] if phase >= 0 else INK
        value = quantity.value[order]
        sigma = np.where(np.isfinite(quantity.sigma), quantity.sigma, 0.0)[order]
        axes.fill_betweenx(
            place[order], value - sigma, value + sigma, color=colour, alpha=0.22, linewidth=0
        )
        axes.plot(
            value,
            place[order],
            color=colour,
            linestyle=_LINES[max(style, 0) % 3],
            linewidth=1.0,
            marker=marker,
            markersize=2.6,
            markeredgewidth=0,
        )
        # A wild error of one frame must not squeeze all others.
        usable = np.isfinite(value) & (good[order] if good.any() else True)
        usable &= sigma <= 5 * np.median(sigma[usable]) if usable.any() else True
        ends += [(value - sigma)[usable], (value + sigma)[usable]]
    flat = np.concatenate(ends) if ends else np.zeros(0)
    flat = flat[flat > 0] if panel.log else flat
    if flat.size:
        low, high = float(flat.min()), float(flat.max())
        if panel.log:
            axes.set_xlim(low / 1.3, high * 1.3)
            log_axis(axes, "x")
            # The panel is narrow: two numbers in a decade have room.
            subs = (1.0, 3.0) if high < 300 * low else (1.0,)
            axes.xaxis.set_major_locator(LogLocator(subs=subs))
        else:
            margin = 0.08 * (high - low) or 0.01 * abs(high) or 1.0
            axes.set_xlim(low - margin, high + margin)
    if not panel.log:
        # The panel is narrow: numbers of five digits would touch.
        axes.xaxis.set_major_locator(MaxNLocator(2, steps=[1, 2, 5, 10]))
    axes.set_xlabel(panel.label)
    axes.tick_params(labelleft=False)
    styles = sorted({max(s, 0) for _, _, s in panel.members})
    if styles != [0]:
        lines = [Line2D([], [], color=MUTED, linestyle=_LINES[s], linewidth=1.0) for s in styles]
        axes.legend(
            lines,
            ["abc"[s] for s in styles],
            loc="upper center",
            bbox_to_anchor=(0.5, -0.145),
            ncols=3,
            handlelength=1.5,
            columnspacing=0.8,
            handletextpad=0.3,
        )


def _name_phases(figure: ReportFigure, result: xr.Dataset, left: float) -> None:
    names = phase_names(result)
    across, up = figure.get_size_inches()
    lines = [Line2D([], [], color=PHASES[i % len(PHASES)], linewidth=2) for i in range(len(names))]
    figure.legend(
        lines,
        [legend_text(name) for name in names],
        loc="lower left",
        bbox_to_anchor=(left / across, (_BOTTOM + _TALL + 0.02) / up),
        ncols=min(len(names), 4),
        borderaxespad=0.0,
        columnspacing=1.2,
    )


def _mark(
    figure: ReportFigure, image: Axes, place: Array, marked: Flags, result: xr.Dataset
) -> None:
    """Mark flagged frames at the map and through the panels, and name the first of them."""
    index = np.flatnonzero(marked)
    if index.size == 0:
        return
    image.plot(
        np.zeros(index.size),
        place[index],
        ">",
        color=DOUBTFUL,
        markersize=5,
        markeredgewidth=0,
        clip_on=False,
        transform=image.get_yaxis_transform(),
        zorder=6,
    )
    if index.size <= _MARKED:
        for axes in figure.axes:
            if axes is not image and axes.get_shared_y_axes().joined(axes, image):
                for where in place[index]:
                    axes.axhline(where, color=DOUBTFUL, linewidth=0.7, alpha=0.6, zorder=1)
    names = [frame_name(result, int(i)).removeprefix("frame ") for i in index[:_LISTED]]
    more = f" and {index.size - _LISTED} more" if index.size > _LISTED else ""
    across, up = figure.get_size_inches()
    figure.text(
        _LEFT / across,
        0.1 / up,
        f"▶ flagged: frame{'s' if index.size > 1 else ''} {', '.join(names)}{more}",
        color=DOUBTFUL,
        fontsize=8.5,
        va="bottom",
    )
