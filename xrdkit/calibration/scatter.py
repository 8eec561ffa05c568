"""What residuals of points on rings say about their errors: how large, and which err together.

The errors of points are taken as a sum: noise of each point by itself, and parts common to the
points of a group: neighbours along a ring (a spot of a coarse powder reaches into several sectors),
all points of a region of the detector (a module that is not where it should be), all points of a
ring (a lattice spacing, a distortion in the radius). The strength of each part follows from the
sums of residuals over its groups; that a fit takes part of the errors away is allowed for exactly.

Source: moments of quadratic forms as in Rao, J. Multivariate Analysis 1 (1971) 257 (MINQUE).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Bool = NDArray[np.bool_]

#: neighbours on a ring, and side of a region in pixels, within which points may err together
_NEIGHBOURS, _REGION = 4, 200.0
#: groups err together where chance has them do so as much in fewer than one of so many frames
_CHANCE = 1e-3
#: fewer groups than this, less what the fit takes, do not show it
_FEWEST = 2.0
#: neighbours are believed to err against each other no more than this share of their variance
_OPPOSED = 0.1
#: how far below their own errors points are believed to scatter
_LEAST = 0.3


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Points that may err together: the mean over several ways of sorting n points into groups."""

    labels: tuple[Index, ...]
    """Group of every point in each way of sorting, from 0, each (n,)."""
    share: Array
    """How much of what is common each point has, (n,)."""

    def sums(self, values: Array, labels: Index) -> Array:
        """Return Σ share × `values`, (n, p), over every group of one sorting, (groups, p)."""
        size = int(labels.max()) + 1
        columns = [np.bincount(labels, self.share * column, size) for column in values.T]
        return np.stack(columns, axis=1)

    def times(self, values: Array) -> Array:
        """Return A `values`, A the matrix of who errs with whom, (n, n), and `values` (n, p)."""
        total = np.zeros_like(values)
        for labels in self.labels:
            total += self.sums(values, labels)[labels]
        return np.asarray(self.share[:, None] * total / len(self.labels))

    def trace_with(self, other: "Groups") -> float:
        """Return tr(A B) with the matrix B of another sorting."""
        both = self.share * other.share
        total = 0.0
        for first in self.labels:
            for second in other.labels:
                key = first * (int(second.max()) + 1) + second
                _, place = np.unique(key, return_inverse=True)
                total += float(np.sum(np.bincount(place, both) ** 2))
        return total / (len(self.labels) * len(other.labels))


@dataclass(frozen=True, kw_only=True)
class Scatter:
    """Covariance of weighted residuals, V = white I + Σ strength A, with a mean diagonal of 1."""

    white: float
    """Variance of the noise of each point by itself."""
    parts: tuple[tuple[float, Groups], ...]
    """Strength and groups of every part that points have in common."""

    def middle(self, slopes: Array) -> Array:
        """Return Jᵀ V J, (p, p), for weighted slopes J, (n, p)."""
        total = self.white * slopes.T @ slopes
        for strength, groups in self.parts:
            total = total + strength * slopes.T @ groups.times(slopes)
        return np.asarray(0.5 * (total + total.T))

    def covariance(self, slopes: Array) -> Array:
        """Return (JᵀJ)⁻¹ Jᵀ V J (JᵀJ)⁻¹, the covariance of a fit with weighted slopes J."""
        inverse = _inverse(slopes)
        return np.asarray(inverse @ self.middle(slopes) @ inverse)

    def inflation(self, slopes: Array) -> float:
        """Return by how much the variances are those of independent points, mean over the fit."""
        return float(np.trace(_inverse(slopes) @ self.middle(slopes))) / slopes.shape[1]


