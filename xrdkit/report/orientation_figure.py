"""Orientation of one frame: the intensity of a band over azimuth, its fit and the mean axis."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.report.canvas import ReportFigure, drawing, empty, inside
from xrdkit.report.choose import wanted_frame
from xrdkit.report.label import intensity_label
from xrdkit.report.measured import value_with_error
from xrdkit.report.palette import BLUE, CALCULATED, MUTED, OBSERVED
from xrdkit.report.residual import draw_residual
from xrdkit.report.scattering_curve import draw_doubt
from xrdkit.schema import ORIENTATION

Array = NDArray[np.float64]


def plot_orientation(result: xr.Dataset, *, frame: int = 0) -> ReportFigure:
    """Return a picture of one frame of `xrdkit.orientation` (ORIENTATION).

    The intensity of the band over azimuth with errors, the fit, and lines at the mean axis and 180
    degree beside it; below the residual in standard errors.

    Raises SchemaError for a result of another kind, SpecError for a frame that it does not have.
    """
    one = wanted_frame(result, ORIENTATION, frame)
    x = np.asarray(one["azimuth"].values, dtype=np.float64)
    order = np.argsort(x)
    x, one = x[order], one.isel(azimuth=order)
    observed = np.asarray(one["intensity"].values, dtype=np.float64)
    sigma = np.asarray(one["sigma"].values, dtype=np.float64)
    calculated = np.asarray(one["intensity_calculated"].values, dtype=np.float64)
    with drawing():
        figure = empty(3.6)
        below = figure.add_axes(inside(figure, 0.82, 0.5, 7.9, 0.7))
        axes = figure.add_axes(inside(figure, 0.82, 1.32, 7.9, 2.1), sharex=below)
        axes.errorbar(
            x,
            observed,
            yerr=np.where(sigma >= 0, sigma, np.nan),
            fmt="o",
            color=OBSERVED,
            markersize=3,
            elinewidth=0.6,
            markeredgewidth=0,
            label="data ± 1 sigma",
        )
        axes.plot(x, calculated, color=CALCULATED, linewidth=1.3, label="fit")
        angle, error = (float(one[n].values) for n in ("mean_angle", "mean_angle_sigma"))
        top = np.nanmax([*observed, *calculated]) if np.isfinite(observed).any() else 1.0
        if np.isfinite(angle):
            label = f"axis {value_with_error(angle, error)}°"
            for k, turn in enumerate((-180.0, 0.0, 180.0)):
                text = label if k == 1 else None
                axes.axvline(angle + turn, color=BLUE, linewidth=1.0, label=text)
        else:
            axes.text(0.5, 0.5, "no fit", transform=axes.transAxes, ha="center", color=MUTED)
        axes.set_ylim(0, 1.3 * float(top) or 1.0)
        axes.set_ylabel(intensity_label(one["intensity"]))
        axes.legend(loc="upper right", ncols=3)
        draw_doubt(axes, one)
        draw_residual(below, x, one)
        below.set_xlim(float(x.min()), float(x.max()))
        below.set_xlabel("azimuth (°)")
        axes.tick_params(labelbottom=False)
        return figure
