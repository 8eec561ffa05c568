"""What pictures of fitted patterns share: gaps, square-root axes, points, the line of numbers."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter
from numpy.typing import NDArray

from xrdkit.errors import SpecError
from xrdkit.report.label import intensity_label, strictly_finite
from xrdkit.report.measured import quality_number
from xrdkit.report.palette import CALCULATED, DOUBTFUL, INK, MUTED, OBSERVED
from xrdkit.report.residual import gap_starts, many
from xrdkit.report.verdict import read

Array = NDArray[np.float64]
#: Above this ratio of highest point to median a linear axis hides the weak lines.
_STEEP = 12.0
#: Least distance of ticks on a square-root axis, as a part of it.
_TICK_STEP = 0.085


def broken(x: Array, *curves: Array) -> tuple[Array, ...]:
    """Return `x` and `curves` with NaN in gaps, so that no line is drawn across them."""
    after = gap_starts(x) + 1
    if after.size == 0:
        return (x, *curves)
    middle = (x[after - 1] + x[after]) / 2
    return (np.insert(x, after, middle), *(np.insert(c, after, np.nan) for c in curves))


def in_zoom(x: Array, zoom: tuple[float, float] | None) -> NDArray[np.bool_]:
    """Return which points lie in `zoom`; raise SpecError where it holds fewer than two."""
    if zoom is None:
        return np.ones(x.shape, dtype=bool)
    inside = (x >= min(zoom)) & (x <= max(zoom))
    if np.count_nonzero(inside) < 2:
        raise SpecError(
            f"zoom {zoom[0]:g} to {zoom[1]:g} holds {np.count_nonzero(inside)} points",
            hint=f"the pattern goes from {x.min():g} to {x.max():g}",
        )
    return np.asarray(inside)


def is_steep(values: Array) -> bool:
    """Return whether one line towers over the others."""
    good = strictly_finite(values)
    if good.size == 0 or good.min() < 0:
        return False
    return bool(good.max() > _STEEP * max(float(np.median(good)), 1e-30))


def draw_observed(axes: Axes, x: Array, one: xr.Dataset, *, label: str = "observed") -> None:
    """Draw the observed points: dots where they are many, circles where they are few."""
    few = not many(x)
    axes.plot(
        x,
        np.asarray(one["intensity"].values, dtype=np.float64),
        "o",
        color=OBSERVED,
        markersize=3.6 if few else 2.4,
        markeredgewidth=0.8 if few else 0,
        markerfacecolor="none" if few else OBSERVED,
        rasterized=many(x),
        label=label,
    )


def draw_calculated(axes: Axes, x: Array, one: xr.Dataset) -> None:
    """Draw the calculated pattern and the background, open where nothing was measured."""
    calculated = np.asarray(one["intensity_calculated"].values, dtype=np.float64)
    background = np.asarray(one["background"].values, dtype=np.float64)
    along, calculated, background = broken(x, calculated, background)
    axes.plot(along, calculated, color=CALCULATED, linewidth=1.1, label="calculated", zorder=3)
    axes.plot(
        along, background, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), label="background"
    )


def scale_pattern(axes: Axes, one: xr.Dataset, *, root: bool) -> None:
    """Set scale, limits and label of the intensity axis; a square root says so."""
    observed = np.asarray(one["intensity"].values, dtype=np.float64)
    calculated = np.asarray(one["intensity_calculated"].values, dtype=np.float64)
    label = intensity_label(one["intensity"])
    good = strictly_finite(np.concatenate([observed, calculated[np.isfinite(observed)]]))
    if good.size:
        low, high = float(good.min()), float(good.max())
        span = high - low or 1.0
        if root:
            axes.set_yscale("function", functions=(_root, np.square))
            label = f"{label}, square-root scale"
            base = float(_root(np.array(low)))
            rise = float(_root(np.array(high))) - base or 1.0
            # A part of the axis, as on it, so that weak data do not lie on the frame.
            low, high = max(base - 0.04 * rise, 0.0) ** 2, (base + 1.04 * rise) ** 2
            axes.set_ylim(low, high)
            axes.yaxis.set_major_locator(FixedLocator(root_ticks(low, high)))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        else:
            axes.set_ylim(low - 0.04 * span, high + 0.06 * span)
    axes.set_ylabel(label)


def root_ticks(low: float, high: float, apart: float = _TICK_STEP) -> list[float]:
    """Return round numbers from `low` to `high` that stand `apart` on a square-root axis.

    `apart` is a part of the axis.
    """
    top = np.floor(np.log10(max(high, 1e-300)))
    powers = 10.0 ** np.arange(top - 6, top + 1)
    wanted = [*(m * p for p in powers[::-1] for m in (5.0, 2.0, 1.0)), 0.0]
    reach = np.sqrt(high) - np.sqrt(low)
    ticks: list[float] = []
    for value in wanted:
        free = not ticks or np.sqrt(ticks[-1]) - np.sqrt(value) >= apart * reach
        if low <= value <= high and free:
            ticks.append(float(value))
    return ticks[::-1]


def write_numbers(axes: Axes, one: xr.Dataset, top: float = 1.0) -> None:
    """Write how good the fit is above the left end of the picture, and a verdict that is not ok.

    `top` is the height in parts of the axes.
    """
    words = []
    if "rwp" in one:
        words.append(f"Rwp {quality_number(100 * float(one['rwp'].values))} %")
    words.append(f"GoF {quality_number(float(one['gof'].values))}")
    reading = read(str(one["verdict"].values))
    doubt = reading.grade != "good"
    text = ", ".join(words)
    axes.text(
        0.0,
        top + 0.02,
        f"{text}, {reading.word}" if doubt else text,
        color=DOUBTFUL if doubt else INK,
        fontsize=8.5,
        transform=axes.transAxes,
        va="bottom",
        ha="left",
    )


def _root(values: Array) -> Array:
    return np.sqrt(np.clip(values, 0.0, None))
