"""Particle size from small angles beside crystallite size from peak widths."""

import numpy as np
import xarray as xr

from xrdkit.report.canvas import WIDTH, ReportFigure, drawing, empty, inside
from xrdkit.report.label import few_ticks, legend_text
from xrdkit.report.palette import BLUE, SERIES
from xrdkit.report.quantity import Quantity, quantities
from xrdkit.report.series_axis import frame_axis, series_axis
from xrdkit.report.series_figure import draw_quantity


def comparison(sizes: xr.Dataset, phases: xr.Dataset) -> list[Quantity]:
    """Return the volume-weighted mean diameter of the particles and the crystallite sizes, in nm.

    The first is twice the mean radius of a SIZES Dataset, the others those of a PHASES Dataset.
    """
    radius = next(q for q in quantities(sizes) if q.label == "volume-weighted mean radius")
    diameter = Quantity(
        name="particle diameter",
        panel="size",
        of="",
        unit=radius.unit,
        value=2 * radius.value,
        sigma=2 * radius.sigma,
    )
    return [diameter, *(q for q in quantities(phases) if q.name == "crystallite size")]


def comparison_figure(sizes: xr.Dataset, phases: xr.Dataset) -> ReportFigure:
    """Return diameter and crystallite sizes along the series, with error bars.

    Both series are drawn against the same physical axis where both have it, else the frame number.
    """
    first, second = series_axis(sizes), series_axis(phases)
    if first.label != second.label:
        first, second = frame_axis(sizes), frame_axis(phases)
    diameter, *crystallites = comparison(sizes, phases)
    with drawing():
        figure = empty(3.2)
        axes = figure.add_axes(inside(figure, 0.82, 0.55, WIDTH - 1.0, 2.3))
        label = "particle diameter from small angles (2 × volume-weighted mean radius)"
        draw_quantity(axes, first.values, diameter, BLUE, label=label)
        for i, q in enumerate(crystallites):
            name = f"{legend_text(q.of)} crystallite size from peak widths"
            colour = SERIES[1 + i % (len(SERIES) - 1)]
            draw_quantity(axes, second.values, q, colour, marker="s", label=name)
        axes.set_xlabel(first.label)
        axes.set_ylabel("size (nm)")
        few_ticks(axes, "y", 6)
        few_ticks(axes, "x", 9, integer=first.coordinate == "frame")
        both = np.concatenate([first.values, second.values])
        margin = 0.02 * float(np.ptp(both)) or 0.5
        axes.set_xlim(float(both.min()) - margin, float(both.max()) + margin)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.1)
        return figure
