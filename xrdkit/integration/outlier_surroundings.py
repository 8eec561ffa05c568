"""Whether a pixel stands out of the pixels around it that lie at the same radius."""

import math

import numpy as np
from numpy.typing import NDArray

from xrdkit.compiled import compiled
from xrdkit.integration.outlier_kernels import log_tail

Array = NDArray[np.float64]

#: Half widths of the surroundings, pixels: the first that holds enough is taken.
_REACH = (8, 16, 32)
_ENOUGH_PIXELS = 12
_ENOUGH_COUNTS = 64.0
#: Mean of the lowest four fifths of z² of a standard normal variable.
_TRIMMED = 0.437710
#: Rings of about this radius, pixels, are taken as a whole.
_NEAR_CENTRE = 12
_SEGMENTS = 8
CAPACITY = 4096


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
    enough: float,
    buffer: Array,
) -> float:
    """Return ln P of the counts of pixel `i` given those of its surroundings.

    These are the pixels at its radius, to 0.6 of a pixel, within 8, 16 or 32 rows and columns:
    whatever varies smoothly along or across the rings is the same for them. Their scatter beyond
    counting, measured without its highest fifth, widens the distribution (counts are divided by
    it), so that a flat that is missing or a sharp ring makes no outliers. For `spots` the
    surroundings are divided along the ring into eight, and the three richest do not count.
    Returns 0.0 where counting alone makes P more than `enough`, ln P, and where fewer than four
    pixels are left to compare with.
    """
    rows = index.size // columns
    y, x = i // columns, i % columns
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
        size = _along_ring(
            i, counts, left_out, index, weight, radial, extra, bins, columns, reach, slope_y,
            slope_x, near, buffer,
        )  # fmt: skip
        if size < 0:
            size = _around(
                i, counts, left_out, index, weight, radial, extra, bins, columns, slope_y, slope_x,
                near, buffer,
            )  # fmt: skip
            break
        held, highest = 0.0, 0.0
        for j in range(size):
            held += buffer[0, j]
            highest = max(highest, buffer[0, j])
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
    expected = rate * weight[i] + (extra[i] if extra.size > 1 else extra[0])
    whole = expected + rate * norm + beside
    share = weight[i] / (weight[i] + norm) if whole <= 0.0 else expected / whole
    if log_tail(counts[i], total, share) >= enough:
        return 0.0
    widening = max(_scatter(buffer, size), 1.0)
    return log_tail(counts[i] / widening, total / widening, share)


@compiled()
def _along_ring(
    i: int,
    counts: Array,
    left_out: NDArray[np.bool_],
    index: NDArray[np.uint32],
    weight: Array,
    radial: Array,
    extra: Array,
    bins: int,
    columns: int,
    reach: int,
    slope_y: float,
    slope_x: float,
    near: float,
    buffer: Array,
) -> int:
    """Put counts, weight, extra and segment of the pixels at the radius of `i` into `buffer`.

    The contour of the radius is followed to both sides, row by row where it is steep and column by
    column where it is flat, `reach` of them or until it turns. Returns their number, or -1 where
    it turned within `_NEAR_CENTRE` and other pixels of a small ring are better looked for.
    """
    rows = index.size // columns
    upright = abs(slope_x) >= abs(slope_y)
    long_step, cross_step = (columns, 1) if upright else (1, columns)
    long_size, cross_size = (rows, columns) if upright else (columns, rows)
    start, begin = (i // columns, i % columns) if upright else (i % columns, i // columns)
    own = radial[i]
    size = 0
    for side in (-1, 1):
        cross = begin
        for step in range(1 if side > 0 else 0, reach + 1):
            at = start + side * step
            if at < 0 or at >= long_size:
                break
            base = at * long_step
            miss = abs(radial[base + cross * cross_step] - own)
            for turn in (-1, 1):
                while 0 <= cross + turn < cross_size:
                    other = abs(radial[base + (cross + turn) * cross_step] - own)
                    if not other < miss:
                        break
                    miss, cross = other, cross + turn
            if not miss <= near:
                if step <= _NEAR_CENTRE:
                    return -1
                break
            part = (side * step + reach) * _SEGMENTS // (2 * reach + 1)
            for turn in (-1, 1):
                other = cross if turn < 0 else cross + 1
                while 0 <= other < cross_size and abs(other - cross) <= reach:
                    j = base + other * cross_step
                    if not abs(radial[j] - own) <= near:
                        break
                    if j != i and not left_out[j] and index[j] < bins and size < CAPACITY:
                        buffer[0, size] = counts[j]
                        buffer[1, size] = weight[j]
                        buffer[2, size] = extra[j] if extra.size > 1 else extra[0]
                        buffer[3, size] = part
                        size += 1
                    other += turn
    return size


@compiled()
def _around(
    i: int,
    counts: Array,
    left_out: NDArray[np.bool_],
    index: NDArray[np.uint32],
    weight: Array,
    radial: Array,
    extra: Array,
    bins: int,
    columns: int,
    slope_y: float,
    slope_x: float,
    near: float,
    buffer: Array,
) -> int:
    """Do what `_along_ring` does where rings are so small that contours turn."""
    y, x = i // columns, i % columns
    reach = 2 * _NEAR_CENTRE
    slope = math.hypot(slope_y, slope_x)
    size = 0
    for v in range(max(y - reach, 0), min(y + reach, index.size // columns - 1) + 1):
        for u in range(max(x - reach, 0), min(x + reach, columns - 1) + 1):
            j = v * columns + u
            if not abs(radial[j] - radial[i]) <= near or j == i or left_out[j] or index[j] >= bins:
                continue
            along = (slope_y * (u - x) - slope_x * (v - y)) / slope if slope > 0.0 else 0.0
            part = int((along / (1.5 * reach) + 1.0) * 0.5 * _SEGMENTS)
            buffer[0, size] = counts[j]
            buffer[1, size] = weight[j]
            buffer[2, size] = extra[j] if extra.size > 1 else extra[0]
            buffer[3, size] = min(max(part, 0), _SEGMENTS - 1)
            size += 1
    return size


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
