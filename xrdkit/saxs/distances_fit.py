"""Indirect transform of one curve under all smoothnesses, ends and extents at once.

The penalty α Σ(Δc)² is a normal prior, so that for each extent D, each power m of the end and each
α the coefficients have a normal posterior and the data a probability (the evidence), both in closed
form; the unknown size of the noise is integrated out. What is told is the mean over all of them,
weighted by evidence, and its error has the spread between them. One D or one α alone, as found by a
search, gives errors of Rg that are too small by factors.

Where a slit or the resolution smears the curve, so are the curves of the splines.

O. Glatter, J. Appl. Cryst. 10 (1977) 415 (splines, penalty); S. Hansen, J. Appl. Cryst. 33 (2000)
1415 (evidence).
"""

from dataclasses import dataclass

import numpy as np

from xrdkit.saxs.distances_basis import Basis, basis
from xrdkit.saxs.distances_range import head_of, largest_extent
from xrdkit.saxs.model_free import Array, Curve
from xrdkit.saxs.rays import Rays
from xrdkit.saxs.selection import MIN_POINTS

#: Powers m of the end of p(r), each as likely as the next before the data.
TAILS = (0, 1, 2, 3, 4, 6, 9)
_SEARCH_TAIL = 2
#: α over the largest eigenvalue of the data, natural logarithms.
_SMOOTHNESS = np.linspace(-33.0, 0.0, 20)
#: Extents that are searched: count, and the ratio of neighbours in the last scan.
_COARSE = 16
_FINE = 14
_NEAR = (0.7, 1.6)
_WINDOW = (0.55, 2.6)
_RECENTRED = 3
#: A scan is made again, closer, while fewer extents than this share its weight.
_FEW_EXTENTS = 3.0
_ZOOMED = 3
_TOLD = 1e-3
#: Weight at the end of a scan from which it is made again.
_EDGE = 0.02
_SEARCH_SPLINES = 28
_SPLINES = (24, 72)
_SPLINES_PER_CHANNEL = 1.8
_SPARE_SPLINES = 14
#: Weight relative to the best below which a member is left out.
_NEGLIGIBLE = 1e-5


@dataclass(frozen=True, kw_only=True)
class Members:
    """Posteriors of all extents, ends and smoothnesses; arrays over the members."""

    extent: Array
    """D, nm."""
    tail: Array
    """Power m."""
    smoothness: Array
    """α."""
    weight: Array
    """Posterior probability."""
    noise: Array
    """Variance of the noise over the stated one."""
    area: Array
    """Mean and variance of ∫p dr, and covariance with the next, (members, 2): mean, variance."""
    second: Array
    """Mean and variance of ∫r²p dr, (members, 2)."""
    both: Array
    """Covariance of the two."""
    taken: Array
    """Number of parameters that the data determine."""
    splines: int
    """Number of splines."""
    points: int
    """Number of points, from the first, that were used."""
    largest: float
    """Largest extent that was looked at, nm."""

    def mean(self, values: Array) -> tuple[float, float]:
        """Return mean and variance over the members of `values`."""
        middle = float(self.weight @ values)
        return middle, float(self.weight @ (values - middle) ** 2)


@dataclass(frozen=True, kw_only=True)
class _Problem:
    """The data of one curve in units of their errors."""

    q: Array
    """Positions, 1/nm."""
    scaled: Array
    """1/σ."""
    target: Array
    """I/σ."""
    flat: Array | None
    """Unit vector of a flat background, taken out of everything."""
    power: float
    """|target|² without the flat background."""
    rays: Rays
    """Where the points look."""

    @classmethod
    def of(cls, curve: Curve, *, flat: bool) -> "_Problem":
        scaled = 1.0 / curve.sigma
        target = curve.intensity * scaled
        unit = scaled / np.linalg.norm(scaled) if flat else None
        if unit is not None:
            target = target - unit * float(unit @ target)
        return cls(
            q=curve.q,
            scaled=scaled,
            target=target,
            flat=unit,
            power=float(target @ target),
            rays=curve.rays(),
        )

    def seen(self, splines: Basis, extent: float) -> Array:
        """Return the curves of unit p at each node, 4π sin(qr)/(qr), (points, nodes)."""
        x = np.outer(self.rays.q, extent * splines.nodes)
        return self.rays.apply(4.0 * np.pi * extent * np.sin(x) / x)

    def kernel(self, splines: Basis, extent: float) -> Array:
        """Return them over σ, without the flat background."""
        table = self.seen(splines, extent) * self.scaled[:, None]
        if self.flat is not None:
            table -= np.outer(self.flat, self.flat @ table)
        return table


