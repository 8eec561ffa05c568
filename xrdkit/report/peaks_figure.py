"""Peaks fitted one by one: observed, fitted groups, background, positions and residual."""

from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from xrdkit.errors import SpecError
from xrdkit.fitting import Verdict
from xrdkit.report.canvas import WIDTH, ReportFigure, drawing, empty, inside
from xrdkit.report.choose import at
from xrdkit.report.label import radial_label
from xrdkit.report.palette import BLUE, DOUBTFUL, INK
from xrdkit.report.pattern_axes import (
    draw_calculated,
    draw_observed,
    in_zoom,
    is_steep,
    scale_pattern,
    write_numbers,
)
from xrdkit.report.profile_figure import scale_radial
from xrdkit.report.residual import draw_residual, fitted_part
from xrdkit.schema import radial_dim

Array = NDArray[np.float64]
_STRIP, _LEGEND_ROW = 0.2, 0.21
#: So many peaks are named by their position.
_NAMED = 12
#: Height of the axis with room for names over that without.
_HEADROOM = 1.2


def plot_peaks(
    result: xr.Dataset,
    *,
    frame: int = 0,
    zoom: tuple[float, float] | None = None,
    scale: Literal["auto", "linear", "root"] = "auto",
) -> ReportFigure:
    """Return a picture of one frame of a PEAKS Dataset.

    Shown are the observed points, the fitted groups of peaks with their background, a mark at each
    position (red where the verdict on the peak is not ok; named where they are few), and observed
    minus calculated in standard errors. frame: index in a series. zoom: limits on the radial axis,
    in its unit (degree or 1/nm). scale: as in `plot_phases`.

    Raises SpecError where `zoom` holds fewer than two points, or for another scale.
    """
    if scale not in ("auto", "linear", "root"):
        raise SpecError(f"scale {scale!r} is not known", hint="take 'auto', 'linear' or 'root'")
    one = at(result, frame)
    radial = radial_dim(one)
    one = one.isel({radial: np.argsort(one[radial].values, kind="stable")})
    one = one.isel({radial: in_zoom(np.asarray(one[radial].values, dtype=np.float64), zoom)})
    x = np.asarray(one[radial].values, dtype=np.float64)
    part = fitted_part(x, one) if zoom is None else np.array(sorted(zoom))
    with drawing():
        figure = empty(4.02 + _STRIP + _LEGEND_ROW)
        wide = WIDTH - 1.0
        below = figure.add_axes(inside(figure, 0.82, 0.5, wide, 0.85))
        strip = figure.add_axes(inside(figure, 0.82, 1.42, wide, _STRIP), sharex=below)
        main = figure.add_axes(inside(figure, 0.82, 1.5 + _STRIP, wide, 2.5), sharex=below)
        draw_observed(main, x, one)
        draw_calculated(main, x, one)
        scale_pattern(
            main,
            one,
            root=scale == "root" or (scale == "auto" and is_steep(one["intensity"].values)),
        )
        _draw_positions(main, strip, one, (float(part.min()), float(part.max())))
        write_numbers(main, one)
        main.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, borderaxespad=0.05)
        draw_residual(below, x, one)
        scale_radial(below, one, part)
        below.set_xlabel(radial_label(one, radial))
        main.tick_params(labelbottom=False)
        return figure


def peak_rows(one: xr.Dataset) -> tuple[Array, NDArray[np.bool_]]:
    """Return the positions of the peaks of one frame and which of them are ok, as found."""
    place = np.asarray(one["position"].values, dtype=np.float64)
    seen = np.isfinite(place)
    good = np.asarray(one["peak_verdict"].values).astype(str) == str(Verdict.OK)
    return place[seen], good[seen]


def _draw_positions(main: Axes, strip: Axes, one: xr.Dataset, limits: tuple[float, float]) -> None:
    place, good = peak_rows(one)
    inside_limits = (place >= limits[0]) & (place <= limits[1])
    place, good = place[inside_limits], good[inside_limits]
    for chosen, colour in ((good, BLUE), (~good, DOUBTFUL)):
        strip.plot(
            place[chosen],
            np.zeros(int(chosen.sum())),
            "|",
            color=colour,
            markersize=9,
            markeredgewidth=1.0,
            rasterized=place.size > 400,
        )
    strip.text(
        -0.012,
        0.5,
        "peaks",
        color=INK,
        fontsize=8,
        transform=strip.transAxes,
        va="center",
        ha="right",
    )
    strip.set_ylim(-1, 1)
    strip.set_axis_off()
    if place.size > _NAMED:
        return
    axis = main.yaxis.get_transform()
    low, high = (float(v) for v in axis.transform(np.array(main.get_ylim())))
    room = low + _HEADROOM * (high - low)
    main.set_ylim(top=float(axis.inverted().transform(np.array([room]))[0]))
    calculated = np.asarray(one["intensity_calculated"].values, dtype=np.float64)
    x = np.asarray(one[radial_dim(one)].values, dtype=np.float64)
    for where in place:
        top = calculated[int(np.argmin(np.abs(x - where)))]
        if np.isfinite(top):
            main.annotate(
                f"{where:.5g}",
                (where, top),
                (0, 5),
                textcoords="offset points",
                rotation=90,
                ha="center",
                va="bottom",
                fontsize=7.5,
                color=INK,
            )
