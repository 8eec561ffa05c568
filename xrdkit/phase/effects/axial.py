"""Axial divergence: the asymmetry of lines at low and at high angles.

A ray that leaves the plane of the diffractometer by slopes b before and g after the sample, and
reaches the receiving slit at the angle 2φ, was scattered by 2θ with

cos 2φ = cos 2θ √((1 + b²)(1 + g²)) - b g ≈ cos 2θ - A² m,   A² m = b g - (b² + g²)/2 cos 2θ

so that a line is the mean of lines at 2φ over all heights. With A the sum of the half heights of
sample and slit over the radius, two cases are tabulated:

- a parallel beam before the sample: b = 0, g = A t, t with the density 1 - |t| (Finger, Cox &
  Jephcoat, J. Appl. Cryst. 27 (1994) 892);
- a divergent one: source, sample and slit of the same height, b = A (z₂ - z₁)/2 and
  g = A (z₃ - z₂)/2 with z from -1 to 1 (the full axial divergence of Cheary & Coelho, J. Appl.
  Cryst. 31 (1998) 851).

The mean is a Gauss sum for the distribution of m at each cos 2θ, made once by Lanczos' method.
"""

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

Array = NDArray[np.float64]
Beam = Literal["parallel", "divergent"]

#: Largest A.
AXIAL_MOST = 0.3
#: Numbers of nodes that lines are given.
_NUMBERS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 96)
#: Nodes are closer than this share of the FWHM, times 2 where there are few.
_SPACING = 0.8
#: A line that spreads over less than this share of its FWHM is symmetric.
_SYMMETRIC = 0.02
#: Grid of cos 2θ, heights on each place (a parallel beam has one place), bins of m.
_COSINES = 65
_HEIGHTS, _HEIGHTS_ALONE = 30, 400
_BINS = 400
#: cos 2φ stays below 1: the cone cannot pass through the beam.
_NEAREST = 0.9999


def axial_numbers(angle: Array, width: Array, axial: float, beam: Beam) -> NDArray[np.int64]:
    """Return how many nodes lines at `angle` need, `width` their FWHM (n,), both in degree."""
    if axial <= 0:
        return np.ones(angle.size, dtype=np.int64)
    shift = axial_core(angle, axial, np.full(angle.size, _NUMBERS[-1]), beam)[1]
    shift = shift.reshape(angle.size, -1)
    spread = (shift.max(axis=1) - shift.min(axis=1)) / width
    wanted = np.where(spread < _SYMMETRIC, 1.0, spread / _SPACING + 2.0)
    allowed = np.array(_NUMBERS)
    place = np.minimum(np.searchsorted(allowed, wanted), allowed.size - 1)
    return np.asarray(allowed[place], dtype=np.int64)


def axial_core(
    angle: Array, axial: float, numbers: NDArray[np.int64], beam: Beam
) -> tuple[NDArray[np.int64], Array, Array, Array]:
    """Return nodes of lines at 2θ = `angle` (n,), degree, `numbers` (n,) of them for each.

    These are the first node of each line (n + 1,), shifts in degree and weights (m,), which add up
    to 1 for each line, and slopes (4, m): of shift and weight by 2θ (degree), then by A.
    """
    first = np.concatenate([[0], np.cumsum(numbers)]).astype(np.int64)
    total = int(first[-1])
    shift, weight, slopes = np.zeros(total), np.ones(total), np.zeros((4, total))
    if axial > 0:
        for number in np.unique(numbers):
            lines = np.flatnonzero(numbers == number)
            place = first[lines][:, np.newaxis] + np.arange(number)
            found = _nodes_of(np.radians(angle[lines]), axial, int(number), beam)
            shift[place], weight[place] = found[0], found[1]
            for row, values in enumerate(found[2:]):
                slopes[row, place] = values
    return first, shift, weight, slopes


