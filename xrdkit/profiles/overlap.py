"""The factor between two profiles where they overlap, its error, and whether they agree."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import CorrectionFailed
from xrdkit.profiles.expected import Counting
from xrdkit.profiles.shape import ShapeTest, compare_shape, count_cumulants
from xrdkit.uncertainty import ErrorModel

Array = NDArray[np.float64]

#: Points of the finer profile that enter one comparison where bins are not the same.
_NEAREST = 4
#: Mean positions that differ by less than this part of the width are compared as they are.
_SAME_PLACE = 0.01
_ROUNDS = 3
#: An intensity below this many standard errors in the overlap gives no factor.
_SIGNIFICANT = 3.0


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One frame of one profile, in its own intensity unit."""

    mean: Array
    """Mean position of each bin, shape (n,)."""
    low: Array
    """Lower edges, shape (n,)."""
    high: Array
    """Upper edges, shape (n,)."""
    spread: Array
    """Standard deviation of the positions of the pixels of each bin, shape (n,)."""
    intensity: Array
    """Shape (n,), NaN where there is nothing."""
    model: ErrorModel
    """Errors of the points; `common` are not used to weight, and enter the error of the factor."""
    counting: Counting
    """How the variances follow from the counts, one row."""


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """The factor by which the second curve is multiplied to lie on the first."""

    factor: float
    sigma: float
    """Standard error of the factor from sources independent between points."""
    first: Array
    """Relative change of the factor by one standard error of each common source of the first
    curve, signed."""
    second: Array
    """The same for the sources of the second curve."""
    test: ShapeTest
    """Whether the two agree where they overlap."""
    points: int
    """Number of points compared."""
    positions: Array = field(repr=False)
    """Where they were compared, shape (points,)."""


def overlap(first: Curve, second: Curve, within: tuple[float, float] | None) -> Overlap | None:
    """Compare two curves in their overlap; None where they have none (inside `within`).

    The factor is the ratio of weighted sums s = Σ w a / Σ w b, w = m/(V_a + s² V_b), with m the
    mean of both curves and the variances V those that counts of mean m would have: weights that do
    not follow the fluctuations they weigh. Its error follows from the whole covariance of both.

    Bins that are the same are compared as they are. Elsewhere the curve with the finer bins is
    brought to the places of the other by a local parabola, with account of the width of the bins;
    it is linear in the data, and the correlations it makes are kept in the covariance.

    Raises CorrectionFailed where either curve is not above its noise in the overlap.
    """
    picked = _places(first, second, within)
    if picked is None:
        return None
    maps, positions = picked
    curves = (first, second)
    y = [m @ np.nan_to_num(c.intensity) for m, c in zip(maps, curves, strict=True)]
    base = [_covariance(m, c) for m, c in zip(maps, curves, strict=True)]
    slope = [m**2 @ np.nan_to_num(c.counting.slope[0]) for m, c in zip(maps, curves, strict=True)]
    variance = [np.diag(c).copy() for c in base]
    factor, weight = 1.0, np.ones(positions.size)
    expected = 0.5 * (y[0] + y[1])
    for _ in range(1 + _ROUNDS):
        bottom = float(weight @ y[1])
        noise = np.sqrt([float(weight @ (c @ weight)) for c in base])
        top = float(weight @ y[0])
        if not (top > _SIGNIFICANT * noise[0] and bottom > _SIGNIFICANT * noise[1]):
            raise CorrectionFailed(
                f"no factor between the profiles: in their overlap ({positions.size} points from "
                f"{positions.min():.4g} to {positions.max():.4g}) one is not above its noise",
                hint="state scale by numbers, or choose another overlap",
            )
        factor = top / bottom
        share = 1 / np.where(variance[0] > 0, variance[0], np.inf)
        other = 1 / np.where(variance[1] > 0, variance[1] * factor**2, np.inf)
        both = np.where(share + other > 0, share + other, 1.0)
        # In the unit of the first curve; below zero nothing is expected.
        expected = np.maximum((share * y[0] + other * factor * y[1]) / both, 0.0)
        aim = (expected, expected / factor)
        variance = [
            np.maximum(np.diag(c) + (m - v) * t, 0.0)
            for c, m, v, t in zip(base, aim, y, slope, strict=True)
        ]
        joint = variance[0] + factor**2 * variance[1]
        weight = np.where(joint > 0, expected / np.where(joint > 0, joint, 1.0), 0.0)
    scaled = [_rescaled(c, v) for c, v in zip(base, variance, strict=True)]
    sums = [float(weight @ v) for v in y]
    shares = [float(weight @ (c @ weight)) / s**2 for c, s in zip(scaled, sums, strict=True)]
    common = [c.model.common @ m.T for m, c in zip(maps, curves, strict=True)]
    whole = scaled[0] + factor**2 * scaled[1]
    events = [
        np.where(t > 0, v / np.where(t > 0, t, 1.0) ** 2, np.inf)
        for v, t in zip(variance, slope, strict=True)
    ]
    test = compare_shape(
        y[0] - factor * y[1],
        _as_band(whole),
        modes=np.concatenate([common[0], factor * common[1]]),
        direction=expected,
        cumulants=count_cumulants(
            np.stack([slope[0], -factor * slope[1]]),
            np.stack(events),
            np.diag(whole),
            np.ones(positions.size),
        ),
    )
    return Overlap(
        factor=factor,
        sigma=factor * float(np.sqrt(shares[0] + shares[1])),
        first=common[0] @ weight / sums[0],
        second=-(common[1] @ weight) / sums[1],
        test=test,
        points=positions.size,
        positions=positions,
    )


