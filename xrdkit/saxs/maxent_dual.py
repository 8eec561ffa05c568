"""The maximum of the concave dual of the entropy problem, by Newton's method, compiled.

D(z) = z·t - α z²/2 - Σ m exp(aᵢ·z) with a row aᵢ for each node; its gradient is t - α z - Σ aᵢ xᵢ,
xᵢ = m exp(aᵢ·z), and its curvature -(α + Σ aᵢ aᵢᵀ xᵢ).
"""

import numpy as np
from numpy.typing import NDArray

from xrdkit.compiled import compiled

Array = NDArray[np.float64]

_MAX_STEPS = 200
_SMALLEST_STEP = 1e-9
_CLIMB, _ROUNDING = 1e-4, 1e-13
#: Share of the gradient that a step with an old curvature may leave.
_GOOD_WAY = 0.8
_LARGEST_EXPONENT = 200.0
#: Nodes that add less than this share of α to a curvature are left out of it.
_NEGLIGIBLE = 1e-2
#: What is added to a curvature that rounding made singular, over its largest entry, and how often.
_LEAST_RIDGE, _RIDGES = 1e-14, 8


@compiled(fastmath=True)
def _state(rows: Array, seen: Array, strength: float, default: float, z: Array, x: Array) -> float:
    """Write x of `z` and return D(z)."""
    value = 0.0
    for k in range(z.size):
        value += z[k] * seen[k] - 0.5 * strength * z[k] * z[k]
    for i in range(x.size):
        total = 0.0
        for k in range(z.size):
            total += rows[i, k] * z[k]
        x[i] = default * np.exp(min(total, _LARGEST_EXPONENT))
        value -= x[i]
    return value


@compiled(fastmath=True)
def _slope(rows: Array, seen: Array, strength: float, z: Array, x: Array, slope: Array) -> float:
    """Write the gradient at `z` and return its length."""
    for k in range(z.size):
        slope[k] = seen[k] - strength * z[k]
    for i in range(x.size):
        for k in range(z.size):
            slope[k] -= rows[i, k] * x[i]
    total = 0.0
    for k in range(z.size):
        total += slope[k] * slope[k]
    return np.sqrt(total)


@compiled(fastmath=True)
def _factor(rows: Array, strength: float, x: Array, root: Array) -> None:
    """Write the Cholesky factor of the curvature; where rounding leaves none, of one near it."""
    size = root.shape[0]
    curvature = np.zeros((size, size))
    for i in range(x.size):
        length = 0.0
        for k in range(size):
            length += rows[i, k] * rows[i, k]
        if length * x[i] < _NEGLIGIBLE * strength:
            continue
        for k in range(size):
            share = rows[i, k] * x[i]
            for j in range(k + 1):
                curvature[k, j] += share * rows[i, j]
    most = 0.0
    for k in range(size):
        curvature[k, k] += strength
        most = max(most, curvature[k, k])
    ridge = 0.0
    for attempt in range(_RIDGES + 1):
        good = True
        for k in range(size):
            for j in range(k + 1):
                total = curvature[k, j]
                for i in range(j):
                    total -= root[k, i] * root[j, i]
                if k == j:
                    total += ridge
                    if not total > 0.0:
                        good = False
                        break
                    root[k, k] = np.sqrt(total)
                else:
                    root[k, j] = total / root[j, j]
            if not good:
                break
        if good:
            return
        ridge = most * _LEAST_RIDGE * 100.0**attempt
    # Nothing is known of the curvature: the steepest way.
    root[:] = 0.0
    for k in range(size):
        root[k, k] = np.sqrt(most)


@compiled(fastmath=True)
def _step(root: Array, slope: Array, step: Array) -> None:
    """Write the solution of root rootᵀ step = slope."""
    size = slope.size
    for k in range(size):
        total = slope[k]
        for i in range(k):
            total -= root[k, i] * step[i]
        step[k] = total / root[k, k]
    for k in range(size - 1, -1, -1):
        step[k] /= root[k, k]
        for i in range(k):
            step[i] -= root[k, i] * step[k]


@compiled()
def climb(
    rows: Array,
    seen: Array,
    strength: float,
    default: float,
    enough: float,
    factored: bool,
    root: Array,
    z: Array,
    x: Array,
) -> float:
    """Move `z` (r,) to the maximum, write `x` (nodes,), and return the gradient that is left.

    `rows` is a (nodes, r), `seen` t (r,), `strength` α, `default` m; it ends where the gradient is
    no longer than `enough`. `root` (r, r) is kept for the next call, `factored` tells whether it
    holds the factor of a curvature of the same α.
    """
    slope, step = np.empty_like(z), np.empty_like(z)
    trial, x_there, slope_there = np.empty_like(z), np.empty_like(x), np.empty_like(z)
    value = _state(rows, seen, strength, default, z, x)
    left = _slope(rows, seen, strength, z, x, slope)
    for _ in range(_MAX_STEPS):
        if left <= enough:
            break
        if factored:
            _step(root, slope, step)
            trial[:] = z + step
            reached = _state(rows, seen, strength, default, trial, x_there)
            left_there = _slope(rows, seen, strength, trial, x_there, slope_there)
            if left_there < _GOOD_WAY * left:
                z[:], x[:], slope[:] = trial, x_there, slope_there
                value, left = reached, left_there
                continue
        _factor(rows, strength, x, root)
        factored = True
        _step(root, slope, step)
        rise = 0.0
        for k in range(z.size):
            rise += slope[k] * step[k]
        length = 1.0
        while length > _SMALLEST_STEP:
            trial[:] = z + length * step
            reached = _state(rows, seen, strength, default, trial, x_there)
            # Where the dual does not tell values apart any more, its rounding may not stop us.
            if reached >= value + _CLIMB * length * rise - _ROUNDING * abs(value):
                break
            length *= 0.5
        if length <= _SMALLEST_STEP:
            break
        z[:], x[:] = trial, x_there
        value = reached
        left = _slope(rows, seen, strength, z, x, slope)
    return left
