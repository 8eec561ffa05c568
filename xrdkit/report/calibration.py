"""A calibration to look at: rings over the frame, and how far points lie from them."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from numpy.typing import NDArray

from xrdkit.calibration import CalibrationResult
from xrdkit.report.binning import block_mean
from xrdkit.report.canvas import WIDTH, ReportFigure, drawing, empty, inside
from xrdkit.report.frame_figure import used_pixels
from xrdkit.report.palette import INTENSITY, MUTED, ORANGE, SERIES, VERMILION

Array = NDArray[np.float64]
_LONG_SIDE = 420


def calibration_figure(
    frames: xr.Dataset,
    result: CalibrationResult,
    *,
    frame: int = 0,
    mask: xr.DataArray | None = None,
) -> ReportFigure:
    """Return a picture of a calibration: the frame with its rings, and the residuals by azimuth.

    `frames` is the FRAMES Dataset that `result` was refined on, `frame` the one to show, `mask`
    (y, x) what was left out besides the frames' own. On the left are the rings of the geometry
    (lines) and the points found (dots; crosses where clipped). On the right is the distance of
    every point from its ring in pixels, one band per ring, innermost at the bottom.
    Raises FrameError where the frame cannot be read.
    """
    values, reasons = used_pixels(frames, frame, mask)
    with drawing():
        side = 0.5 * (WIDTH - 1.5)
        tall = float(np.clip(side * values.shape[0] / values.shape[1], 2.6, 5.0))
        figure = empty(tall + 0.95)
        picture = figure.add_axes(inside(figure, 0.62, 0.5, side, tall))
        band = figure.add_axes(inside(figure, side + 1.35, 0.5, side, tall))
        _frame(picture, values, reasons, result)
        _residuals(band, result)
        return figure


def _frame(
    axes: Axes, values: NDArray[np.generic], reasons: NDArray[np.uint16], result: CalibrationResult
) -> None:
    rows, columns = values.shape
    step = max(1, -(-max(rows, columns) // _LONG_SIDE))
    mean = block_mean(values, reasons == 0, step)
    counted = mean[np.isfinite(mean) & (mean > 0)]
    low, high = np.percentile(counted, (2, 99.7)) if counted.size else (1.0, 10.0)
    axes.imshow(
        np.where(mean > 0, mean, np.where(np.isfinite(mean), low, np.nan)),
        cmap=INTENSITY,
        norm=LogNorm(vmin=low, vmax=max(high, 1.01 * low)),
        extent=(0, mean.shape[1] * step, 0, mean.shape[0] * step),
        origin="lower",
        interpolation="nearest",
    )
    angle = np.degrees(result.calibration.two_theta((rows, columns))[::step, ::step])
    axes.contour(
        np.arange(0, columns, step) + 0.5,
        np.arange(0, rows, step) + 0.5,
        angle,
        levels=sorted(ring.two_theta for ring in result.rings),
        colors=VERMILION,
        linewidths=0.5,
    )
    points, used = result.points, result.points["used"].values
    axes.plot(points["x"][used], points["y"][used], ".", color=ORANGE, markersize=1.6)
    axes.plot(points["x"][~used], points["y"][~used], "x", color=MUTED, markersize=3)
    axes.set(xlim=(0, columns), ylim=(0, rows), xlabel="x (pixel)", ylabel="y (pixel)")
    axes.set_aspect("equal", anchor="NW")
    axes.grid(visible=False)
    x, y = result.beam_center_px
    axes.set_title(
        f"{result.calibrant}: {1e3 * result.calibration.direct_distance:.2f} mm,"
        f" beam at ({x:.2f}, {y:.2f})"
    )


def _residuals(axes: Axes, result: CalibrationResult) -> None:
    points, used = result.points, result.points["used"].values
    spread = 6.0 * max(result.rms_px, 1e-3)
    for band, number in enumerate(np.unique(points["ring"].values[used])):
        here = used & (points["ring"].values == number)
        axes.axhline(band * spread, color=MUTED, linewidth=0.5)
        axes.plot(
            points["azimuth"].values[here],
            points["residual"].values[here] + band * spread,
            ".",
            color=SERIES[band % len(SERIES)],
            markersize=2.2,
        )
    bands = len(result.rings)
    axes.set_yticks(
        [band * spread for band in range(bands)],
        [f"{ring.two_theta:.2f}°" for ring in result.rings],
    )
    axes.set(xlim=(-180, 180), ylim=(-spread, bands * spread), xlabel="azimuth (degree)")
    axes.set_xticks([-180, -90, 0, 90, 180])
    axes.grid(visible=False)
    axes.set_title(f"{result.verdict.value}: rms {result.rms_px:.3f} px, bands {spread:.2f} px")