def _places(
    first: Curve, second: Curve, within: tuple[float, float] | None
) -> tuple[tuple[Array, Array], Array] | None:
    """Return the linear maps of both curves to the points of comparison, and these points."""
    curves = (first, second)
    good = [np.isfinite(c.intensity) & np.isfinite(c.model.band[0]) for c in curves]
    if not (good[0].any() and good[1].any()):
        return None
    low = max(float(c.low[g].min()) for c, g in zip(curves, good, strict=True))
    high = min(float(c.high[g].max()) for c, g in zip(curves, good, strict=True))
    if within is not None:
        low, high = max(low, within[0]), min(high, within[1])
    inside = [
        np.flatnonzero(g & (c.mean >= low) & (c.mean <= high))
        for c, g in zip(curves, good, strict=True)
    ]
    if min(i.size for i in inside) == 0:
        return None
    coarse = 0 if inside[0].size <= inside[1].size else 1
    base, fine = curves[coarse], curves[1 - coarse]
    pool = np.flatnonzero(good[1 - coarse])
    maps: list[list[Array]] = [[], []]
    places = []
    for k in inside[coarse]:
        row = _row(base, int(k), fine, pool)
        if row is not None:
            maps[coarse].append(np.eye(1, base.mean.size, int(k))[0])
            maps[1 - coarse].append(row)
            places.append(base.mean[k])
    if not places:
        return None
    return (np.stack(maps[0]), np.stack(maps[1])), np.array(places)


def _row(base: Curve, k: int, fine: Curve, pool: NDArray[np.intp]) -> Array | None:
    """Return the weights of the bins of `fine` that give its intensity in bin k of `base`."""
    here, width = base.mean[k], base.high[k] - base.low[k]
    out = np.zeros(fine.mean.size)
    apart = np.abs(fine.mean[pool] - here)
    nearest = int(pool[np.argmin(apart)])
    same = abs(fine.low[nearest] - base.low[k]) + abs(fine.high[nearest] - base.high[k])
    if same <= _SAME_PLACE * width and apart.min() <= _SAME_PLACE * width:
        out[nearest] = 1.0
        return out
    if not fine.mean[pool].min() <= here <= fine.mean[pool].max():
        return None
    inside = pool[(fine.mean[pool] >= base.low[k]) & (fine.mean[pool] < base.high[k])]
    if inside.size < _NEAREST:
        inside = pool[np.argsort(apart, kind="stable")[:_NEAREST]]
    if inside.size < 3:
        return None
    unit = max(float(np.ptp(fine.mean[inside])), np.finfo(float).tiny)
    x = (fine.mean[inside] - here) / unit
    square = x**2 + (fine.spread[inside] / unit) ** 2
    design = np.stack([np.ones_like(x), x, square], axis=1)
    target = np.array([1.0, 0.0, (base.spread[k] / unit) ** 2])
    out[inside] = np.linalg.pinv(design).T @ target
    return out


def _covariance(rows: Array, curve: Curve) -> Array:
    """Return the covariance of the compared points from the independent sources, (p, p).

    The floor of one count is taken off: variances are set to the expected counts later.
    """
    bare = curve.counting.measured[0] + curve.counting.rest[0]
    stated = curve.model.band[0]
    floor = np.where(np.isfinite(stated - bare), stated - bare, 0.0)
    band = curve.model.band.copy()
    band[0] = stated - np.maximum(floor, 0.0)
    model = ErrorModel(band=band, common=np.zeros((0, stated.size)), common_sources=())
    return model.propagate(rows)


def _rescaled(covariance: Array, variance: Array) -> Array:
    """Return `covariance` with the correlations it has and another `variance`."""
    old = np.diag(covariance)
    ratio = np.sqrt(np.where(old > 0, variance / np.where(old > 0, old, 1.0), 0.0))
    out = covariance * np.outer(ratio, ratio)
    out[np.diag_indices_from(out)] = variance
    return np.asarray(out)


def _as_band(matrix: Array) -> Array:
    """Return a covariance matrix as its bands, without those at the end that are zero."""
    size = matrix.shape[0]
    rows = [np.pad(np.diag(matrix, b), (0, b)) for b in range(size)]
    last = max(b for b in range(size) if b == 0 or np.any(rows[b] != 0))
    return np.stack(rows[: last + 1])
