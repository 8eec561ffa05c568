"""One refinement of a geometry on a calibrant frame: find rings, fit, find again, and judge."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.calibration.angle import (
    PARAMETERS,
    on_detector,
    two_theta_and_slopes,
    values_of,
)
from xrdkit.calibration.arcs import telling_arcs
from xrdkit.calibration.check import Evidence, azimuth_coverage, verdict
from xrdkit.calibration.contrast import RadialProfile
from xrdkit.calibration.fit import GeometryFit, fit_geometry
from xrdkit.calibration.frame import CalibrantFrame
from xrdkit.calibration.result import CalibrationResult, RingResidual
from xrdkit.calibration.ring_points import RingPoints, ring_points
from xrdkit.calibration.rings import CalibrantRings
from xrdkit.errors import CalibrationRejected
from xrdkit.geometry import PARAMETERS as GEOMETRY
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
    fit: GeometryFit
    points: RingPoints
    looked_for: NDArray[np.bool_]


def refined(
    exposure: CalibrantFrame,
    rings: CalibrantRings,
    start: Calibration,
    reach: tuple[float, float],
    *,
    usual: Calibration | None = None,
    close: bool = False,
) -> Refinement:
    """Return rings and geometry; where they do not tell the tilt it is that of `usual`.

    `reach` is how far `start` may be off, share of the radius and pixels; where it is so `close`
    that rings are seen in the radial profile, weak ones are looked for in longer pieces at once.
    """
    shape = (exposure.counts.shape[0], exposure.counts.shape[1])
    current, found, width = start, None, None
    schedule = [reach, *_LATER]
    for turn in range(_MOST_ROUNDS):
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
        current = fit.calibration
        width = float(np.median(points.width[fit.used]))
        found = Refinement(fit=fit, points=points, looked_for=window > 0)
        rms = float(np.sqrt(np.mean(fit.residual[fit.used] ** 2)))
        if turn >= len(_LATER) and moved < max(_STILL, 0.05 * rms):
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


def judged(
    found: Refinement, exposure: CalibrantFrame, rings: CalibrantRings, start: Calibration
) -> CalibrationResult:
    fit, points = found.fit, found.points
    used = fit.used
    residual = fit.residual[used]
    present = np.unique(points.ring[used])
    rms = float(np.sqrt(np.mean(residual**2)))
    sigma = _sigmas(fit)
    coverage = azimuth_coverage(points.azimuth[used])
    width = float(np.median(points.width[used]))
    profile = RadialProfile(exposure, fit.calibration, width)
    evidence = Evidence(
        rings=present.size,
        rings_expected=int(np.count_nonzero(found.looked_for[: present.max() + 1])),
        points=int(used.sum()),
        clipped=1.0 - float(np.mean(used)),
        coverage=coverage,
        rms=rms,
        width=width,
        contrast=profile.contrast(rings.two_theta[: present.max() + 1]),
        unexplained=profile.unexplained(rings.two_theta, rings.two_theta[present]),
        distance_change=fit.calibration.direct_distance / start.direct_distance - 1.0,
        center_sigma=max(sigma["beam_center_x"], sigma["beam_center_y"]),
        distance_sigma=sigma["direct_distance"] / fit.calibration.direct_distance,
    )
    kind, reasons = verdict(evidence)
    # The wavelength is taken as exact: no ring can tell it from the distance.
    covariance = np.pad(fit.covariance, (0, len(GEOMETRY) - len(PARAMETERS))).tolist()
    geometry = replace(fit.calibration, covariance=tuple(tuple(row) for row in covariance))
    return CalibrationResult(
        calibration=geometry,
        covariance=fit.covariance,
        sigma=sigma,
        rms_px=rms,
        rings=tuple(_ring(int(k), rings, points, fit) for k in present),
        points=_table(points, fit),
        azimuth_coverage=coverage,
        tilt_refined=fit.tilt_free,
        calibrant=rings.name,
        verdict=kind,
        reasons=reasons,
    )


def _ring(number: int, rings: CalibrantRings, points: RingPoints, fit: GeometryFit) -> RingResidual:
    here = (points.ring == number) & fit.used
    away = fit.residual[here]
    return RingResidual(
        d_spacing=float(rings.d_spacing[number]),
        two_theta=math.degrees(rings.two_theta[number]),
        points=int(here.sum()),
        mean_px=float(away.mean()),
        rms_px=float(np.sqrt(np.mean(away**2))),
        width_px=float(points.width[here][0]),
    )


def _sigmas(fit: GeometryFit) -> dict[str, float]:
    """Return standard errors of the parameters and, by the delta method, of what follows."""
    sigma = {
        name: math.sqrt(max(float(fit.covariance[k, k]), 0.0)) for k, name in enumerate(PARAMETERS)
    }
    at = fit.calibration
    slopes = np.zeros((3, len(PARAMETERS)))
    for k, name in enumerate(PARAMETERS):
        step = 1e-6
        ends = [replace(at, **{name: getattr(at, name) + side * step}) for side in (1, -1)]
        high, low = (np.array([c.direct_distance, *c.center_on_frame()]) for c in ends)
        slopes[:, k] = (high - low) / (2 * step)
    variance = np.einsum("ij,jk,ik->i", slopes, fit.covariance, slopes)
    for name, value in zip(
        ("direct_distance", "beam_center_x", "beam_center_y"), variance, strict=True
    ):
        sigma[name] = math.sqrt(max(float(value), 0.0))
    return sigma


def _table(points: RingPoints, fit: GeometryFit) -> xr.Dataset:
    def column(
        values: NDArray[Any], units: str, text: str
    ) -> tuple[str, NDArray[Any], dict[str, str]]:
        return "point", values, {"units": units, "long_name": text}

    return xr.Dataset(
        {
            "ring": column(points.ring, "1", "number of the ring of the calibrant, 0 innermost"),
            "y": column(points.y, "pixel", "row, edges at integers"),
            "x": column(points.x, "pixel", "column, edges at integers"),
            "sigma": column(points.sigma, "pixel", "standard error of the radial position"),
            "residual": column(fit.residual, "pixel", "radial distance from the ring"),
            "azimuth": column(points.azimuth, "degree", "direction from the beam centre"),
            "used": column(fit.used, "1", "whether the point was not clipped"),
        }
    )
