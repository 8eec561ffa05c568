"""One refinement of a geometry on a calibrant frame: find rings, fit, find again."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.calibration.angle import on_detector, two_theta_and_slopes, values_of
from xrdkit.calibration.arcs import telling_arcs
from xrdkit.calibration.fit import GeometryFit, fit_geometry
from xrdkit.calibration.frame import CalibrantFrame
from xrdkit.calibration.ring_points import RingPoints, ring_points
from xrdkit.calibration.rings import CalibrantRings
from xrdkit.errors import CalibrationRejected
from xrdkit.geometry import Calibration

Array = NDArray[np.float64]

#: how far off a geometry may be when rings were found once: share of the radius and pixels
_LATER = ((0.004, 4.0), (0.0015, 3.0), (0.001, 3.0))
_MOST_ROUNDS = 8
_STILL = 1e-2
#: length of a ring in one azimuth sector in the first and in later rounds, px
_FIRST_ARC, _ARC = 48.0, 12.0
_STEEPEST = 1.45


@dataclass(frozen=True, kw_only=True)
class Refinement:
    """Rings found under a geometry, and the geometry fitted to them."""

    fit: GeometryFit
    """The geometry, and how far points are from their rings."""
    points: RingPoints
    """Where rings cross the detector."""
    looked_for: NDArray[np.bool_]
    """Rings that are on the frame and apart from others, (rings,)."""


def refined(
    exposure: CalibrantFrame,
    rings: CalibrantRings,
    start: Calibration,
    reach: tuple[float, float],
    *,
    usual: Calibration | None = None,
    close: bool = False,
    most_rounds: int = _MOST_ROUNDS,
) -> Refinement:
    """Return rings and geometry; where they do not tell the tilt it is that of `usual`.

    `reach` is how far `start` may be off, share of the radius and pixels; where it is so `close`
    that rings are seen in the radial profile, weak ones are looked for in longer pieces at once.
    `most_rounds` is how often at most rings are found and the geometry is fitted.
    """
    shape = (exposure.counts.shape[0], exposure.counts.shape[1])
    current, found, width = start, None, None
    before: Calibration | None = None
    schedule = [reach, *(_LATER[1:] if close else _LATER)]
    for turn in range(most_rounds):
        relative, added = schedule[min(turn, len(schedule) - 1)]
        angle = current.two_theta(shape)[exposure.valid]
        window = _windows(current, rings.two_theta, (angle.min(), angle.max()), relative, added)
        if turn == 0 and not close:
            arc = np.full(rings.two_theta.size, _FIRST_ARC)
        else:
            shortest = _ARC if turn > 0 else _FIRST_ARC
            arc = telling_arcs(exposure, current, rings.two_theta, shortest, width)
        points = ring_points(exposure, current, rings.two_theta, window, arc=arc)
        if len(points) < 8:
            raise CalibrationRejected(f"only {len(points)} points on rings were found")
        fit = fit_geometry(points, rings.two_theta, current, usual or start, shape)
        moved = _largest_move(current, fit.calibration, points, shape)
        if before is not None:
            # Points that come and go can make two geometries take turns for ever.
            moved = min(moved, _largest_move(before, fit.calibration, points, shape))
        before, current = current, fit.calibration
        width = float(np.median(points.width[fit.used]))
        found = Refinement(fit=fit, points=points, looked_for=window > 0)
        rms = float(np.sqrt(np.mean(fit.residual[fit.used] ** 2)))
        if turn >= len(schedule) - 1 and moved < max(_STILL, 0.05 * rms):
            break
    if found is None:
        raise CalibrationRejected("no ring was looked for")
    return found


def _windows(
    calibration: Calibration,
    two_theta: Array,
    on_frame: tuple[float, float],
    relative: float,
    added: float,
) -> Array:
    """Return how far in pixels each ring is looked for; 0 where neighbours could be it."""
    pixel = math.sqrt(calibration.detector.pixel_size_y * calibration.detector.pixel_size_x)
    radius = calibration.direct_distance * np.tan(np.minimum(two_theta, _STEEPEST)) / pixel
    below = np.diff(radius, prepend=0.0)
    above = np.append(below[1:], np.inf)
    free = 0.5 * np.minimum(below, above)
    error = relative * radius + added
    margin = 1.5 * error * pixel / calibration.direct_distance
    there = (two_theta > on_frame[0] - margin) & (two_theta < on_frame[1] + margin)
    wanted = there & (free >= error) & (two_theta < _STEEPEST)
    return np.where(wanted, np.minimum(free, 1.3 * error + 6.0), 0.0)


def _largest_move(
    before: Calibration, after: Calibration, points: RingPoints, shape: tuple[int, int]
) -> float:
    """Return the largest radial move of any point between two geometries, pixel."""
    p1, p2 = on_detector(points.y, points.x, shape, before.detector)
    old, slopes = two_theta_and_slopes(p1, p2, values_of(before))
    new, _ = two_theta_and_slopes(p1, p2, values_of(after))
    rise = np.hypot(
        slopes[:, 1] * before.detector.pixel_size_y, slopes[:, 2] * before.detector.pixel_size_x
    )
    return float(np.max(np.abs(new - old) / rise))
