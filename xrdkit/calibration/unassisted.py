"""Geometries that may explain a calibrant frame, found without a start."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xrdkit.calibration.angle import on_detector
from xrdkit.calibration.rings import CalibrantRings
from xrdkit.calibration.unassisted_centre import centre_votes, farther, sharpened
from xrdkit.calibration.unassisted_poses import fit_pose, ring_score
from xrdkit.calibration.unassisted_ridges import RidgePoints
from xrdkit.calibration.unassisted_tilts import fitted_tilts
from xrdkit.errors import CalibrationImplausible, CalibrationRejected
from xrdkit.geometry import Calibration, Detector

Array = NDArray[np.float64]

_CENTRES = 24
#: distances tried, m, and their relative steps
_NEAREST, _FARTHEST, _STEP = 0.01, 30.0, 0.003
_STEEPEST = 1.4
#: poses that are fitted closely, and that are returned
_REFITTED, _RETURNED = 16, 10
#: points and distances that go from one stage to the next
_FEW_POINTS, _MANY_POINTS, _LINES = 900, 3000, 48
_FEWEST = 30
#: mean gain of ridge points from which on larger tilts are not looked for
_CONVINCING = 1.5
#: the same for centres farther away, and how many of those are tried
_FAIR, _FAR_CENTRES = 0.6, 8
#: tilts that are tried besides none, degree, and the number of directions
_TILTS, _DIRECTIONS = (6.0, 12.0), 8
#: poses closer than this in distance (relative) and centre (of the radius) are one
_SAME = 0.004
#: one that differs by more than this, relative distance or centre in pixels, is another
_OTHER = (0.03, 15.0)


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """A geometry that the ridges of a frame may have."""

    calibration: Calibration
    """The geometry; rotations are part of it."""
    score: float
    """Mean gain of a ridge point over chance, natural logarithm."""


def find_hypotheses(
    ridges: RidgePoints,
    shape: tuple[int, int],
    rings: CalibrantRings,
    detector: Detector,
    wavelength: float,
) -> list[Hypothesis]:
    """Return geometries in which `ridges` of a frame of `shape` lie on `rings`, best first.

    None is sure.

    Normals of ridge points vote for beam centres; around each, radii are held against the rings at
    all distances of two decades; the best are fitted to the points themselves, with and without
    tilt. Raises CalibrationRejected where there are too few ridges.
    """
    if len(ridges) < _FEWEST:
        raise CalibrationRejected(f"only {len(ridges)} points on ridges were found: no rings")
    pixel = math.sqrt(detector.pixel_size_y * detector.pixel_size_x)
    p1, p2 = on_detector(ridges.y, ridges.x, shape, detector)
    points = np.column_stack([p1, p2]) / pixel
    # Across a ridge on unequal pixels: the gradient scales inversely.
    normals = np.column_stack(
        [
            ridges.normal_y * (-1 if detector.rows_reversed else 1) / detector.pixel_size_y,
            ridges.normal_x * (-1 if detector.columns_reversed else 1) / detector.pixel_size_x,
        ]
    )
    normals /= np.hypot(normals[:, 0], normals[:, 1])[:, None]
    two_theta = rings.two_theta[rings.two_theta < _STEEPEST]
    if two_theta.size == 0:
        raise CalibrationRejected("no ring of the calibrant scatters forward at this wavelength")
    few, few_normals = _thinned(points, normals, _FEW_POINTS)
    many, many_normals = _thinned(points, normals, _MANY_POINTS)
    s = float(ridges.step)
    votes = centre_votes(few, few_normals, _CENTRES)
    last = _followed(
        _lines(votes, few, few_normals, two_theta, pixel, ridges.step),
        (few, few_normals),
        (many, many_normals),
        two_theta,
        s,
    )
    if not last or last[0][0] < _CONVINCING * len(many):
        tilted = fitted_tilts(votes, few, few_normals, two_theta, s)
        tilted.sort(key=lambda pair: -pair[0])
        last += _refitted(_distinct(tilted, 8), many, many_normals, two_theta, s)
        last.sort(key=lambda pair: -pair[0])
    if not last or last[0][0] < _FAIR * len(many):
        far = farther(votes, few, few_normals, _FAR_CENTRES)
        lines = _lines(far, few, few_normals, two_theta, pixel, ridges.step)
        last += _followed(lines, (few, few_normals), (many, many_normals), two_theta, s)
        tilted = fitted_tilts(votes, few, few_normals, two_theta, s, coarse=True)
        tilted.sort(key=lambda pair: -pair[0])
        last += _refitted(_distinct(tilted, 8), many, many_normals, two_theta, s)
        last.sort(key=lambda pair: -pair[0])
    found = []
    for score, pose in _distinct(last, _RETURNED):
        try:
            geometry = _calibration(pose, pixel, detector, wavelength)
        except CalibrationImplausible:
            continue
        found.append(Hypothesis(calibration=geometry, score=score / len(many)))
    return found


def _followed(
    lines: list[Array],
    few: tuple[Array, Array],
    many: tuple[Array, Array],
    two_theta: Array,
    s: float,
) -> list[tuple[float, Array]]:
    """Return the best of the poses that untilted ones turn into when fitted to ridge points."""
    quick = np.array([6.0, 3.0]) * s
    tried = [_ended(fit_pose(pose, *few, two_theta, quick, 5, 1)) for pose in lines]
    tried.sort(key=lambda pair: -pair[0])
    kept = _distinct(tried, 10)
    for _, pose in list(kept):
        for tilted in _tilted(pose):
            kept.append(_ended(fit_pose(tilted, *few, two_theta, quick, 4, 0)))
    kept.sort(key=lambda pair: -pair[0])
    return _refitted(_distinct(kept, _REFITTED), *many, two_theta, s)


def _refitted(
    poses: list[tuple[float, Array]], points: Array, normals: Array, two_theta: Array, s: float
) -> list[tuple[float, Array]]:
    """Return `poses` fitted closely to all points, best first."""
    fine = np.array([3.0, 1.5]) * s
    found = [_ended(fit_pose(pose, points, normals, two_theta, fine, 8, 0)) for _, pose in poses]
    found.sort(key=lambda pair: -pair[0])
    return found


def _ended(outcome: tuple[Array, float]) -> tuple[float, Array]:
    return float(outcome[1]), outcome[0]


def _thinned(points: Array, normals: Array, most: int) -> tuple[Array, Array]:
    if len(points) <= most:
        return points, normals
    chosen = np.random.default_rng(0).choice(len(points), most, replace=False)
    return np.ascontiguousarray(points[chosen]), np.ascontiguousarray(normals[chosen])


def _lines(
    votes: Array, points: Array, normals: Array, two_theta: Array, pixel: float, step: int
) -> list[Array]:
    """Return untilted poses of which centre and distance suit, likeliest first."""
    distances = np.exp(np.arange(math.log(_NEAREST), math.log(_FARTHEST), _STEP)) / pixel
    tangents = np.tan(two_theta)
    found: list[tuple[float, Array]] = []
    for place in votes:
        centre, _ = sharpened(place, points, normals)
        away = points - centre
        radius = np.hypot(away[:, 0], away[:, 1])
        agrees = np.abs(np.sum(away * normals, axis=1)) > 0.85 * radius
        if agrees.sum() < 20:
            continue
        number = np.bincount((radius[agrees] / step).astype(int)).astype(np.float64)
        bins = np.flatnonzero(number)
        score = ring_score(
            np.asarray((bins + 0.5) * step, dtype=np.float64),
            number[bins],
            distances,
            tangents,
            2.5 * step,
        )
        score += math.log(0.1) * (~agrees).sum()
        for _ in range(8):
            k = int(np.argmax(score))
            if not np.isfinite(score[k]):
                break
            found.append((score[k], np.array([distances[k], centre[0], centre[1], 0.0, 0.0])))
            score[max(0, k - 5) : k + 6] = -np.inf
    found.sort(key=lambda pair: -pair[0])
    return [pose for _, pose in _distinct(found, _LINES)]


def _tilted(pose: Array) -> list[Array]:
    """Return `pose` with tilts in all directions."""
    result = []
    for tilt in _TILTS:
        for k in range(_DIRECTIONS):
            angle = 2 * math.pi * k / _DIRECTIONS
            other = pose.copy()
            other[3] += math.radians(tilt) * math.cos(angle)
            other[4] += math.radians(tilt) * math.sin(angle)
            if max(abs(other[3]), abs(other[4])) < 0.4:
                result.append(other)
    return result


def _distinct(poses: list[tuple[float, Array]], most: int) -> list[tuple[float, Array]]:
    """Return the first of `poses` that differ, of a list sorted by score."""
    kept: list[tuple[float, Array]] = []
    for score, pose in poses:
        if score <= -1e8:
            continue
        for _, other in kept:
            apart = abs(math.log(pose[0] / other[0]))
            turned = float(np.hypot(pose[3] - other[3], pose[4] - other[4]))
            moved = float(np.hypot(pose[1] - other[1], pose[2] - other[2]))
            if apart < _SAME and turned < 0.02 and moved < 5:
                break
        else:
            kept.append((score, pose))
        if len(kept) == most:
            break
    return kept


def _calibration(pose: Array, pixel: float, detector: Detector, wavelength: float) -> Calibration:
    direct, y, x, rot1, rot2 = (float(v) for v in pose)
    distance = direct * pixel * math.cos(rot1) * math.cos(rot2)
    return Calibration(
        distance=distance,
        poni1=y * pixel - distance * math.tan(rot2) / math.cos(rot1),
        poni2=x * pixel + distance * math.tan(rot1),
        rot1=rot1,
        rot2=rot2,
        wavelength=wavelength,
        detector=detector,
    )


def untilted(calibration: Calibration) -> Calibration:
    """Return the geometry of the same centre and direct distance without rotations."""
    x, y = calibration.beam_center
    detector = calibration.detector
    return replace(
        calibration,
        distance=calibration.direct_distance,
        poni1=y * detector.pixel_size_y,
        poni2=x * detector.pixel_size_x,
        rot1=0.0,
        rot2=0.0,
    )


def margin(hypotheses: list[Hypothesis]) -> float:
    """Return by how much the first of `hypotheses` scores above the best one that differs."""
    best = hypotheses[0]
    x, y = best.calibration.beam_center
    for other in hypotheses[1:]:
        apart = abs(math.log(other.calibration.direct_distance / best.calibration.direct_distance))
        moved = math.hypot(
            other.calibration.beam_center[0] - x, other.calibration.beam_center[1] - y
        )
        if apart > _OTHER[0] or moved > _OTHER[1]:
            return best.score - other.score
    return math.inf
