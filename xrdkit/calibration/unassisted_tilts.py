"""Tilted poses around a beam centre: all distances and tilts held against points on ridges.

Under a tilt a ring of angle 2θ is at the radius r = D t/(√(1 - a²) - a t), t = tan 2θ, where a is
the cosine between the direction on the detector and the beam: a sinusoid of azimuth, of which the
amplitude is the sine of the tilt.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.calibration.unassisted_centre import centre_votes, crossing
from xrdkit.calibration.unassisted_poses import fit_pose, ring_gain, ring_rooms
from xrdkit.compiled import compiled

Array = NDArray[np.float64]

#: largest tilt tried, degree
_LARGEST = 18.0
#: direct distances tried, share of the radius within which most points are
_NEAREST, _FARTHEST = 0.3, 8.0
_AGREES = 0.8
_FEWEST = 20
#: votes for centres that are followed, and share of points from which centres are found anew
_VOTES, _INNER = 2, 0.2
#: centres closer than this are one, pixel
_SAME = 3.0
#: how closely points are drawn to rings, Gauss-Newton steps
_WIDTHS, _TURNS = ((12.0, 6.0, 3.0), (6.0, 3.0)), 6
#: entries of the table of the nearest ring
_TABLE = 4096


@dataclass(frozen=True, kw_only=True)
class Grid:
    """How closely distances and tilts are tried around a centre."""

    turn: float
    """Step of the tilt, degree."""
    closer: float
    """Relative step of the distance."""
    points: int
    """Points that are looked at."""
    most: int
    """Poses that are kept."""


_FINE = Grid(turn=3.0, closer=0.012, points=300, most=8)
_COARSE = Grid(turn=4.5, closer=0.016, points=200, most=4)


def fitted_tilts(
    votes: Array,
    points: Array,
    normals: Array,
    two_theta: Array,
    step: float,
    *,
    coarse: bool = False,
) -> list[tuple[float, Array]]:
    """Return (score, pose) of tilted geometries fitted to `points`, at their score for 3 `step`.

    `votes` are likely beam centres, (m, 2) y and x; `points` and `normals` (n, 2), all in pixels;
    `two_theta` the rings in rad, ascending; `step` the pixels joined. Normals of rings near the
    beam meet closer to it under a tilt than those of wide rings, so that centres are found anew
    from the fifth of the points that is nearest to each of the first two. Where `coarse`, all votes
    are taken as they are, in larger steps.
    """
    found = []
    centres = list(votes) if coarse else _inner_centres(votes, points, normals)
    grid = _COARSE if coarse else _FINE
    for centre in centres:
        for _, pose in tilted_poses(centre, points, normals, two_theta, 6.0 * step, grid):
            for widths in _WIDTHS:
                fitted, score = fit_pose(
                    pose, points, normals, two_theta, np.array(widths) * step, _TURNS, 0
                )
                found.append((float(score), fitted))
    return found


def _inner_centres(votes: Array, points: Array, normals: Array) -> list[Array]:
    centres: list[Array] = []
    for vote in votes[:_VOTES]:
        away = points - vote
        radius = np.hypot(away[:, 0], away[:, 1])
        near = radius <= np.quantile(radius, _INNER)
        inner, inner_normals = points[near], normals[near]
        if len(inner) < _FEWEST:
            continue
        anew = centre_votes(inner, inner_normals, 1)
        for place in (*anew, crossing(vote, inner, inner_normals)):
            if all(math.hypot(*(place - other)) > _SAME for other in centres):
                centres.append(place)
    return centres


def tilted_poses(
    centre: Array, points: Array, normals: Array, two_theta: Array, s: float, grid: Grid
) -> list[tuple[float, Array]]:
    """Return (score, pose) with tilts of up to 18°, likeliest first.

    `centre` is (y, x) of the beam, `points` and `normals` (n, 2), all in pixels; `two_theta` the
    rings in rad, ascending; `s` how closely points are known, pixel. The score is that of
    `ring_score`. Poses differ by more than 2 % in distance or a step in tilt.
    """
    away = points - centre
    radius = np.hypot(away[:, 0], away[:, 1])
    agrees = np.abs(np.sum(away * normals, axis=1)) > _AGREES * radius
    away, radius = away[agrees], radius[agrees]
    if radius.size < _FEWEST:
        return []
    if radius.size > grid.points:
        chosen = np.linspace(0, radius.size - 1, grid.points).astype(int)
        away, radius = away[chosen], radius[chosen]
    reach = float(np.percentile(radius, 95))
    distances = reach * np.exp(np.arange(math.log(_NEAREST), math.log(_FARTHEST), grid.closer))
    leans = _leans(grid.turn)
    tangents = np.tan(two_theta)
    score = _scores(away, radius, distances, leans, tangents, ring_rooms(tangents), s)
    found: list[tuple[float, Array]] = []
    for k in np.argsort(score, axis=None)[::-1][: 40 * grid.most]:
        i, j = divmod(int(k), len(leans))
        down, across = (float(v) for v in leans[j])
        rot2 = math.asin(down)
        rot1 = math.asin(-across / math.cos(rot2))
        pose = np.array([distances[i], centre[0], centre[1], rot1, rot2])
        if all(
            abs(math.log(pose[0] / other[0])) > 0.02
            or math.hypot(pose[3] - other[3], pose[4] - other[4]) > math.radians(1.01 * grid.turn)
            for _, other in found
        ):
            found.append((float(score[i, j]), pose))
        if len(found) == grid.most:
            break
    return found


def _leans(step: float) -> Array:
    """Return cosines between the beam and the rows and columns of tilted detectors, (n, 2)."""
    number = round(_LARGEST / step)
    axis = np.arange(-number, number + 1) * step
    down, across = np.meshgrid(axis, axis, indexing="ij")
    inside = np.hypot(down, across) <= _LARGEST + 1e-9
    return np.sin(np.radians(np.column_stack([down[inside], across[inside]])))


@compiled(fastmath=True)
def _scores(
    away: Array,
    radius: Array,
    distances: Array,
    leans: Array,
    tangents: Array,
    rooms: Array,
    s: float,
) -> Array:
    last = tangents.size - 1
    top = tangents[last] * 1.1
    nearest = np.empty(_TABLE, dtype=np.int64)
    ring = 0
    for k in range(_TABLE):
        t = (k + 0.5) * top / _TABLE
        while ring < last and 0.5 * (tangents[ring] + tangents[ring + 1]) < t:
            ring += 1
        nearest[k] = ring
    scores = np.zeros((distances.size, leans.shape[0]))
    number = radius.size
    lean = np.empty(number)
    upright = np.empty(number)
    for j in range(leans.shape[0]):
        for k in range(number):
            r = max(radius[k], 1e-6)
            lean[k] = (away[k, 0] * leans[j, 0] + away[k, 1] * leans[j, 1]) / r
            upright[k] = np.sqrt(1.0 - lean[k] * lean[k])
        for i in range(distances.size):
            d = distances[i]
            total = 0.0
            for k in range(number):
                t = radius[k] * upright[k] / max(d + radius[k] * lean[k], 1e-3 * d)
                place = min(int(t / top * _TABLE), _TABLE - 1)
                ring = nearest[place]
                there = upright[k] - lean[k] * tangents[ring]
                if there <= 0.05:
                    total += ring_gain(1e9, 1.0, s)
                    continue
                away_from = radius[k] - d * tangents[ring] / there
                total += ring_gain(away_from, rooms[ring] * d, s)
            scores[i, j] = total
    return scores
