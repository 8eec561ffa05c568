"""Le Bail's areas: points shared out among lines, and what the errors of the shares are."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Array = NDArray[np.float64]

ROUNDS = 40
_SETTLED = 1e-4


def shared_out(
    designs: Sequence[sparse.csr_matrix], areas: Sequence[Array], net: Array
) -> list[Array]:
    """Return Le Bail's areas from those of before."""
    design = sparse.vstack(designs).tocsr()
    area = np.concatenate(areas)
    whole = np.asarray(design.sum(axis=1)).ravel()
    seen = whole > 0
    for _ in range(ROUNDS):
        calculated = design.T.dot(area)
        # Points below the background count too: without them noise would add up.
        ratio = np.divide(net, calculated, out=np.zeros_like(net), where=calculated > 0)
        after = np.where(seen, area * (design @ ratio) / np.where(seen, whole, 1.0), 0.0)
        after = np.maximum(after, 0.0)
        moved = np.abs(after - area).max()
        area = after
        if moved <= _SETTLED * area.max(initial=1e-300):
            break
    return list(np.split(area, np.cumsum([d.shape[0] for d in designs])[:-1]))


def shared_errors(design: sparse.csr_matrix, area: Array, sigma: Array) -> Array:
    """Return the standard errors of areas (h,) above 0 that were shared out."""
    calculated = design.T.dot(area)
    inverse = np.divide(1.0, calculated, out=np.zeros_like(calculated), where=calculated > 0)
    share = sparse.diags_array(area) @ design @ sparse.diags_array(inverse)
    normal = (share @ sparse.diags_array(calculated) @ share.T).toarray()
    root = np.sqrt(np.maximum(normal.sum(axis=1), 1e-300))
    weights, vectors = np.linalg.eigh(normal / np.outer(root, root))
    weights = np.clip(weights, 1e-12, 1.0)
    reached = (1.0 - (1.0 - weights) ** ROUNDS) / weights
    response = (vectors * reached) @ (vectors.T / root)
    scatter = share @ sparse.diags_array(sigma)
    middle = (scatter @ scatter.T).toarray()
    variance = np.einsum("hi,ij,hj->h", response, middle, response)
    return np.asarray(area / root * np.sqrt(np.maximum(variance, 0.0)))
