"""The smooth background under the lines: a Chebyshev series over the fitted range."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def chebyshev_rows(x: Array, low: float, high: float, terms: int) -> Array:
    """Return T_0 .. T_(terms-1) (terms, n) at `x`, with the range low to high mapped to -1 .. 1."""
    reduced = (2.0 * x - low - high) / (high - low)
    rows = np.polynomial.chebyshev.chebvander(reduced, terms - 1).T
    return np.asarray(rows, dtype=np.float64)
