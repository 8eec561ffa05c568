"""The panel below a fit: observed minus calculated, in standard errors where there are any."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from xrdkit.report.label import few_ticks, strictly_finite, unit_text
from xrdkit.report.palette import DIFFERENCE, INK, MUTED

Array = NDArray[np.float64]
_MANY_POINTS = 800


def draw_residual(axes: Axes, x: Array, result: xr.Dataset) -> None:
    """Draw observed minus calculated against `x` for one frame of a PHASES or SIZES Dataset.

    With ``sigma`` the unit is the standard error and the band of ±3 is shaded; without, the
    difference is in the unit of the intensity. No error is made up.
    """
    observed = np.asarray(result["intensity"].values, dtype=np.float64)
    calculated = np.asarray(result["intensity_calculated"].values, dtype=np.float64)
    difference = observed - calculated
    if "sigma" in result:
        sigma = np.asarray(result["sigma"].values, dtype=np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            difference = np.where(sigma > 0, difference / sigma, np.nan)
        axes.axhspan(-3, 3, color=MUTED, alpha=0.13, linewidth=0)
        axes.set_ylabel("residual (σ)")
    else:
        axes.set_ylabel(f"difference\n({unit_text(result['intensity'].attrs.get('units', ''))})")
    axes.axhline(0, color=INK, linewidth=0.6)
    axes.plot(x, difference, color=DIFFERENCE, linewidth=0.8, rasterized=x.size > 4 * _MANY_POINTS)
    good = strictly_finite(np.abs(difference))
    reach = float(np.percentile(good, 99.7)) * 1.15 if good.size else 1.0
    reach = max(reach, 4.0) if "sigma" in result else reach or 1.0
    axes.set_ylim(-reach, reach)
    few_ticks(axes, "y", 4)


def fitted_part(x: Array, result: xr.Dataset) -> Array:
    """Return the part of `x` where one frame has data, from its first to its last point."""
    found = np.flatnonzero(np.isfinite(np.asarray(result["intensity"].values, dtype=np.float64)))
    return x[found[0] : found[-1] + 1] if found.size > 1 else x


def many(x: Array) -> bool:
    """Return whether points are too many to be drawn one by one as vector marks."""
    return x.size > _MANY_POINTS
