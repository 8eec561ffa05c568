"""Trend of a series of frames with the frame number, in its scale and in its shape."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.profiles.contrast import Series, contrast, level_of, pooled, shape_of, two_sided

Array = NDArray[np.float64]

#: Frames that a trend needs.
FEWEST = 4
#: Trends less significant than this are none at any level that is asked for.
_LOOKED_AT = 0.5
#: Orders of the frames that are tried, all of which must be less steep.
_ORDERS = 40


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
    scale_in_order: bool
    """Whether the scale changes in the order of the frames more than in any other tried."""
    shape_in_order: bool
    """The same of the shape."""

    def grown(self, reference: int, alpha: float, tolerance: float) -> NDArray[np.bool_]:
        """Return in which frames a significant trend is beyond the error of one frame.

        One frame that is unlike all others, or frames that differ at random, give a significant
        slope as well; a trend is one only where the order of the frames matters.
        `alpha` is the level of both trends together; what is below `tolerance` does not count.
        """
        limit = sidak(alpha, 0.5)
        apart = np.abs(np.arange(self.frame_sigma.size) - reference)
        with np.errstate(invalid="ignore"):
            moved = apart * abs(self.scale) > np.maximum(tolerance, self.frame_sigma)
            bent = apart * self.shape > np.maximum(tolerance, self.frame_shape)
        scale = moved & (self.p_scale < limit) & self.scale_in_order
        shape = bent & (self.p_shape < limit) & self.shape_in_order
        return np.asarray(scale | shape)

    @classmethod
    def nothing(cls, frames: int) -> "Drift":
        """Return what stands for a trend that was not looked for."""
        nan = float("nan")
        empty = np.full(frames, nan)
        return cls(
            scale=nan, scale_sigma=nan, p_scale=nan, shape=nan, p_shape=nan,
            frame_sigma=empty, frame_shape=empty, scale_in_order=False, shape_in_order=False,
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
    sharp = frame_sigma[usable]
    p_scale = two_sided(scale, sigma)
    scale_in_order = p_scale < _LOOKED_AT and _in_order(
        levels[:, None], 1 / sharp[:, None] ** 2, np.ones(1), None
    )
    levels = np.where(levels > 0, levels, np.nan)
    p_shape, shape, shape_in_order = float("nan"), 0.0, False
    if np.all(np.isfinite(levels)):
        mean = pooled(series, usable, levels)
        found = contrast(series, usable, factors / levels[:, None], mean[None] * levels[:, None])
        test = shape_of(found, mean)
        p_shape, shape = test.p_value, test.change
        values = np.where(there, series.stack.intensity[usable] / levels[:, None], 0.0)
        precision = np.where(known & there, 1 / np.where(known, trend.band[0], 1.0), 0.0)
        shape_in_order = p_shape < _LOOKED_AT and _in_order(
            values, weight * levels[:, None] ** 2, precision, np.where(there, mean, 0.0)
        )
    return Drift(
        scale=scale,
        scale_sigma=sigma,
        p_scale=p_scale,
        shape=shape,
        p_shape=p_shape,
        frame_sigma=frame_sigma,
        frame_shape=frame_shape,
        scale_in_order=scale_in_order,
        shape_in_order=shape_in_order,
    )


def _in_order(values: Array, weight: Array, precision: Array, curve: Array | None) -> bool:
    """Return whether `values` (F, K) have a steeper trend in their order than shuffled.

    `weight` (F, K) is that of each value in its slope, `precision` (K,) that of each slope in their
    sum of squares, from which the part along `curve` (K,) is taken off.
    """
    number = len(values)
    places = np.arange(number, dtype=float)
    generator = np.random.default_rng(0)

    def steepness(x: Array) -> float:
        centre = np.sum(weight * x[:, None], axis=0) / np.sum(weight, axis=0)
        apart = weight * (x[:, None] - centre)
        slope = np.sum(apart * values, axis=0) / np.sum(apart * (x[:, None] - centre), axis=0)
        if curve is not None:
            along = np.sum(precision * curve * slope) / np.sum(precision * curve**2)
            slope = slope - along * curve
        return float(np.sum(precision * slope**2))

    found = steepness(places)
    for _ in range(_ORDERS):
        x = generator.permutation(places)
        same = np.array_equal(x, places) or np.array_equal(x, places[::-1])
        if not same and steepness(x) >= found:
            return False
    return True
