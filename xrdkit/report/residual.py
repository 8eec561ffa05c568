"""The panel below a fit: observed minus calculated, in standard errors where there are any."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from xrdkit.report.label import few_ticks, strictly_finite, unit_text
from xrdkit.report.palette import DIFFERENCE, DOUBTFUL, INK, MUTED

Array = NDArray[np.float64]
_MANY_POINTS = 800
#: A step of so many usual ones, and of this part of the range, is a gap in the data.
_GAP, _GAP_SHARE = 15.0, 4e-3
#: Ratio of the ends from which a curve is taken to be drawn on a logarithmic axis.
_DECADES = 30.0


def draw_residual(
    axes: Axes, x: Array, result: xr.Dataset, *, plain: bool = False, relative: bool = False
) -> None:
    """Draw observed minus calculated against `x` for one frame of a fit.

    With ``sigma`` the unit is the standard error and the band of ±3 is shaded; without, or with
    `plain`, the difference is in the unit of the intensity, or, with `relative`, in percent of the
    fit, as curves over decades need it. No error is made up. Points beyond the axis are marked by
    triangles at its edge, and no line crosses a gap in the data.
    """
    weighted = "sigma" in result and not plain
    observed = np.asarray(result["intensity"].values, dtype=np.float64)
    calculated = np.asarray(result["intensity_calculated"].values, dtype=np.float64)
    difference = observed - calculated
    if weighted:
        sigma = np.asarray(result["sigma"].values, dtype=np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            difference = np.where(sigma > 0, difference / sigma, np.nan)
        axes.axhspan(-3, 3, color=MUTED, alpha=0.13, linewidth=0)
        axes.set_ylabel("residual (σ)")
    elif relative:
        with np.errstate(invalid="ignore", divide="ignore"):
            difference = np.where(calculated > 0, 100 * difference / calculated, np.nan)
        axes.set_ylabel("difference\n(% of fit)")
    else:
        axes.set_ylabel(f"difference\n({unit_text(result['intensity'].attrs.get('units', ''))})")
    axes.axhline(0, color=INK, linewidth=0.6)
    cut = gap_starts(x) + 1
    along, line = np.insert(x, cut, x[cut - 1]), np.insert(difference, cut, np.nan)
    axes.plot(along, line, color=DIFFERENCE, linewidth=0.8, rasterized=x.size > 4 * _MANY_POINTS)
    good = strictly_finite(np.abs(difference))
    reach = _reach(good)
    reach = max(reach, 4.0) if weighted else reach or 1.0
    axes.set_ylim(-reach, reach)
    few_ticks(axes, "y", 4, integer=weighted)
    for sign, marker in ((1, "^"), (-1, "v")):
        beyond = sign * difference > reach
        if beyond.any():
            place = np.full(int(beyond.sum()), sign * 0.93 * reach)
            axes.plot(x[beyond], place, marker, color=DOUBTFUL, markersize=3, markeredgewidth=0)


def _reach(sizes: Array) -> float:
    """Return where the axis ends: the largest of few points, nearly that of many."""
    if sizes.size == 0:
        return 1.0
    return 1.15 * float(np.percentile(sizes, 99.7 if sizes.size > _MANY_POINTS else 100.0))


def gap_starts(x: Array) -> NDArray[np.intp]:
    """Return the indices of the points of `x` after which nothing was measured."""
    if x.size < 3:
        return np.zeros(0, dtype=np.intp)
    wide = _wide(x)
    # Steps of small angles grow with q: there a gap is a step that is large beside q as well.
    if float(x.min()) > 0 and float(x.max()) > _DECADES * float(x.min()):
        wide &= _wide(np.log(x))
    return np.flatnonzero(wide)


def _wide(x: Array) -> NDArray[np.bool_]:
    step = np.abs(np.diff(x))
    return np.asarray((step > _GAP * np.median(step)) & (step > _GAP_SHARE * np.ptp(x)))


def fitted_part(x: Array, result: xr.Dataset) -> Array:
    """Return the part of `x` where one frame has data, from its first to its last point."""
    found = np.flatnonzero(np.isfinite(np.asarray(result["intensity"].values, dtype=np.float64)))
    return x[found[0] : found[-1] + 1] if found.size > 1 else x


def many(x: Array) -> bool:
    """Return whether points are too many to be drawn one by one as vector marks."""
    return x.size > _MANY_POINTS
