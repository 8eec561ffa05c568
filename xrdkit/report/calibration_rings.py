"""The rings that a geometry predicts, over the frame and over the same frame caked."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from scipy.ndimage import percentile_filter

from xrdkit.calibration import CalibrationResult
from xrdkit.report.binning import block_mean
from xrdkit.report.calibration_residuals import contiguous, residual_q, rings_of, shape_of
from xrdkit.report.calibration_unrolled import sampled
from xrdkit.report.palette import INTENSITY, MUTED, ORANGE, SKY, VERMILION

Array = NDArray[np.float64]
Values = NDArray[np.generic]
Reasons = NDArray[np.uint16]
_LONG_SIDE = 420
_SECTORS, _STEPS = 180, 480
_LEVELS = 24
_MAP = "coolwarm"
#: Dashes with wide gaps: what lies under the line stays to be seen.
_DASHES = (0, (3, 5))
_LONG_DASHES = (0, (6, 9))


def draw_frame(axes: Axes, picture: tuple[Values, Reasons], result: CalibrationResult) -> None:
    """Draw the frame and, in dashes, all rings that the geometry predicts.

    `picture` holds raw values and reasons, (y, x). Rings with points are orange, the others of the
    calibrant blue; between the dashes the frame itself is to be seen.
    """
    values, reasons = picture
    rows, columns = values.shape
    step = max(1, -(-max(rows, columns) // _LONG_SIDE))
    mean = block_mean(values, reasons == 0, step)
    scale, shown = _stretched(mean)
    axes.imshow(
        shown,
        cmap=INTENSITY,
        norm=scale,
        extent=(0, mean.shape[1] * step, 0, mean.shape[0] * step),
        origin="lower",
        interpolation="nearest",
    )
    angle = np.degrees(result.calibration.two_theta((rows, columns))[::step, ::step])
    seen, absent = ring_angles(result, float(angle.max()))
    for levels, colour in ((seen, VERMILION), (absent, SKY)):
        levels = levels[(levels > angle.min()) & (levels < angle.max())]
        if levels.size:
            lines = axes.contour(
                np.arange(0, columns, step) + 0.5,
                np.arange(0, rows, step) + 0.5,
                angle,
                levels=levels,
                colors=colour,
                linewidths=1.1,
                linestyles=[_LONG_DASHES],
            )
            lines.set_rasterized(True)
    axes.set(xlim=(0, columns), ylim=(0, rows), xlabel="x (pixel)", ylabel="y (pixel)")
    axes.set_aspect("equal", anchor="NW")
    axes.grid(visible=False)
    axes.set_title("Rings of the geometry over the frame")


def draw_map(
    figure: Figure,
    axes: Axes,
    under: tuple[float, float, float, float],
    result: CalibrationResult,
) -> None:
    """Draw where the points lie on the frame, coloured by residual in q; clipped ones as crosses.

    `under` is where the colour bar goes, in fractions of the figure.
    """
    rows, columns = shape_of(result)
    points, used = result.points, result.points["used"].values
    away = residual_q(result)
    most = float(np.percentile(np.abs(away[used]), 98)) if used.any() else 1.0
    range_q = Normalize(-max(most, 1e-9), max(most, 1e-9))
    x, y = points["x"].values, points["y"].values
    size = float(np.clip(3000.0 / max(x.size, 1), 4.0, 14.0))
    axes.scatter(
        x[used], y[used], c=away[used], s=size, cmap=_MAP, norm=range_q, linewidths=0,
        rasterized=True,
    )  # fmt: skip
    axes.plot(x[~used], y[~used], "x", color=MUTED, markersize=3, rasterized=True)
    axes.set(xlim=(0, columns), ylim=(0, rows), xlabel="x (pixel)", ylabel="y (pixel)")
    axes.set_aspect("equal", anchor="NW")
    axes.grid(visible=False)
    axes.set_facecolor("#efefef")
    axes.set_title("Residual map: one colour, or a pattern?")
    bar = figure.add_axes(under)
    figure.colorbar(ScalarMappable(range_q, _MAP), cax=bar, orientation="horizontal")
    bar.xaxis.set_major_locator(MaxNLocator(4))
    bar.set_xlabel("q of the point less that of its ring (1/nm)")


def draw_cake(axes: Axes, picture: tuple[Values, Reasons], result: CalibrationResult) -> None:
    """Draw the frame over 2θ and azimuth: a right geometry makes the rings straight and on line."""
    values, reasons = picture
    shape = (values.shape[0], values.shape[1])
    angle = np.degrees(result.calibration.two_theta(shape))
    good = reasons == 0
    low, high = 0.0, float(angle.max())
    known = [ring.two_theta for ring in result.rings]
    if known:
        low, high = max(0.0, 0.7 * min(known)), min(high, 1.08 * max(known))
    column = np.floor((angle - low) / (high - low) * _STEPS).astype(np.int64)
    good &= (column >= 0) & (column < _STEPS)
    azimuth = contiguous(result.calibration.azimuth(shape))
    first, last = -180.0, 180.0
    if good.any() and np.ptp(azimuth[good]) < 180.0:
        first, last = float(azimuth[good].min()), float(azimuth[good].max())
    row = ((azimuth - first) / (last - first) * _SECTORS).astype(np.int64)
    row = np.clip(row, 0, _SECTORS - 1)
    cells = row[good] * _STEPS + column[good]
    counts = np.bincount(cells, values[good].astype(np.float64), _SECTORS * _STEPS)
    number = np.bincount(cells, minlength=_SECTORS * _STEPS)
    mean = np.where(number > 0, counts / np.maximum(number, 1), np.nan)
    mean = mean.reshape(_SECTORS, _STEPS)
    # A cell that is smaller than a pixel may hold no centre of one: it shows the pixel it is in.
    step, turn = (high - low) / _STEPS, (last - first) / _SECTORS
    across: Array = low + (np.arange(_STEPS, dtype=np.float64) + 0.5) * step
    along: Array = first + (np.arange(_SECTORS, dtype=np.float64) + 0.5) * turn
    within = sampled(picture, result.calibration, across[None, :], along[:, None])
    mean = np.where(np.isfinite(mean), mean, within)
    scale, shown = _stretched(_flattened(mean))
    axes.imshow(
        shown,
        cmap=INTENSITY,
        norm=scale,
        extent=(low, high, first, last),
        origin="lower",
        aspect="auto",
        interpolation="nearest",
    )
    seen, absent = ring_angles(result, high)
    for levels, colour in ((seen, ORANGE), (absent, SKY)):
        for at in levels[levels > low]:
            axes.axvline(at, color=colour, linewidth=0.7, linestyle=_DASHES)
    axes.set(xlim=(low, high), ylim=(first, last), xlabel="2θ (degree)", ylabel="azimuth (degree)")
    if last - first == 360.0:
        axes.set_yticks([-180, -90, 0, 90, 180])
    axes.grid(visible=False)
    axes.set_title("Caked: are rings straight, and on the lines?")


def ring_angles(result: CalibrationResult, most: float) -> tuple[Array, Array]:
    """Return 2θ (degree) of the rings with points, and of the calibrant's others up to `most`."""
    angle = np.degrees(rings_of(result).two_theta)
    used = result.points["used"].values
    has = np.zeros(angle.size, dtype=bool)
    has[np.unique(result.points["ring"].values[used])] = True
    return angle[has], angle[~has & (angle < most)]


def _flattened(mean: Array) -> Array:
    """Return a cake divided by its background over 2θ, so that weak rings show beside strong."""
    seen = np.isfinite(mean).any(axis=0)
    if not seen.any():
        return mean
    middle = np.full(mean.shape[1], np.nan)
    middle[seen] = np.nanmedian(mean[:, seen], axis=0)
    filled = np.interp(np.arange(middle.size), np.flatnonzero(seen), middle[seen])
    ground = percentile_filter(filled, 30, size=_STEPS // 10, mode="nearest")
    least = 1e-3 * float(np.max(np.abs(ground))) or 1.0
    return np.asarray(mean / np.maximum(ground, least))


def _stretched(mean: Array) -> tuple[LogNorm, Array]:
    counted = mean[np.isfinite(mean) & (mean > 0)]
    low, high = (float(v) for v in np.percentile(counted, (2, 99.7))) if counted.size else (1, 10)
    high = max(high, 1.01 * low)
    # Noise below a step of the colours only swells the file.
    level = np.log(np.clip(mean, low, high) / low) / np.log(high / low)
    rounded = low * (high / low) ** (np.round(level * _LEVELS) / _LEVELS)
    return LogNorm(vmin=low, vmax=high), np.asarray(rounded)
