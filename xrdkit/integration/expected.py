"""The variance of counts about an expected intensity, instead of about what was counted.

Counts that fluctuated down look more precise than those that fluctuated up. Weights and tests that
take the variance from each curve's own counts are therefore biased, by one count per bin. Under a
hypothesis that states the intensity (all frames are alike, two profiles differ by a factor), the
variance follows from that intensity, and holds down to single counts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.integration.stack import Stack

Array = NDArray[np.float64]

COUNTING = "counting"


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
    known: bool
    """Whether counts are known; variances are those stated otherwise."""

    def variance(self, intensity: Array, expected: Array) -> Array:
        """Return the variance of points of `intensity` if `expected` is the truth, (F, K)."""
        return self.counting(intensity, expected) + self.rest

    def counting(self, intensity: Array, expected: Array) -> Array:
        """Return the part of it that comes from counting, (F, K), never below 0."""
        return np.maximum(self.measured + (expected - intensity) * self.slope, 0.0)

    def events(self, intensity: Array, expected: Array) -> Array:
        """Return the expected number of counts, counts of equal weight, (F, K)."""
        counting = self.counting(intensity, expected)
        weight = np.where(self.slope > 0, self.slope, 1.0)
        return np.where(self.slope > 0, counting / weight**2, np.inf)


def counting_of(stack: Stack) -> Counting:
    """Return how the variances of `stack` follow from counts.

    With R = Σ a n and V = Σ a² n in N g I = R less what was subtracted: t = (V/R)/(N g), V taken
    from the error of the source ``counting``. Without counts, or that source, the stated variance.
    """
    known = {"counts", "normalization"} <= set(stack.sums) and COUNTING in stack.sources
    if not known:
        nothing = np.zeros_like(stack.intensity)
        return Counting(slope=nothing, measured=nothing, rest=stack.variance, known=False)
    stated = stack.errors[:, stack.sources.index(COUNTING)] ** 2
    counts, norm = stack.sums["counts"], stack.sums["normalization"]
    there = (norm > 0) & np.isfinite(stated)
    safe = np.where(there, norm, 1.0)
    # Below one count the stated variance is a floor and says nothing of the weights.
    counted = there & (counts >= 1.0)
    weight = np.where(counted, stated * safe**2 / np.where(counted, counts, 1.0), 1.0)
    slope = np.where(there, weight / safe, 0.0)
    measured = np.where(there, slope * counts / safe, np.nan)
    rest = np.maximum(stack.variance - stated, 0.0)
    return Counting(slope=slope, measured=measured, rest=rest, known=True)
