"""Poses of a detector against points on ridges: scores over distances, and quick fits.

A pose is (D, y, x, rot1, rot2): direct distance and beam centre in pixels, rotations in rad. A
point (dy, dx) from the centre is at t = (dy c2 + dx s1 s2, dx c1, D + dy s2 - dx s1 c2), and its
angle is 2θ = atan2(|t1, t2|, t3).
"""

import numpy as np
from numpy.typing import NDArray

from xrdkit.compiled import compiled

Array = NDArray[np.float64]

#: share of ridge points that are on no ring, and what one costs against chance
_STRAY = 0.1
_AGREES = 0.85
_MOST_GAIN = 4.0
_FREE = 5
#: rotations are held near zero with this standard deviation, rad
_USUAL_TILT = 0.25


@compiled(fastmath=True)
def ring_score(radii: Array, weights: Array, distances: Array, tangents: Array, s: float) -> Array:
    """Return how well `radii` (pixel, with weights) lie on rings, for each of `distances` (pixel).

    `tangents` are tan 2θ of the rings, ascending; `s` how closely radii are known, pixel. Each
    radius is worth log((1-ε) w/(s √2π) exp(-δ²/2s²) + ε), w the range of radii that is nearest to
    its ring: what finding it there says over finding it anywhere.
    """
    scores = np.zeros(distances.size)
    for i in range(distances.size):
        d = distances[i]
        total = 0.0
        ring = 0
        for k in range(radii.size):
            r = radii[k] / d
            while ring + 1 < tangents.size and 0.5 * (tangents[ring] + tangents[ring + 1]) < r:
                ring += 1
            total += weights[k] * ring_gain((r - tangents[ring]) * d, _room(tangents, ring) * d, s)
        scores[i] = total
    return scores


@compiled(fastmath=True)
def _room(places: Array, ring: int) -> float:
    last = places.size - 1
    if last == 0:
        return float(places[0])
    if ring == 0:
        return float(places[1] - places[0])
    if ring == last:
        return float(places[last] - places[last - 1])
    return float(0.5 * (places[ring + 1] - places[ring - 1]))


@compiled(fastmath=True)
def ring_rooms(places: Array) -> Array:
    """Return the range that is nearest to each of `places` (ascending)."""
    rooms = np.empty(places.size)
    for ring in range(places.size):
        rooms[ring] = _room(places, ring)
    return rooms


@compiled(fastmath=True)
def ring_gain(away: float, room: float, s: float) -> float:
    """Return what a point `away` from the nearest ring says for it, see `ring_score`; pixel."""
    inside = (1.0 - _STRAY) * room / (s * 2.5066282746) * np.exp(-0.5 * (away / s) ** 2)
    return float(min(np.log(inside + _STRAY), _MOST_GAIN))


