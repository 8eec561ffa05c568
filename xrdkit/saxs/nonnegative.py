"""Least squares without negative values, on normal equations, from a warm start.

Active-set method of Lawson & Hanson (Solving Least Squares Problems, 1974, ch. 23) in the form of
Bro & de Jong (J. Chemometrics 11 (1997) 393), which works on AᵀA; neighbouring problems share most
of their positive set.
"""

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import FitFailed

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_OPTIMAL = 1e-10
_STEPS_PER_UNKNOWN = 20


def nonnegative(
    gram: Array, product: Array, *, free: Mask, start: Mask | None = None
) -> tuple[Array, Mask]:
    """Return x that minimises xᵀGx - 2pᵀx with x >= 0 but where `free`, and where it is positive.

    `gram` is AᵀA (n, n), positive definite on every set that occurs; `product` is Aᵀb (n,). `start`
    is the positive set of a similar problem. Raises FitFailed where the search does not end.
    """
    positive = free.copy() if start is None else start | free
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
