"""The radial position of rings in azimuth sectors, with its error, from the pixels themselves.

In every cell (one ring in one sector) the counts are fitted by n = f (A g + B v g + C + D v), with
g = exp(-v²/2), v the distance from the ring in units of its width and f the solid angle of the
pixel; B/A moves the centre until it is zero. Pixels weigh with the inverse of the counts expected,
as the ring as a whole shows them, so that the noise of a cell does not choose its own weights.

The error follows from the counts of the model, not from the residuals of the cell: these hold what
the profile of the ring is not (the same in all cells, and no noise) and too few pixels to give an
error that could serve as a weight. How much noisier than the model the pixels are is taken from all
cells of the ring, less what their residuals have in common.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.calibration.ring_kernels import error_sums, normal_sums, residual_sums

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Bool = NDArray[np.bool_]

_TERMS = 4
_ROUNDS = 10
_SETTLED = 2e-3
#: half-width of the fit range in widths of the ring, and what is added for its background, px
_REACH, _MARGIN = 3.0, 2.0
_MIN_SIGNIFICANCE = 4.0
#: rounds with the width at half maximum, before the pixels are fitted for it
_ROUGH = 4
#: a cell this many times noisier than its ring holds something else, a hot pixel or a spot
_SPOILED = 4.0
#: a ring counts at most this many times its background, and at least the inverse in a cell
_STRONGEST = 1e3
FWHM = 2.3548200450309493


@dataclass(frozen=True, kw_only=True)
class Cells:
    """Pixels sorted into cells of one ring and one azimuth sector."""

    pixel: Index
    """Flat index of each pixel in the frame, (n,)."""
    cell: Index
    """Its cell, (n,)."""
    ring: Index
    """Its ring, (n,)."""
    u: Array
    """Its radial distance from the predicted ring, pixel, (n,)."""
    form: Array
    """Share of the counts at normal incidence that its solid angle and polarization leave, (n,)."""
    counts: Array
    """Its counts, (n,)."""
    ring_of_cell: Index
    """Ring of each cell, (cells,)."""

    @property
    def count(self) -> int:
        """Number of cells."""
        return int(self.ring_of_cell.size)


@dataclass(frozen=True, kw_only=True)
class Positions:
    """Where the ring is in each cell; arrays of shape (cells,)."""

    centre: Array
    """Radial distance from the predicted ring, pixel."""
    sigma: Array
    """Its standard error, pixel."""
    width: Array
    """Full width at half maximum of the ring, pixel."""
    good: Bool
    """Whether to believe it."""


def ring_positions(cells: Cells, centre: Array, window: Array) -> Positions:
    """Return the positions fitted from `centre` on, none farther than `window` of its ring."""
    rings = window.size
    width, share = np.full(rings, 1.5), np.zeros(rings)
    limit = window[cells.ring_of_cell]
    good = np.zeros(cells.count, dtype=bool)
    spoiled = good
    widest = np.maximum(0.5, window / 2)
    for turn in range(_ROUNDS):
        if turn < _ROUGH:
            width = _half_maximum(cells, centre, width, window, good if turn > 2 else None)
        step = _step(cells, centre, width, share, spoiled)
        good = step.good & (np.abs(centre + step.shift) <= limit)
        centre = np.clip(centre + step.shift, -limit, limit)
        share, spoiled = step.share, step.spoiled
        if turn < _ROUGH - 1:
            continue
        width = np.clip(width * step.wider, 0.4, widest)
        moved = max(
            np.max(np.abs(step.shift[good]), initial=0.0), 0.3 * np.max(np.abs(step.wider - 1.0))
        )
        if turn >= _ROUGH and moved < _SETTLED:
            break
    return Positions(
        centre=centre,
        sigma=np.where(good, step.sigma, np.inf),
        width=FWHM * width[cells.ring_of_cell],
        good=good & np.isfinite(step.sigma),
    )


@dataclass(frozen=True, kw_only=True)
class _Step:
    shift: Array
    sigma: Array
    good: Bool
    spoiled: Bool
    wider: Array
    share: Array


def _step(cells: Cells, centre: Array, width: Array, share: Array, spoiled: Bool) -> _Step:
    """Fit every cell once: shift and error of the centre, and what the rings are like.

    What is common to the cells of a ring is taken from those that were not `spoiled` before.
    """
    given = (
        cells.cell, cells.ring, cells.u, cells.form, cells.counts,
        centre, width, share, _REACH, _MARGIN,
    )  # fmt: skip
    matrix, right, number, low, high = normal_sums(*given)
    usable = (number >= 12) & (np.minimum(low, high) >= 0.5 * np.maximum(low, high)) & (low >= 3)
    matrix[~usable] = np.eye(_TERMS)
    usable &= np.linalg.cond(matrix) < 1e8
    matrix[~usable] = np.eye(_TERMS)
    inverse = np.linalg.inv(matrix)
    found = np.einsum("kij,kj->ki", inverse, right)
    freedom = np.maximum(number - _TERMS, 1)
    height = found[:, 0]
    squares, gram, pull, shape = residual_sums(*given, found, usable & (height > 0) & ~spoiled)
    good = usable & (
        height > _MIN_SIGNIFICANCE * np.sqrt(squares / freedom * np.abs(inverse[:, 0, 0]))
    )
    share, floor = _counts_of_rings(cells.ring_of_cell, good & ~spoiled, found, width.size)
    squares, expected, slip = error_sums(
        *given, found, np.ascontiguousarray(inverse[:, 1]), shape, floor / _STRONGEST
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        noise = squares / (expected * freedom / np.maximum(number, 1))
        size = width[cells.ring_of_cell]
        shift = np.where(good, np.clip(found[:, 1] / height, -1.0, 1.0) * size, 0.0)
        typical = _typical(cells.ring_of_cell, good, noise, width.size)[cells.ring_of_cell]
        spoiled = noise > _SPOILED * typical
        excess = np.where(spoiled, noise, typical)
        sigma = np.where(good, size * np.sqrt(slip * excess) / height, np.inf)
    return _Step(
        shift=shift,
        sigma=np.maximum(sigma, 1e-3),
        good=good,
        spoiled=spoiled,
        wider=_wider(gram, pull),
        share=share,
    )


def _counts_of_rings(
    ring_of_cell: Index, good: Bool, found: Array, rings: int
) -> tuple[Array, Array]:
    """Return height over background, and the mean background and height, of each ring."""
    number = np.maximum(np.bincount(ring_of_cell[good], minlength=rings), 1)
    height, floor = (
        np.bincount(ring_of_cell[good], np.maximum(found[good, k], 0.0), rings) / number
        for k in (0, 2)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(height > 0, np.minimum(height / floor, _STRONGEST), 0.0)
    return share, height + floor


def _typical(ring_of_cell: Index, good: Bool, noise: Array, rings: int) -> Array:
    """Return the median of `noise` over the good cells of each ring, 1 where there are none."""
    typical = np.ones(rings)
    for number in np.unique(ring_of_cell[good]):
        typical[number] = np.median(noise[good & (ring_of_cell == number)])
    return typical


def _wider(gram: Array, pull: Array) -> Array:
    """Return the factor to the width of each ring that takes the residuals away, 0.8 to 1.2."""
    known = np.linalg.cond(gram) < 1e10
    gram[~known] = np.eye(3)
    step = np.linalg.inv(gram)[:, 2, 2] * pull
    return np.where(known, 1.0 + np.clip(step, -0.2, 0.2), 1.0)


def _half_maximum(
    cells: Cells,
    centre: Array,
    width: Array,
    window: Array,
    use: Bool | None,
) -> Array:
    """Return the Gaussian width of each ring, from all its cells laid on top of each other."""
    v = cells.u - centre[cells.cell]
    ring = cells.ring
    chosen = np.ones(v.size, dtype=bool) if use is None else use[cells.cell]
    found = width.copy()
    per_px, reach = 2, 40
    bins = 2 * reach * per_px
    place = np.floor((v + reach) * per_px).astype(int)
    chosen &= (place >= 0) & (place < bins)
    flat = ring[chosen] * bins + place[chosen]
    total = np.bincount(flat, weights=cells.counts[chosen], minlength=window.size * bins)
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
