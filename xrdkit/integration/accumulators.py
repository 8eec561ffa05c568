"""Sums of one frame over its bins, and the intensity and standard error that follow."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.averaging import AveragedFrame
from xrdkit.integration.kernel import accumulate, accumulate_map
from xrdkit.integration.weights import Plan

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Accumulators of one frame, one entry for each bin, shape (K,)."""

    signal: Array
    """S = Σ (n - τ d), counts."""
    counting: Array
    """Variance of Σ n from counting, counts²."""
    dark: Array
    """Variance of Σ τ d: τ² Σ var(d), counts²."""
    norm: Array
    """N = Σ w."""
    moment: Array
    """Σ w r."""
    pixels: Array
    """Number of pixels."""


def sum_frame(
    counts: Array,
    bad: NDArray[np.bool_],
    plan: Plan,
    *,
    dark: AveragedFrame | None = None,
    dark_scale: float = 1.0,
    averaged: AveragedFrame | None = None,
) -> Sums:
    """Return the sums of one frame of `counts` (y, x) without its `bad` pixels.

    The variance from counting is that of Poisson counts taken on the whole bin, never below that
    of one count (R = Σ n is its own best estimate, and no bin is known better than one count
    allows). For an `averaged` frame it is the sum of its variances, floored likewise.
    """
    values, left_out = counts.ravel(), bad.ravel()
    signal, norm, moment, pixels = accumulate(
        values, left_out, plan.index, plan.weight, plan.radial, plan.bins
    )
    if averaged is None:
        counting = np.maximum(signal, 1.0)
    else:
        variance = accumulate_map(averaged.variance.ravel(), left_out, plan.index, plan.bins)
        counting = np.maximum(variance, 1.0 / averaged.frames**2)
    dark_variance = np.zeros(plan.bins)
    if dark is not None:
        below = accumulate_map(dark.mean.ravel(), left_out, plan.index, plan.bins)
        spread = accumulate_map(dark.variance.ravel(), left_out, plan.index, plan.bins)
        signal = signal - dark_scale * below
        dark_variance = dark_scale**2 * np.maximum(spread, (pixels > 0) / dark.frames**2)
    return Sums(
        signal=signal,
        counting=counting,
        dark=dark_variance,
        norm=norm,
        moment=moment,
        pixels=pixels,
    )


def intensity_and_sigma(
    sample: Sums, dose: float, background: Sums | None = None, background_dose: float = 1.0
) -> tuple[Array, Array]:
    """Return intensity and its standard error, each (K,), NaN where a bin has no pixel.

    I = S/(N g) - S_b/(N_b g_b). Counting variances add; the dark, subtracted from both, is one
    and the same measurement, so that its errors subtract: σ_d = |σ_d,s/(N g) - σ_d,b/(N_b g_b)|.
    `background_dose` holds 1/β. Source of S/N: the Poisson maximum-likelihood estimate of a
    constant over pixels of expectation w.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = sample.norm * dose
        intensity = sample.signal / scale
        counting = sample.counting / scale**2
        dark = np.sqrt(sample.dark) / scale
        if background is not None:
            below = background.norm * background_dose
            intensity = intensity - background.signal / below
            counting = counting + background.counting / below**2
            dark = dark - np.sqrt(background.dark) / below
        sigma = np.sqrt(counting + dark**2)
    empty = sample.pixels == 0
    if background is not None:
        empty = empty | (background.pixels == 0)
    intensity[empty] = np.nan
    sigma[empty] = np.nan
    return intensity, sigma
