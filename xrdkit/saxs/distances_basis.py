"""Cubic B-splines for p(r), and the numbers that follow from their coefficients.

p(r) = (1 - r/D)^m Σ c_k B_k(r/D), zero at 0 and D. The factor lets p end as bodies end: a sphere
as (1 - r/D)², long and polydisperse ones as higher powers.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.interpolate import BSpline

from xrdkit.saxs.model_free import Array

_NODES = 5
_DEGREE = 3


@dataclass(frozen=True, kw_only=True)
class Basis:
    """Splines on 0 to 1 and their quadrature."""

    knots: Array
    """Knots, the ends repeated."""
    nodes: Array
    """Places of the quadrature."""
    weights: Array
    """Its weights."""
    splines: Array
    """Splines at the nodes, (nodes, splines), without the two that are not 0 at an end."""
    factor: Array
    """Inverse of the root of the penalty: c = factor z, with z of unit penalty."""

    def at(self, places: Array, tail: int) -> Array:
        """Return (1 - t)^m B_k(t) at `places` t, 0 beyond the ends, shape (places, splines)."""
        inside = (places >= 0.0) & (places <= 1.0)
        t = np.where(inside, places, 0.0)
        whole = BSpline.design_matrix(t, self.knots, _DEGREE).toarray()[:, 1:-1]
        values: Array = whole * (np.where(inside, (1.0 - t) ** tail, 0.0))[:, None]
        return values


@lru_cache(maxsize=16)
def basis(count: int, order: int) -> Basis:
    """Return `count` splines with the penalty Σ(difference of order `order`)², zero ends."""
    intervals = count + 2 - _DEGREE
    edges = np.linspace(0.0, 1.0, intervals + 1)
    knots = np.concatenate([[0.0] * _DEGREE, edges, [1.0] * _DEGREE])
    x, w = np.polynomial.legendre.leggauss(_NODES)
    width = 1.0 / intervals
    nodes = (edges[:-1, None] + width * (x + 1.0) / 2.0).ravel()
    weights = np.tile(width * w / 2.0, intervals)
    splines = BSpline.design_matrix(nodes, knots, _DEGREE).toarray()[:, 1:-1]
    # A coefficient of 0 beyond each end: p must leave and reach 0 smoothly.
    difference = np.diff(np.pad(np.eye(count), ((order, order), (0, 0))), n=order, axis=0)
    lower = np.linalg.cholesky(difference.T @ difference)
    return Basis(
        knots=knots,
        nodes=nodes,
        weights=weights,
        splines=splines,
        factor=np.linalg.inv(lower).T,
    )
