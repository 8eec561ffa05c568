"""Linear algebra of joint fits: normal equations, and the curvature that steps have shown."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import FitFailed

Array = NDArray[np.float64]


def bent(normal: Array, pairs: Sequence[tuple[Array, Array]]) -> Array:
    """Return the normal matrix with the curvature that earlier steps have shown (BFGS updates).

    `pairs` are steps and what they changed of the gradient. What is eliminated from a frame gives
    way less than its normal matrix says where two cell lengths are nearly one.
    """
    result = normal
    for step, change in pairs:
        along, gain = result @ step, float(change @ step)
        if gain > 1e-3 * float(step @ along) > 0:
            result = (
                result
                - np.outer(along, along) / float(step @ along)
                + np.outer(change, change) / gain
            )
    return np.asarray(result)


def solved(matrix: Array, right: Array) -> Array:
    """Return matrix⁻¹ right for a matrix that is positive, its diagonal scaled to 1."""
    size = np.sqrt(np.diagonal(matrix))
    if not np.all(size > 0):
        raise FitFailed("the frames do not determine all coefficients of the curves")
    scaled = matrix / np.outer(size, size)
    weights, vectors = np.linalg.eigh(scaled)
    if weights.size and weights[0] < 1e-13 * weights[-1]:
        raise FitFailed("the frames do not determine all coefficients of the curves")
    unit = size if right.ndim == 1 else size[:, np.newaxis]
    inner = vectors.T @ (right / unit)
    inner /= weights if right.ndim == 1 else weights[:, np.newaxis]
    return np.asarray((vectors @ inner) / unit)
