"""A size fit: the scattering curve with its residual, and the size distribution behind it."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.report.canvas import ReportFigure, drawing, empty, inside
from xrdkit.report.choose import wanted_frame
from xrdkit.report.label import radial_label
from xrdkit.report.profile_figure import scale_radial
from xrdkit.report.residual import draw_residual, fitted_part
from xrdkit.report.scattering_curve import Part, draw_doubt, draw_scattering
from xrdkit.report.sizes_distribution import draw_distribution
from xrdkit.schema import SIZES, radial_dim

Array = NDArray[np.float64]


def plot_sizes(result: xr.Dataset, *, frame: int = 0) -> ReportFigure:
    """Return a picture of one fit of a SIZES Dataset.

    Left the data with errors, the fit, its background and populations, and the residual in standard
    errors; right the size distribution, named by its weighting, with its band of one standard error
    where it has one, its mean, and the radii that the range of q cannot tell shaded.

    Raises SchemaError for a result of another kind, SpecError for a frame that it does not have.
    """
    one = wanted_frame(result, SIZES, frame)
    radial = radial_dim(one)
    x = np.asarray(one[radial].values, dtype=np.float64)
    with drawing():
        figure = empty(4.1)
        below = figure.add_axes(inside(figure, 0.82, 0.5, 4.1, 0.8))
        main = figure.add_axes(inside(figure, 0.82, 1.42, 4.1, 2.55), sharex=below)
        sizes = figure.add_axes(inside(figure, 5.75, 0.5, 3.05, 3.47))
        draw_scattering(main, x, one, populations(one))
        draw_doubt(main, one)
        draw_residual(below, x, one, relative=True)
        scale_radial(below, one, fitted_part(x, one))
        below.set_xlabel(radial_label(one, radial))
        main.tick_params(labelbottom=False)
        draw_distribution(sizes, one)
        return figure


def populations(one: xr.Dataset) -> list[Part]:
    """Return the scattering of each population of one frame, where the result has it."""
    if "population_intensity" not in one or one.sizes.get("population", 1) < 2:
        return []
    curves = np.asarray(one["population_intensity"].values, dtype=np.float64)
    return [(f"population {k}", curve) for k, curve in enumerate(curves)]