def _nodes_of(angle: Array, axial: float, number: int, beam: Beam) -> tuple[Array, ...]:
    cosine, sine = np.cos(angle)[:, np.newaxis], np.sin(angle)[:, np.newaxis]
    of_nodes, of_weights = _table(number, beam)
    middle, middle_slope = of_nodes(cosine[:, 0]), of_nodes(cosine[:, 0], 1)
    weight, weight_slope = of_weights(cosine[:, 0]), of_weights(cosine[:, 0], 1)
    inside = cosine - axial**2 * middle
    free = np.abs(inside) < _NEAREST
    along = np.arccos(np.clip(inside, -_NEAREST, _NEAREST))
    rise = np.where(free, 1.0 / np.sin(along), 0.0)
    by_angle = sine * (1.0 - axial**2 * middle_slope) * rise - 1.0
    by_axial = 2.0 * axial * middle * rise
    return (
        np.degrees(along - angle[:, np.newaxis]),
        weight,
        by_angle,
        -weight_slope * np.radians(sine),
        np.degrees(by_axial),
        np.zeros_like(weight),
    )


@lru_cache(maxsize=2 * len(_NUMBERS))
def _table(number: int, beam: Beam) -> tuple[CubicSpline, CubicSpline]:
    """Return nodes and weights (number) of the Gauss rules for m as functions of cos 2θ."""
    cosines = np.linspace(-1.0, 1.0, _COSINES)
    if beam == "parallel":
        t, share = np.polynomial.legendre.leggauss(_HEIGHTS_ALONE)
        t = 0.5 * (t + 1.0)
        share = share * (1.0 - t)
        nodes, weights = _gauss_rule(0.5 * t**2, share / share.sum(), number)
        rules = [(-cosine * nodes, weights) for cosine in cosines]
    else:
        rules = [_gauss_rule(*measure, number) for measure in _divergent_measures()]
    nodes, weights = (np.array([rule[k] for rule in rules]) for k in (0, 1))
    return CubicSpline(cosines, nodes), CubicSpline(cosines, weights)


@lru_cache(maxsize=1)
def _divergent_measures() -> tuple[tuple[Array, Array], ...]:
    """Return values of m and their shares at each cos 2θ of the grid, for a divergent beam."""
    z, w = np.polynomial.legendre.leggauss(_HEIGHTS)
    half = _HEIGHTS // 2  # The other half are the same rays upside down.
    source, sample, slit = np.meshgrid(z[half:], z, z, indexing="ij")
    before, after = (0.5 * (sample - source)).ravel(), (0.5 * (slit - sample)).ravel()
    share = (w[half:, np.newaxis, np.newaxis] * w[:, np.newaxis] * w).ravel()
    share /= share.sum()
    squares, product = 0.5 * (before**2 + after**2), before * after
    result = []
    for cosine in np.linspace(-1.0, 1.0, _COSINES):
        values = product - cosine * squares
        low, high = values.min(), values.max()
        place = ((values - low) * (_BINS / (high - low) * (1.0 - 1e-12))).astype(int)
        weight = np.bincount(place, share, minlength=_BINS)
        seen = weight > 0
        mean: Array = np.bincount(place, share * values, minlength=_BINS)[seen] / weight[seen]
        result.append((mean, np.asarray(weight[seen], dtype=float)))
    return tuple(result)


def _gauss_rule(values: Array, measure: Array, number: int) -> tuple[Array, Array]:
    """Return the Gauss rule of `number` nodes of a discrete measure (Golub & Welsch 1969)."""
    size = float(np.max(np.abs(values)))
    scaled = values / size
    diagonal, beside = np.zeros(number), np.zeros(number)
    before, now = np.zeros_like(scaled), np.sqrt(measure)
    basis = []
    for k in range(number):
        basis.append(now)
        after = scaled * now
        diagonal[k] = now @ after
        after = after - diagonal[k] * now - (beside[k - 1] if k else 0.0) * before
        for vector in basis:
            after = after - (vector @ after) * vector
        beside[k] = np.linalg.norm(after)
        if k + 1 < number:
            before, now = now, after / beside[k]
    matrix = np.diag(diagonal) + np.diag(beside[:-1], 1) + np.diag(beside[:-1], -1)
    nodes, vectors = np.linalg.eigh(matrix)
    return nodes * size, vectors[0] ** 2
