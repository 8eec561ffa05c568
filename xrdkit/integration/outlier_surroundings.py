"""Whether a pixel stands out of the pixels around it that lie at the same radius."""

import math

import numpy as np
from numpy.typing import NDArray

from xrdkit.compiled import compiled
from xrdkit.integration.outlier_kernels import bin_share, log_tail

Array = NDArray[np.float64]

#: Half widths of the surroundings, pixels: the first that holds enough is taken.
_REACH = (8, 16, 32)
_ENOUGH_PIXELS = 12
_ENOUGH_COUNTS = 64.0
#: Mean of the lowest four fifths of z² of a standard normal variable.
_TRIMMED = 0.437710
#: ln P that a pixel must fall below in its surroundings.
_IMPROBABLE = math.log(1e-7)
_SEGMENTS = 8
_CAPACITY = 2 * 65 * 65


@compiled()
def tail_beside(
    i: int,
    counts: Array,
    left_out: NDArray[np.bool_],
    index: NDArray[np.uint32],
    weight: Array,
    radial: Array,
    extra: Array,
    bins: int,
    columns: int,
    spots: bool,
    buffer: Array,
) -> float:
    """Return ln P of the counts of pixel `i` given those of its surroundings.

    These are the pixels at its radius, to 0.6 of a pixel, within 8, 16 or 32 rows and columns:
    whatever varies smoothly along or across the rings is the same for them. Their scatter beyond
    counting, measured without its highest fifth, widens the distribution (counts are divided by
    it), so that a flat that is missing or a sharp ring makes no outliers. For `spots` the
    surroundings are divided along the ring into eight, and the three richest do not count.
    Returns 0.0 where fewer than four pixels are left to compare with.
    """
    rows = index.size // columns
    y, x = i // columns, i % columns
    each = extra.size > 1
    own_extra = extra[i] if each else extra[0]
    low_y, high_y = max(y - 1, 0), min(y + 1, rows - 1)
    low_x, high_x = max(x - 1, 0), min(x + 1, columns - 1)
    slope_y = (radial[high_y * columns + x] - radial[low_y * columns + x]) / max(high_y - low_y, 1)
    slope_x = (radial[y * columns + high_x] - radial[y * columns + low_x]) / max(high_x - low_x, 1)
    slope = math.hypot(slope_y, slope_x)
    near = 0.6 * slope if math.isfinite(slope) else -1.0
    if not spots and _below_neighbours(
        i, counts, left_out, index, weight, bins, low_y, high_y, low_x, high_x, columns
    ):
        return 0.0
    size = 0
    for reach in _REACH:
        if spots and reach < _REACH[1]:
            continue
        size = 0
        held, highest = 0.0, 0.0
        for v in range(max(y - reach, 0), min(y + reach, rows - 1) + 1):
            for u in range(max(x - reach, 0), min(x + reach, columns - 1) + 1):
                j = v * columns + u
                if abs(radial[j] - radial[i]) > near or j == i:
                    continue
                if left_out[j] or index[j] >= bins:
                    continue
                buffer[0, size] = counts[j]
                buffer[1, size] = weight[j]
                buffer[2, size] = extra[j] if each else extra[0]
                along = (slope_y * (u - x) - slope_x * (v - y)) / slope if slope > 0.0 else 0.0
                part = int((along / (reach + 1.0) + 1.0) * 0.5 * _SEGMENTS)
                buffer[3, size] = min(max(part, 0), _SEGMENTS - 1)
                held += counts[j]
                highest = max(highest, counts[j])
                size += 1
        if size >= _ENOUGH_PIXELS and held - highest >= _ENOUGH_COUNTS:
            break
    if spots:
        size = _without_richest(buffer, size)
    if size < 4:
        return 0.0
    total, norm, beside = 0.0, 0.0, 0.0
    for j in range(size):
        total += buffer[0, j]
        norm += buffer[1, j]
        beside += buffer[2, j]
    rate = max(total - beside, 0.0) / norm
    expected = rate * weight[i] + own_extra
    whole = expected + rate * norm + beside
    share = weight[i] / (weight[i] + norm) if whole <= 0.0 else expected / whole
    widening = max(_scatter(buffer, size), 1.0)
    return log_tail(counts[i] / widening, total / widening, share)


