"""The sums over pixels, in pixel order, in float64; whole counts without splitting are exact.

A plan holds for every pixel its first bin and, where pixels are split, its shares a in consecutive
bins; else a = 1. Sums are taken over a list of pixels: all usable ones once, those that one frame
lacks to be taken off again.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdkit.compiled import compiled

Array = NDArray[np.float64]
Index = NDArray[np.uint32]
Pointer = NDArray[np.int64]
Shares = NDArray[np.float32]


@compiled()
def sum_counts(values: NDArray[Any], bad: NDArray[np.bool_], index: Index, total: Array) -> None:
    """Add the values of all good pixels to `total` (bins,), one bin each."""
    bins = total.size
    for i in range(index.size):
        k = index[i]
        if k < bins and not bad[i]:
            total[k] += values[i]


@compiled()
def split_counts(
    values: NDArray[Any],
    variance: NDArray[Any],
    bad: NDArray[np.bool_],
    first: Index,
    pointer: Pointer,
    share: Shares,
    total: Array,
    rows: Array,
) -> None:
    """Add Σ a n to `total` (bins,) and Σ a_k a_(k+b) v to `rows` (bins, b) over the good pixels."""
    bins = total.size
    for i in range(first.size):
        k = np.int64(first[i])
        if k >= bins or bad[i]:
            continue
        n, v = np.float64(values[i]), np.float64(variance[i])
        if n == 0.0 and v == 0.0:
            continue
        start = pointer[i]
        count = pointer[i + 1] - start
        # Most pixels lie in one bin or two: written out, these take half the time.
        a = np.float64(share[start])
        total[k] += a * n
        rows[k, 0] += a * a * v
        if count == 1:
            continue
        c = np.float64(share[start + 1])
        total[k + 1] += c * n
        rows[k, 1] += a * c * v
        rows[k + 1, 0] += c * c * v
        for m in range(2, count):
            c = np.float64(share[start + m])
            total[k + m] += c * n
            for j in range(m + 1):
                rows[k + j, m - j] += np.float64(share[start + j]) * c * v


@compiled()
def sum_weights(
    pixels: NDArray[np.int64],
    first: Index,
    pointer: Pointer,
    share: Shares,
    factors: Array,
    radial: Array,
    centres: Array,
    norms: Array,
    moments: Array,
    number: NDArray[np.int64],
    unit: Array,
    sign: float,
) -> None:
    """Add, times `sign`, what the listed pixels bring to the sums that no count enters.

    `factors` (F, pixels) multiply to the weight w; `norms` (F + 1, bins) collect Σ a, Σ a f1,
    Σ a f1 f2 ... Σ a w; `moments` (2, bins) Σ a w o and Σ a w o² with o the radial coordinate
    (pixels,) less the centre of the bin (bins,); `number` (bins,) counts pixels; `unit` (b, bins)
    collects Σ a_k a_(k+b). Without splitting `pointer` is empty and a = 1.
    """
    split = pointer.size > 0
    stages = factors.shape[0]
    bins = norms.shape[1]
    for i in pixels:
        k0 = np.int64(first[i])
        if k0 >= bins:
            continue
        start = pointer[i] if split else 0
        count = pointer[i + 1] - start if split else 1
        for j in range(count):
            k = k0 + j
            a = sign * (np.float64(share[start + j]) if split else 1.0)
            norms[0, k] += a
            for f in range(stages):
                a *= factors[f, i]
                norms[f + 1, k] += a
            o = radial[i] - centres[k]
            moments[0, k] += a * o
            moments[1, k] += a * o * o
            number[k] += 1 if sign > 0 else -1
            if split:
                b = sign * np.float64(share[start + j])
                for m in range(j, count):
                    unit[m - j, k] += b * np.float64(share[start + m])
            else:
                unit[0, k] += sign


@compiled()
def sum_map(
    pixels: NDArray[np.int64],
    values: Array,
    first: Index,
    pointer: Pointer,
    share: Shares,
    total: Array,
    sign: float,
) -> None:
    """Add `sign` times Σ a x of the listed pixels to `total` (bins,)."""
    split = pointer.size > 0
    bins = total.size
    for i in pixels:
        k = np.int64(first[i])
        if k >= bins:
            continue
        if not split:
            total[k] += sign * values[i]
            continue
        for j in range(pointer[i + 1] - pointer[i]):
            total[k + j] += sign * np.float64(share[pointer[i] + j]) * values[i]


@compiled()
def sum_band(
    pixels: NDArray[np.int64],
    values: Array,
    first: Index,
    pointer: Pointer,
    share: Shares,
    band: Array,
    sign: float,
) -> None:
    """Add `sign` times Σ a_k a_(k+b) x of the listed pixels to `band` (b, bins)."""
    split = pointer.size > 0
    bins = band.shape[1]
    for i in pixels:
        k = np.int64(first[i])
        if k >= bins:
            continue
        if not split:
            band[0, k] += sign * values[i]
            continue
        start = pointer[i]
        count = pointer[i + 1] - start
        for j in range(count):
            b = sign * np.float64(share[start + j]) * values[i]
            for m in range(j, count):
                band[m - j, k + j] += b * np.float64(share[start + m])
