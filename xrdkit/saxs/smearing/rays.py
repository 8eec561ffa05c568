"""Quadrature along and across a slit: where the rays that reach a point come from."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from xrdkit.saxs.smearing.beam_profile import BeamProfile

Array = NDArray[np.float64]

_ORDER = 8
#: Longest panel along asinh(u/q): a q⁻⁴ falls by e² over it.
_PANEL = 0.5
#: Nearest to q = 0 that a ray comes, as a share of the q of its point.
NEAREST = 0.05


@lru_cache(maxsize=1)
def _gauss() -> tuple[Array, Array]:
    nodes, weights = np.polynomial.legendre.leggauss(_ORDER)
    return 0.5 * (nodes + 1.0), 0.5 * weights


def _panels(edges: Array) -> tuple[Array, Array]:
    """Return nodes and weights of Gauss and Legendre in every panel between `edges`."""
    nodes, weights = _gauss()
    width = np.diff(edges)
    places = edges[:-1, None] + width[:, None] * nodes
    return places.ravel(), (width[:, None] * weights).ravel()


def along(q: float, profile: BeamProfile, step: float, edge: float) -> tuple[Array, Array]:
    """Return the q of the rays along a slit that reach a point at `q`, and weights that add to 1.

    `step` (1/nm) is the spacing in q that resolves the curve up to `edge`. u = q sinh τ spreads the
    rays evenly over ln q where u is large, and over u where it is small.
    """
    breaks = np.array([u for u, _ in profile.points])
    last = float(np.arcsinh(profile.reach / q))
    even = np.linspace(0.0, last, max(int(np.ceil(last / _PANEL)), 1) + 1)
    high = min(float(np.hypot(q, profile.reach)), edge)
    rising = np.arange(q, high, _ORDER * step)[1:]
    edges = np.unique(np.concatenate([even, np.arcsinh(breaks / q), np.arccosh(rising / q)]))
    tau, weights = _panels(edges)
    u = q * np.sinh(tau)
    weights = weights * q * np.cosh(tau) * profile.weight(u)
    result: Array = weights / weights.sum()
    return np.hypot(q, u), result


def gaussian(sigma: float, limit: float, step: float) -> tuple[Array, Array]:
    """Return offsets within ± `limit` and the weights of a Gaussian of `sigma`, adding to 1."""
    if not sigma > 0:
        return np.zeros(1), np.ones(1)
    # Panels of two standard deviations: a Gaussian to 1e-8.
    places, weights = box(limit, min(step, 2.0 * sigma / _ORDER))
    weights = weights * np.exp(-0.5 * (places / sigma) ** 2)
    result: Array = weights / weights.sum()
    return places, result


def box(half: float, step: float) -> tuple[Array, Array]:
    """Return offsets evenly within ± `half` and their weights, adding to 1."""
    if not half > 0:
        return np.zeros(1), np.ones(1)
    edges = np.linspace(-half, half, max(int(np.ceil(2 * half / (_ORDER * step))), 1) + 1)
    places, weights = _panels(edges)
    return places, weights / weights.sum()


def together(first: tuple[Array, Array], second: tuple[Array, Array]) -> tuple[Array, Array]:
    """Return the convolution of two distributions of offsets."""
    return (
        np.add.outer(first[0], second[0]).ravel(),
        np.multiply.outer(first[1], second[1]).ravel(),
    )
