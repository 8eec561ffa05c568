"""A whole-pattern fit: observed, calculated, background, reflections and residual."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from xrdkit.report.canvas import WIDTH, ReportFigure, drawing, empty, inside
from xrdkit.report.choose import at, evenly, frame_count
from xrdkit.report.label import intensity_label, legend_text, radial_label, strictly_finite
from xrdkit.report.palette import CALCULATED, INK, MUTED, OBSERVED, PHASES
from xrdkit.report.profile_figure import scale_radial
from xrdkit.report.quantity import phase_names
from xrdkit.report.residual import draw_residual, fitted_part, many
from xrdkit.schema import radial_dim

Array = NDArray[np.float64]
_TICK_ROW = 0.17
#: Above this ratio of highest point to median a linear axis hides the weak lines.
_STEEP = 12.0


def plot_phases(result: xr.Dataset, *, frame: int = 0) -> ReportFigure:
    """Return a picture of one fit of a PHASES Dataset.

    Shown are the observed points, the calculated pattern, the background, a row of marks per phase
    where the result names its reflections, and the residual in standard errors. The intensity axis
    is a square root where one line towers over the others, and says so.
    """
    one = at(result, frame)
    radial = radial_dim(one)
    x = np.asarray(one[radial].values, dtype=np.float64)
    marks = reflections(one)
    with drawing():
        ticks = _TICK_ROW * len(marks)
        figure = empty(4.1 + ticks)
        wide = WIDTH - 1.0
        below = figure.add_axes(inside(figure, 0.82, 0.5, wide, 0.85))
        main = figure.add_axes(inside(figure, 0.82, 1.5 + ticks, wide, 2.5), sharex=below)
        _draw_pattern(main, x, one, steep=_is_steep(result))
        if marks:
            strip = figure.add_axes(inside(figure, 0.82, 1.42, wide, ticks), sharex=below)
            _draw_marks(strip, marks)
        draw_residual(below, x, one)
        scale_radial(below, one, fitted_part(x, one))
        below.set_xlabel(radial_label(one, radial))
        main.tick_params(labelbottom=False)
        return figure


def reflections(result: xr.Dataset) -> list[tuple[str, Array]]:
    """Return (phase, positions on the radial axis) of a fit; empty where it names none."""
    if "reflection_position" not in result.variables or "reflection_phase" not in result.variables:
        return []
    position = np.asarray(result["reflection_position"].values, dtype=np.float64).ravel()
    owner = np.asarray(result["reflection_phase"].values).ravel()
    rows = []
    for i, name in enumerate(phase_names(result)):
        mine = owner == i if owner.dtype.kind in "iuf" else owner.astype(str) == _raw(result, i)
        rows.append((name, position[mine & np.isfinite(position)]))
    return rows


def _raw(result: xr.Dataset, index: int) -> str:
    return str(result["phase"].values[index]) if "phase" in result.coords else str(index)


def _is_steep(result: xr.Dataset) -> bool:
    """Return whether one line towers over the others, told from a few frames of the series."""
    frames = [at(result, i)["intensity"].values for i in evenly(frame_count(result), 6)]
    good = strictly_finite(np.stack(frames))
    if good.size == 0 or good.min() < 0:
        return False
    return bool(good.max() > _STEEP * max(float(np.median(good)), 1e-30))


def _draw_pattern(axes: Axes, x: Array, one: xr.Dataset, *, steep: bool) -> None:
    observed = np.asarray(one["intensity"].values, dtype=np.float64)
    calculated = np.asarray(one["intensity_calculated"].values, dtype=np.float64)
    background = np.asarray(one["background"].values, dtype=np.float64)
    axes.plot(
        x,
        observed,
        "o",
        color=OBSERVED,
        markersize=2.4,
        markeredgewidth=0,
        rasterized=many(x),
        label="observed",
    )
    axes.plot(x, calculated, color=CALCULATED, linewidth=1.1, label="calculated", zorder=3)
    _draw_parts(axes, x, one, background)
    axes.plot(x, background, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), label="background")
    label = intensity_label(one["intensity"])
    good = strictly_finite(np.concatenate([observed, calculated[np.isfinite(observed)]]))
    if good.size:
        low, high = float(good.min()), float(good.max())
        if steep:
            axes.set_yscale("function", functions=(_root, np.square))
            label = f"{label}, square-root scale"
            low = 0.6 * low
        span = high - low or 1.0
        axes.set_ylim(low - (0.04 * span if axes.get_yscale() == "linear" else 0), high + span / 14)
    axes.set_ylabel(label)
    axes.legend(loc="upper right", ncols=3)


def _draw_parts(axes: Axes, x: Array, one: xr.Dataset, background: Array) -> None:
    """Draw each of several phases on the background, in the colour of its row of marks."""
    if "intensity_phase" not in one or one.sizes["phase"] < 2:
        return
    for i in range(one.sizes["phase"]):
        part = np.asarray(one["intensity_phase"].isel(phase=i).values, dtype=np.float64)
        colour = PHASES[i % len(PHASES)]
        axes.plot(x, background + part, color=colour, linewidth=0.8, alpha=0.8, zorder=1.8)


def _root(values: Array) -> Array:
    return np.sqrt(np.clip(values, 0.0, None))


def _draw_marks(axes: Axes, marks: list[tuple[str, Array]]) -> None:
    count = len(marks)
    for row, (name, positions) in enumerate(marks):
        level = count - row - 0.5
        colour = PHASES[row % len(PHASES)]
        axes.plot(
            positions,
            np.full(positions.shape, level),
            "|",
            color=colour,
            markersize=8,
            markeredgewidth=1.0,
            rasterized=positions.size > 400,
        )
        axes.text(
            -0.012,
            level / count,
            legend_text(name)[:14],
            color=INK,
            fontsize=8,
            transform=axes.transAxes,
            va="center",
            ha="right",
        )
    axes.set_ylim(0, count)
    axes.set_axis_off()
