"""Sums over the pixels of ring cells that a fit of their profiles needs, compiled."""

import numpy as np
from numpy.typing import NDArray

from xrdkit.compiled import compiled

Array = NDArray[np.float64]
Index = NDArray[np.intp]


@compiled()
def normal_sums(
    cell: Index,
    ring: Index,
    u: Array,
    form: Array,
    counts: Array,
    centre: Array,
    width: Array,
    share: Array,
    reach: float,
    margin: float,
) -> tuple[Array, Array, Index, Index, Index]:
    """Return the normal equations of every cell, (cells, 4, 4) and (cells, 4), and pixel numbers.

    The terms are form · (g, v g, 1, v) with v = (u - centre)/width and g = exp(-v²/2), out to
    `reach` widths and `margin` pixels; the weight of a pixel is 1/(form (1 + share g)). Numbers are
    those of all pixels of a cell, and of those inside and outside of the middle of the ring.
    """
    size = centre.size
    matrix, right = np.zeros((size, 4, 4)), np.zeros((size, 4))
    number, low, high = np.zeros(size, np.intp), np.zeros(size, np.intp), np.zeros(size, np.intp)
    for k in range(cell.size):
        at, of = cell[k], ring[k]
        s = width[of]
        away = u[k] - centre[at]
        if abs(away) > reach * s + margin:
            continue
        v = away / s
        g = np.exp(-0.5 * v * v)
        weight = 1.0 / (1.0 + share[of] * g)
        terms = (g, g * v, 1.0, v)
        number[at] += 1
        low[at] += v < -0.7
        high[at] += v > 0.7
        for i in range(4):
            right[at, i] += weight * terms[i] * counts[k]
            for j in range(i, 4):
                matrix[at, i, j] += weight * form[k] * terms[i] * terms[j]
    for at in range(size):
        for i in range(4):
            for j in range(i):
                matrix[at, i, j] = matrix[at, j, i]
    return matrix, right, number, low, high


@compiled()
def residual_sums(
    cell: Index,
    ring: Index,
    u: Array,
    form: Array,
    counts: Array,
    centre: Array,
    width: Array,
    share: Array,
    reach: float,
    margin: float,
    found: Array,
    good: NDArray[np.bool_],
) -> tuple[Array, Array, Array, Array]:
    """Return what the fit with the coefficients `found`, (cells, 4), leaves.

    In order: the weighted squares of every cell, (cells,); Gram matrix and right side of a wider
    ring, from the terms A g, A and A v² g of the good cells of each ring, (rings, 3, 3) and
    (rings,); and the mean residual of each ring in units of A over bins of a quarter of a pixel,
    (rings, 320), the middle at 160.
    """
    rings = width.size
    squares = np.zeros(centre.size)
    gram, pull = np.zeros((rings, 3, 3)), np.zeros(rings)
    over, under = np.zeros((rings, 320)), np.zeros((rings, 320))
    for k in range(cell.size):
        at, of = cell[k], ring[k]
        s = width[of]
        away = u[k] - centre[at]
        if abs(away) > reach * s + margin:
            continue
        v = away / s
        g = np.exp(-0.5 * v * v)
        weight = 1.0 / (form[k] * (1.0 + share[of] * g))
        a, b, c, d = found[at]
        rest = counts[k] - form[k] * (a * g + b * g * v + c + d * v)
        squares[at] += weight * rest * rest
        if not good[at]:
            continue
        height = form[k] * a
        terms = (height * g, height, height * g * v * v)
        pull[of] += weight * terms[2] * rest
        for i in range(3):
            for j in range(3):
                gram[of, i, j] += weight * terms[i] * terms[j]
        place = min(max(int(np.floor((away + 40.0) * 4.0)), 0), 319)
        over[of, place] += weight * height * rest
        under[of, place] += weight * height * height
    for of in range(rings):
        for place in range(320):
            if under[of, place] > 0:
                over[of, place] /= under[of, place]
    return squares, gram, pull, over


@compiled()
def error_sums(
    cell: Index,
    ring: Index,
    u: Array,
    form: Array,
    counts: Array,
    centre: Array,
    width: Array,
    share: Array,
    reach: float,
    margin: float,
    found: Array,
    lever: Array,
    shape: Array,
    least: Array,
) -> tuple[Array, Array, Array]:
    """Return per cell Σ w r², Σ w m and Σ (w l)² m, each (cells,).

    r is the residual less the mean one of the ring (`shape`), m the counts of the model, at least
    `least` of each ring, and l the row `lever`, (cells, 4), of the inverse normal matrix times the
    terms: what a count in the pixel does to the coefficient B.
    """
    size = centre.size
    squares, expected, slip = np.zeros(size), np.zeros(size), np.zeros(size)
    for k in range(cell.size):
        at, of = cell[k], ring[k]
        s = width[of]
        away = u[k] - centre[at]
        if abs(away) > reach * s + margin:
            continue
        v = away / s
        g = np.exp(-0.5 * v * v)
        weight = 1.0 / (form[k] * (1.0 + share[of] * g))
        a, b, c, d = found[at]
        place = min(max(int(np.floor((away + 40.0) * 4.0)), 0), 319)
        rest = counts[k] - form[k] * (a * (g + shape[of, place]) + b * g * v + c + d * v)
        model = form[k] * max(max(a, 0.0) * g + max(c, 0.0), least[of])
        p, q, x, y = lever[at]
        moved = weight * form[k] * (p * g + q * g * v + x + y * v)
        squares[at] += weight * rest * rest
        expected[at] += weight * model
        slip[at] += moved * moved * model
    return squares, expected, slip