@compiled()
def _below_neighbours(
    i: int,
    counts: Array,
    left_out: NDArray[np.bool_],
    index: NDArray[np.uint32],
    weight: Array,
    bins: int,
    low_y: int,
    high_y: int,
    low_x: int,
    high_x: int,
    columns: int,
) -> bool:
    """Return whether a pixel plainly is no zinger next to the pixels that touch it.

    True where three of them have a higher rate, or it lies within three deviations of their mean.
    """
    total, norm, higher = 0.0, 0.0, 0
    for v in range(low_y, high_y + 1):
        for u in range(low_x, high_x + 1):
            j = v * columns + u
            if j != i and not left_out[j] and index[j] < bins:
                total += counts[j]
                norm += weight[j]
                higher += 1 if counts[j] * weight[i] > counts[i] * weight[j] else 0
    mean = total / norm * weight[i] if norm > 0.0 else 0.0
    return higher >= 3 or counts[i] < mean + 3.0 * math.sqrt(mean)


@compiled()
def _without_richest(buffer: Array, size: int) -> int:
    """Drop the pixels of the three segments of highest rate from `buffer`; return what is left."""
    held = np.zeros(_SEGMENTS)
    norm = np.zeros(_SEGMENTS)
    for j in range(size):
        part = int(buffer[3, j])
        held[part] += buffer[0, j]
        norm[part] += buffer[1, j]
    seen = 0
    for part in range(_SEGMENTS):
        held[part] = held[part] / norm[part] if norm[part] > 0.0 else -1.0
        seen += 1 if norm[part] > 0.0 else 0
    order = np.argsort(held)
    keep = np.zeros(_SEGMENTS, dtype=np.bool_)
    for at in range(_SEGMENTS - seen, _SEGMENTS - (3 * seen) // _SEGMENTS):
        keep[order[at]] = True
    left = 0
    for j in range(size):
        if keep[int(buffer[3, j])]:
            for row in range(4):
                buffer[row, left] = buffer[row, j]
            left += 1
    return left


@compiled()
def _scatter(buffer: Array, size: int) -> float:
    """Return the variance of the pixels of `buffer` over that of counting, robustly.

    The mean of (n - μ)²/max(μ, 1) without its highest fifth, over what that is for a normal
    variable, with μ from the mean rate of all but the highest and the lowest fifth.
    """
    rates = np.empty(size)
    for j in range(size):
        rates[j] = (buffer[0, j] - buffer[2, j]) / buffer[1, j]
    rates.sort()
    cut = size // 5
    rate = max(rates[cut : size - cut].mean(), 0.0)
    squares = np.empty(size)
    for j in range(size):
        mean = rate * buffer[1, j] + buffer[2, j]
        squares[j] = (buffer[0, j] - mean) ** 2 / max(mean, 1.0)
    squares.sort()
    return squares[: size - cut].mean() / _TRIMMED * size / (size - 1)


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
) -> NDArray[np.int64]:
    """Leave out the `candidates`, highest first, that are outliers; return their numbers.

    An outlier is improbable, ln P below `level`, in its bin and in its surroundings, both without
    what was left out before. Changes `left_out` and `sums`.
    """
    buffer = np.empty((4, _CAPACITY))
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
            i, counts, left_out, index, weight, radial, extra, bins, columns, spots, buffer
        )
        if beside >= _IMPROBABLE:
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

    A pixel that touches one left out goes too where its surroundings make it less probable than
    `level`, ln P. Changes `left_out` and `sums`.
    """
    buffer = np.empty((4, _CAPACITY))
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
                beside = tail_beside(
                    j, counts, left_out, index, weight, radial, extra, bins, columns, True, buffer
                )
                if beside < level:
                    left_out[j] = True
                    sums[k, 0] -= counts[j]
                    sums[k, 1] -= weight[j]
                    sums[k, 2] -= extra[j] if extra.size > 1 else extra[0]
                    sums[k, 3] -= 1.0
                    stack[size] = j
                    size += 1
    return stack[seeds.size : size].copy()
