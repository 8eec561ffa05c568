"""Size distributions of one fit."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from xrdkit.report.label import few_ticks, log_axis, strictly_finite, with_unit
from xrdkit.report.measured import value_with_error
from xrdkit.report.palette import BLUE, GREEN, INK, MUTED

Array = NDArray[np.float64]

_WEIGHTINGS = (("volume", BLUE, "-"), ("number", GREEN, (0, (5, 2))))
#: Ratio of the largest to the smallest radius from which the axis is logarithmic.
_WIDE = 12.0
#: Height, of the maximum, below which a distribution need not be shown.
_FLAT = 2e-3
_TOP = 1.42
#: Share of the axis from which a region is worth a shade.
_SLIVER = 0.04


def draw_distribution(axes: Axes, one: xr.Dataset) -> None:
    """Draw the size distributions of one frame, each scaled to its maximum and named by weighting.

    A line marks the mean radius with its error. A band of one standard error goes along where
    the fit has one; it is that of a smoothed curve. Ticks below the axis mark the means of several
    populations. Radii outside the trust range are shaded.
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
        top = float(np.nanmax(density))
        height = density / top
        mean = float(one[f"mean_radius_{weighting}"].values)
        sigma = float(one[f"mean_radius_{weighting}_sigma"].values)
        label = f"{weighting}-weighted\nmean {value_with_error(mean, sigma)} nm"
        axes.plot(radius, height, color=colour, linewidth=1.6, linestyle=line, label=label)
        if f"{name}_sigma" in one:
            error = np.asarray(one[f"{name}_sigma"].values, dtype=np.float64) / top
            low, high = np.maximum(height - error, 0.0), height + error
            text = "± 1 sigma of the\nsmoothed distribution"
            axes.fill_between(radius, low, high, color=colour, alpha=0.25, linewidth=0, label=text)
        else:
            axes.fill_between(radius, 0, height, color=colour, alpha=0.12, linewidth=0)
        if np.isfinite(mean):
            axes.vlines(mean, 0, 1.04, color=colour, linewidth=0.9)
            if np.isfinite(sigma):
                ends = [mean - sigma, mean + sigma]
                axes.fill_between(ends, 0, 1.04, color=colour, alpha=0.25, linewidth=0)
        kept.append(radius[height > _FLAT])
    axes.set_xlabel(size_label(one))
    axes.set_ylabel("size distribution, maximum = 1")
    axes.set_ylim(0, _TOP)
    axes.set_yticks([0, 0.5, 1])
    _limit(axes, radius, kept)
    _mark_populations(axes, one)
    if kept:
        _shade_untold(axes, one)
        axes.legend(loc="upper right", handlelength=1.8, borderaxespad=0.0)
    else:
        axes.text(0.5, 0.5, "no distribution", transform=axes.transAxes, ha="center", color=MUTED)


def size_label(data: xr.Dataset) -> str:
    """Return what the size of a particle is, such as half the thickness of sheets."""
    what = str(data["radius"].attrs.get("long_name", "particle radius"))
    return with_unit(what, data["radius"].attrs.get("units", "nm"))


def _limit(axes: Axes, radius: Array, kept: list[Array]) -> None:
    wide = np.concatenate(kept) if kept else strictly_finite(radius)
    low, high = float(wide.min()), float(wide.max())
    if high > _WIDE * low:
        axes.set_xlim(low / 1.15, high * 1.15)
        log_axis(axes, "x")
        return
    margin = 0.06 * (high - low) or 0.5
    axes.set_xlim(max(0.0, low - margin), high + margin)
    few_ticks(axes, "x", 6)


def _shade_untold(axes: Axes, one: xr.Dataset) -> None:
    """Shade the radii below π/q_max and above π/q_min, where they take part of the axis."""
    left, right = axes.get_xlim()
    for name in ("low", "high"):
        variable = f"trust_radius_{name}"
        if variable not in one:
            continue
        limit = float(np.clip(float(one[variable].values), left, right))
        ends = (left, limit) if name == "low" else (limit, right)
        places = axes.transAxes.inverted().transform(
            axes.transData.transform([(ends[0], 0.0), (ends[1], 0.0)])
        )[:, 0]
        if places[1] - places[0] < _SLIVER:
            continue
        axes.axvspan(*ends, color=MUTED, alpha=0.16, linewidth=0, zorder=0)
        axes.text(
            float(places.mean()),
            0.52,
            "not told by q",
            transform=axes.transAxes,
            rotation=90,
            ha="center",
            va="center",
            fontsize=7.5,
            color=MUTED,
        )


def _mark_populations(axes: Axes, one: xr.Dataset) -> None:
    """Write mean and, where known, volume fraction of each of several populations at its place."""
    if "population_mean_radius_volume" not in one or one.sizes.get("population", 1) < 2:
        return
    radii = np.asarray(one["radius"].values, dtype=np.float64)
    density = np.asarray(one["distribution_volume"].values, dtype=np.float64)
    if not np.isfinite(density).any() or not np.nanmax(density) > 0:
        return
    left, right = axes.get_xlim()
    for k in range(one.sizes["population"]):
        part = one.isel(population=k)
        mean = float(part["population_mean_radius_volume"].values)
        if not left < mean < right:
            continue
        height = float(np.interp(mean, radii, density)) / float(np.nanmax(density))
        axes.plot([mean], [height], "v", color=INK, markersize=4.5, markeredgewidth=0, zorder=5)
        axes.annotate(
            str(k),
            (mean, height),
            xytext=(0, 5),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color=INK,
        )
