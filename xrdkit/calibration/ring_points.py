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
from xrdkit.calibration.ring_fit import FWHM, Cells, Positions, ring_positions
from xrdkit.calibration.robust import robust_sigma
from xrdkit.geometry import Calibration

Array = NDArray[np.float64]
Index = NDArray[np.intp]

#: fewest and most azimuth sectors of a ring
_SECTORS = (24, 3600)


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


def ring_points(
    frame: CalibrantFrame,
    calibration: Calibration,
    two_theta: Array,
    window: Array,
    *,
    arc: float | Array = 12.0,
) -> RingPoints:
    """Return the points where rings are found within `window` of their place in `calibration`.

    `two_theta` are the angles of the rings in rad and `window` how far, in pixels, each may be from
    its predicted radius (0: the ring is not looked for), both of shape (rings,). `arc` is about how
    long the piece of a ring in one sector is, pixel, for all rings or each of them, (rings,).
    """
    angle = calibration.two_theta((frame.counts.shape[0], frame.counts.shape[1]))
    cells = _cells(frame, calibration, angle, two_theta, window, arc)
    found = ring_positions(cells, _coarse(cells, window), window)
    good = found.good & _is_a_ring(cells, found, window)[cells.ring_of_cell]
    return _points(frame, calibration, cells, two_theta, found, good)


def _slope(angle: Array) -> Array:
    rows, columns = np.gradient(angle)
    return np.hypot(rows, columns)


def _cells(
    frame: CalibrantFrame,
    calibration: Calibration,
    angle: Array,
    two_theta: Array,
    window: Array,
    arc: float | Array,
) -> Cells:
    shape = (angle.shape[0], angle.shape[1])
    scale = _slope(angle)
    between = 0.5 * (two_theta[1:] + two_theta[:-1])
    pixel = np.flatnonzero(frame.valid & (angle < two_theta[-1] + 200 * scale))
    ring = np.searchsorted(between, angle.ravel()[pixel])
    step = np.maximum(scale.ravel()[pixel], 1e-12)
    u = (angle.ravel()[pixel] - two_theta[ring]) / step
    near = np.abs(u) <= window[ring]
    pixel, ring, u, step = pixel[near], ring[near], u[near], step[near]
    azimuth = calibration.azimuth(shape).ravel()[pixel]
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
    cell = offset[ring] + sector
    # One scale for all of a cell: a ring that is symmetric in 2θ then is so in pixels.
    size = int(offset[-1])
    number = np.maximum(np.bincount(cell, minlength=size), 1)
    u *= step / (np.bincount(cell, step, size) / number)[cell]
    return Cells(
        pixel=pixel,
        cell=cell,
        ring=ring,
        u=u,
        form=_form(calibration, pixel, angle.ravel()[pixel], shape),
        counts=frame.counts.ravel()[pixel],
        ring_of_cell=np.repeat(np.arange(two_theta.size), per_ring),
    )


def _form(calibration: Calibration, pixel: Index, angle: Array, shape: tuple[int, int]) -> Array:
    """Return solid angle times polarization of pixels, relative to those at normal incidence.

    Their slope moves the top of a wide ring. Polarization is that of the mean over all azimuths,
    (1 + cos² 2θ)/2 whatever the beam's.
    """
    row, column = np.divmod(pixel, shape[1])
    p1, p2 = on_detector(row + 0.5, column + 0.5, shape, calibration.detector)
    away = np.hypot(p1 - calibration.poni1, p2 - calibration.poni2) / calibration.distance
    return np.asarray((1.0 + away**2) ** -1.5 * 0.5 * (1.0 + np.cos(angle) ** 2))


def _coarse(cells: Cells, window: Array) -> Array:
    """Return where each cell's radial profile stands out most, shape (cells,), pixel.

    A box is compared with what lies on both of its sides, in standard errors, for a narrow and a
    wide box; a slope or an edge of a gap is then no peak.
    """
    half = int(np.ceil(window.max(initial=1.0)))
    bins = 2 * half + 1
    flat = cells.cell * bins + np.rint(cells.u).astype(int) + half
    size = cells.count * bins
    edges = ((0, 0), (1, 0))
    total = np.bincount(flat, weights=cells.counts, minlength=size).reshape(-1, bins).cumsum(axis=1)
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


def _is_a_ring(cells: Cells, positions: Positions, window: Array) -> NDArray[np.bool_]:
    """Whether the points of each ring belong together, bool of shape (rings,).

    Noise gives points in few sectors, anywhere in the window; on a ring, most sectors have a point
    and neighbours agree.
    """
    seen = np.bincount(cells.cell, minlength=cells.count) >= 12
    found = np.zeros(window.size, dtype=bool)
    for number in np.flatnonzero(window > 0):
        here = cells.ring_of_cell == number
        points = positions.centre[here & positions.good]
        if points.size < 3 or points.size < 0.3 * np.count_nonzero(here & seen):
            continue
        jump = robust_sigma(np.diff(points)) / np.sqrt(2.0)
        found[number] = jump < 0.25 * window[number]
    return found


def _points(
    frame: CalibrantFrame,
    calibration: Calibration,
    cells: Cells,
    two_theta: Array,
    positions: Positions,
    good: NDArray[np.bool_],
) -> RingPoints:
    """Return where each believed centre lies on the frame."""
    shape = (frame.counts.shape[0], frame.counts.shape[1])
    centre, width = positions.centre, positions.width
    v = cells.u - centre[cells.cell]
    weight = np.exp(-0.5 * (v * FWHM / width[cells.cell]) ** 2)
    row, column = np.divmod(cells.pixel, shape[1])
    total = np.bincount(cells.cell, weights=weight, minlength=cells.count)
    good = good & (total > 0)
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
    return RingPoints(
        ring=ring, y=y, x=x, sigma=positions.sigma[chosen], azimuth=across, width=width[chosen]
    )


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
