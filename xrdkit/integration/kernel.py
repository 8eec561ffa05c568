"""The sums over pixels, one pass in pixel order, in float64."""

import numpy as np
from numpy.typing import NDArray

from xrdkit.compiled import compiled

Array = NDArray[np.float64]


@compiled()
def accumulate(
    counts: Array,
    bad: NDArray[np.bool_],
    index: NDArray[np.uint32],
    weight: Array,
    radial: Array,
    bins: int,
) -> Array:
    """Return the sums over the good pixels of each bin, shape (4, bins).

    Rows are: signal Σ n, normalisation Σ w, first moment Σ w r, and number of pixels. `counts`,
    `bad`, `index`, `weight`, `radial` have one entry for each pixel; pixels with ``index >= bins``
    are left out. The order of the sums is that of the pixels, so that results do not depend on
    threads or blocks.
    """
    sums = np.zeros((4, bins))
    for i in range(index.size):
        k = index[i]
        if k >= bins or bad[i]:
            continue
        sums[0, k] += counts[i]
        sums[1, k] += weight[i]
        sums[2, k] += weight[i] * radial[i]
        sums[3, k] += 1.0
    return sums


@compiled()
def accumulate_map(
    values: Array,
    bad: NDArray[np.bool_],
    index: NDArray[np.uint32],
    bins: int,
) -> Array:
    """Return Σ values over the good pixels of each bin, shape (bins,), in pixel order."""
    total = np.zeros(bins)
    for i in range(index.size):
        k = index[i]
        if k < bins and not bad[i]:
            total[k] += values[i]
    return total
