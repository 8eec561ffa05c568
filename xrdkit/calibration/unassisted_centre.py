"""Where the beam may meet the plane of the detector: normals of rings cross there."""

import numpy as np
from numpy.typing import NDArray

from xrdkit.compiled import compiled

Array = NDArray[np.float64]

#: cells along the longer side of the plane, and how far it reaches past the detector (its sides)
_CELLS, _PAST = 240, 1.2
#: standard error of the direction of a normal with what a tilt adds, rad
_DIRECTION = 0.06
_AGREES = 0.85
#: votes outside that are followed along their rays, and how far, shares of the distance
_FOLLOWED, _FACTORS = 6, (0.7, 1.2, 1.4, 1.7, 2.0, 2.5, 3.0)
#: steps of least squares, and the condition from which normals are taken for parallel
_TURNS, _PARALLEL = 15, 1e6
#: bin width of radii, step of the centre, steps to each side: coarse to fine, pixel
_SEARCH = ((12.0, 8.0, 6), (6.0, 4.0, 4), (3.0, 2.0, 4), (1.5, 1.0, 3), (1.0, 0.5, 2))


def centre_votes(points: Array, normals: Array, most: int) -> Array:
    """Return up to `most` places (y, x) where normals of ridge points meet, likeliest first.

    `points` and `normals` are (n, 2), y and x in pixels. Every point votes along its normal, over
    the width that its direction is uncertain by, in all with the same weight at every distance.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    side = np.maximum(high - low, 1.0)
    reach = _PAST * side.max()
    cell = (side.max() + 2 * reach) / _CELLS
    origin = low - reach
    shape = np.ceil((side + 2 * reach) / cell).astype(int)
    plane = np.zeros((shape[0], shape[1]))
    _vote(plane, points, normals, origin, cell)
    found = []
    blurred = plane.copy()
    for _ in range(most):
        at = np.unravel_index(int(np.argmax(blurred)), blurred.shape)
        if blurred[at] <= 0:
            break
        place = origin + (np.array(at) + 0.5) * cell
        found.append(place)
        gone = max(2, int(0.03 * side.max() / cell))
        blurred[
            max(0, at[0] - gone) : at[0] + gone + 1, max(0, at[1] - gone) : at[1] + gone + 1
        ] = 0
    return np.array(found).reshape(-1, 2)


@compiled(fastmath=True)
def _vote(plane: Array, points: Array, normals: Array, origin: Array, cell: float) -> None:
    rows, columns = plane.shape
    for k in range(points.shape[0]):
        y, x = (points[k, 0] - origin[0]) / cell, (points[k, 1] - origin[1]) / cell
        dy, dx = normals[k, 0], normals[k, 1]
        steep = abs(dy) > abs(dx)
        length = rows if steep else columns
        for i in range(length):
            if steep:
                along = (i + 0.5 - y) / dy
                middle = x + along * dx
                limit = columns
            else:
                along = (i + 0.5 - x) / dx
                middle = y + along * dy
                limit = rows
            width = max(0.7, _DIRECTION * abs(along))
            first, last = int(middle - 2 * width), int(middle + 2 * width) + 1
            if last < 0 or first >= limit:
                continue
            for j in range(max(first, 0), min(last, limit - 1) + 1):
                off = (j + 0.5 - middle) / width
                value = np.exp(-0.5 * off * off) / width
                if steep:
                    plane[i, j] += value
                else:
                    plane[j, i] += value


def sharpened(centre: Array, points: Array, normals: Array) -> tuple[Array, float]:
    """Return the centre near `centre` around which radii of `points` bunch most, and how much."""
    best = centre
    score = 0.0
    for width, step, steps in _SEARCH:
        best, score = _bunched(best, points, normals, width, step, steps)
    return best, score


def farther(votes: Array, points: Array, normals: Array, most: int) -> Array:
    """Return up to `most` places on the rays to those of `votes` that are not among the points.

    Faint arcs give directions so poor that their normals meet nearer than they should: places at
    0.7 to 3 times the distance are tried, and those around which radii bunch most are returned.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    middle = 0.5 * (low + high)
    found = []
    outside = [v for v in votes if np.any(v < low) or np.any(v > high)]
    for vote in outside[:_FOLLOWED]:
        for factor in _FACTORS:
            place, score = sharpened(middle + factor * (vote - middle), points, normals)
            found.append((score, place))
    found.sort(key=lambda pair: -pair[0])
    return np.array([place for _, place in found[:most]]).reshape(-1, 2)


def crossing(centre: Array, points: Array, normals: Array) -> Array:
    """Return the place near `centre` that the normals of `points` pass most closely.

    Least squares of distances over what they are uncertain by, near points first, with far
    normals weighed down.
    """
    place = centre.astype(np.float64)
    along = np.column_stack([-normals[:, 1], normals[:, 0]])
    offset = np.sum(points * along, axis=1)
    for _ in range(_TURNS):
        miss = offset - along @ place
        radius = np.hypot(points[:, 0] - place[0], points[:, 1] - place[1])
        weight = (1.0 + (miss / (0.1 * radius + 3.0)) ** 2) ** -2 / (0.05 * radius + 1.0) ** 2
        matrix = (along * weight[:, None]).T @ along
        if np.linalg.cond(matrix) > _PARALLEL:
            return centre
        place = np.linalg.solve(matrix, (along * weight[:, None]).T @ offset)
    return place


@compiled(fastmath=True)
def _bunched(
    centre: Array, points: Array, normals: Array, width: float, step: float, steps: int
) -> tuple[Array, float]:
    best = -1.0
    where = centre.copy()
    size = 8192
    bins = np.zeros(size)
    for j in range(-steps, steps + 1):
        for i in range(-steps, steps + 1):
            y0, x0 = centre[0] + j * step, centre[1] + i * step
            bins[:] = 0.0
            last = 0
            for k in range(points.shape[0]):
                y, x = points[k, 0] - y0, points[k, 1] - x0
                radius = np.sqrt(y * y + x * x)
                agrees = abs(y * normals[k, 0] + x * normals[k, 1])
                if agrees < _AGREES * radius:
                    continue
                place = radius / width
                at = int(place)
                if at + 3 >= size:
                    continue
                part = place - at
                bins[at] += 1.0 - part
                bins[at + 1] += part
                last = max(last, at + 2)
            score = 0.0
            run = 0.0
            for k in range(min(8, last)):
                run += bins[k]
            for k in range(last):
                if k + 8 < size:
                    run += bins[k + 8]
                if k >= 9:
                    run -= bins[k - 9]
                level = run / 17.0
                score += (bins[k] - level) ** 2 / (level + 2.0)
            if score > best:
                best = score
                where[0], where[1] = y0, x0
    return where, best
