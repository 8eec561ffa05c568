"""The azimuthally integrated profile: one curve with its error, or a series."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from xrdkit.report.binning import fewer_rows, resampled
from xrdkit.report.canvas import WIDTH, ReportFigure, drawing, empty, inside
from xrdkit.report.choose import at, evenly, frame_count, frame_name
from xrdkit.report.label import (
    few_ticks,
    intensity_label,
    log_axis,
    power_of_ten,
    radial_label,
    strictly_finite,
)
from xrdkit.report.palette import BLUE, INTENSITY, MUTED, ORDER
from xrdkit.report.series_axis import series_axis
from xrdkit.schema import radial_dim

Array = NDArray[np.float64]
_COLUMNS, _ROWS = 420, 300


def plot_profile(profile: xr.Dataset, *, frame: int | None = None) -> ReportFigure:
    """Return a picture of a PROFILE Dataset.

    One frame (`frame`, or a Dataset of one) is a curve with a band of one standard error; a series
    is some of its curves, coloured by order, beside a map of intensity over frame and angle.
    """
    if frame is None and frame_count(profile) > 1:
        return _series_figure(profile)
    return _single_figure(at(profile, frame or 0))


def small_angle(x: Array) -> bool:
    """Return whether a radial axis spans the decades that call for a logarithmic one."""
    positive = x[x > 0]
    return bool(positive.size > 1 and positive.max() / positive.min() >= 10 and x.max() < 12)


def scale_intensity(axes: Axes, values: Array) -> None:
    """Make the intensity axis logarithmic where positive values span more than 1.5 decades."""
    good = strictly_finite(values)
    positive = good[good > 0]
    if positive.size < 2 or positive.size < 0.9 * good.size:
        return
    low, high = (float(v) for v in np.percentile(positive, (0.5, 100.0)))
    if high / low > 30:
        axes.set_ylim(low / 1.8, high * 1.8)
        log_axis(axes, "y")


def scale_radial(axes: Axes, data: xr.Dataset, x: Array) -> None:
    """Set limits and scale of the radial axis, logarithmic for small angles in q."""
    radial = radial_dim(data)
    if radial == "q" and small_angle(x):
        axes.set_xlim(float(x[x > 0].min()) / 1.06, float(x.max()) * 1.06)
        log_axis(axes, "x")
    else:
        margin = 0.01 * float(np.ptp(x)) or 0.5
        axes.set_xlim(float(x.min()) - margin, float(x.max()) + margin)
        few_ticks(axes, "x", 9)


def _single_figure(profile: xr.Dataset) -> ReportFigure:
    radial = radial_dim(profile)
    x = np.asarray(profile[radial].values, dtype=np.float64)
    y = np.asarray(profile["intensity"].values, dtype=np.float64)
    with drawing():
        figure = empty(3.3)
        axes = figure.add_axes(inside(figure, 0.82, 0.52, WIDTH - 1.0, 2.6))
        if "sigma" in profile:
            sigma = np.asarray(profile["sigma"].values, dtype=np.float64)
            axes.fill_between(
                x, y - sigma, y + sigma, color=BLUE, alpha=0.25, linewidth=0, label="± 1 sigma"
            )
        axes.plot(x, y, color=BLUE, linewidth=1.1, label="intensity")
        axes.set_xlabel(radial_label(profile, radial))
        axes.set_ylabel(intensity_label(profile["intensity"]))
        scale_radial(axes, profile, x)
        scale_intensity(axes, y)
        if "sigma" in profile:
            axes.legend(loc="upper right")
        return figure


def _series_figure(profile: xr.Dataset) -> ReportFigure:
    radial = radial_dim(profile)
    order = np.argsort(profile[radial].values)
    x = np.asarray(profile[radial].values, dtype=np.float64)[order]
    rows = np.asarray(profile["intensity"].values, dtype=np.float64)[:, order]
    with drawing():
        figure = empty(3.9)
        curves = figure.add_axes(inside(figure, 0.82, 0.52, 3.55, 3.06))
        image = figure.add_axes(inside(figure, 5.4, 0.52, 2.54, 3.06))
        bar = figure.add_axes(inside(figure, 8.06, 0.52, 0.12, 3.06))
        _waterfall(curves, profile, x, rows)
        _map(figure, image, bar, profile, x, rows)
        return figure


def _waterfall(axes: Axes, profile: xr.Dataset, x: Array, rows: Array) -> None:
    """Draw some curves; at wide angles each is moved up so that it can be told apart."""
    chosen = [i for i in evenly(rows.shape[0], 6) if np.isfinite(rows[i]).any()]
    shift = 0.0
    if not (radial_dim(profile) == "q" and small_angle(x)) and len(chosen) > 1:
        spans = [np.subtract(*np.nanpercentile(rows[i], (99.5, 5))) for i in chosen]
        shift = 0.3 * float(np.median(spans))
    for k, i in enumerate(chosen):
        colour = ORDER(k / max(len(chosen) - 1, 1))
        axes.plot(x, rows[i] + k * shift, color=colour, linewidth=1.0, label=frame_name(profile, i))
    axes.set_xlabel(radial_label(profile, radial_dim(profile)))
    label = intensity_label(profile["intensity"])
    axes.set_ylabel(f"{label}, each moved up" if shift else label)
    scale_radial(axes, profile, x)
    if axes.get_xscale() == "linear":
        few_ticks(axes, "x", 5)
    if not shift:
        scale_intensity(axes, rows[chosen] if chosen else rows[:0])
    axes.set_title("Curves along the series")
    if chosen and not shift:
        axes.legend(loc="lower left", handlelength=1.2, labelspacing=0.25)
    elif chosen:
        _name_curves(axes, profile, chosen, rows, shift)


def _name_curves(
    axes: Axes, profile: xr.Dataset, chosen: list[int], rows: Array, shift: float
) -> None:
    """Write the number of each frame at the right end of its curve."""
    across = axes.get_yaxis_transform()
    for k, i in enumerate(chosen):
        end = float(rows[i][np.isfinite(rows[i])][-1]) + k * shift
        colour = ORDER(k / max(len(chosen) - 1, 1))
        text = frame_name(profile, i).removeprefix("frame ")
        axes.text(1.015, end, text, color=colour, fontsize=8.5, va="center", transform=across)
    axes.text(1.015, 1.0, "frame", color=MUTED, fontsize=8.5, va="bottom", transform=axes.transAxes)


def _map(
    figure: ReportFigure, axes: Axes, bar: Axes, profile: xr.Dataset, x: Array, rows: Array
) -> None:
    """Draw the intensity of all frames; many frames are averaged into at most 300 lines."""
    radial = radial_dim(profile)
    log = radial == "q" and small_angle(x)
    low = float(x[x > 0].min()) if log else float(x.min())
    cells = min(_COLUMNS, x.size)
    spaced = np.geomspace if log else np.linspace
    edges = np.asarray(spaced(low, float(x.max()) * (1 + 1e-12), cells + 1), dtype=np.float64)
    picture = resampled(fewer_rows(rows, _ROWS), x, edges)
    along = series_axis(profile)
    positions = along.values
    if not np.all(np.diff(positions) > 0):
        positions, name = np.arange(rows.shape[0], dtype=np.float64), "frame in order"
    else:
        name = along.label
    half = 0.5 * float(np.median(np.diff(positions)))
    lines = np.linspace(positions[0] - half, positions[-1] + half, picture.shape[0] + 1)
    good = picture[np.isfinite(picture) & (picture > 0)]
    norm: Normalize = Normalize(0.0, 1.0)
    if good.size:
        bounds = [float(v) for v in np.percentile(good, (1.0, 99.8))]
        norm = LogNorm(bounds[0], max(bounds[1], 1.01 * bounds[0]), clip=True)
    drawn = axes.pcolormesh(
        edges,
        lines,
        np.ma.masked_invalid(np.where(picture <= 0, float(norm.vmin or 0.0), picture)),
        cmap=INTENSITY,
        norm=norm,
        rasterized=True,
    )
    if log:
        axes.set_xlim(edges[0], edges[-1])
        log_axis(axes, "x")
    else:
        few_ticks(axes, "x", 4)
    few_ticks(axes, "y", 6)
    axes.grid(visible=False)
    axes.set_xlabel(radial_label(profile, radial))
    axes.set_ylabel(name)
    axes.set_title(f"All {rows.shape[0]:,} frames")
    key = figure.colorbar(drawn, cax=bar)
    key.set_label(intensity_label(profile["intensity"]))
    if isinstance(norm, LogNorm):
        few = norm.vmax is not None and norm.vmin is not None and norm.vmax / norm.vmin < 100
        bar.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,), numticks=6))
        bar.yaxis.set_minor_locator(NullLocator())
        bar.yaxis.set_major_formatter(FuncFormatter(lambda v, _: power_of_ten(float(v))))
    bar.grid(visible=False)
    bar.tick_params(length=2, color=MUTED)
    key.outline.set_visible(False)
