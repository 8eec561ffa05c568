"""Sizes of one curve by several methods: the distributions, and what the methods differ by."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from xrdkit.report.canvas import ReportFigure, drawing, empty, inside
from xrdkit.report.choose import wanted_frame
from xrdkit.report.label import few_ticks, legend_text, log_axis, plain_text
from xrdkit.report.measured import value_with_error
from xrdkit.report.palette import MUTED, SERIES
from xrdkit.report.sizes_distribution import size_label
from xrdkit.schema import SIZE_METHODS

METHOD = "size_method"
_FLAT, _WIDE = 2e-3, 12.0
_NUMBERS = (
    ("mean_radius_volume", "mean radius, volume-weighted"),
    ("width_volume", "width, volume-weighted"),
    ("volume_fraction", "volume fraction"),
)


def plot_size_methods(result: xr.Dataset, *, frame: int = 0) -> ReportFigure:
    """Return a picture of one frame of `xrdkit.compare_size_methods` (SIZE_METHODS).

    Left the volume-weighted distributions of all methods on one scale; right mean radius, width
    and, where it is known, volume fraction by method: thick bars are the standard error of the
    method, thin ones have the spread between methods in them.

    Raises SchemaError for a result of another kind, SpecError for a frame that it does not have.
    """
    one = wanted_frame(result, SIZE_METHODS, frame)
    names = [plain_text(m) for m in one[METHOD].values]
    with drawing():
        figure = empty(3.9)
        left = figure.add_axes(inside(figure, 0.82, 0.5, 4.2, 3.2))
        _distributions(left, one, names)
        shown = [
            (n, t)
            for n, t in _NUMBERS
            if n in one and np.isfinite(one[n].values.astype(float)).any()
        ]
        tall = (3.2 - 0.5 * (len(shown) - 1)) / max(len(shown), 1)
        for k, (name, text) in enumerate(shown):
            bottom = 0.5 + (len(shown) - 1 - k) * (tall + 0.5)
            axes = figure.add_axes(inside(figure, 6.2, bottom, 2.6, tall))
            _numbers(axes, one, name, text, names)
        return figure


def _distributions(axes: Axes, one: xr.Dataset, names: list[str]) -> None:
    radius = np.asarray(one["radius"].values, dtype=np.float64)
    rows = np.asarray(one["distribution_volume"].transpose(METHOD, "radius").values, dtype=float)
    axes.set_xlabel(size_label(one))
    axes.set_ylabel("volume-weighted distribution (nm⁻¹)")
    kept = []
    for k, (name, row) in enumerate(zip(names, rows, strict=True)):
        if not np.nanmax(np.nan_to_num(row)) > 0:
            continue
        axes.plot(
            radius, row, color=SERIES[k % len(SERIES)], linewidth=1.4, label=legend_text(name)
        )
        kept.append(radius[np.nan_to_num(row) > _FLAT * np.nanmax(row)])
    if not kept:
        axes.text(0.5, 0.5, "no distribution", transform=axes.transAxes, ha="center", color=MUTED)
        return
    wide = np.concatenate(kept)
    low, high = float(wide.min()), float(wide.max())
    if high > _WIDE * low:
        axes.set_xlim(low / 1.15, high * 1.15)
        log_axis(axes, "x")
    else:
        axes.set_xlim(max(0.0, low - 0.06 * (high - low)), high + 0.06 * (high - low))
        few_ticks(axes, "x", 6)
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper right")


def _numbers(axes: Axes, one: xr.Dataset, name: str, text: str, names: list[str]) -> None:
    values = np.asarray(one[name].values, dtype=np.float64)
    sigma = np.asarray(one[f"{name}_sigma"].values, dtype=np.float64)
    total = f"{name}_total_sigma"
    whole = np.asarray(one[total].values, dtype=np.float64) if total in one else sigma
    for k, value in enumerate(values):
        colour = SERIES[k % len(SERIES)]
        if not np.isfinite(value):
            continue
        axes.errorbar([value], [k], xerr=[np.nan_to_num(whole[k])], color=colour, elinewidth=0.8)
        axes.errorbar([value], [k], xerr=[np.nan_to_num(sigma[k])], fmt="o", color=colour,
                      elinewidth=2.4, markersize=4)  # fmt: skip
        axes.annotate(
            value_with_error(float(value), float(sigma[k])),
            (float(value), k),
            xytext=(0, 5),
            textcoords="offset points",
            ha="center",
            fontsize=7,
        )
    unit = str(one[name].attrs.get("units", ""))
    axes.set_xlabel(f"{text} ({unit})" if unit not in ("", "1") else text)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.7)
    axes.grid(visible=False, axis="y")
    few_ticks(axes, "x", 4)
