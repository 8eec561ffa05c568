"""What residuals of points on rings say about their errors: how large, and which err together.

The errors of points are taken as a sum: noise of each point by itself, and parts common to the
points of a group: neighbours along a ring (a spot of a coarse powder reaches into several sectors),
all points of a region of the detector (a module that is not where it should be), all points of a
ring (a lattice spacing, a distortion in the radius). The strength of each part follows from the
sums of residuals over its groups; that a fit takes part of the errors away is allowed for exactly.

Weights that follow from the scatter of few points are themselves off, and a fit with them errs more
than its covariance says: by 1 + 4 Σ w (1 - w)/ν for a mean of groups with shares w of the weight
and ν degrees of freedom each (Meier, Biometrics 9 (1953) 59); for any linear fit as in Kenward and
Roger, Biometrics 53 (1997) 983.

Source: moments of quadratic forms as in Rao, J. Multivariate Analysis 1 (1971) 257 (MINQUE).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Bool = NDArray[np.bool_]

#: neighbours on a ring that may err together
_NEIGHBOURS = 4
#: regions along each side of what the points cover, and their least and largest side in pixels:
#: smaller ones miss what larger ones share, of larger ones there are too few
_REGIONS, _SIDE = 4.0, (100.0, 400.0)
#: groups err together where chance has them do so as much in fewer than one of so many frames
_CHANCE = 1e-3
#: fewer groups than this, less what the fit takes, do not show it
_FEWEST = 2.0
#: neighbours are believed to err against each other no more than this share of their variance
_OPPOSED = 0.1
#: columns of unit length with a smaller singular value than this are one, of a fit and of groups
_RANK, _NEXT_TO_NOTHING = 1e-9, 1e-2
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

    def columns(self) -> Array:
        """Return what each group of the first sorting has in common, (n, groups)."""
        labels = self.labels[0]
        return np.asarray(self.share[:, None] * (labels[:, None] == np.arange(labels.max() + 1)))

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
    unsure: tuple[tuple[float, Bool], ...] = ()
    """Mean square relative error of the weight of every ring, and its points, (n,)."""

    def middle(self, slopes: Array) -> Array:
        """Return Jᵀ V J, (p, p), for weighted slopes J, (n, p), and what unsure weights add to it.

        With A the part of JᵀJ that the points of a ring give, and m how far off their weight is,
        that is Σ 2 m (A - A (JᵀJ)⁻¹ A), so that a fit to rings of equal weight and ν degrees of
        freedom, m = 2/ν, has the variance of Meier.
        """
        total = self.white * slopes.T @ slopes
        for strength, groups in self.parts:
            total = total + strength * slopes.T @ groups.times(slopes)
        total = total + self._added(slopes)
        return np.asarray(0.5 * (total + total.T))

    def _added(self, slopes: Array) -> Array:
        length = np.linalg.norm(slopes, axis=0)
        left, size, right = np.linalg.svd(
            slopes / np.where(length > 0, length, 1.0), full_matrices=False
        )
        known = size > _RANK * size[0]
        left = left[:, known]
        back = size[known, None] * right[known] * length
        total = np.zeros((left.shape[1], left.shape[1]))
        for error, mine in self.unsure:
            part = left[mine].T @ left[mine]
            total += 2.0 * error * (part - part @ part)
        return np.asarray(back.T @ total @ back)

    def covariance(self, slopes: Array) -> Array:
        """Return (JᵀJ)⁻¹ Jᵀ V J (JᵀJ)⁻¹, the covariance of a fit with weighted slopes J."""
        length = np.linalg.norm(slopes, axis=0)
        safe = np.where(length > 0, length, 1.0)
        # By singular values the product stays that of errors where JᵀJ is nearly singular.
        left, size, right = np.linalg.svd(slopes / safe, full_matrices=False)
        known = size > _RANK * size[0]
        inverse = right[known].T / size[known] / safe[:, None]
        total = inverse @ self.middle(left[:, known]) @ inverse.T
        return np.asarray(0.5 * (total + total.T))

    def inflation(self, slopes: Array) -> float:
        """Return by how much the variances are those of independent points, mean over the fit."""
        basis = _basis(slopes)
        return float(np.trace(self.middle(basis))) / basis.shape[1]


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
    side = float(np.clip(math.sqrt(np.ptp(y) * np.ptp(x)) / _REGIONS, *_SIDE))
    half = 0.5 * side
    regions = [
        _numbered((y + down) // side, (x + right) // side, along * 0)
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


def scatter_of(
    z: Array, slopes: Array, groups: Sequence[Groups], unsure: Array | None = None
) -> tuple[Scatter, float]:
    """Return the covariance of residuals and the mean variance of a point, which it is divided by.

    `z` are weighted residuals (n,) of a fit with weighted `slopes` (n, p), `groups` those of
    `groups_of`. Neighbours are compared within their region and ring, regions apart from rings, and
    rings with what the others leave them. Neighbours count as much as they show less what chance
    makes of it; regions and rings where chance would have them err together as much in fewer than
    one of a thousand frames. `unsure` is the mean square relative error of the weight of each
    point, as `whole_errors` gives it, (n,); default: none.
    """
    if not float(z @ z) > 0.0:
        return Scatter(white=1.0, parts=()), 0.0
    neighbours, regions, rings = groups
    fitted = _basis(slopes)
    by_ring = _basis(rings.columns(), fitted)
    by_region = _basis(regions.columns(), by_ring)
    if 2 * by_region.shape[1] > z.size:
        by_region = by_ring if 2 * by_ring.shape[1] <= z.size else fitted
    white, near = _noise(_Moments(z, by_region, [neighbours]))
    wide = _strength(_Moments(z, by_ring, [regions, neighbours]), (white, near))
    whole = _strength(_Moments(z, fitted, [rings, neighbours, regions]), (white, near, wide))
    if wide == 0.0 and whole == 0.0:
        # nothing but noise: all residuals tell how large it is
        white, near = _noise(_Moments(z, fitted, [neighbours]))
    strengths = (near, wide, whole)
    mean = white + sum(
        strength * float(np.mean(each.share**2))
        for strength, each in zip(strengths, groups, strict=True)
    )
    parts = tuple(
        (strength / mean, each)
        for strength, each in zip(strengths, groups, strict=True)
        if strength != 0.0
    )
    return Scatter(white=white / mean, parts=parts, unsure=_unsure(rings, unsure)), mean


def _unsure(rings: Groups, error: Array | None) -> tuple[tuple[float, Bool], ...]:
    """Return how unsure the weight of each ring is, and which points are on it."""
    if error is None:
        return ()
    label = rings.labels[0]
    found = [label == k for k in range(int(label.max()) + 1)]
    return tuple((float(error[mine][0]), mine) for mine in found if error[mine][0] > 0)


def _basis(columns: Array, before: Array | None = None) -> Array:
    """Return orthonormal columns that span `columns` and the orthonormal ones `before`, (n, r).

    What `before` leaves of a column is left out where it is next to nothing: the slope in distance
    is the same all along a ring but for the residuals, which lie beside the ring.
    """
    length = np.linalg.norm(columns, axis=0)
    scaled = columns / np.where(length > 0, length, 1.0)
    if before is not None:
        scaled = scaled - before @ (before.T @ scaled)
    left, size, _ = np.linalg.svd(scaled, full_matrices=False)
    found = left[:, size > (_RANK if before is None else _NEXT_TO_NOTHING)]
    return found if before is None else np.hstack([before, found])


class _Moments:
    """Quadratic forms zᵀ A z of what a basis leaves of residuals, and what errors make of them."""

    def __init__(self, z: Array, basis: Array, groups: Sequence[Groups]) -> None:
        self.groups = groups
        left = z - basis @ (basis.T @ z)
        self.freedom = max(z.size - basis.shape[1], 1)
        self.total = float(left @ left)
        self.form = [float(left @ each.times(left[:, None])[:, 0]) for each in groups]
        self.times = [each.times(basis) for each in groups]
        self.inner = [basis.T @ each for each in self.times]
        #: tr(A M), M = I - U Uᵀ what the basis U leaves of the errors
        self.alone = [
            float(np.sum(each.share**2) - np.trace(inner))
            for each, inner in zip(groups, self.inner, strict=True)
        ]

    def trace(self, a: int, b: int) -> float:
        """Return tr(A M B M)."""
        crossed = float(np.sum(self.times[a] * self.times[b]))
        twice = float(np.sum(self.inner[a] * self.inner[b].T))
        return self.groups[a].trace_with(self.groups[b]) - 2.0 * crossed + twice


def _noise(moments: _Moments) -> tuple[float, float]:
    """Return the variance of points by themselves and the strength of the only groups."""
    variance = moments.total / moments.freedom
    alone, own = moments.alone[0], moments.trace(0, 0)
    rest = own - alone**2 / moments.freedom
    if not rest > 1e-9 * own:
        return variance, 0.0
    strength = (moments.form[0] - variance * alone) / rest
    # What chance makes of a strength that is always asked for, James and Stein as above.
    chance = variance * math.sqrt(2.0 / rest)
    strength *= max(1.0 - (chance / strength) ** 2, 0.0) if strength != 0.0 else 0.0
    strength = max(strength, -_OPPOSED * variance)
    white = variance - strength * alone / moments.freedom
    return max(white, _LEAST**2 * variance), strength


def _strength(moments: _Moments, others: Sequence[float]) -> float:
    """Return the strength of the first groups, given the noise and that of the `others`; 0: unseen.

    The form is distributed about as χ² of the number of groups, less what the slopes take
    (Satterthwaite, Biometrics Bulletin 2 (1946) 110).
    """
    alone, own = moments.alone[0], moments.trace(0, 0)
    expected = others[0] * alone + sum(
        strength * moments.trace(0, k) for k, strength in enumerate(others[1:], 1) if strength
    )
    if not (alone > 0 and own > 0 and expected > 0):
        return 0.0
    number = alone**2 / own
    if number < _FEWEST or stats.chi2.sf(number * moments.form[0] / expected, number) > _CHANCE:
        return 0.0
    return (moments.form[0] - expected) / own


def whole_errors(residual: Array, used: Bool, sigma: Array, ring: Index) -> tuple[Array, Array]:
    """Return standard errors of points, pixel, as their rings show them; all arrays (n,).

    Where the points of a ring scatter more than their `sigma` say, τ² is added; where less, σ is
    scaled down. The ratio of a ring is drawn to that of all rings as far as so few points could
    have it by chance: rings whose points agree by chance would count too much otherwise, and the
    fit would believe them (James and Stein, Proc. 4th Berkeley Symp. 1 (1961) 361).

    Second is how far off that leaves the square of the error, mean square and relative: 2/ν of a
    ring of ν degrees of freedom by itself, less where it is drawn to the others.
    """
    numbers, place = np.unique(ring, return_inverse=True)
    weight = np.where(used, 1.0, 0.0)
    count = np.bincount(place, weight)
    z = np.where(used, residual / sigma, 0.0)
    sums, squares = np.bincount(place, z), np.bincount(place, z**2)
    freedom = np.maximum(count - 1.0, 0.0)
    known = freedom >= 2
    if not np.any(known):
        return sigma.copy(), np.zeros(sigma.size)
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
    # The spread of few rings is itself hardly known: as large as it may well be.
    wide = spread + math.sqrt(2.0 * max(level.size - 1, 0)) / max(reach, 1.0)
    unsure = np.full(numbers.size, 4.0 * wide)
    unsure[known] = 4.0 * wide * chance / (wide + chance)
    ratio = np.maximum(np.exp(drawn), _LEAST)[place]
    middle = np.array([np.median(sigma[place == k]) for k in range(numbers.size)])[place]
    extra = np.maximum(ratio**2 - 1.0, 0.0) * middle**2
    whole = np.sqrt(np.where(ratio > 1.0, sigma**2 + extra, (ratio * sigma) ** 2))
    return np.asarray(whole), unsure[place]
