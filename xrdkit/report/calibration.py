"""A calibration to look at: its rings over the frame, and how far points lie from them."""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.calibration import CalibrationResult
from xrdkit.report.calibration_residuals import draw_by_azimuth, draw_by_ring, shape_of
from xrdkit.report.calibration_rings import Reasons, Values, draw_cake, draw_frame, draw_map
from xrdkit.report.calibration_unrolled import draw_unrolled
from xrdkit.report.canvas import WIDTH, ReportFigure, drawing, empty, inside
from xrdkit.report.frame_figure import used_pixels
from xrdkit.report.measured import value_with_error
from xrdkit.report.palette import DOUBTFUL, GREEN, ORANGE

_COLOURS = {"accepted": GREEN, "doubtful": ORANGE, "rejected": DOUBTFUL}
_MEANING = {
    "accepted": "ACCEPTED",
    "doubtful": "DOUBTFUL, look before using it",
    "rejected": "REJECTED, must not be used",
}
_LEFT, _BETWEEN, _RIGHT = 0.62, 0.78, 0.12
_SIDE = 0.5 * (WIDTH - _LEFT - _BETWEEN - _RIGHT)
_WHOLE = WIDTH - _LEFT - _RIGHT
#: Frames that are this much wider than tall are drawn over the whole width.
_WIDE = 2.0
_UNDER, _ABOVE, _BAR, _LOW, _STRIPS = 0.5, 0.3, 0.62, 1.3, 2.5
_HEAD, _LINE, _MOST_REASONS, _LONGEST = 0.7, 0.18, 4, 125


def calibration_figure(
    frames: xr.Dataset,
    result: CalibrationResult,
    *,
    frame: int = 0,
    mask: xr.DataArray | NDArray[Any] | None = None,
) -> ReportFigure:
    """Return a picture of a calibration by which a person sees whether it is right.

    `frames` is the FRAMES Dataset that `result` was refined on, `frame` the one to show, `mask`
    (y, x) what was left out besides the frames' own. From top to bottom: verdict, numbers and
    reasons; the frame with the rings of the geometry as dashes (orange those with points, blue the
    calibrant's others), and the frame over 2θ and azimuth, where rings must be straight and lie on
    the dashed lines; each ring unrolled along its azimuth, some pixels to both sides, where it must
    run straight along the dashes; where the points lie, coloured by their residual in q, and their
    residuals by azimuth in one band per ring; mean and scatter by ring in pixels and in q.
    Raises FrameError where the frame cannot be read.
    """
    picture = used_pixels(frames, frame, _named(mask))
    with drawing():
        reasons = [text[:_LONGEST] for text in result.reasons[:_MOST_REASONS]]
        head = _HEAD + _LINE * len(reasons)
        above, below = _rings_height(picture), _residuals_height(result)
        figure = empty(head + above + below)
        _rings(figure, picture, result, base=below)
        _residuals(figure, result)
        x, y = result.beam_center_px
        sigma = 1e3 * result.sigma["direct_distance"]
        tall = float(figure.get_size_inches()[1])
        figure.text(
            _LEFT / WIDTH,
            1.0 - 0.1 / tall,
            _MEANING[result.verdict.value],
            color=_COLOURS[result.verdict.value],
            weight="bold",
            size=13,
            va="top",
        )
        figure.text(
            _LEFT / WIDTH,
            1.0 - 0.36 / tall,
            f"{result.calibrant} at {result.calibration.wavelength:.6g} Å:"
            f" {value_with_error(1e3 * result.calibration.direct_distance, sigma)} mm,"
            f" beam at ({x:.2f}, {y:.2f}) px, tilt {result.calibration.tilt:.2f}°,"
            f" rms {result.rms_px:.3f} px, {len(result.rings)} rings",
            weight="bold",
            size=10,
            va="top",
        )
        for number, text in enumerate(reasons):
            at = 1.0 - (0.6 + _LINE * number) / tall
            figure.text(_LEFT / WIDTH, at, text, size=9, va="top")
        return figure


