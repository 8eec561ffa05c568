"""Scatter of intensity between the pixels of a bin beyond that of counting: grains and speckle."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdkit.compiled import compiled
from xrdkit.integration.outlier_kernels import bin_sums
from xrdkit.integration.outliers import Pixels, in_photons

Array = NDArray[np.float64]


def spottiness(
    counts: NDArray[Any],
    bad: NDArray[np.bool_],
    plan: Pixels,
    *,
    gain: float = 1.0,
    readout_noise: float = 0.0,
    dark: Array | None = None,
) -> tuple[Array, Array]:
    """Return the spottiness of each bin of one frame and its standard error, each (bins,).

    Spottiness is the variance of the intensity between the pixels of a bin over its mean squared,
    what counting adds taken off; 0 for a smooth ring at any count level, about one over the number
    of grains that a pixel sees for a powder. With expected counts μ = w λ, λ = Σ(n - d)/Σ w,

        s = [Σ (n - μ - d)² - Σ n + λ Σ w²/Σ w] / [(λ² - Σ n/(Σ w)²) Σ w²],

    whose last terms allow for λ being estimated from the same counts. The error is that of a bin
    without any spottiness, √(2 Σ (μ + d)² + Σ n) over the same: s over it tells whether there is
    any. It may be negative by chance. NaN where a bin has fewer than two pixels or too few counts
    for a rate above zero.

    Arguments and errors as `find_outliers`; what that has found belongs into `bad`.
    """
    values, extra = in_photons(counts, bad, plan, gain, readout_noise, dark)
    left_out = np.ascontiguousarray(bad, dtype=np.bool_).ravel()
    sums = bin_sums(values, left_out, plan.index, plan.weight, extra, plan.bins)
    total, norm, beside, pixels = sums.T[:4]
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = (total - beside) / norm
        squared = rate**2 - total / norm**2
    squares, weights, means = _second(
        values, left_out, plan.index, plan.weight, extra, np.nan_to_num(rate)
    )
    usable = (pixels >= 2) & (rate > 0) & (squared > 1e-6 * rate**2)
    value, error = np.full(plan.bins, np.nan), np.full(plan.bins, np.nan)
    scale = (squared * weights)[usable]
    estimated = (rate * weights / norm)[usable]
    value[usable] = (squares[usable] - total[usable] + estimated) / scale
    error[usable] = np.sqrt(2.0 * means[usable]) / scale
    return value, error


@compiled()
def _second(
    counts: Array,
    left_out: NDArray[np.bool_],
    index: NDArray[np.uint32],
    weight: Array,
    extra: Array,
    rate: Array,
) -> Array:
    """Return Σ (n - μ - d)², Σ w² and Σ (μ + d)² of each bin, shape (3, bins)."""
    bins = rate.size
    sums = np.zeros((3, bins))
    for i in range(index.size):
        k = index[i]
        if k < bins and not left_out[i]:
            mean = rate[k] * weight[i] + (extra[i] if extra.size > 1 else extra[0])
            sums[0, k] += (counts[i] - mean) ** 2
            sums[1, k] += weight[i] ** 2
            sums[2, k] += mean**2
    return sums
