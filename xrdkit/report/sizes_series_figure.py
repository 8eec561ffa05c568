"""Size distributions along a series: a waterfall, and the course of mean and width."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from xrdkit.report.canvas import ReportFigure, drawing, empty, inside
from xrdkit.report.choose import evenly, frame_count
from xrdkit.report.label import few_ticks, log_axis
from xrdkit.report.palette import INK, MUTED, ORDER
from xrdkit.report.quantity import Quantity, quantities
from xrdkit.report.series_axis import SeriesAxis, series_axis
from xrdkit.report.series_figure import draw_panel, finish
from xrdkit.report.sizes_distribution import size_label
from xrdkit.report.verdict import is_good
from xrdkit.schema import SIZES, validate

Array = NDArray[np.float64]

#: Distributions that a waterfall can hold and be read.
_MOST_CURVES = 15
_OVERLAP = 2.2
_FLAT = 5e-3
_WIDE = 12.0
_PANELS = ("mean radius", "width (std. dev.)", "volume fraction")
_TREND = "_trend"


def plot_size_series(result: xr.Dataset, *, against: str | None = None) -> ReportFigure:
    """Return the size distributions of a SIZES Dataset along its frames beside their numbers.

    Left a waterfall of at most 15 volume-weighted distributions, each scaled to its own maximum,
    with a line at its mean radius; right mean radius, width and, where it is known, volume fraction
    with error bars, fits that are not OK ringed. Trends that the result holds
    (`xrdkit.smooth_trend`) are drawn as lines with their bands. `against` names a coordinate on
    ``frame``, see `xrdkit.report.series_axis`.

    Raises SchemaError for a result of another kind.
    """
    axis = series_axis(validate(result, SIZES), against)
    panels: dict[str, list[Quantity]] = {}
    for quantity in quantities(result):
        if quantity.panel in _PANELS and np.isfinite(quantity.value).any():
            panels.setdefault(quantity.panel, []).append(quantity)
    good = is_good(result)
    with drawing():
        figure = empty(5.1)
        left = figure.add_axes(inside(figure, 0.82, 0.55, 3.5, 4.2))
        _waterfall(left, result, axis)
        count = max(1, len(panels))
        tall = (4.2 - 0.4 * (count - 1)) / count
        for i, (name, members) in enumerate(panels.items()):
            bottom = 0.55 + (count - 1 - i) * (tall + 0.4)
            place = figure.add_axes(inside(figure, 5.3, bottom, 3.5, tall))
            draw_panel(place, axis, members, good)
            _trends(place, result, axis, name)
            finish(place, axis, last=i == count - 1)
            if i < count - 1:
                place.tick_params(labelbottom=False)
        return figure


def _waterfall(axes: Axes, result: xr.Dataset, axis: SeriesAxis) -> None:
    radius = np.asarray(result["radius"].values, dtype=np.float64)
    rows = np.asarray(result["distribution_volume"].values, dtype=np.float64)
    rows = rows.reshape(frame_count(result), radius.size)
    means = np.atleast_1d(np.asarray(result["mean_radius_volume"].values, dtype=np.float64))
    order = np.argsort(axis.values, kind="stable")
    found = [int(i) for i in order if np.nanmax(np.nan_to_num(rows[i])) > 0]
    chosen = [found[i] for i in evenly(len(found), _MOST_CURVES)]
    axes.set_xlabel(size_label(result))
    axes.set_ylabel(axis.label)
    axes.grid(visible=False, axis="y")
    if not chosen:
        axes.text(0.5, 0.5, "no distribution", transform=axes.transAxes, ha="center", color=MUTED)
        return
    step = 1.0 / _OVERLAP
    seen = []
    for place, i in reversed(list(enumerate(chosen))):
        height = rows[i] / np.nanmax(rows[i])
        colour = ORDER(place / max(len(chosen) - 1, 1))
        base = place * step
        shown = height > 1e-4
        layer = 3 * (len(chosen) - place)
        axes.fill_between(
            radius, base, base + height, where=shown, color=colour, alpha=0.2, linewidth=0,
            zorder=layer,
        )  # fmt: skip
        axes.plot(
            radius, np.where(shown, base + height, np.nan), color=colour, linewidth=1.1,
            zorder=layer + 1,
        )  # fmt: skip
        if np.isfinite(means[i]):
            axes.plot([means[i]] * 2, [base, base + 0.5 * step], color=INK, linewidth=0.8,
                      zorder=layer + 2)  # fmt: skip
        seen.append(radius[height > _FLAT])
    wide = np.concatenate(seen)
    low, high = float(wide.min()), float(wide.max())
    if high > _WIDE * low:
        axes.set_xlim(low / 1.15, high * 1.15)
        log_axis(axes, "x")
    else:
        axes.set_xlim(max(0.0, low - 0.05 * (high - low)), high + 0.05 * (high - low))
        few_ticks(axes, "x", 6)
    axes.set_ylim(-0.05, (len(chosen) - 1) * step + 1.1)
    ticks = [int(i) for i in evenly(len(chosen), 6)]
    axes.set_yticks([k * step for k in ticks], [f"{axis.values[chosen[k]]:.4g}" for k in ticks])


def _trends(axes: Axes, result: xr.Dataset, axis: SeriesAxis, panel: str) -> None:
    """Draw the trends of the volume-weighted number of a panel."""
    name = {
        "mean radius": "mean_radius_volume",
        "width (std. dev.)": "width_volume",
        "volume fraction": "volume_fraction",
    }[panel] + _TREND
    if name not in result:
        return
    order = np.argsort(axis.values, kind="stable")
    x = axis.values[order]
    value = np.asarray(result[name].values, dtype=np.float64)[order]
    sigma = np.asarray(result[f"{name}_sigma"].values, dtype=np.float64)[order]
    axes.plot(x, value, color=INK, linewidth=1.2, zorder=6, label="trend")
    axes.fill_between(x, value - sigma, value + sigma, color=INK, alpha=0.2, linewidth=0, zorder=1)
