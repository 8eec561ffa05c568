"""A calibration to look at: its rings over the frame, and how far points lie from them."""

import numpy as np
import xarray as xr

from xrdkit.calibration import CalibrationResult
from xrdkit.report.calibration_residuals import draw_by_azimuth, draw_by_ring
from xrdkit.report.calibration_rings import Reasons, Values, draw_cake, draw_frame
from xrdkit.report.canvas import WIDTH, ReportFigure, drawing, empty, inside
from xrdkit.report.frame_figure import used_pixels
from xrdkit.report.palette import DOUBTFUL, GREEN, ORANGE

_COLOURS = {"accepted": GREEN, "doubtful": ORANGE, "rejected": DOUBTFUL}
_LEFT, _BETWEEN, _RIGHT = 0.62, 0.78, 0.12
_SIDE = 0.5 * (WIDTH - _LEFT - _BETWEEN - _RIGHT)
_BAR = 1.2
_LOW = 2.6
_LONGEST = 110


def calibration_figure(
    frames: xr.Dataset,
    result: CalibrationResult,
    *,
    frame: int = 0,
    mask: xr.DataArray | None = None,
) -> ReportFigure:
    """Return a picture of a calibration by which a person sees whether it is right.

    `frames` is the FRAMES Dataset that `result` was refined on, `frame` the one to show, `mask`
    (y, x) what was left out besides the frames' own. Above are the frame with the rings of the
    geometry (orange those with points, blue the calibrant's others; points coloured by their
    residual in q, crosses where clipped) and the frame over 2θ and azimuth, where rings must be
    straight and lie on the dashed lines. Below are the residuals by azimuth, one band per ring
    with the innermost at the bottom, and by ring in pixels and in q. Above are the
    verdict and the first reason.
    Raises FrameError where the frame cannot be read.
    """
    picture = used_pixels(frames, frame, mask)
    with drawing():
        tall = _tall(picture)
        figure = empty(tall + _BAR + _LOW + 1.65)
        _rings(figure, picture, result, base=_LOW + 0.85)
        _residuals(figure, result, base=0.5)
        x, y = result.beam_center_px
        figure.text(
            _LEFT / WIDTH,
            1.0 - 0.12 / float(figure.get_size_inches()[1]),
            f"{result.verdict.value}: {result.calibrant},"
            f" {1e3 * result.calibration.direct_distance:.3f} mm, beam at ({x:.2f}, {y:.2f}),"
            f" tilt {result.calibration.tilt:.2f}°, rms {result.rms_px:.3f} px",
            color=_COLOURS[result.verdict.value],
            weight="bold",
            size=11,
            va="top",
        )
        if result.reasons:
            figure.text(
                _LEFT / WIDTH,
                1.0 - 0.34 / float(figure.get_size_inches()[1]),
                result.reasons[0][:_LONGEST],
                size=9,
                va="top",
            )
        return figure


def rings_figure(
    frames: xr.Dataset,
    result: CalibrationResult,
    *,
    frame: int = 0,
    mask: xr.DataArray | None = None,
) -> ReportFigure:
    """Return the upper half of `calibration_figure`: rings over the frame, and over the cake."""
    picture = used_pixels(frames, frame, mask)
    with drawing():
        figure = empty(_tall(picture) + _BAR + 0.35)
        _rings(figure, picture, result, base=0.0)
        return figure


def residuals_figure(result: CalibrationResult) -> ReportFigure:
    """Return the lower half of `calibration_figure`: residuals by azimuth and by ring."""
    with drawing():
        figure = empty(_LOW + 0.95)
        _residuals(figure, result, base=0.5)
        return figure


def _tall(picture: tuple[Values, Reasons]) -> float:
    rows, columns = picture[0].shape
    return float(np.clip(_SIDE * rows / columns, 2.6, 5.0))


def _rings(
    figure: ReportFigure,
    picture: tuple[Values, Reasons],
    result: CalibrationResult,
    *,
    base: float,
) -> None:
    tall = _tall(picture)
    # A wide detector is lower than its place: the colour bar goes right under it.
    rows, columns = picture[0].shape
    drawn = min(tall, _SIDE * rows / columns)
    low = base + _BAR
    left = figure.add_axes(inside(figure, _LEFT, low, _SIDE, tall))
    under = low + tall - drawn - 0.68
    bar = inside(figure, _LEFT, under, 0.8 * _SIDE, 0.09)
    draw_frame(figure, left, bar, picture, result)
    cake = inside(figure, _LEFT + _SIDE + _BETWEEN, low - 0.6, _SIDE, tall + 0.6)
    draw_cake(figure.add_axes(cake), picture, result)


def _residuals(figure: ReportFigure, result: CalibrationResult, *, base: float) -> None:
    if not result.points["used"].any():
        return
    draw_by_azimuth(figure.add_axes(inside(figure, _LEFT, base, _SIDE, _LOW)), result)
    right, half = _LEFT + _SIDE + _BETWEEN, 0.5 * (_LOW - 0.15)
    above = figure.add_axes(inside(figure, right, base + half + 0.15, _SIDE, half))
    below = figure.add_axes(inside(figure, right, base, _SIDE, half))
    draw_by_ring(above, below, result)
