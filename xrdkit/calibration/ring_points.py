"""Where rings cross the detector: one radial peak position per ring and azimuth sector.

The centre of each ring is found in sectors, by a linear least-squares fit of a Gaussian, its
derivative and a sloping background to the pixels themselves, at their exact scattering angle under
the current geometry. Gaps and masked pixels are then only pixels that are not there, and the
curvature of the ring does not enter.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.calibration.angle import on_detector, two_theta_and_slopes, values_of
from xrdkit.calibration.frame import CalibrantFrame
from xrdkit.calibration.robust import robust_sigma
from xrdkit.geometry import Calibration

Array = NDArray[np.float64]
Index = NDArray[np.intp]

_TERMS = 4
_ROUNDS = 8
_SETTLED = 2e-3
#: half-width of the fit range in widths of the ring, and what is added for its background, px
_REACH, _MARGIN = 3.0, 2.0
#: fewest and most azimuth sectors of a ring
_SECTORS = (24, 3600)
_MIN_SIGNIFICANCE = 4.0
FWHM = 2.3548200450309493


@dataclass(frozen=True, kw_only=True)
class RingPoints:
    """Points on the rings, each from one ring in one azimuth sector; arrays of shape (n,)."""

    ring: Index
    """Number of the ring, 0 innermost in the table of the calibrant."""
    y: Array
    """Row of the point, pixel, edges at integers."""
    x: Array
    """Column of the point, pixel, edges at integers."""
    sigma: Array
    """Standard error of the radial position, pixel."""
    azimuth: Array
    """Azimuth under the geometry used to find it, degree."""
    width: Array
    """Full width at half maximum of the ring, pixel."""

    def __len__(self) -> int:
        return int(self.ring.size)


@dataclass(frozen=True, kw_only=True)
class _Cells:
    """Pixels sorted into cells of one ring and one azimuth sector."""

    pixel: Index
    cell: Index
    u: Array
    ring_of_cell: Index
    count: int


def ring_points(
    frame: CalibrantFrame,
    calibration: Calibration,
    two_theta: Array,
    window: Array,
    *,
    arc: float = 12.0,
) -> RingPoints:
    """Return the points where rings are found within `window` of their place in `calibration`.

    `two_theta` are the angles of the rings in rad and `window` how far, in pixels, each may be from
    its predicted radius (0: the ring is not looked for), both of shape (rings,). `arc` is about how
    long the piece of a ring in one sector is, pixel.
    """
    shape = frame.counts.shape
    angle = calibration.two_theta((shape[0], shape[1]))
    scale = _slope(angle)
    cells = _cells(frame, calibration, angle, scale, two_theta, window, arc)
    counts = frame.counts.ravel()[cells.pixel]
    centre = _coarse(cells, counts, window)
    centre, sigma, width, good = _fine(cells, counts, centre, window)
    good &= _is_a_ring(cells, centre, good, window)[cells.ring_of_cell]
    return _points(frame, calibration, cells, two_theta, centre, sigma, width, good)


def _slope(angle: Array) -> Array:
    rows, columns = np.gradient(angle)
    return np.hypot(rows, columns)


def _cells(
    frame: CalibrantFrame,
    calibration: Calibration,
    angle: Array,
    scale: Array,
    two_theta: Array,
    window: Array,
    arc: float,
) -> _Cells:
    between = 0.5 * (two_theta[1:] + two_theta[:-1])
    pixel = np.flatnonzero(frame.valid & (angle < two_theta[-1] + 200 * scale))
    ring = np.searchsorted(between, angle.ravel()[pixel])
    step = np.maximum(scale.ravel()[pixel], 1e-12)
    u = (angle.ravel()[pixel] - two_theta[ring]) / step
    near = np.abs(u) <= window[ring]
    pixel, ring, u, step = pixel[near], ring[near], u[near], step[near]
    azimuth = calibration.azimuth((angle.shape[0], angle.shape[1])).ravel()[pixel]
    typical = np.full(two_theta.size, np.inf)
    for number in np.unique(ring):
        typical[number] = np.median(step[ring == number])
    # radius on the detector of a ring, where a pixel spans `typical`: tan 2θ / (d tan 2θ / px)
    radius = np.sin(2 * two_theta) / (2 * typical)
    per_ring = np.clip(2 * np.pi * np.abs(radius) / arc, *_SECTORS).astype(int)
    offset = np.concatenate([[0], np.cumsum(per_ring)])
    sector = np.minimum(
        ((azimuth + 180.0) / 360.0 * per_ring[ring]).astype(int), per_ring[ring] - 1
    )
    return _Cells(
        pixel=pixel,
        cell=offset[ring] + sector,
        u=u,
        ring_of_cell=np.repeat(np.arange(two_theta.size), per_ring),
        count=int(offset[-1]),
    )


def _coarse(cells: _Cells, counts: Array, window: Array) -> Array:
    """Return where each cell's radial profile stands out most, shape (cells,), pixel.

    A box is compared with what lies on both of its sides, in standard errors, for a narrow and a
    wide box; a slope or an edge of a gap is then no peak.
    """
    half = int(np.ceil(window.max(initial=1.0)))
    bins = 2 * half + 1
    flat = cells.cell * bins + np.rint(cells.u).astype(int) + half
    size = cells.count * bins
    edges = ((0, 0), (1, 0))
    total = np.bincount(flat, weights=counts, minlength=size).reshape(-1, bins).cumsum(axis=1)
    number = np.bincount(flat, minlength=size).reshape(-1, bins).cumsum(axis=1).astype(float)
    total, number = np.pad(total, edges), np.pad(number, edges)
    best = np.full((cells.count, bins), -np.inf)
    at = np.arange(bins)
    for box in (1, 4):
        marks = [np.clip(at + step, 0, bins) for step in (-3 * box, -box, box + 1, 3 * box + 1)]
        signal, left, right = (
            (
                total[:, marks[k + 1]] - total[:, marks[k]],
                number[:, marks[k + 1]] - number[:, marks[k]],
            )
            for k in (1, 0, 2)
        )
        sides = np.minimum(left[1], right[1])
        with np.errstate(invalid="ignore", divide="ignore"):
            level = 0.5 * (left[0] / left[1] + right[0] / right[1])
            noise = np.maximum(level, 1.0 / signal[1]) * (1 / signal[1] + 0.5 / sides)
            score = (signal[0] / signal[1] - level) / np.sqrt(noise)
        score[~np.isfinite(score)] = -np.inf
        best = np.maximum(best, score)
    return np.asarray(np.argmax(best, axis=1) - half, dtype=float)


def _fine(
    cells: _Cells, counts: Array, centre: Array, window: Array
) -> tuple[Array, Array, Array, NDArray[np.bool_]]:
    """Return centre, its standard error, the FWHM of the ring, and whether to believe it."""
    rings = window.size
    width = np.full(rings, 1.5)
    limit = window[cells.ring_of_cell]
    sigma = np.full(cells.count, np.inf)
    good = np.zeros(cells.count, dtype=bool)
    for turn in range(_ROUNDS):
        width = _ring_widths(cells, counts, centre, width, window, good if turn > 2 else None)
        shift, sigma, good = _linear_step(cells, counts, centre, width[cells.ring_of_cell])
        centre = centre + shift
        good &= np.abs(centre) <= limit
        centre = np.clip(centre, -limit, limit)
        if turn > 3 and np.max(np.abs(shift[good]), initial=0.0) < _SETTLED:
            break
    return centre, sigma, FWHM * width[cells.ring_of_cell], good


def _ring_widths(
    cells: _Cells,
    counts: Array,
    centre: Array,
    width: Array,
    window: Array,
    use: NDArray[np.bool_] | None,
) -> Array:
    """Return the Gaussian width of each ring, from all its cells laid on top of each other."""
    v = cells.u - centre[cells.cell]
    ring = cells.ring_of_cell[cells.cell]
    chosen = np.ones(v.size, dtype=bool) if use is None else use[cells.cell]
    found = width.copy()
    per_px, reach = 2, 40
    bins = 2 * reach * per_px
    place = np.floor((v + reach) * per_px).astype(int)
    chosen &= (place >= 0) & (place < bins)
    flat = ring[chosen] * bins + place[chosen]
    total = np.bincount(flat, weights=counts[chosen], minlength=window.size * bins)
    number = np.bincount(flat, minlength=window.size * bins)
    at = (np.arange(bins) + 0.5) / per_px - reach
    for k in range(window.size):
        n = number[k * bins : (k + 1) * bins]
        inside = (n > 0) & (np.abs(at) <= window[k])
        if window[k] <= 0 or np.count_nonzero(inside) < 8:
            continue
        profile = total[k * bins : (k + 1) * bins][inside] / n[inside]
        floor = np.percentile(profile, 15)
        peak = profile[np.abs(at[inside]) < 1.0]
        if peak.size == 0 or not peak.max() > floor:
            continue
        above = at[inside][profile > 0.5 * (peak.max() + floor)]
        # the run of bins above half maximum that holds the centre
        steps = np.flatnonzero(np.diff(above) > 1.5 / per_px)
        middle = int(np.argmin(np.abs(above)))
        first = steps[steps < middle].max(initial=-1) + 1
        last = steps[steps >= middle].min(initial=above.size - 1)
        span = above[last] - above[first] + 1.0 / per_px
        found[k] = np.clip(span / FWHM, 0.5, max(0.5, window[k] / 2))
    return found


def _linear_step(
    cells: _Cells, counts: Array, centre: Array, width: Array
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Fit every cell once and return shift and standard error of its centre, and whether it holds.

    The model A g(v) + B g'(v) + C + D v is linear; the shift is B/A in units of g' = -dg/dv.
    """
    v = cells.u - centre[cells.cell]
    s = width[cells.cell]
    inside = np.abs(v) <= _REACH * s + _MARGIN
    cell, v, s, n = cells.cell[inside], v[inside], s[inside], counts[inside]
    g = np.exp(-0.5 * (v / s) ** 2)
    terms = (g, g * v / s, np.ones_like(v), v / s)
    size = cells.count
    matrix, right = np.zeros((size, _TERMS, _TERMS)), np.zeros((size, _TERMS))
    for i, first in enumerate(terms):
        right[:, i] = np.bincount(cell, weights=first * n, minlength=size)
        for j in range(i, _TERMS):
            both = np.bincount(cell, weights=first * terms[j], minlength=size)
            matrix[:, i, j] = matrix[:, j, i] = both
    number = np.bincount(cell, minlength=size)
    low = np.bincount(cell, weights=v < -0.7 * s, minlength=size)
    high = np.bincount(cell, weights=v > 0.7 * s, minlength=size)
    usable = (number >= 12) & (np.minimum(low, high) >= 0.5 * np.maximum(low, high)) & (low >= 3)
    matrix[~usable] = np.eye(_TERMS)
    usable &= np.linalg.cond(matrix) < 1e8
    matrix[~usable] = np.eye(_TERMS)
    inverse = np.linalg.inv(matrix)
    found = np.einsum("kij,kj->ki", inverse, right)
    rest = n - sum(found[cell, j] * term for j, term in enumerate(terms))
    freedom = np.maximum(number - _TERMS, 1)
    spread = np.bincount(cell, weights=rest**2, minlength=size) / freedom
    # Counts scatter more on the ring than beside it: the error of the position follows from the
    # residuals where they are (White, Econometrica 48 (1980) 817), not from their mean.
    lever = sum(inverse[cell, 1, j] * term for j, term in enumerate(terms))
    slip = np.bincount(cell, weights=(lever * rest) ** 2, minlength=size) * number / freedom
    height = found[:, 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        good = usable & (height > _MIN_SIGNIFICANCE * np.sqrt(spread * inverse[:, 0, 0]))
        shift = np.where(good, found[:, 1] / height * width, 0.0)
        sigma = np.where(good, width * np.sqrt(slip) / height, np.inf)
    sigma = np.maximum(sigma, 1e-3)
    return np.clip(shift, -width, width), sigma, good


def _is_a_ring(
    cells: _Cells, centre: Array, good: NDArray[np.bool_], window: Array
) -> NDArray[np.bool_]:
    """Whether the points of each ring belong together, bool of shape (rings,).

    Noise gives points in few sectors, anywhere in the window; on a ring, most sectors have a point
    and neighbours agree.
    """
    seen = np.bincount(cells.cell, minlength=cells.count) >= 12
    found = np.zeros(window.size, dtype=bool)
    for number in np.flatnonzero(window > 0):
        here = cells.ring_of_cell == number
        points = centre[here & good]
        if points.size < 3 or points.size < 0.3 * np.count_nonzero(here & seen):
            continue
        jump = robust_sigma(np.diff(points)) / np.sqrt(2.0)
        found[number] = jump < 0.25 * window[number]
    return found


def _points(
    frame: CalibrantFrame,
    calibration: Calibration,
    cells: _Cells,
    two_theta: Array,
    centre: Array,
    sigma: Array,
    width: Array,
    good: NDArray[np.bool_],
) -> RingPoints:
    """Return where each believed centre lies on the frame."""
    shape = (frame.counts.shape[0], frame.counts.shape[1])
    v = cells.u - centre[cells.cell]
    weight = np.exp(-0.5 * (v * FWHM / width[cells.cell]) ** 2)
    row, column = np.divmod(cells.pixel, shape[1])
    total = np.bincount(cells.cell, weights=weight, minlength=cells.count)
    good = good & np.isfinite(sigma) & (total > 0)
    chosen = np.flatnonzero(good)
    y, x = (
        np.bincount(cells.cell, weights=weight * (at + 0.5), minlength=cells.count)[chosen]
        / total[chosen]
        for at in (row, column)
    )
    ring = cells.ring_of_cell[chosen]
    wanted = two_theta[ring]
    for target in (0.0, 1.0, 1.0):
        # onto the ring along the slope of 2θ: first the slope there, then the centre found
        angle, rise_y, rise_x = _local(y, x, shape, calibration)
        rise = np.hypot(rise_y, rise_x)
        miss = (wanted + target * centre[chosen] * rise - angle) / rise**2
        y, x = y + miss * rise_y, x + miss * rise_x
    across = calibration_azimuth(y, x, shape, calibration)
    return RingPoints(ring=ring, y=y, x=x, sigma=sigma[chosen], azimuth=across, width=width[chosen])


def _local(
    y: Array, x: Array, shape: tuple[int, int], calibration: Calibration
) -> tuple[Array, Array, Array]:
    """Return 2θ in rad and its rise per row and per column of the frame, at points in pixels."""
    detector = calibration.detector
    p1, p2 = on_detector(y, x, shape, detector)
    angle, slopes = two_theta_and_slopes(p1, p2, values_of(calibration))
    up = -1.0 if detector.rows_reversed else 1.0
    across = -1.0 if detector.columns_reversed else 1.0
    return (
        angle,
        -slopes[:, 1] * detector.pixel_size_y * up,
        -slopes[:, 2] * detector.pixel_size_x * across,
    )


def calibration_azimuth(
    y: Array, x: Array, shape: tuple[int, int], calibration: Calibration
) -> Array:
    """Return the direction from the beam centre to points of the detector, degree.

    It is measured on the detector plane from the slope of 2θ, which is enough to sort points into
    sectors.
    """
    _, rise_y, rise_x = _local(y, x, shape, calibration)
    return np.degrees(np.arctan2(rise_y, rise_x))
