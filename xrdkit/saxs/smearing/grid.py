"""The q at which an unsmeared model is computed, and its interpolation to where rays end."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Points of a stencil: polynomials of degree 5 between the nodes.
STENCIL = 6
#: Step in ln q where curves are smooth: powers of q are interpolated to 1e-7 and better.
_LOG_STEP = 0.03
#: Nodes to a period 2π/2R of the ripples of the largest particle that the data can tell.
_PER_PERIOD = 8
#: Nodes over which the data range is spread at most.
_MOST = 2000
#: Rays beyond the data by more than this factor meet curves whose ripples no longer count.
_BEYOND = 1.5


def ripple_step(q: Array) -> float:
    """Return the step in q, 1/nm, that resolves ripples of particles up to π/q_min in radius."""
    return float(max(q.min() / _PER_PERIOD, _BEYOND * q.max() / _MOST))


def fine_edge(q: Array) -> float:
    """Return the q, 1/nm, up to which ripples are resolved."""
    return _BEYOND * float(q.max())


def model_grid(q: Array, low: float, high: float) -> Array:
    """Return nodes, 1/nm, from below `low` to beyond `high` for data at `q`."""
    step = ripple_step(q)
    turn = min(max(step / _LOG_STEP, low), high)
    inner = np.geomspace(low, turn, max(int(np.ceil(np.log(turn / low) / _LOG_STEP)), 1) + 1)
    edge = min(max(fine_edge(q), turn), high)
    even = np.linspace(turn, edge, max(int(np.ceil((edge - turn) / step)), 1) + 1)
    outer = np.geomspace(edge, high, max(int(np.ceil(np.log(high / edge) / _LOG_STEP)), 1) + 1)
    nodes = np.unique(np.concatenate([inner, even, outer]))
    # Two nodes that rounding alone tells apart would spoil the interpolation.
    nodes = nodes[np.concatenate([[True], np.diff(nodes) > 1e-9 * nodes[1:]])]
    margin = STENCIL // 2
    below = nodes[0] * np.exp(-_LOG_STEP * np.arange(margin, 0, -1))
    above = nodes[-1] * np.exp(_LOG_STEP * np.arange(1, margin + 1))
    grid: Array = np.concatenate([below, nodes, above])
    return grid


def interpolation(grid: Array, at: Array) -> tuple[NDArray[np.intp], Array]:
    """Return the nodes of `grid` that count at `at` (n,), and their weights, both (n, 6).

    Lagrange's polynomial through the three nodes on either side; weights add up to 1.
    """
    right = np.searchsorted(grid, at)
    first = np.clip(right - STENCIL // 2, 0, grid.size - STENCIL)
    index = first[:, None] + np.arange(STENCIL)
    nodes = grid[index]
    away = at[:, None] - nodes
    weights = np.ones_like(nodes)
    for k in range(STENCIL):
        for other in range(STENCIL):
            if other != k:
                weights[:, k] *= away[:, other] / (nodes[:, k] - nodes[:, other])
    return index, weights
