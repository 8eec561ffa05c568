"""A whole-pattern fit: observed, calculated, background, reflections and residual."""

from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from xrdkit.errors import SpecError
from xrdkit.report.canvas import WIDTH, ReportFigure, drawing, empty, inside
from xrdkit.report.choose import at, evenly, frame_count
from xrdkit.report.label import legend_text, radial_label
from xrdkit.report.measured import value_with_error
from xrdkit.report.palette import INK, PHASES
from xrdkit.report.pattern_axes import (
    broken,
    draw_calculated,
    draw_observed,
    in_zoom,
    is_steep,
    scale_pattern,
    write_numbers,
)
from xrdkit.report.profile_figure import scale_radial
from xrdkit.report.quantity import phase_names
from xrdkit.report.residual import draw_residual, fitted_part
from xrdkit.schema import radial_dim

Array = NDArray[np.float64]
_TICK_ROW, _LEGEND_ROW = 0.17, 0.21
#: Phases named with their weight fractions in one row above the picture.
_IN_ROW = 4


def plot_phases(
    result: xr.Dataset,
    *,
    frame: int = 0,
    zoom: tuple[float, float] | None = None,
    scale: Literal["auto", "linear", "root"] = "auto",
    difference: Literal["weighted", "plain"] = "weighted",
) -> ReportFigure:
    """Return a picture of one fit of a PHASES Dataset.

    Shown are the observed points, the calculated pattern, the background, the single phases with
    their weight fractions (± one standard error), a row of marks per phase where the result names
    its reflections, and observed minus calculated. No line crosses a gap in the data.

    frame: index of the fit in a series. zoom: limits on the radial axis, in its unit (degree or
    1/nm); intensities and residual scale to what is seen. scale: ``"root"`` is a square-root axis,
    on which counting noise is equally wide everywhere; ``"auto"`` takes it where one line towers
    over the others. difference: ``"weighted"`` by the standard error where there is one, else
    in the unit of the intensity; ``"plain"`` always in that unit.

    Raises SpecError where `zoom` holds fewer than two points, or for another scale or difference.
    """
    if scale not in ("auto", "linear", "root"):
        raise SpecError(f"scale {scale!r} is not known", hint="take 'auto', 'linear' or 'root'")
    if difference not in ("weighted", "plain"):
        raise SpecError(f"difference {difference!r} is not known", hint="'weighted' or 'plain'")
    one = at(result, frame)
    radial = radial_dim(one)
    one = one.isel({radial: np.argsort(one[radial].values, kind="stable")})
    one = one.isel({radial: in_zoom(np.asarray(one[radial].values, dtype=np.float64), zoom)})
    x = np.asarray(one[radial].values, dtype=np.float64)
    marks = reflections(one)
    shares = weight_shares(one)
    root = scale == "root" or (scale == "auto" and _is_steep(result, one, zoom))
    with drawing():
        ticks = _TICK_ROW * len(marks)
        above = _LEGEND_ROW * (1 + -(-len(shares) // _IN_ROW))
        figure = empty(4.02 + ticks + above)
        wide = WIDTH - 1.0
        below = figure.add_axes(inside(figure, 0.82, 0.5, wide, 0.85))
        main = figure.add_axes(inside(figure, 0.82, 1.5 + ticks, wide, 2.5), sharex=below)
        draw_observed(main, x, one)
        draw_calculated(main, x, one)
        _draw_parts(main, x, one)
        scale_pattern(main, one, root=root)
        top = 1.0 + (above - _LEGEND_ROW) / 2.5
        write_numbers(main, one, top)
        _name_curves(main, one, shares, top)
        if marks:
            strip = figure.add_axes(inside(figure, 0.82, 1.42, wide, ticks), sharex=below)
            _draw_marks(strip, marks)
        draw_residual(below, x, one, plain=difference == "plain")
        part = fitted_part(x, one)
        scale_radial(below, one, part if zoom is None else np.array(sorted(zoom)))
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


def weight_shares(one: xr.Dataset) -> list[str]:
    """Return the name of each phase with its weight fraction, empty for a single phase."""
    names = phase_names(one)
    if len(names) < 2:
        return []
    value = 100 * np.asarray(one["weight_fraction"].values, dtype=np.float64)
    error = one.get("weight_fraction_sigma")
    sigma = np.full(value.shape, np.nan) if error is None else 100 * np.asarray(error.values)
    said = []
    for name, v, s in zip(names, value, sigma, strict=True):
        known = f" {value_with_error(float(v), float(s))} wt%" if np.isfinite(v) else ""
        said.append(f"{legend_text(name)}{known}".replace(" (no error)", ""))
    return said


def _raw(result: xr.Dataset, index: int) -> str:
    return str(result["phase"].values[index]) if "phase" in result.coords else str(index)


def _is_steep(result: xr.Dataset, one: xr.Dataset, zoom: tuple[float, float] | None) -> bool:
    """Return whether one line towers over the others, told from a few frames of the series."""
    if zoom is not None:
        return is_steep(one["intensity"].values)
    frames = [at(result, i)["intensity"].values for i in evenly(frame_count(result), 6)]
    return is_steep(np.stack(frames))


def _draw_parts(axes: Axes, x: Array, one: xr.Dataset) -> None:
    """Draw each of several phases on the background, in the colour of its row of marks."""
    if "intensity_phase" not in one or one.sizes["phase"] < 2:
        return
    background = np.asarray(one["background"].values, dtype=np.float64)
    for i in range(one.sizes["phase"]):
        part = np.asarray(one["intensity_phase"].isel(phase=i).values, dtype=np.float64)
        colour = PHASES[i % len(PHASES)]
        along, curve = broken(x, background + part)
        axes.plot(along, curve, color=colour, linewidth=0.8, alpha=0.8, zorder=1.8)


def _name_curves(axes: Axes, one: xr.Dataset, shares: list[str], top: float) -> None:
    """Name the curves at `top`, and below the phases with their fractions, above the picture."""
    names = axes.legend(
        loc="lower right", bbox_to_anchor=(1.0, top), ncols=3, borderaxespad=0.05, borderpad=0.1
    )
    if not shares:
        return
    axes.add_artist(names)
    drawn = "intensity_phase" in one
    lines = [
        Line2D([], [], color=PHASES[i % len(PHASES)], linewidth=1.6 if drawn else 0.0, marker="|")
        for i in range(len(shares))
    ]
    axes.legend(
        lines,
        shares,
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=min(len(shares), _IN_ROW),
        borderaxespad=0.05,
        borderpad=0.1,
        columnspacing=1.4,
    )


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