@compiled(fastmath=True)
def fit_pose(
    pose: Array,
    points: Array,
    normals: Array,
    two_theta: Array,
    widths: Array,
    turns: int,
    tilt_from: int,
) -> tuple[Array, float]:
    """Return a pose fitted to ridge points, and its score at the last of `widths` (pixel).

    Points are drawn to the nearest ring of `two_theta` (rad, ascending), with the probability that
    they belong to it; `widths` are gone through, `turns` Gauss-Newton steps each. Rotations are
    free from the stage `tilt_from` on.
    """
    now = pose.copy()
    for stage in range(widths.size):
        s = widths[stage]
        free = _FREE if stage >= tilt_from else 3
        for _ in range(turns):
            matrix = np.zeros((_FREE, _FREE))
            right = np.zeros(_FREE)
            _accumulate(now, points, normals, two_theta, s, matrix, right)
            for j in range(free, _FREE):
                matrix[j, :] = 0.0
                matrix[:, j] = 0.0
                matrix[j, j] = 1.0
                right[j] = 0.0
            if free == _FREE:
                for j in range(3, _FREE):
                    matrix[j, j] += 1.0 / _USUAL_TILT**2
                    right[j] -= now[j] / _USUAL_TILT**2
            size = np.empty(_FREE)
            for j in range(_FREE):
                size[j] = 1.0 / np.sqrt(matrix[j, j] + 1e-12)
            for j in range(_FREE):
                for i in range(_FREE):
                    matrix[j, i] *= size[j] * size[i]
                matrix[j, j] += 1e-6
                right[j] *= size[j]
            step = np.linalg.solve(matrix, right) * size
            limit = 1.0
            limit = min(limit, 0.1 * now[0] / max(abs(step[0]), 1e-9))
            for j in range(3, _FREE):
                limit = min(limit, 0.06 / max(abs(step[j]), 1e-9))
            now += limit * step
            if not (10.0 < now[0] < 1e7) or abs(now[3]) > 0.6 or abs(now[4]) > 0.6:
                return pose, -1e9
    matrix = np.zeros((_FREE, _FREE))
    right = np.zeros(_FREE)
    return now, _accumulate(now, points, normals, two_theta, widths[widths.size - 1], matrix, right)


@compiled(fastmath=True)
def _accumulate(
    pose: Array,
    points: Array,
    normals: Array,
    two_theta: Array,
    s: float,
    matrix: Array,
    right: Array,
) -> float:
    """Add the normal equations of all points to `matrix`, `right`; return the score."""
    score = 0.0
    s1, c1, s2, c2 = np.sin(pose[3]), np.cos(pose[3]), np.sin(pose[4]), np.cos(pose[4])
    slope = np.empty(_FREE)
    last = two_theta.size - 1
    for k in range(points.shape[0]):
        y, x = points[k, 0] - pose[1], points[k, 1] - pose[2]
        t1 = y * c2 + x * s1 * s2
        t2 = x * c1
        t3 = pose[0] + y * s2 - x * s1 * c2
        across = max(np.sqrt(t1 * t1 + t2 * t2), 1e-6)
        whole = across * across + t3 * t3
        angle = np.arctan2(across, t3)
        f1, f2, f3 = t3 * t1 / (across * whole), t3 * t2 / (across * whole), -across / whole
        rise_y = f1 * c2 + f3 * s2
        rise_x = f1 * s1 * s2 + f2 * c1 - f3 * s1 * c2
        rise = np.sqrt(rise_y * rise_y + rise_x * rise_x)
        if rise < 1e-12:
            score += np.log(_STRAY)
            continue
        if abs(rise_y * normals[k, 0] + rise_x * normals[k, 1]) < _AGREES * rise:
            score += np.log(_STRAY)
            continue
        ring = np.searchsorted(two_theta, angle)
        if ring > last or (
            ring > 0 and angle - two_theta[ring - 1] < two_theta[min(ring, last)] - angle
        ):
            ring -= 1
        away = (angle - two_theta[ring]) / rise
        room = _room(two_theta, ring) / rise
        inside = (1.0 - _STRAY) * room / (s * 2.5066282746) * np.exp(-0.5 * (away / s) ** 2)
        score += min(np.log(inside + _STRAY), _MOST_GAIN)
        weight = inside / (inside + _STRAY) * min(max(room / (4.0 * s) - 0.5, 0.0), 1.0) / s**2
        if weight <= 0:
            continue
        slope[0] = f3 / rise
        slope[1] = -rise_y / rise
        slope[2] = -rise_x / rise
        slope[3] = (f1 * x * c1 * s2 - f2 * x * s1 - f3 * x * c1 * c2) / rise
        slope[4] = (f1 * (-y * s2 + x * s1 * c2) + f3 * (y * c2 + x * s1 * s2)) / rise
        for j in range(_FREE):
            right[j] -= weight * away * slope[j]
            for i in range(_FREE):
                matrix[j, i] += weight * slope[j] * slope[i]
    return score
