"""Intensity of sample and background on the bins, and how it answers to what went into it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xrdkit.integration.assignment import Array
from xrdkit.integration.frame_sums import FrameSums


@dataclass(frozen=True, kw_only=True)
class Level:
    """I = S/(N g) of K bins with its derivatives; NaN where a bin has no pixel."""

    intensity: Array
    """I, shape (K,)."""
    counting: Array
    """Covariance of I from the counts, shape (B, K)."""
    per_dark: Array
    """-dI/dD, D = Σ a d: τ/(N g), shape (K,)."""
    per_weight: Array
    """-dI/dN: I/N, shape (K,)."""


def frame_level(sums: FrameSums, dose: float) -> Level:
    """Return the level of one frame of dose g; S/N is the maximum-likelihood estimate for counts
    of a constant over pixels of expectation w."""
    return _level([(sums, dose)], 1.0)


def mean_level(frames: Sequence[tuple[FrameSums, float]], scale: float) -> Level:
    """Return β times the level of frames taken together, I = β Σ S/Σ g N, with their doses g.

    Sums are added, not intensities: the frames weigh as their doses do. What is common to them (a
    dark, a flat) adds linearly.
    """
    return _level(frames, scale)


def _level(frames: Sequence[tuple[FrameSums, float]], scale: float) -> Level:
    signal = np.sum([s.signal for s, _ in frames], axis=0)
    norm = np.sum([s.norm * g for s, g in frames], axis=0)
    pixels = np.sum([s.weights.pixels for s, _ in frames], axis=0)
    counting = np.sum([s.counting for s, _ in frames], axis=0)
    there = (norm > 0) & (pixels > 0)
    per_count, intensity = np.full(norm.size, np.nan), np.full(norm.size, np.nan)
    np.divide(scale, norm, out=per_count, where=there)
    np.divide(signal, norm, out=intensity, where=there)
    intensity *= scale
    return Level(
        intensity=intensity,
        counting=scaled_band(counting, per_count),
        per_dark=sum(s.dark_scale for s, _ in frames) * per_count,
        per_weight=intensity * (sum(g for _, g in frames) / scale) * per_count,
    )


def scaled_band(band: Array, factor: Array) -> Array:
    """Return the covariance of x_k y_k for `band` that of y, shape (B, K)."""
    out = np.zeros(band.shape)
    size = band.shape[1]
    for offset in range(min(band.shape[0], size)):
        product = factor[: size - offset] * factor[offset:]
        out[offset, : size - offset] = band[offset, : size - offset] * product
    if band.shape[0] > 1:
        # Where pixels are split, bins without any have no neighbours to be correlated with.
        out[1:] = np.where(np.isnan(out[1:]), 0.0, out[1:])
    return out
