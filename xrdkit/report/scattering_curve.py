"""A small-angle curve with what was fitted to it, on logarithmic axes, above its residual."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from xrdkit.report.label import intensity_label, legend_text, log_axis
from xrdkit.report.palette import CALCULATED, DOUBTFUL, MUTED, OBSERVED, SERIES
from xrdkit.report.profile_figure import scale_intensity
from xrdkit.report.residual import many

Array = NDArray[np.float64]
Part = tuple[str, Array]

#: Ratio of largest to smallest calculated intensity from which the axis is logarithmic.
_DECADES = 30.0
#: Least share of the largest intensity that an axis goes down to.
_DEEPEST = 1e-10
#: Share of the points that may lie at or below zero on a logarithmic axis.
_NEGATIVE = 0.5


def draw_scattering(
    axes: Axes, x: Array, one: xr.Dataset, parts: Sequence[Part] = (), *, background: bool = True
) -> None:
    """Draw data with errors, the fit and its parts, each with its background, over `x`.

    `parts` are (label, curve). Points at or below zero are left out of a logarithmic axis, and the
    legend counts them.
    """
    observed = np.asarray(one["intensity"].values, dtype=np.float64)
    calculated = np.asarray(one["intensity_calculated"].values, dtype=np.float64)
    logarithmic = _scale(axes, observed, calculated)
    hidden = int(np.sum(observed <= 0)) if logarithmic else 0
    label = "data" if "sigma" not in one else "data ± 1 sigma"
    if hidden:
        label += f"\n({hidden} points ≤ 0 not shown)"
    _draw_data(axes, x, one, observed, label)
    axes.plot(x, calculated, color=CALCULATED, linewidth=1.3, label="fit", zorder=4)
    for k, (name, curve) in enumerate(parts):
        axes.plot(
            x,
            curve,
            color=SERIES[(k if k < 1 else k + 1) % len(SERIES)],
            linewidth=1.0,
            linestyle=(0, (1.2, 1.2)),
            label=legend_text(name.replace("_", " ")),
            zorder=3,
        )
    if background and "background" in one:
        behind = np.asarray(one["background"].values, dtype=np.float64)
        dashes: Any = (0, (4, 3))
        axes.plot(x, behind, color=MUTED, linewidth=1.0, linestyle=dashes, label="background")
    axes.set_ylabel(intensity_label(one["intensity"]))
    axes.legend(loc="best")


def draw_doubt(axes: Axes, one: xr.Dataset) -> None:
    """Write the verdict of a fit that is not OK above its picture."""
    verdict = str(one["verdict"].values) if "verdict" in one else "ok"
    if verdict != "ok":
        text = f"verdict: {verdict.replace('_', ' ')}"
        axes.text(
            1.0, 1.0, text, transform=axes.transAxes, color=DOUBTFUL, fontsize=8, ha="right",
            va="bottom",
        )  # fmt: skip


def _draw_data(axes: Axes, x: Array, one: xr.Dataset, observed: Array, label: str) -> None:
    marks: dict[str, Any] = {"color": OBSERVED, "markersize": 2.6, "markeredgewidth": 0}
    if "sigma" not in one:
        axes.plot(x, observed, "o", rasterized=many(x), label=label, **marks)
        return
    sigma = np.asarray(one["sigma"].values, dtype=np.float64)
    if not many(x):
        error = np.where(sigma >= 0, sigma, np.nan)
        bars = axes.errorbar(x, observed, yerr=error, fmt="o", elinewidth=0.6, label=label, **marks)
        for line in bars.lines[2]:
            line.set_alpha(0.5)
        return
    low, high = observed - sigma, observed + sigma
    axes.fill_between(x, low, high, color=OBSERVED, alpha=0.22, linewidth=0)
    axes.plot(x, observed, "o", rasterized=True, label=label, **marks)


def _scale(axes: Axes, observed: Array, calculated: Array) -> bool:
    """Choose the axis of the intensity; return whether it is logarithmic."""
    fitted = calculated[np.isfinite(calculated) & (calculated > 0)]
    measured = observed[np.isfinite(observed)]
    positive = measured[measured > 0]
    if fitted.size < 2 or positive.size < max(2.0, _NEGATIVE * measured.size):
        scale_intensity(axes, np.concatenate([observed, calculated]))
        return axes.get_yscale() == "log"
    low, high = float(fitted.min()), float(max(fitted.max(), positive.max()))
    if high / low < _DECADES:
        scale_intensity(axes, np.concatenate([observed, calculated]))
        return axes.get_yscale() == "log"
    # Noise around zero reaches down without end: the fit says where the axis ends.
    floor = max(0.3 * low, _DEEPEST * high)
    if positive.size == measured.size:
        floor = max(min(floor, float(np.percentile(positive, 0.5)) / 1.8), 0.02 * low)
    axes.set_ylim(floor, 2.2 * high)
    log_axis(axes, "y")
    return True
