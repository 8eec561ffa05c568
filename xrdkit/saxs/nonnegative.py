"""Least squares without negative values, on normal equations, from a warm start.

Block principal pivoting (Portugal, Júdice & Vicente, Math. Comp. 63 (1994) 625) changes all wrong
signs at once, and neighbouring problems share most of their positive set, so that a few steps are
enough. Where it does not settle, as for nearly singular problems, the active-set method of Lawson &
Hanson (Solving Least Squares Problems, 1974, ch. 23) in the form of Bro & de Jong (J. Chemometrics
11 (1997) 393), which works on AᵀA, finds the same minimum.
"""

import numpy as np
from numpy.typing import NDArray

from xrdkit.compiled import compiled
from xrdkit.errors import FitFailed

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_OPTIMAL = 1e-10
_STEPS_PER_UNKNOWN = 20
_BLOCK_STEPS = 60
#: Steps at once that may go by without fewer wrong signs.
_PATIENCE = 3


def nonnegative(
    gram: Array, product: Array, *, free: Mask, start: Mask | None = None
) -> tuple[Array, Mask]:
    """Return x that minimises xᵀGx - 2pᵀx with x >= 0 but where `free`, and where it is positive.

    `gram` is AᵀA (n, n), positive definite on every set that occurs; `product` is Aᵀb (n,). `start`
    is the positive set of a similar problem. Raises FitFailed where the search does not end.
    """
    found, positives = nonnegative_rows(gram, product[None], free=free, start=start)
    return found[0], positives[0]


def nonnegative_rows(
    gram: Array, products: Array, *, free: Mask, start: Mask | None = None
) -> tuple[Array, Mask]:
    """Return the same for each row of `products`, shape (m, n), as (m, n) each."""
    first = free.copy() if start is None else start | free
    found = np.empty_like(products)
    positives = np.empty(products.shape, dtype=np.bool_)
    for i, product in enumerate(products):
        positive = first.copy()
        enough = _OPTIMAL * float(np.abs(product).max())
        if not _pivot(gram, product, free, positive, enough, found[i]):
            found[i], positive = _active_set(gram, product, free, first)
        positives[i] = positive
    return found, positives


@compiled()
def _factor(gram: Array, at: NDArray[np.int64], count: int, root: Array) -> bool:
    """Write the Cholesky factor of the chosen rows and columns; False where it has none."""
    for i in range(count):
        row = at[i]
        for j in range(i + 1):
            total = gram[row, at[j]]
            for k in range(j):
                total -= root[i, k] * root[j, k]
            if i == j:
                if not total > 0.0:
                    return False
                root[i, i] = np.sqrt(total)
            else:
                root[i, j] = total / root[j, j]
    return True


@compiled()
def _pivot(
    gram: Array, product: Array, free: Mask, positive: Mask, enough: float, x: Array
) -> bool:
    """Write the minimum to `x` and its set to `positive`; False where the signs do not settle."""
    n = product.size
    root = np.empty((n, n))
    at = np.empty(n, np.int64)
    part = np.empty(n)
    wrong = np.empty(n, np.bool_)
    fewest = n + 1
    tries = _PATIENCE
    for _ in range(_BLOCK_STEPS):
        count = 0
        for i in range(n):
            x[i] = 0.0
            if positive[i]:
                at[count] = i
                count += 1
        if not _factor(gram, at, count, root):
            return False
        for i in range(count):
            total = product[at[i]]
            for k in range(i):
                total -= root[i, k] * part[k]
            part[i] = total / root[i, i]
        for i in range(count - 1, -1, -1):
            total = part[i]
            for k in range(i + 1, count):
                total -= root[k, i] * part[k]
            part[i] = total / root[i, i]
            x[at[i]] = part[i]
        number = 0
        for i in range(n):
            if positive[i]:
                wrong[i] = not free[i] and x[i] <= 0.0
            else:
                slope = product[i]
                for k in range(count):
                    slope -= gram[i, at[k]] * x[at[k]]
                wrong[i] = slope > enough
            if wrong[i]:
                number += 1
        if number == 0:
            return True
        if number < fewest:
            fewest = number
            tries = _PATIENCE
        elif tries > 0:
            tries -= 1
        else:
            return False
        for i in range(n):
            if wrong[i]:
                positive[i] = not positive[i]
    return False


def _active_set(gram: Array, product: Array, free: Mask, start: Mask) -> tuple[Array, Mask]:
    positive = start.copy()
    x = _solved(gram, product, positive)
    while np.any(x[positive & ~free] <= 0):
        positive &= (x > 0) | free
        x = _solved(gram, product, positive)
    enough = _OPTIMAL * float(np.abs(product).max())
    for _ in range(_STEPS_PER_UNKNOWN * product.size):
        slope = np.where(positive, -np.inf, product - gram @ x)
        entering = int(np.argmax(slope))
        if not slope[entering] > enough:
            return x, positive
        positive[entering] = True
        trial = _solved(gram, product, positive)
        while True:
            blocked = positive & ~free & (trial <= 0)
            if not blocked.any():
                break
            step = float(np.min(x[blocked] / (x[blocked] - trial[blocked])))
            x = x + step * (trial - x)
            gone = blocked & (x <= np.abs(x).max() * 1e-14)
            # The entering unknown starts at 0 and may be what blocks.
            positive &= ~(gone if gone.any() else blocked)
            x[~positive] = 0.0
            trial = _solved(gram, product, positive)
        x = trial
    raise FitFailed("the search for a positive distribution did not end")


def _solved(gram: Array, product: Array, positive: Mask) -> Array:
    x = np.zeros_like(product)
    at = np.flatnonzero(positive)
    if at.size:
        try:
            x[at] = np.linalg.solve(gram[np.ix_(at, at)], product[at])
        except np.linalg.LinAlgError as exc:
            raise FitFailed("the distribution is not determined by the curve") from exc
    return x
