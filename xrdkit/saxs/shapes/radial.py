"""B(κ) = Σ_j w_j g(κ R_j) on a lattice of ln κ: what orientation averages of size sums are made of.

A particle that is turned shows a size R times a factor, so that its average over sizes is a
function of one variable. On lattices of ln κ and ln R the products κR are a lattice again: all
elements come from one row of values of g. Between its nodes B is a polynomial of fifth degree in
ln κ; below the lowest B = b_0 + b_2 κ².
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np

from xrdkit.compiled import compiled
from xrdkit.saxs.shapes.lattice import Array, Lattice

#: Nodes of ln κ per node of ln R: for what a distribution leaves of ripples, and for single sizes.
_FINER = 4
#: κ R of the largest radius below which B is a parabola.
_SMALL = 0.02
_OCTAVE = 0.7
_CHUNK = 512
#: Share of Σ |w| R⁴ beyond which radii show no ripples.
_TAIL = 1e-6
#: κR, in units of the lattice step, above which a distribution that fits it shows no ripples: they
#: are down by exp(-(2 · 0.46 · 6)²/2) = 2e-7.
_ALIVE = 0.46
#: The same for single sizes: ripples are there as far as the lattice resolves them.
_ALIVE_SINGLE = 1.2

#: g(x, step), shape of x, with the ripples faded that a lattice of `step` does not resolve.
Radial = Callable[[Array, float], Array]


@dataclass(frozen=True)
class RadialSum:
    """B of some weights."""

    low: float
    """ln κ of the first node."""
    step: float
    """Distance of the nodes in ln κ."""
    table: Array
    """B at the nodes, shape (κ, m)."""
    ripples: float
    """Radius, nm, up to which there are ripples."""
    alive: float
    """κR up to which there are ripples."""


def radial_sum(
    function: Radial, lattice: Lattice, weights: Array, highest: float, *, single: bool = False
) -> RadialSum:
    """Return B of `weights` (nodes, m) for κ up to `highest` (1/nm).

    `single` tells that they are no distributions that fit the lattice but single sizes.
    """
    step = lattice.step / _FINER
    radius = lattice.radius
    top = int(np.ceil(np.log(highest) / step)) + 4
    bottom = int(np.floor(np.log(_SMALL / radius[-1]) / step))
    # The parabola below the first node needs another at twice its κ.
    bottom = min(bottom, top - int(_OCTAVE / step) - 8)
    count = top - bottom + 1
    first = bottom + _FINER * lattice.first
    row = _row(function, lattice.level, first, count + _FINER * (lattice.count - 1))
    table = np.zeros((count, weights.shape[1]))
    _slide_compiled(row, weights, table)
    beyond = np.cumsum((np.abs(weights).max(axis=1) * radius**4)[::-1])[::-1]
    last = int(np.flatnonzero(beyond >= _TAIL * beyond[0])[-1])
    return RadialSum(
        low=bottom * step,
        step=step,
        table=table,
        ripples=float(radius[last]),
        alive=(_ALIVE_SINGLE if single else _ALIVE) / lattice.step,
    )


def _slide(row: Array, weights: Array, table: Array) -> None:
    for j in range(weights.shape[0]):
        for column in range(weights.shape[1]):
            weight = weights[j, column]
            if weight != 0.0:
                for i in range(table.shape[0]):
                    table[i, column] += row[i + _FINER * j] * weight


_slide_compiled = cast(Callable[[Array, Array, Array], None], compiled()(_slide))


def _row(function: Radial, level: int, first: int, count: int) -> Array:
    low, high = first // _CHUNK, (first + count - 1) // _CHUNK
    chunks = [_chunk(function, level, number) for number in range(low, high + 1)]
    start = first - low * _CHUNK
    return np.concatenate(chunks)[start : start + count]


@lru_cache(maxsize=256)
def _chunk(function: Radial, level: int, number: int) -> Array:
    step = 2.0**-level
    x = np.exp((number * _CHUNK + np.arange(_CHUNK)) * step / _FINER)
    return function(x, step)


def _fill(table: Array, low: float, step: float, log_kappa: float, out: Array) -> None:
    place = (log_kappa - low) / step
    k = int(np.floor(place)) - 2
    if k < 0:
        # The parabola through the first node and one at about twice its κ.
        near = int(_OCTAVE / step)
        least = np.exp(2.0 * low)
        share = (np.exp(2.0 * log_kappa) - least) / (np.exp(2.0 * (low + near * step)) - least)
        for column in range(out.size):
            first = table[0, column]
            out[column] = first + share * (table[near, column] - first)
        return
    a = place - k
    b, c, d, e, f = a - 1.0, a - 2.0, a - 3.0, a - 4.0, a - 5.0
    ab, ef, cd = a * b, e * f, c * d
    w0, w1 = -b * cd * ef / 120.0, a * cd * ef / 24.0
    w2, w3 = -ab * d * ef / 12.0, ab * c * ef / 12.0
    w4, w5 = -ab * cd * f / 24.0, ab * cd * e / 120.0
    for column in range(out.size):
        out[column] = (
            w0 * table[k, column]
            + w1 * table[k + 1, column]
            + w2 * table[k + 2, column]
            + w3 * table[k + 3, column]
            + w4 * table[k + 4, column]
            + w5 * table[k + 5, column]
        )


#: fill(table, low, step, log_kappa, out): B at one ln κ, `out` (m,).
fill = cast(Callable[[Array, float, float, float, Array], None], compiled()(_fill))
