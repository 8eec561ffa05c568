"""Probability of a pixel's counts given those of other pixels, and the passes over a frame."""

import math

import numpy as np
from numpy.typing import NDArray

from xrdkit.compiled import compiled

Array = NDArray[np.float64]

#: Columns of the sums of a bin.
COUNTS, WEIGHT, EXTRA, PIXELS, HIGHEST, LOWEST = range(6)
_TINY = 1e-300


@compiled()
def log_tail(counts: float, others: float, share: float) -> float:
    """Return ln P(X >= counts) for X of a binomial of ``counts + others`` trials at `share`.

    A pixel that is expected to hold the part `share` of the counts of itself and other pixels
    together holds `counts` of them by chance with this probability: the exact test of two Poisson
    rates, which needs no rate and is right where the others hold none. P is the regularized
    incomplete beta function I_share(counts, others + 1), here by its continued fraction (Lentz);
    0.0 is returned below two standard deviations above the mean, where P exceeds a hundredth.
    Source: Przyborowski and Wilenski, Biometrika 31 (1940) 313; DLMF 8.17.22.
    """
    mean = (counts + others) * share
    if counts <= 0.0 or counts < mean + 2.0 * math.sqrt(mean * (1.0 - share)) or share >= 1.0:
        return 0.0
    if share <= 0.0:
        return -math.inf
    a, b = counts, others + 1.0
    c, d = 1.0, 1.0 - (a + b) * share / (a + 1.0)
    d = 1.0 / (d if abs(d) > _TINY else _TINY)
    fraction = d
    for k in range(1, 5000):
        even = k * (b - k) * share / ((a + 2 * k - 1.0) * (a + 2 * k))
        d = 1.0 + even * d
        c = 1.0 + even / c
        d = 1.0 / (d if abs(d) > _TINY else _TINY)
        c = c if abs(c) > _TINY else _TINY
        fraction *= d * c
        odd = -(a + k) * (a + b + k) * share / ((a + 2 * k) * (a + 2 * k + 1.0))
        d = 1.0 + odd * d
        c = 1.0 + odd / c
        d = 1.0 / (d if abs(d) > _TINY else _TINY)
        c = c if abs(c) > _TINY else _TINY
        fraction *= d * c
        if abs(d * c - 1.0) < 1e-9:
            break
    front = a * math.log(share) + b * math.log1p(-share) - math.log(a)
    beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    return front - beta + math.log(max(fraction, _TINY))


@compiled()
def bin_sums(
    counts: Array,
    left_out: NDArray[np.bool_],
    index: NDArray[np.uint32],
    weight: Array,
    extra: Array,
    bins: int,
) -> Array:
    """Return the sums of each bin over its pixels, shape (bins, 6).

    Columns: counts, weights, expected counts besides the scattering (`extra`: one number, or one
    for each pixel), number of pixels, highest counts and lowest weight of a pixel.
    """
    sums = np.zeros((bins, 6))
    sums[:, 5] = np.inf
    each = extra.size > 1
    for i in range(index.size):
        k = index[i]
        if k >= bins or left_out[i]:
            continue
        n, w = counts[i], weight[i]
        sums[k, 0] += n
        sums[k, 1] += w
        sums[k, 2] += extra[i] if each else extra[0]
        sums[k, 3] += 1.0
        sums[k, 4] = max(sums[k, 4], n)
        sums[k, 5] = min(sums[k, 5], w)
    return sums


@compiled()
def bin_share(sums: Array, weight: float, extra: float) -> float:
    """Return which part of the counts of a bin a pixel of `weight` and `extra` is expected to hold.

    `sums` is the row of the bin. The rate is (R - E)/N: w_i/N without extra counts.
    """
    rate = max(sums[0] - sums[2], 0.0) / sums[1]
    total = rate * sums[1] + sums[2]
    return min((rate * weight + extra) / total, 1.0) if total > 0.0 else 1.0


@compiled()
def thresholds(sums: Array, active: NDArray[np.bool_], extra: float, level: float) -> Array:
    """Return the counts of each bin below which no pixel is improbable, shape (bins,).

    Infinity where a bin is not `active` or not even its highest pixel reaches `level`, ln P. The
    share is that of the pixel expected to hold least, so that no improbable pixel lies below.
    """
    out = np.full(active.size, np.inf)
    for k in range(active.size):
        total, highest = sums[k, 0], sums[k, 4]
        if not active[k] or total <= 0.0:
            continue
        share = bin_share(sums[k], sums[k, 5], extra)
        highest = min(highest, total)
        if share >= 1.0 or log_tail(highest, total - highest, share) >= level:
            continue
        mean = total * share
        # Bernstein's bound lies above the threshold; ln P is concave, so that Newton's steps from
        # there never pass it; what they have not converged is left to the exact test.
        at = mean - level / 3.0 + math.sqrt((level / 3.0) ** 2 - 2.0 * level * mean)
        at = min(at, highest)
        for _ in range(4):
            tail = log_tail(at, total - at, share)
            if tail >= level:
                break
            slope = math.log(share / (1.0 - share) * (total - at + 1.0) / at)
            at -= min((tail - level) / min(slope, -1e-12), at - mean)
        out[k] = mean + 0.95 * (at - 1.0 - mean)
    return out


@compiled()
def pixels_above(
    counts: Array, left_out: NDArray[np.bool_], index: NDArray[np.uint32], threshold: Array
) -> NDArray[np.int64]:
    """Return the numbers of the pixels that reach the `threshold` of their bin."""
    found = np.empty(index.size, dtype=np.int64)
    size = 0
    bins = threshold.size
    for i in range(index.size):
        k = index[i]
        if k < bins and counts[i] >= threshold[k] and not left_out[i]:
            found[size] = i
            size += 1
    return found[:size].copy()
