"""Every ring unrolled along its azimuth: a right geometry makes a straight line in each strip."""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from xrdkit.calibration import CalibrationResult
from xrdkit.geometry import Calibration
from xrdkit.report.calibration_residuals import contiguous, rings_of
from xrdkit.report.palette import INTENSITY, ORANGE, SKY, VERMILION

Array = NDArray[np.float64]
Values = NDArray[np.generic]
Reasons = NDArray[np.uint16]
#: Strips that can be told apart, columns of each, and directions averaged in a column.
_STRIPS, _COLUMNS, _EACH = 12, 180, 10
_LEVELS = 24
_DASHES = (0, (2, 14))


def pixels_at(
    calibration: Calibration, shape: tuple[int, int], two_theta: Array, azimuth: Array
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return row and column of the pixel that lies at angles in degree, -1 where none does.

    The detector is flat: t = t₀ + row a + column b, and the ray s d meets it where both are equal.
    """
    rows, columns = shape
    t = np.stack(calibration.positions(shape), axis=-1)
    origin = t[0, 0]
    a = (t[-1, 0] - origin) / max(rows - 1, 1)
    b = (t[0, -1] - origin) / max(columns - 1, 1)
    angle, chi = np.radians(two_theta), np.radians(azimuth)
    sine = np.sin(angle)
    d = np.stack(np.broadcast_arrays(sine * np.sin(chi), sine * np.cos(chi), np.cos(angle)), -1)
    normal = np.cross(a, b)
    with np.errstate(divide="ignore", invalid="ignore"):
        s = (origin @ normal) / (d @ normal)
        away = s[..., None] * d - origin
        # a and b are at right angles to each other: rows and columns are.
        row, column = np.rint(away @ a / (a @ a)), np.rint(away @ b / (b @ b))
    there = (s > 0) & (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    return (
        np.where(there, row, -1).astype(np.int64),
        np.where(there, column, -1).astype(np.int64),
    )


def sampled(
    picture: tuple[Values, Reasons], calibration: Calibration, two_theta: Array, azimuth: Array
) -> Array:
    """Return the value of the pixel at each pair of angles (degree), NaN where none counts."""
    values, reasons = picture
    shape = (values.shape[0], values.shape[1])
    row, column = pixels_at(calibration, shape, two_theta, azimuth)
    there = (row >= 0) & (reasons[row, column] == 0)
    return np.where(there, values[row, column].astype(np.float64), np.nan)


def draw_unrolled(axes: Axes, picture: tuple[Values, Reasons], result: CalibrationResult) -> None:
    """Draw a strip about each ring over azimuth, innermost at the bottom, its place as dashes.

    Strips are as many pixels wide as their rings are broad, three times over on each side; each is
    stretched by itself. At most 12 rings are shown, those without points with blue dashes.
    """
    calibration = result.calibration
    numbers, seen = _shown(result)
    if numbers.size == 0:
        axes.set_axis_off()
        return
    angle = np.degrees(rings_of(result).two_theta)
    shape = (picture[0].shape[0], picture[0].shape[1])
    broad = float(np.median([ring.width_px for ring in result.rings] or [3.0]))
    half = int(np.clip(np.ceil(3.0 * broad), 6, 20))
    pixel = min(calibration.detector.pixel_size_y, calibration.detector.pixel_size_x)
    first, last = _span(calibration, shape)
    column = first + (np.arange(_COLUMNS * _EACH) + 0.5) * (last - first) / (_COLUMNS * _EACH)
    offset = np.arange(-half, half + 1, dtype=np.float64)
    strips = []
    for number in numbers:
        # Along the beam: what the tilt does to the size of a pixel is left out.
        at = np.radians(angle[number])
        step = np.degrees(pixel * np.cos(at) ** 2 / calibration.direct_distance)
        values = sampled(
            picture, calibration, (angle[number] + step * offset)[:, None], column[None, :]
        )
        strips += [_stretched(_columns(values)), np.full((2, _COLUMNS), np.nan)]
    tall = 2 * half + 3
    axes.imshow(
        np.concatenate(strips[:-1]),
        cmap=INTENSITY,
        vmin=0.0,
        vmax=1.0,
        extent=(first, last, 0, tall * numbers.size - 2),
        origin="lower",
        aspect="auto",
        interpolation="nearest",
    )
    middles = [k * tall + half + 0.5 for k in range(numbers.size)]
    for middle, has in zip(middles, seen, strict=True):
        axes.axhline(middle, color=ORANGE if has else SKY, linewidth=0.8, linestyle=_DASHES)
    axes.set_yticks(middles, [f"{angle[n]:.2f}°" for n in numbers])
    for label, has in zip(axes.get_yticklabels(), seen, strict=True):
        label.set_color(VERMILION if has else SKY)
    axes.set(xlabel="azimuth (degree)")
    axes.grid(visible=False)
    axes.set_title(f"Rings unrolled, ± {half} px each: is every one straight, and on its dashes?")


def _shown(result: CalibrationResult) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return numbers of the rings to show, and which of them have points."""
    used = result.points["used"].values
    found = np.unique(result.points["ring"].values[used]).astype(np.int64)
    if found.size == 0:
        return found, np.zeros(0, dtype=bool)
    numbers = np.arange(found[0], found[-1] + 1)
    if numbers.size > _STRIPS:
        numbers = numbers[np.unique(np.linspace(0, numbers.size - 1, _STRIPS).astype(int))]
    return numbers, np.isin(numbers, found)


def _span(calibration: Calibration, shape: tuple[int, int]) -> tuple[float, float]:
    azimuth = contiguous(
        calibration.azimuth(shape).ravel()[:: max(1, shape[0] * shape[1] // 90000)]
    )
    low, high = float(azimuth.min()), float(azimuth.max())
    return (low, high) if high - low < 180.0 else (-180.0, 180.0)


def _columns(values: Array) -> Array:
    """Return the mean of the directions in each column, NaN where none counts."""
    grouped = values.reshape(values.shape[0], _COLUMNS, _EACH)
    good = np.isfinite(grouped)
    number = good.sum(axis=2)
    total = np.where(good, grouped, 0.0).sum(axis=2)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _stretched(strip: Array) -> Array:
    """Return a strip from 0 (its background) to 1 (its brightest), in steps."""
    counted = strip[np.isfinite(strip)]
    if counted.size == 0:
        return strip
    low, high = (float(v) for v in np.percentile(counted, (20, 98)))
    level = np.clip((strip - low) / max(high - low, 1e-12), 0.0, 1.0)
    return np.asarray(np.round(level * _LEVELS) / _LEVELS)