def groups_of(ring: Index, azimuth: Array, y: Array, x: Array, error: Array) -> list[Groups]:
    """Return who may err with whom among points at `y`, `x` in pixels; all arrays (n,)."""
    size = ring.size
    order = np.lexsort((azimuth, ring))
    first = np.searchsorted(ring[order], ring[order])
    along = np.empty(size, dtype=np.intp)
    along[order] = np.arange(size) - first
    neighbours = [
        _numbered(ring, (along + shift) // _NEIGHBOURS, along * 0)
        for shift in (0, _NEIGHBOURS // 2)
    ]
    # What a module or a ring is off counts in pixels, noise in standard errors.
    share = np.median(error) / error
    half = 0.5 * _REGION
    regions = [
        _numbered(((y + down) // _REGION), ((x + right) // _REGION), along * 0)
        for down in (0.0, half)
        for right in (0.0, half)
    ]
    return [
        Groups(labels=tuple(neighbours), share=np.ones(size)),
        Groups(labels=tuple(regions), share=share),
        Groups(labels=(_numbered(ring, along * 0, along * 0),), share=share),
    ]


def _numbered(*columns: Index | Array) -> Index:
    _, place = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    return np.asarray(place, dtype=np.intp).ravel()


def scatter_of(z: Array, slopes: Array, groups: Sequence[Groups]) -> tuple[Scatter, float]:
    """Return the covariance of residuals and the mean variance of a point, which it is divided by.

    `z` are weighted residuals (n,) of a fit with weighted `slopes` (n, p). The first of `groups`
    counts as much as it shows less what chance makes of it; each other where chance would have it
    err together as much in fewer than one of a thousand frames.
    """
    if not float(z @ z) > 0.0:
        return Scatter(white=1.0, parts=()), 0.0
    moments = _Moments(z, slopes, groups)
    variance = moments.total / moments.freedom
    seen = [0, *(k for k in range(1, len(groups)) if moments.seen(k))]
    size = 1 + len(seen)
    left, right = np.zeros((size, size)), np.zeros(size)
    left[0, 0], right[0] = moments.freedom, moments.total
    for i, a in enumerate(seen, 1):
        left[0, i] = left[i, 0] = moments.alone[a]
        right[i] = moments.form[a]
        for j, b in enumerate(seen, 1):
            left[i, j] = moments.trace(a, b)
    scale = np.sqrt(np.diag(left))
    lower = np.zeros(size)
    lower[1] = -_OPPOSED * variance * scale[1]
    system = left / np.outer(scale, scale)
    strength = optimize.lsq_linear(system, right / scale, bounds=(lower, np.inf)).x / scale
    chance = variance * math.sqrt(2.0 / max(left[1, 1] - left[0, 1] ** 2 / left[0, 0], 1e-9))
    # What chance makes of a strength that is always asked for, James and Stein as above.
    strength[1] *= max(1.0 - (chance / strength[1]) ** 2, 0.0) if strength[1] != 0.0 else 0.0
    mean = float(strength[0]) + sum(
        float(strength[i] * np.mean(groups[k].share ** 2)) for i, k in enumerate(seen, 1)
    )
    parts = tuple(
        (float(strength[i]) / mean, groups[k]) for i, k in enumerate(seen, 1) if strength[i] != 0.0
    )
    return Scatter(white=float(strength[0]) / mean, parts=parts), mean


class _Moments:
    """Quadratic forms zᵀ A z of the residuals of a fit, and what independent errors give them."""

    def __init__(self, z: Array, slopes: Array, groups: Sequence[Groups]) -> None:
        self.groups = groups
        self.freedom = max(z.size - slopes.shape[1], 1)
        self.total = float(z @ z)
        self.form = [float(z @ each.times(z[:, None])[:, 0]) for each in groups]
        self.inverse = _inverse(slopes)
        self.times = [each.times(slopes) for each in groups]
        self.inner = [slopes.T @ each for each in self.times]
        #: tr(A M), M = I - J (JᵀJ)⁻¹ Jᵀ what the fit leaves of the errors
        self.alone = [
            float(np.sum(each.share**2) - np.trace(self.inverse @ inner))
            for each, inner in zip(groups, self.inner, strict=True)
        ]

    def trace(self, a: int, b: int) -> float:
        """Return tr(A M B M)."""
        crossed = np.trace(self.inverse @ self.times[a].T @ self.times[b])
        twice = np.trace(self.inverse @ self.inner[a] @ self.inverse @ self.inner[b])
        return self.groups[a].trace_with(self.groups[b]) - 2.0 * float(crossed) + float(twice)

    def seen(self, k: int) -> bool:
        """Whether groups `k` err together by more than chance: the form is about χ² distributed.

        Source: Satterthwaite, Biometrics Bulletin 2 (1946) 110.
        """
        own, alone = self.trace(k, k), self.alone[k]
        if own <= 0 or alone <= 0:
            return False
        number = alone**2 / own
        ratio = self.form[k] * self.freedom / (self.total * alone)
        return bool(number >= _FEWEST and stats.chi2.sf(ratio * number, number) < _CHANCE)


def _inverse(slopes: Array) -> Array:
    length = np.linalg.norm(slopes, axis=0)
    safe = np.where(length > 0, length, 1.0)
    scaled = slopes / safe
    return np.asarray(np.linalg.pinv(scaled.T @ scaled, hermitian=True) / np.outer(safe, safe))


def whole_errors(residual: Array, used: Bool, sigma: Array, ring: Index) -> Array:
    """Return the standard errors of points, pixel, as their rings show them; all arrays (n,).

    Where the points of a ring scatter more than their `sigma` say, τ² is added; where less, σ is
    scaled down. The ratio of a ring is drawn to that of all rings as far as so few points could
    have it by chance: rings whose points agree by chance would count too much otherwise, and the
    fit would believe them (James and Stein, Proc. 4th Berkeley Symp. 1 (1961) 361).
    """
    numbers, place = np.unique(ring, return_inverse=True)
    weight = np.where(used, 1.0, 0.0)
    count = np.bincount(place, weight)
    z = np.where(used, residual / sigma, 0.0)
    sums, squares = np.bincount(place, z), np.bincount(place, z**2)
    freedom = np.maximum(count - 1.0, 0.0)
    known = freedom >= 2
    if not np.any(known):
        return sigma.copy()
    safe = np.maximum(freedom, 1.0)
    ratio = np.sqrt(np.maximum(squares - sums**2 / np.maximum(count, 1.0), 1e-12) / safe)
    level, chance = np.log(ratio[known]), 0.5 / freedom[known]
    typical = float(np.sum(level / chance) / np.sum(1.0 / chance))
    between = max(float(np.sum((level - typical) ** 2 / chance)) - (level.size - 1), 0.0)
    precision = 1.0 / chance
    reach = float(np.sum(precision) - np.sum(precision**2) / np.sum(precision))
    spread = between / max(reach, 1.0)
    drawn = np.full(numbers.size, typical)
    drawn[known] = (spread * level + chance * typical) / (spread + chance)
    ratio = np.maximum(np.exp(drawn), _LEAST)[place]
    middle = np.array([np.median(sigma[place == k]) for k in range(numbers.size)])[place]
    extra = np.maximum(ratio**2 - 1.0, 0.0) * middle**2
    return np.asarray(np.sqrt(np.where(ratio > 1.0, sigma**2 + extra, (ratio * sigma) ** 2)))
