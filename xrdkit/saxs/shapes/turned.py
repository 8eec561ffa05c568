"""Averages over orientations of what a turned particle shows of its size distribution.

Cylinder of length L, axis at arccos μ to q: ∫_0^1 sinc²(qLμ/2) B(q√(1-μ²)) dμ. With μ = tanh u,
u = ε sinh τ and ε of the order of 1/qL the nodes are equidistant in τ: dense where sinc² peaks
(μ = 0) and, in ln(1-μ²), where B does (μ = 1); the integrand is even in τ and vanishes at its end,
so that the sum converges exponentially (Takahasi & Mori, Publ. RIMS 9 (1974) 721, for such maps).
Between, where nodes do not resolve sin²(qLμ/2), its ripples add up to nothing and are faded out, as
those of a form factor are on the lattice of ln R.

Spheroid of aspect ratio ν: ∫_0^1 B(q√(1 + μ²(ν²-1))) dμ, with κ = q cosh t (ν > 1) or q/cosh t
(ν < 1), by Gauss-Legendre in t.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import cast

import numpy as np
from numpy.typing import NDArray

from xrdkit.compiled import compiled
from xrdkit.saxs.shapes.lattice import Array
from xrdkit.saxs.shapes.radial import RadialSum, fill

Levels = NDArray[np.int64]

#: Largest phase, rad, from one node to the next: of ripples of B, and of sin² unfaded.
_PHASE = 0.6
_UNFADED = 0.6
#: Nodes per unit of τ: at least, and where sin² is faded.
_COARSEST, _FADING = 8.0, 64.0
#: ln of the share of 1 - μ that is left out at the end, beside that within 1/(qR)².
_REST = 9.0
#: Largest slope of the ripples' phase 2qR sech u by ln u; of sin² by τ.
_STEEPEST, _STEEPEST_SINE = 0.72, 0.45
#: ln of the phase of cos 2a from node to node around which it fades, and how wide: wider than on
#: the lattice of ln R, for towards μ = 1 the phase changes fast from node to node.
_FADE = 0.2
_CENTRE = math.log(math.pi) - 4.0 * _FADE
_WIDTH = math.sqrt(2.0) * _FADE
_BEGUN, _GONE = math.exp(_CENTRE - 8.0 * _FADE), math.exp(_CENTRE + 8.0 * _FADE)


def _rods(
    q: Array,
    length: float,
    step: Array,
    radial: tuple[Array, float, float],
    end: Array,
    out: Array,
    slope: Array,
) -> None:
    table, low, table_step = radial
    b = np.empty(table.shape[1])
    for i in range(q.size):
        half = 0.5 * q[i] * length
        h = step[i]
        epsilon = min(1.0, 1.0 / half)
        log_q2 = np.log(2.0 * q[i])
        grown, growth = 1.0, np.exp(h)
        for k in range(int(np.arcsinh(end[i] / epsilon) / h) + 1):
            u = 0.5 * epsilon * (grown - 1.0 / grown)
            rate = 0.5 * epsilon * (grown + 1.0 / grown)
            grown *= growth
            e = np.exp(-2.0 * u)
            mu = (1.0 - e) / (1.0 + e)
            weight = 4.0 * e / (1.0 + e) ** 2 * rate * h
            turn = 2.0 * half * weight
            if k == 0:
                weight *= 0.5
            fill(table, low, table_step, log_q2 - u - np.log1p(e), b)
            a = half * mu
            if a < 1e-3:
                value = 1.0 - a * a / 3.0
                change = 1.0 - a * a
            elif turn > _GONE:
                value = 0.5 / (a * a)
                change = -value
            else:
                share = 1.0
                if turn > _BEGUN:
                    share = 0.5 * math.erfc((np.log(turn) - _CENTRE) / _WIDTH)
                sine, cosine = np.sin(a), np.cos(a)
                value = (0.5 * (1.0 - share) + share * sine * sine) / (a * a)
                change = share * 2.0 * sine * cosine / a - value
            slope[i] += weight * change * b[0]
            for column in range(b.size):
                out[i, column] += weight * value * b[column]


_rods_compiled = cast(
    Callable[[Array, float, Array, tuple[Array, float, float], Array, Array, Array], None],
    compiled(fastmath=True)(_rods),
)


def turned_cylinder(q: Array, length: float, radial: RadialSum) -> tuple[Array, Array]:
    """Return ∫_0^1 sinc²(qLμ/2) B(q√(1-μ²)) dμ, shape (q, m); q in 1/nm, `length` L in nm.

    And the derivative of L times the first column by L, shape (q,).
    """
    ripple = 2.0 * _STEEPEST / _PHASE * np.minimum(q * radial.ripples, radial.alive)
    phase = q * length
    sine = np.maximum(np.minimum(phase, 2.0), _STEEPEST_SINE * phase) / _UNFADED
    step = 1.0 / np.maximum(np.maximum(ripple, np.minimum(sine, _FADING)), _COARSEST)
    end = _REST + np.log1p(q * radial.ripples)
    out, slope = np.zeros((q.size, radial.table.shape[1])), np.zeros(q.size)
    _rods_compiled(q, length, step, (radial.table, radial.low, radial.step), end, out, slope)
    return out, slope


def _ellipsoids(
    q: Array,
    excess: float,
    mu: Array,
    weight: Array,
    table: Array,
    low: float,
    step: float,
    out: Array,
    slope: Array,
) -> None:
    b = np.empty(table.shape[1])
    for i in range(q.size):
        log_q = np.log(q[i])
        for k in range(mu.size):
            square = 1.0 + mu[k] * mu[k] * excess
            fill(table, low, step, log_q + 0.5 * np.log(square), b)
            bend = weight[k] * mu[k] * mu[k] / square
            for column in range(b.size):
                out[i, column] += weight[k] * b[column]
                slope[i, column] += bend * b[column]


_ellipsoids_compiled = cast(
    Callable[[Array, float, Array, Array, Array, float, float, Array, Array], None],
    compiled()(_ellipsoids),
)
#: Excentricities below this are mapped as if they were this.
_ROUND = 1e-3
_EXTRA_NODES = 20


def turned_spheroid(q: Array, aspect: float, radial: RadialSum) -> tuple[Array, Array]:
    """Return ∫_0^1 B(κ) dμ and ∫_0^1 B(κ) μ²/g² dμ with κ = q g, g² = 1 + μ²(ν²-1), (q, m) each.

    q in 1/nm, `aspect` ν is polar over equatorial radius.
    """
    excess = aspect * aspect - 1.0
    root = max(math.sqrt(abs(excess)), _ROUND)
    if excess < 0:
        root = min(root, 1.0 - 1e-15)
    span = math.asinh(root) if excess >= 0 else math.atanh(root)
    phase = 2.0 * np.minimum(q * radial.ripples * max(aspect, 1.0), radial.alive) * span
    need = _EXTRA_NODES + 4.0 * span + 0.6 * phase
    # Few different numbers of nodes: powers of √2.
    sizes = np.ceil(2.0 ** (0.5 * np.ceil(2.0 * np.log2(need)))).astype(np.int64)
    out = np.zeros((q.size, radial.table.shape[1]))
    slope = np.zeros_like(out)
    for size in np.unique(sizes):
        at = np.flatnonzero(sizes == size)
        x, w = _gauss_legendre(int(size))
        t = span * x
        if excess >= 0:
            mu, weight = np.sinh(t) / root, w * span * np.cosh(t) / root
        else:
            mu, weight = np.tanh(t) / root, w * span / np.cosh(t) ** 2 / root
        part, bent = np.zeros((at.size, out.shape[1])), np.zeros((at.size, out.shape[1]))
        _ellipsoids_compiled(
            q[at], excess, mu, weight, radial.table, radial.low, radial.step, part, bent
        )
        out[at], slope[at] = part, bent
    return out, slope


@lru_cache(maxsize=64)
def _gauss_legendre(count: int) -> tuple[Array, Array]:
    x, w = np.polynomial.legendre.leggauss(count)
    return 0.5 * (x + 1.0), 0.5 * w