def transform(curve: Curve, *, flat: bool, order: int, scaled: bool) -> Members | None:
    """Return the posterior of a curve, None where no p(r) of positive area is found.

    `order` is that of the differences in the penalty; with `scaled` the noise is of unknown size.
    """
    problem = _Problem.of(head_of(curve), flat=flat)
    top = largest_extent(curve.q)
    low = max(2.0 * np.pi / float(curve.q[-1]), top / 200.0)
    extents = np.geomspace(low, top, _COARSE)
    tails = (_SEARCH_TAIL,)
    found = _scan(problem, extents, tails, _SEARCH_SPLINES, order=order, scaled=scaled)
    if found is None:
        return None
    middle = _peak(found)
    span = np.minimum(np.array(_NEAR) * middle, top)
    near = np.geomspace(span[0], span[1], _COARSE // 2)
    found = _scan(problem, near, tails, _SEARCH_SPLINES, order=order, scaled=scaled) or found
    for _ in range(_RECENTRED):
        middle = _peak(found)
        problem = _Problem.of(resolved(curve, middle), flat=flat)
        channels = float(problem.q[-1]) * middle / np.pi
        count = int(np.clip(_SPARE_SPLINES + _SPLINES_PER_CHANNEL * channels, *_SPLINES))
        # Splines wider than the resolution of the data would be a prior of their own.
        widest = min(top, max(1.2 * middle, count * np.pi / float(problem.q[-1])))
        span = np.minimum(np.array(_WINDOW) * middle, widest)
        extents = np.geomspace(span[0], span[1], _FINE)
        found = _scan(problem, extents, TAILS, count, order=order, scaled=scaled)
        if found is None or not _at_edge(found, span, widest):
            break
    for _ in range(_ZOOMED):
        if found is None or _apart(found) > _FEW_EXTENTS:
            break
        ratio = float(extents[1] / extents[0])
        told = found.extent[found.weight > _TOLD]
        extents = np.geomspace(told.min() / ratio, told.max() * ratio, _FINE)
        found = _scan(problem, extents, TAILS, count, order=order, scaled=scaled)
    return found


def _apart(members: Members) -> float:
    """Return the effective number of extents that share the weight."""
    shares = [members.weight[members.extent == e].sum() for e in np.unique(members.extent)]
    return 1.0 / float(np.sum(np.square(shares)))


def resolved(curve: Curve, extent: float) -> Curve:
    """Return the part of a curve that the most splines resolve for an extent, nm."""
    channels = (_SPLINES[1] - _SPARE_SPLINES) / _SPLINES_PER_CHANNEL
    stop = int(np.searchsorted(curve.q, channels * np.pi / extent, side="right"))
    return curve.until(max(stop, 2 * MIN_POINTS))


def _peak(members: Members) -> float:
    return float(members.extent[int(np.argmax(members.weight))])


def _at_edge(members: Members, span: Array, widest: float) -> bool:
    """Return whether the posterior goes on beyond the extents that were looked at."""
    at_low = float(members.weight[members.extent <= 1.0001 * span[0]].sum())
    at_high = float(members.weight[members.extent >= 0.9999 * span[1]].sum())
    return at_low > _EDGE or (at_high > _EDGE and span[1] < 0.999 * widest)


def _scan(
    problem: _Problem,
    extents: Array,
    tails: tuple[int, ...],
    count: int,
    *,
    order: int,
    scaled: bool,
) -> Members | None:
    splines = basis(count, order)
    rows = []
    for extent in extents:
        table = problem.kernel(splines, float(extent))
        square, right = table.T @ table, table.T @ problem.target
        for tail in tails:
            rows.append(_posteriors(problem, splines, float(extent), tail, square, right, scaled))
    whole = np.concatenate(rows)
    evidence = np.where((whole[:, 5] > 0) & (whole[:, 7] > 0), whole[:, 3], -np.inf)
    if not np.isfinite(evidence).any():
        return None
    weight = np.exp(evidence - evidence.max())
    kept = weight > _NEGLIGIBLE
    whole, weight = whole[kept], weight[kept] / weight[kept].sum()
    return Members(
        extent=whole[:, 0],
        tail=whole[:, 1],
        smoothness=whole[:, 2],
        weight=weight,
        noise=whole[:, 4],
        area=whole[:, 5:7],
        second=whole[:, 7:9],
        both=whole[:, 9],
        taken=whole[:, 10],
        splines=count,
        points=problem.q.size,
        largest=float(extents[-1]),
    )


@dataclass(frozen=True, kw_only=True)
class _Modes:
    """Eigenvectors of one extent and end."""

    values: Array
    """Eigenvalues of the data in units of the penalty."""
    right: Array
    """The data along each."""
    turn: Array
    """Coefficients of the splines = turn z."""


def _modes(splines: Basis, tail: int, square: Array, right: Array) -> _Modes:
    shaped = splines.splines * (splines.weights * (1.0 - splines.nodes) ** tail)[:, None]
    shaped = shaped @ splines.factor
    values, vectors = np.linalg.eigh(shaped.T @ square @ shaped)
    return _Modes(
        values=np.maximum(values, 0.0),
        right=vectors.T @ (shaped.T @ right),
        turn=splines.factor @ vectors,
    )


def _posteriors(
    problem: _Problem,
    splines: Basis,
    extent: float,
    tail: int,
    square: Array,
    right: Array,
    scaled: bool,
) -> Array:
    """Return one row for each smoothness: all that `Members` holds, with the evidence."""
    modes = _modes(splines, tail, square, right)
    size = problem.target.size
    alpha = modes.values[-1] * np.exp(_SMOOTHNESS)
    free = 1.0 / (modes.values[:, None] + alpha)
    left = problem.power - np.sum(modes.right[:, None] ** 2 * free, axis=0)
    left = np.maximum(left, 1e-12 * problem.power)
    fitted = -0.5 * size * np.log(left) if scaled else -0.5 * left
    evidence = 0.5 * np.sum(np.log(alpha * free), axis=0) + fitted
    noise = left / size if scaled else np.ones_like(left)
    shape = splines.weights * (1.0 - splines.nodes) ** tail
    first = extent * (shape @ splines.splines) @ modes.turn
    second = extent**3 * ((shape * splines.nodes**2) @ splines.splines) @ modes.turn
    mean = modes.right[:, None] * free
    ones = np.ones_like(alpha)
    return np.stack(
        [
            extent * ones,
            tail * ones,
            alpha,
            evidence,
            noise,
            first @ mean,
            noise * (first**2 @ free),
            second @ mean,
            noise * (second**2 @ free),
            noise * ((first * second) @ free),
            np.sum(modes.values[:, None] * free, axis=0),
        ],
        axis=1,
    )


@dataclass(frozen=True, kw_only=True)
class Solution:
    """Curves of one posterior."""

    density: Array
    """p(r) at the places asked for."""
    density_variance: Array
    """Its variance."""
    calculated: Array
    """The curve of the best member with its background, at the points that were used."""
    estimator: Array
    """Linear estimator of (∫p, ∫r²p, b) of the best member, (3, points)
    of those used."""
    background: float
    """Flat background b of the best member."""
    background_variance: float
    """Its variance."""
    chi2: float
    """Σ of the squared weighted residuals of the best member."""


def solve(curve: Curve, members: Members, distance: Array, *, flat: bool, order: int) -> Solution:
    """Return p(r) at `distance`, nm, with its variance over all members, and the best curve."""
    curve = curve.until(members.points)
    problem = _Problem.of(curve, flat=flat)
    splines = basis(members.splines, order)
    density, square_mean, inner = (np.zeros(distance.size) for _ in range(3))
    best = int(np.argmax(members.weight))
    extents = np.unique(members.extent[members.weight > 100.0 * _NEGLIGIBLE])
    extents = np.union1d(extents, members.extent[best])
    total = 0.0
    solution: dict[str, Array] = {}
    for extent in extents:
        table = problem.kernel(splines, float(extent))
        square, right = table.T @ table, table.T @ problem.target
        for tail in np.unique(members.tail[members.extent == extent]):
            at = np.flatnonzero((members.extent == extent) & (members.tail == tail))
            modes = _modes(splines, int(tail), square, right)
            shape = splines.at(distance / extent, int(tail)) @ modes.turn
            for k in at:
                free = 1.0 / (modes.values + members.smoothness[k])
                p = shape @ (modes.right * free)
                w = members.weight[k]
                density += w * p
                square_mean += w * p**2
                inner += w * members.noise[k] * (shape**2 @ free)
                total += w
                if k == best:
                    solution = _best(problem, splines, table, modes, free, int(tail), extent)
    density, square_mean, inner = density / total, square_mean / total, inner / total
    between = np.maximum(square_mean - density**2, 0.0)
    left = problem.target - solution["model"]
    background, variance = 0.0, 0.0
    if problem.flat is not None:
        # The background is what is left of the curve along its own direction.
        raw = curve.intensity / curve.sigma - solution["whole"]
        length = float(np.linalg.norm(problem.scaled))
        background = float(problem.flat @ raw) / length
        row = problem.flat / length / curve.sigma
        variance = float(members.noise[best]) * (1.0 + solution["told"][0]) / length**2
        solution["estimator"] = np.vstack([solution["estimator"], row])
    else:
        solution["estimator"] = np.vstack([solution["estimator"], np.zeros(curve.q.size)])
    return Solution(
        density=density,
        density_variance=inner + between,
        calculated=solution["whole"] * curve.sigma + background,
        estimator=solution["estimator"],
        background=background,
        background_variance=variance,
        chi2=float(left @ left),
    )


def _best(
    problem: _Problem,
    splines: Basis,
    table: Array,
    modes: _Modes,
    free: Array,
    tail: int,
    extent: float,
) -> dict[str, Array]:
    shape = splines.weights * (1.0 - splines.nodes) ** tail
    node = (splines.splines * shape[:, None]) @ modes.turn
    z = modes.right * free
    curves = problem.seen(splines, extent)
    whole = curves @ (node @ z) * problem.scaled
    first = extent * node.sum(axis=0)
    second = extent**3 * (splines.nodes**2 @ node)
    rows = np.stack([first, second]) * free @ (table @ node).T * problem.scaled
    # What the background takes over of the uncertainty of p.
    along = problem.scaled * (0.0 if problem.flat is None else problem.flat)
    seen = (along @ curves) @ node
    told = np.array([float(seen**2 @ free)])
    return {"told": told, "model": table @ (node @ z), "whole": whole, "estimator": rows}
