"""A penalised cubic spline through points with errors, its smoothness by cross-validation.

Minimised is Σ w (y - f)² + λ ∫ f''² over f of cubic B-splines. λ minimises the robust score
n RSS/(n - 1.4 tr H)², H the matrix that takes y to f: with the factor 1.4 the score rarely takes
noise for a course. Errors are those of the Bayesian view of the penalty, which cover a course on
average over its length.

Sources: P. Craven, G. Wahba, Numer. Math. 31 (1979) 377; D. Nychka, J. Am. Stat. Assoc. 83 (1988)
1134; Y.-J. Kim, C. Gu, J. R. Stat. Soc. B 66 (2004) 337.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline
from scipy.linalg import cholesky, eigh, solve_triangular
from scipy.optimize import minimize_scalar

Array = NDArray[np.float64]

_DEGREE = 3
_MOST_BASES = 60
_INFLATION = 1.4
#: log10 of λ over the natural scale of the problem, from interpolation to a straight line.
_LAMBDAS = np.linspace(-12.0, 8.0, 81)
_TINY = 1e-10
#: Misfit that no errors have: points on a line are a line.
_ROUNDING = 1e-6


@dataclass(frozen=True, kw_only=True)
class Course:
    """A smooth course at some places."""

    value: Array
    """Its values, shape (m,)."""
    weights: Array
    """The matrix that takes the n points to it, shape (m, n)."""
    covariance: Array
    """Covariance of the values for the errors as given, shape (m, m)."""
    freedom: float
    """Effective number of parameters, from 2 for a straight line."""
    gof: float
    """√χ²r of the points about it."""


def smooth(x: Array, y: Array, sigma: Array, at: Array) -> Course:
    """Return the smooth course through `y` ± `sigma` at `x`, evaluated `at` places within.

    `x`, `y`, `sigma` have shape (n,), at least 5 different x; `at` has shape (m,).
    """
    low, high = float(x.min()), float(x.max())
    scaled, places = (x - low) / (high - low), (at - low) / (high - low)
    knots = _knots(scaled)
    basis = BSpline.design_matrix(scaled, knots, _DEGREE).toarray()
    target = BSpline.design_matrix(np.clip(places, 0, 1), knots, _DEGREE).toarray()
    weighted = basis / sigma[:, None]
    penalty = _penalty(knots)
    normal = weighted.T @ weighted
    # Knots without points between them are held by the penalty alone.
    normal += _TINY * np.trace(normal) / np.trace(penalty) * penalty
    normal += _TINY**1.3 * np.trace(normal) / len(normal) * np.eye(len(normal))
    lower = cholesky(normal, lower=True)
    half = solve_triangular(lower, penalty, lower=True)
    rough, turned = eigh(solve_triangular(lower, half.T, lower=True))
    rough = np.maximum(rough, 0.0)
    rough[:2] = 0.0  # straight lines have no roughness
    modes = solve_triangular(lower, turned, lower=True, trans="T")  # bases of each mode
    seen = weighted @ modes
    # A straight line costs nothing: taken out beforehand, it leaves no rounding behind.
    line = np.polynomial.Polynomial.fit(scaled, y, 1, w=1 / sigma)
    rest = (y - line(scaled)) / sigma
    amplitude = seen.T @ rest
    total = float(rest @ rest)
    unit = 1.0 / float(np.median(rough[2:]))

    def kept(log: float) -> Array:
        return np.asarray(1.0 / (1.0 + 10.0**log * unit * rough))

    def misfit(share: Array) -> float:
        return max(total - float(np.sum((2 * share - share**2) * amplitude**2)), 0.0)

    def score(log: float) -> float:
        share = kept(log)
        left = y.size - _INFLATION * float(share.sum())
        return np.inf if left <= 0 else y.size * (misfit(share) + _ROUNDING) / left**2

    scores = [score(log) for log in _LAMBDAS]
    best = float(_LAMBDAS[int(np.argmin(scores))])
    step = float(_LAMBDAS[1] - _LAMBDAS[0])
    found = minimize_scalar(score, bounds=(best - step, best + step), method="bounded")
    share = kept(float(found.x) if found.fun <= min(scores) else best)
    out = target @ modes
    freedom = float(share.sum())
    return Course(
        value=line(places) + (out * share) @ amplitude,
        weights=(out * share) @ (seen / sigma[:, None]).T,
        covariance=(out * share) @ out.T,
        freedom=freedom,
        gof=float(np.sqrt(misfit(share) / max(y.size - freedom, 1.0))),
    )


def _knots(x: Array) -> Array:
    # Even knots keep the penalty well conditioned; gaps between the points it bridges itself.
    inner = min(np.unique(x).size // 2, _MOST_BASES)
    places = np.linspace(0, 1, inner + 2)[1:-1]
    return np.concatenate([np.zeros(_DEGREE + 1), places, np.ones(_DEGREE + 1)])


def _penalty(knots: Array) -> Array:
    """Return ∫ B_i'' B_j'' over 0 to 1; second derivatives are straight between knots."""
    count = knots.size - _DEGREE - 1
    ends = np.unique(knots)
    nodes, weights = np.polynomial.legendre.leggauss(2)
    middle, half = 0.5 * (ends[1:] + ends[:-1]), 0.5 * np.diff(ends)
    places = (middle[:, None] + half[:, None] * nodes).ravel()
    share = (half[:, None] * weights).ravel()
    bent = BSpline(knots, np.eye(count), _DEGREE).derivative(2)(places)
    return np.asarray(bent.T @ (share[:, None] * bent))
