"""Taking outliers out of the sums of a frame one by one, and the spots around them."""

import math

import numpy as np
from numpy.typing import NDArray

from xrdkit.compiled import compiled
from xrdkit.integration.outlier_kernels import bin_share, log_tail
from xrdkit.integration.outlier_surroundings import CAPACITY, tail_beside

Array = NDArray[np.float64]

#: ln P that a pixel must fall below in its surroundings.
_IMPROBABLE = math.log(1e-7)


@compiled()
def remove(
    candidates: NDArray[np.int64],
    counts: Array,
    left_out: NDArray[np.bool_],
    sums: Array,
    index: NDArray[np.uint32],
    weight: Array,
    radial: Array,
    extra: Array,
    columns: int,
    level: float,
    spots: bool,
    cleared: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Leave out the `candidates`, highest first, that are outliers; return their numbers.

    An outlier is improbable in its bin, ln P below `level`, and in its surroundings, both without
    what was left out before. Changes `left_out` and `sums`, and `cleared` where the surroundings
    alone speak for a pixel.
    """
    buffer = np.empty((4, CAPACITY))
    found = np.empty(candidates.size, dtype=np.int64)
    size = 0
    bins = sums.shape[0]
    each = extra.size > 1
    for i in candidates:
        k = index[i]
        own = extra[i] if each else extra[0]
        share = bin_share(sums[k], weight[i], own)
        if log_tail(counts[i], sums[k, 0] - counts[i], share) >= level:
            continue
        beside = tail_beside(
            i, counts, left_out, index, weight, radial, extra, bins, columns, spots, _IMPROBABLE,
            buffer,
        )  # fmt: skip
        cleared[i] = beside >= _IMPROBABLE
        if cleared[i]:
            continue
        left_out[i] = True
        sums[k, 0] -= counts[i]
        sums[k, 1] -= weight[i]
        sums[k, 2] -= own
        sums[k, 3] -= 1.0
        found[size] = i
        size += 1
    return found[:size].copy()


@compiled()
def grow(
    seeds: NDArray[np.int64],
    counts: Array,
    left_out: NDArray[np.bool_],
    sums: Array,
    index: NDArray[np.uint32],
    weight: Array,
    radial: Array,
    extra: Array,
    columns: int,
    level: float,
) -> NDArray[np.int64]:
    """Leave out what hangs together with `seeds`; return the numbers of these pixels.

    A pixel that touches one left out goes too where its bin and its surroundings make it less
    probable than `level`, ln P. Changes `left_out` and `sums`.
    """
    buffer = np.empty((4, CAPACITY))
    bins = sums.shape[0]
    rows = index.size // columns
    stack = np.empty(index.size, dtype=np.int64)
    stack[: seeds.size] = seeds
    size, at = seeds.size, 0
    tried = np.zeros(index.size, dtype=np.bool_)
    while at < size:
        y, x = stack[at] // columns, stack[at] % columns
        at += 1
        for v in range(max(y - 1, 0), min(y + 1, rows - 1) + 1):
            for u in range(max(x - 1, 0), min(x + 1, columns - 1) + 1):
                j = v * columns + u
                k = index[j]
                if tried[j] or left_out[j] or k >= bins:
                    continue
                tried[j] = True
                share = bin_share(sums[k], weight[j], extra[j] if extra.size > 1 else extra[0])
                if log_tail(counts[j], sums[k, 0] - counts[j], share) >= level:
                    continue
                beside = tail_beside(
                    j, counts, left_out, index, weight, radial, extra, bins, columns, True, level,
                    buffer,
                )  # fmt: skip
                if beside < level:
                    left_out[j] = True
                    sums[k, 0] -= counts[j]
                    sums[k, 1] -= weight[j]
                    sums[k, 2] -= extra[j] if extra.size > 1 else extra[0]
                    sums[k, 3] -= 1.0
                    stack[size] = j
                    size += 1
    return stack[seeds.size : size].copy()


@compiled()
def group_sizes(found: NDArray[np.int64], pixels: int, columns: int) -> NDArray[np.int64]:
    """Return for each of the pixels `found` how many of them touch each other in its group."""
    group = np.zeros(pixels, dtype=np.int32)
    for i in found:
        group[i] = -1
    stack = np.empty(found.size, dtype=np.int64)
    size_of = np.zeros(found.size + 1, dtype=np.int64)
    number = 0
    for first in found:
        if group[first] != -1:
            continue
        number += 1
        group[first] = number
        stack[0] = first
        size, at = 1, 0
        while at < size:
            y, x = stack[at] // columns, stack[at] % columns
            at += 1
            for v in range(max(y - 1, 0), min(y + 1, pixels // columns - 1) + 1):
                for u in range(max(x - 1, 0), min(x + 1, columns - 1) + 1):
                    j = v * columns + u
                    if group[j] == -1:
                        group[j] = number
                        stack[size] = j
                        size += 1
        size_of[number] = size
    out = np.empty(found.size, dtype=np.int64)
    for at in range(found.size):
        out[at] = size_of[group[found[at]]]
    return out
