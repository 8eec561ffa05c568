"""How far the points of a calibration lie from their rings, in pixels and in q."""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from xrdkit.calibration import CalibrationResult
from xrdkit.calibration.angle import on_detector, two_theta_and_slopes, values_of
from xrdkit.calibration.rings import CalibrantRings, calibrant_rings
from xrdkit.errors import SpecError
from xrdkit.report.palette import BLUE, MUTED, SERIES, VERMILION

Array = NDArray[np.float64]
#: Tallest band plot: more rings share its height.
_MOST_LABELS = 14


def rings_of(result: CalibrationResult) -> CalibrantRings:
    """Return all rings of the calibrant of a result at its wavelength."""
    return calibrant_rings(result.calibrant, result.calibration.wavelength)


def shape_of(result: CalibrationResult) -> tuple[int, int]:
    """Return rows and columns of the frame of a result; raise SpecError where it has none."""
    shape = result.calibration.detector.shape
    if shape is None:
        raise SpecError("the detector of this calibration has no shape")
    return shape


def residual_q(result: CalibrationResult) -> Array:
    """Return q of every point of a result less that of its ring, 1/nm, shape (point,)."""
    points, calibration = result.points, result.calibration
    p1, p2 = on_detector(
        points["y"].values, points["x"].values, shape_of(result), calibration.detector
    )
    angle, _ = two_theta_and_slopes(p1, p2, values_of(calibration))
    ring = rings_of(result).two_theta[points["ring"].values]
    return np.asarray(calibration.q_of_two_theta(angle) - calibration.q_of_two_theta(ring))


def contiguous(azimuth: Array) -> Array:
    """Return azimuths (degree) cut where the widest gap is, if that is above 90°, else at ±180°."""
    around = np.unique(azimuth % 360.0)
    if around.size == 0:
        return azimuth
    gaps = np.diff(around, append=around[0] + 360.0)
    widest = int(np.argmax(gaps))
    first = float(around[(widest + 1) % around.size]) if gaps[widest] > 90.0 else -180.0
    first -= 360.0 * (first > 180.0)
    return np.asarray((azimuth - first) % 360.0 + first)


def draw_by_azimuth(axes: Axes, result: CalibrationResult) -> None:
    """Draw the residual of every used point in pixels over azimuth, one band per ring."""
    points, used = result.points, result.points["used"].values
    spread = 6.0 * max(result.rms_px, 1e-3)
    numbers = np.unique(points["ring"].values[used])
    azimuth = contiguous(points["azimuth"].values[used])
    low, high = float(azimuth.min()), float(azimuth.max())
    if high - low > 180.0:
        low, high = -180.0, 180.0
        axes.set_xticks([-180, -90, 0, 90, 180])
    for band, number in enumerate(numbers):
        here = points["ring"].values[used] == number
        axes.axhline(band * spread, color=MUTED, linewidth=0.5)
        axes.plot(
            azimuth[here],
            points["residual"].values[used][here] + band * spread,
            ".",
            color=SERIES[band % len(SERIES)],
            markersize=2.2,
            rasterized=True,
        )
    bands = len(numbers)
    step = max(1, -(-bands // _MOST_LABELS))
    angle = np.degrees(rings_of(result).two_theta[numbers])
    axes.set_yticks(
        [band * spread for band in range(0, bands, step)],
        [f"{angle[band]:.2f}°" for band in range(0, bands, step)],
    )
    axes.set(xlim=(low, high), ylim=(-spread, bands * spread), xlabel="azimuth (degree)")
    axes.grid(visible=False)
    axes.set_title(f"Residual by azimuth, rings {spread:.2f} px apart")


def draw_by_ring(in_pixels: Axes, in_q: Axes, result: CalibrationResult) -> None:
    """Draw mean and scatter of every ring over 2θ, in pixels and in q (1/nm)."""
    points, used = result.points, result.points["used"].values
    numbers = np.unique(points["ring"].values[used])
    angle = np.degrees(rings_of(result).two_theta[numbers])
    for axes, away, unit in (
        (in_pixels, points["residual"].values, "px"),
        (in_q, residual_q(result), "1/nm"),
    ):
        each = [away[used & (points["ring"].values == n)] for n in numbers]
        mean = np.array([v.mean() for v in each])
        spread = np.array([v.std() for v in each])
        axes.axhline(0.0, color=MUTED, linewidth=0.6)
        axes.vlines(angle, mean - spread, mean + spread, color=BLUE, linewidth=1.0)
        axes.plot(angle, mean, "o", color=VERMILION, markersize=3)
        most = 1.25 * float(np.max(np.abs(mean) + spread)) or 1.0
        axes.set(ylim=(-most, most), ylabel=unit, xlabel="2θ (degree)")
    in_pixels.set_title("Residual by ring in pixels: mean ± scatter")
    in_q.set_title("and in q")
