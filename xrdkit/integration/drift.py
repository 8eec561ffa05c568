"""Trend of a series of frames with the frame number, in its scale and in its shape."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.integration.contrast import Series, contrast, level_of, pooled, shape_of, two_sided

Array = NDArray[np.float64]

#: Frames that a trend needs.
FEWEST = 4


@dataclass(frozen=True, kw_only=True)
class Drift:
    """A linear trend."""

    scale: float
    """Relative change of the scale per frame, with its standard error."""
    scale_sigma: float
    p_scale: float
    shape: float
    """Root mean square of the relative change of the shape per frame, beyond noise."""
    p_shape: float
    frame_sigma: Array
    """Relative standard error of the scale of one frame, shape (F,)."""
    frame_shape: Array
    """Change of the shape that one frame could show, shape (F,)."""

    def grown(self, reference: int, alpha: float, tolerance: float) -> NDArray[np.bool_]:
        """Return in which frames a significant trend is beyond the error of one frame.

        `alpha` is the level of both trends together; what is below `tolerance` does not count.
        """
        limit = sidak(alpha, 0.5)
        apart = np.abs(np.arange(self.frame_sigma.size) - reference)
        with np.errstate(invalid="ignore"):
            moved = apart * abs(self.scale) > np.maximum(tolerance, self.frame_sigma)
            bent = apart * self.shape > np.maximum(tolerance, self.frame_shape)
        return np.asarray((moved & (self.p_scale < limit)) | (bent & (self.p_shape < limit)))

    @classmethod
    def nothing(cls, frames: int) -> "Drift":
        """Return what stands for a trend that was not looked for."""
        nan = float("nan")
        empty = np.full(frames, nan)
        return cls(
            scale=nan, scale_sigma=nan, p_scale=nan, shape=nan, p_shape=nan,
            frame_sigma=empty, frame_shape=empty,
        )  # fmt: skip


def sidak(p: float, number: float) -> float:
    """Return 1 - (1 - p)^number: the chance that one of so many independent tests has p or less.

    With 1/number, the level that each of them may have. Source: Z. Šidák, J. Am. Stat. Assoc. 62
    (1967) 626.
    """
    return float(-np.expm1(number * np.log1p(-min(max(p, 0.0), 1 - 1e-16))))


def drift_of(series: Series, usable: NDArray[np.intp]) -> Drift | None:
    """Return the trend over the `usable` frames; None where they are fewer than `FEWEST`.

    The slope of each bin over the frame number is that of weighted least squares. Its part along
    the mean curve is the drift of the scale, against all errors of the doses; what is left, frames
    divided by their levels, the drift of the shape.
    """
    if usable.size < FEWEST:
        return None
    exposure = series.exposure[usable]
    there = np.all(exposure > 0, axis=0)
    if not there.any():
        return None
    weight = np.where(there, exposure, 1.0)
    x = np.broadcast_to(usable[:, None].astype(float), weight.shape)
    centre = np.sum(weight * x, axis=0) / np.sum(weight, axis=0)
    factors = weight * (x - centre) / np.sum(weight * (x - centre) ** 2, axis=0)
    factors = np.where(there, factors, np.nan)
    levels = np.ones(usable.size)
    mean = pooled(series, usable, levels)
    expected = np.broadcast_to(mean, factors.shape)
    trend = contrast(series, usable, factors, expected)
    known = trend.band[0] > 0
    weights = np.where(known, mean / np.where(known, trend.band[0], 1.0), 0.0)
    scale, sigma = level_of(trend, weights, mean)
    frame_sigma = np.full(series.stack.intensity.shape[0], np.nan)
    frame_shape = np.full(series.stack.intensity.shape[0], np.nan)
    one = np.where(there, 1.0, np.nan)[None]
    for k, f in enumerate(usable.tolist()):
        single = contrast(series, usable[k : k + 1], one, expected[:1])
        levels[k], frame_sigma[f] = level_of(single, weights, mean)
        power = np.nansum(np.where(single.band[0] > 0, mean**2 / single.band[0], 0.0))
        frame_shape[f] = (2 * max(int(there.sum()), 1)) ** 0.25 / np.sqrt(max(power, 1e-300))
    levels = np.where(levels > 0, levels, np.nan)
    p_shape, shape = float("nan"), 0.0
    if np.all(np.isfinite(levels)):
        mean = pooled(series, usable, levels)
        found = contrast(series, usable, factors / levels[:, None], mean[None] * levels[:, None])
        test = shape_of(found, mean)
        p_shape, shape = test.p_value, test.change
    return Drift(
        scale=scale,
        scale_sigma=sigma,
        p_scale=two_sided(scale, sigma),
        shape=shape,
        p_shape=p_shape,
        frame_sigma=frame_sigma,
        frame_shape=frame_shape,
    )
