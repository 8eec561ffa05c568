"""Particle size from small angles beside crystallite size from peak widths."""

from dataclasses import replace

import numpy as np
import xarray as xr

from xrdkit.report.canvas import WIDTH, ReportFigure, drawing, empty, inside
from xrdkit.report.label import few_ticks, legend_text
from xrdkit.report.palette import BLUE, SERIES
from xrdkit.report.quantity import Quantity, quantities
from xrdkit.report.series_axis import frame_axis, series_axis
from xrdkit.report.series_figure import draw_quantity


def comparison(sizes: xr.Dataset, phases: xr.Dataset) -> list[Quantity]:
    """Return volume-weighted mean diameters in nm: of the particles, then of each phase's crystals.

    The first is twice the volume-weighted mean radius ⟨R⁴⟩/⟨R³⟩ of a SIZES Dataset. Peak widths
    give the volume-weighted column length L_vol, and spheres have the diameter
    ⟨D⁴⟩/⟨D³⟩ = 4/3 L_vol (Langford & Wilson, J. Appl. Cryst. 11 (1978) 102): that is the number to
    compare it with.
    """
    radius = next(q for q in quantities(sizes) if q.label == "volume-weighted mean radius")
    particles = _scaled(replace(radius, of=""), 2.0, "particles, 2 × mean radius")
    columns = [q for q in quantities(phases) if q.name == "crystallite size"]
    return [particles, *(_scaled(q, 4 / 3, "crystals, 4/3 × column length") for q in columns)]


def _scaled(quantity: Quantity, factor: float, name: str) -> Quantity:
    value, sigma = factor * quantity.value, factor * quantity.sigma
    return replace(quantity, name=name, value=value, sigma=sigma)


def comparison_figure(sizes: xr.Dataset, phases: xr.Dataset) -> ReportFigure:
    """Return diameters of particles and crystals along the series, with error bars.

    Both series are drawn against the same physical axis where both have it, else the frame number.
    """
    first, second = series_axis(sizes), series_axis(phases)
    if first.label != second.label:
        first, second = frame_axis(sizes), frame_axis(phases)
    particles, *crystals = comparison(sizes, phases)
    with drawing():
        figure = empty(3.2)
        axes = figure.add_axes(inside(figure, 0.82, 0.55, WIDTH - 1.0, 2.3))
        draw_quantity(axes, first.values, particles, BLUE, label=particles.label, hollow=True)
        for i, q in enumerate(crystals):
            colour = SERIES[1 + i % (len(SERIES) - 1)]
            name = legend_text(q.label)
            draw_quantity(axes, second.values, q, colour, marker="s", label=name)
        axes.set_xlabel(first.label)
        axes.set_ylabel("volume-weighted mean diameter (nm)")
        few_ticks(axes, "y", 6)
        few_ticks(axes, "x", 9, integer=first.coordinate == "frame")
        both = np.concatenate([first.values, second.values])
        margin = 0.02 * float(np.ptp(both)) or 0.5
        axes.set_xlim(float(both.min()) - margin, float(both.max()) + margin)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.1)
        return figure
