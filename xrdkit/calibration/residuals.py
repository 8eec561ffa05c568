"""How far points lie from their rings, by ring and by direction, in pixels and in q."""

import math

import numpy as np
from numpy.typing import NDArray

from xrdkit.calibration.angle import on_detector, two_theta_and_slopes, values_of
from xrdkit.calibration.fit import GeometryFit
from xrdkit.calibration.result import RingResidual, SectorResidual
from xrdkit.calibration.ring_points import RingPoints
from xrdkit.calibration.rings import CalibrantRings

Array = NDArray[np.float64]
_SECTOR = 30.0
#: points that a ring or sector needs to speak, and the least error of a mean, pixel
_ENOUGH, _LEAST = 5, 0.01


def residuals_q(
    points: RingPoints, rings: CalibrantRings, fit: GeometryFit, shape: tuple[int, int]
) -> Array:
    """Return q of every point less that of its ring, 1/nm, shape (n,)."""
    calibration = fit.calibration
    p1, p2 = on_detector(points.y, points.x, shape, calibration.detector)
    angle, _ = two_theta_and_slopes(p1, p2, values_of(calibration))
    ring = rings.two_theta[points.ring]
    return np.asarray(calibration.q_of_two_theta(angle) - calibration.q_of_two_theta(ring))


def by_ring(
    points: RingPoints, rings: CalibrantRings, fit: GeometryFit, q: Array
) -> tuple[RingResidual, ...]:
    """Return the residuals of the points used, ring by ring; `q` as from `residuals_q`."""
    result = []
    for number in np.unique(points.ring[fit.used]):
        here = (points.ring == number) & fit.used
        away = fit.residual[here]
        result.append(
            RingResidual(
                d_spacing=float(rings.d_spacing[number]),
                two_theta=math.degrees(rings.two_theta[number]),
                points=int(here.sum()),
                mean_px=float(away.mean()),
                rms_px=_rms(away),
                width_px=float(points.width[here][0]),
                mean_q=float(q[here].mean()),
                rms_q=_rms(q[here]),
            )
        )
    return tuple(result)


def by_sector(points: RingPoints, fit: GeometryFit, q: Array) -> tuple[SectorResidual, ...]:
    """Return the residuals of the points used in sectors of 30° that hold any."""
    place = sectors(points)
    result = []
    for number in np.unique(place[fit.used]):
        here = (place == number) & fit.used
        away = fit.residual[here]
        result.append(
            SectorResidual(
                azimuth=(number * _SECTOR, (number + 1) * _SECTOR),
                points=int(here.sum()),
                rings=int(np.unique(points.ring[here]).size),
                mean_px=float(away.mean()),
                rms_px=_rms(away),
                mean_q=float(q[here].mean()),
                rms_q=_rms(q[here]),
            )
        )
    return tuple(result)


def misfit(group: NDArray[np.intp], points: RingPoints, fit: GeometryFit) -> tuple[float, float]:
    """Return how far the means of groups of points lie from the rings: in widths, and in errors.

    Both are root mean squares over the groups of five points or more. The error of a mean is that
    which the scatter of its points gives, at least 0.01 px.
    """
    widths, errors = [], []
    for number in np.unique(group[fit.used]):
        here = (group == number) & fit.used
        count = int(np.count_nonzero(here))
        if count < _ENOUGH:
            continue
        away = fit.residual[here]
        mean, scatter = float(away.mean()), float(away.std(ddof=1))
        widths.append(mean / float(np.median(points.width[here])))
        errors.append(mean / max(scatter / math.sqrt(count), _LEAST))
    if not widths:
        return 0.0, 0.0
    return _rms(np.array(widths)), _rms(np.array(errors))


def sectors(points: RingPoints) -> NDArray[np.intp]:
    """Return the sector of 30° of every point, shape (n,)."""
    return np.asarray(np.floor(points.azimuth % 360.0 / _SECTOR), dtype=np.intp)


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2)))
