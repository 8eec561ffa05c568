"""The variance of counts about an expected intensity, instead of about what was counted.

Counts that fluctuated down look more precise than those that fluctuated up. Weights and tests that
take the variance from each curve's own counts are therefore biased, by one count per bin. Under a
hypothesis that states the intensity (all frames are alike, two profiles differ by a factor), the
variance follows from that intensity, and holds down to single counts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.profiles.stack import Stack

Array = NDArray[np.float64]

COUNTING = "counting"
#: Expected counts below this are none.
_NOTHING = 1e-6


@dataclass(frozen=True, kw_only=True)
class Counting:
    """How the variance of each point of F curves grows with its expected intensity."""

    slope: Array
    """t = dV/dI, intensity of one count times the mean weight of a count, shape (F, K); 0 where
    nothing is known of the counts."""
    measured: Array
    """Counting variance at the measured counts, without the floor of one count, shape (F, K)."""
    rest: Array
    """Variance from the other sources independent between points, shape (F, K)."""
    weight: Array
    """Mean part of a counted pixel that is in the bin, V/R, shape (F, K); 1 without splitting."""
    known: bool
    """Whether counts are known; variances are those stated otherwise."""

    def variance(self, intensity: Array, expected: Array) -> Array:
        """Return the variance of points of `intensity` if `expected` is the truth, (F, K)."""
        return self.counting(intensity, expected) + self.rest

    def counting(self, intensity: Array, expected: Array) -> Array:
        """Return the part of it that comes from counting, (F, K), never below 0."""
        counted = self.measured + (expected - intensity) * self.slope
        # What is left of nothing after rounding would be a point of infinite weight.
        return np.where(counted > _NOTHING * self.slope**2, counted, 0.0)

    def events(self, intensity: Array, expected: Array) -> Array:
        """Return the expected number of counts, counts of equal weight, (F, K)."""
        counting = self.counting(intensity, expected)
        weight = np.where(self.slope > 0, self.slope, 1.0)
        return np.where(self.slope > 0, counting / weight**2, np.inf)


def counting_of(stack: Stack, *, alike: bool = False) -> Counting:
    """Return how the variances of `stack` follow from counts.

    With R = Σ a n and V = Σ a² n in N g I = R less what was subtracted: t = (V/R)/(N g), V taken
    from the error of the source ``counting``, which is never below that of one count. Curves that
    are `alike`, frames of one detector, have one V/R. Without counts, or that source, the variance
    is that stated.
    """
    known = {"counts", "normalization"} <= set(stack.sums) and COUNTING in stack.sources
    if not known:
        nothing = np.zeros_like(stack.intensity)
        return Counting(
            slope=nothing,
            measured=nothing,
            rest=stack.variance,
            weight=np.ones_like(nothing),
            known=False,
        )
    stated = stack.errors[:, stack.sources.index(COUNTING)] ** 2
    counts, norm = stack.sums["counts"], stack.sums["normalization"]
    there = (norm > 0) & np.isfinite(stated)
    safe = np.where(there, norm, 1.0)
    square, number = np.where(there, stated * safe**2, 0.0), np.maximum(counts, 1.0)
    if alike:
        total = np.sum(np.where(there, number, 0.0), axis=0)
        weight = np.sum(square, axis=0) / np.where(total > 0, total, 1.0)
        weight = np.broadcast_to(weight, square.shape)
    else:
        weight = square / number
    slope = np.where(there, weight / safe, 0.0)
    measured = np.where(there, slope * counts / safe, np.nan)
    rest = np.maximum(stack.variance - stated, 0.0)
    return Counting(slope=slope, measured=measured, rest=rest, weight=weight, known=True)