def rings_figure(
    frames: xr.Dataset,
    result: CalibrationResult,
    *,
    frame: int = 0,
    mask: xr.DataArray | NDArray[Any] | None = None,
) -> ReportFigure:
    """Return the upper half of `calibration_figure`: frame, cake and unrolled rings."""
    picture = used_pixels(frames, frame, _named(mask))
    with drawing():
        figure = empty(_rings_height(picture))
        _rings(figure, picture, result, base=0.0)
        return figure


def residuals_figure(result: CalibrationResult) -> ReportFigure:
    """Return the lower half of `calibration_figure`: residuals by place, azimuth and ring."""
    with drawing():
        figure = empty(_residuals_height(result))
        _residuals(figure, result)
        return figure


def _named(mask: xr.DataArray | NDArray[Any] | None) -> xr.DataArray | None:
    return None if mask is None else xr.DataArray(np.asarray(mask), dims=("y", "x"))


def _is_wide(shape: tuple[int, ...]) -> bool:
    return shape[1] > _WIDE * shape[0]


def _tall(shape: tuple[int, ...]) -> float:
    """Return the height of the panel of a frame, inch."""
    across = _WHOLE if _is_wide(shape) else _SIDE
    return float(np.clip(across * shape[0] / shape[1], 0.8, 5.0))


def _rings_height(picture: tuple[Values, Reasons]) -> float:
    tall = _tall(picture[0].shape)
    first = _ABOVE + tall + _UNDER
    if _is_wide(picture[0].shape):
        first += _ABOVE + _STRIPS + _UNDER
    return first + _ABOVE + _STRIPS + _UNDER


def _residuals_height(result: CalibrationResult) -> float:
    if not result.points["used"].any():
        return 0.0
    tall = max(_tall(shape_of(result)), 2.6 if not _is_wide(shape_of(result)) else 0.0)
    first = _ABOVE + tall + _UNDER + _BAR
    if _is_wide(shape_of(result)):
        first += _ABOVE + _STRIPS + _UNDER
    return first + _ABOVE + _LOW + _UNDER


def _rings(
    figure: ReportFigure,
    picture: tuple[Values, Reasons],
    result: CalibrationResult,
    *,
    base: float,
) -> None:
    shape = picture[0].shape
    tall, low = _tall(shape), base + _UNDER
    strips = figure.add_axes(inside(figure, _LEFT, low, _WHOLE, _STRIPS))
    draw_unrolled(strips, picture, result)
    low += _STRIPS + _ABOVE + _UNDER
    if _is_wide(shape):
        cake = figure.add_axes(inside(figure, _LEFT, low, _WHOLE, _STRIPS))
        low += _STRIPS + _ABOVE + _UNDER
        place = figure.add_axes(inside(figure, _LEFT, low, _WHOLE, tall))
    else:
        place = figure.add_axes(inside(figure, _LEFT, low, _SIDE, tall))
        cake = figure.add_axes(inside(figure, _LEFT + _SIDE + _BETWEEN, low, _SIDE, tall))
    draw_frame(place, picture, result)
    draw_cake(cake, picture, result)


def _residuals(figure: ReportFigure, result: CalibrationResult) -> None:
    if not result.points["used"].any():
        return
    shape, right = shape_of(result), _LEFT + _SIDE + _BETWEEN
    tall, low = _tall(shape), _UNDER
    in_pixels = figure.add_axes(inside(figure, _LEFT, low, _SIDE, _LOW))
    in_q = figure.add_axes(inside(figure, right, low, _SIDE, _LOW))
    draw_by_ring(in_pixels, in_q, result)
    low += _LOW + _ABOVE + _UNDER
    if _is_wide(shape):
        bands = figure.add_axes(inside(figure, _LEFT, low, _WHOLE, _STRIPS))
        low += _STRIPS + _ABOVE + _UNDER + _BAR
        place = figure.add_axes(inside(figure, _LEFT, low, _WHOLE, tall))
    else:
        most = max(tall, 2.6)
        bands = figure.add_axes(inside(figure, right, low, _SIDE, most + _BAR))
        low += _BAR + most - tall
        place = figure.add_axes(inside(figure, _LEFT, low, _SIDE, tall))
    under = inside(figure, _LEFT, low - 0.65, 0.8 * _SIDE, 0.09)
    draw_map(figure, place, under, result)
    draw_by_azimuth(bands, result)
