"""A size fit: the scattering curve with its residual, and the size distribution behind it."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from xrdkit.report.canvas import ReportFigure, drawing, empty, inside
from xrdkit.report.choose import at
from xrdkit.report.label import few_ticks, intensity_label, radial_label, strictly_finite
from xrdkit.report.measured import value_with_error
from xrdkit.report.palette import BLUE, CALCULATED, GREEN, MUTED, OBSERVED
from xrdkit.report.profile_figure import scale_intensity, scale_radial
from xrdkit.report.residual import draw_residual, fitted_part, many
from xrdkit.schema import radial_dim

Array = NDArray[np.float64]
_WEIGHTINGS = (("volume", BLUE, "-"), ("number", GREEN, (0, (5, 2))))


def plot_sizes(result: xr.Dataset, *, frame: int = 0) -> ReportFigure:
    """Return a picture of one fit of a SIZES Dataset.

    Left the data with errors, the fit, its background and the residual; right the size
    distribution with the mean radius marked, each curve named by its weighting.
    """
    one = at(result, frame)
    radial = radial_dim(one)
    x = np.asarray(one[radial].values, dtype=np.float64)
    with drawing():
        figure = empty(4.1)
        below = figure.add_axes(inside(figure, 0.82, 0.5, 4.1, 0.8))
        main = figure.add_axes(inside(figure, 0.82, 1.42, 4.1, 2.55), sharex=below)
        sizes = figure.add_axes(inside(figure, 5.75, 0.5, 3.05, 3.47))
        _draw_curve(main, x, one)
        draw_residual(below, x, one)
        scale_radial(below, one, fitted_part(x, one))
        below.set_xlabel(radial_label(one, radial))
        main.tick_params(labelbottom=False)
        draw_distribution(sizes, one)
        return figure


def _draw_curve(axes: Axes, x: Array, one: xr.Dataset) -> None:
    observed = np.asarray(one["intensity"].values, dtype=np.float64)
    calculated = np.asarray(one["intensity_calculated"].values, dtype=np.float64)
    background = np.asarray(one["background"].values, dtype=np.float64)
    marks: dict[str, Any] = {"color": OBSERVED, "markersize": 2.6, "markeredgewidth": 0}
    sigma = one["sigma"].values.astype(np.float64) if "sigma" in one else None
    if sigma is not None and not many(x):
        axes.errorbar(
            x,
            observed,
            yerr=np.where(sigma >= 0, sigma, np.nan),
            fmt="o",
            elinewidth=0.6,
            label="data ± 1 sigma",
            **marks,
        )
    else:
        if sigma is not None:
            low, high = observed - sigma, observed + sigma
            axes.fill_between(
                x, low, high, color=OBSERVED, alpha=0.3, linewidth=0, label="± 1 sigma"
            )
        axes.plot(x, observed, "o", rasterized=many(x), label="data", **marks)
    axes.plot(x, calculated, color=CALCULATED, linewidth=1.3, label="fit", zorder=3)
    axes.plot(x, background, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), label="background")
    axes.set_ylabel(intensity_label(one["intensity"]))
    scale_intensity(axes, np.concatenate([observed, calculated]))
    axes.legend(loc="upper right")


def draw_distribution(axes: Axes, one: xr.Dataset) -> None:
    """Draw the size distributions of one frame, each scaled to its maximum and named by weighting.

    A vertical line marks the mean radius, a band its standard error.
    """
    radius = np.asarray(one["radius"].values, dtype=np.float64)
    kept: list[Array] = []
    for weighting, colour, line in _WEIGHTINGS:
        name = f"distribution_{weighting}"
        if name not in one:
            continue
        density = np.asarray(one[name].values, dtype=np.float64)
        if not np.isfinite(density).any() or not np.nanmax(density) > 0:
            continue
        height = density / np.nanmax(density)
        mean = float(one[f"mean_radius_{weighting}"].values)
        sigma = float(one[f"mean_radius_{weighting}_sigma"].values)
        label = f"{weighting}-weighted\nmean {value_with_error(mean, sigma)} nm"
        axes.plot(radius, height, color=colour, linewidth=1.6, linestyle=line, label=label)
        axes.fill_between(radius, 0, height, color=colour, alpha=0.12, linewidth=0)
        if np.isfinite(mean):
            axes.vlines(mean, 0, 1.04, color=colour, linewidth=0.9)
            if np.isfinite(sigma):
                ends = [mean - sigma, mean + sigma]
                axes.fill_between(ends, 0, 1.04, color=colour, alpha=0.25, linewidth=0)
        kept.append(radius[height > 2e-3])
    axes.set_xlabel("particle radius (nm)")
    axes.set_ylabel("size distribution, maximum = 1")
    axes.set_ylim(0, 1.42)
    axes.set_yticks([0, 0.5, 1])
    _limit(axes, radius, kept)
    if kept:
        axes.legend(loc="upper right", handlelength=1.8, borderaxespad=0.0)
    else:
        axes.text(0.5, 0.5, "no distribution", transform=axes.transAxes, ha="center", color=MUTED)


def _limit(axes: Axes, radius: Array, kept: list[Array]) -> None:
    wide = np.concatenate(kept) if kept else strictly_finite(radius)
    low, high = float(wide.min()), float(wide.max())
    margin = 0.06 * (high - low) or 0.5
    axes.set_xlim(max(0.0, low - margin), high + margin)
    few_ticks(axes, "x", 6)
