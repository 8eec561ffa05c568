"""Sums of one frame over its bins: counts, their variance, and the weights of its good pixels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdkit.integration.assignment import Array
from xrdkit.integration.kernel import split_counts, sum_counts
from xrdkit.integration.weights import Mask, Pixels, Plan, WeightSums

#: A frame that lacks more pixels than this is summed anew instead of taking them off.
_FEW = 4096
#: A bin that keeps less than this part of what it held is not found by a difference.
_WORN = 1e-4
#: So many neighbours in a row that hold no data are a gap between modules.
_RUN = 6


@dataclass(frozen=True, kw_only=True)
class FrameSums:
    """Accumulators of one frame; K bins, covariance to B - 1 bins further."""

    counts: Array
    """R = Σ a n, raw counts, shape (K,)."""
    true: Array
    """Σ a n with dead time corrected; R itself where there is none."""
    counting: Array
    """Covariance of the counts of bin k and k + b, counts², shape (B, K)."""
    dark_scale: float
    """τ, the exposure of the frame over that of its dark."""
    weights: WeightSums
    """Sums of the weights over the pixels that are good in this frame."""

    @property
    def signal(self) -> Array:
        """S = Σ a n - τ Σ a d, counts."""
        return self.true - self.dark_scale * self.weights.dark

    @property
    def norm(self) -> Array:
        """N = Σ a w."""
        return self.weights.norms[-1]

    @property
    def is_blank(self) -> bool:
        """Whether no bin has a pixel."""
        return not self.weights.pixels.any()


@dataclass(frozen=True, kw_only=True)
class Noise:
    """How the variance of a pixel follows from its counts n: gain · n + readout²."""

    gain: float = 1.0
    """Counts per photon."""
    readout: float = 0.0
    """Standard deviation without light, counts."""


class FrameSummer:
    """Sums the frames of one plan; pixels without data are taken off the sums of the others.

    Frames of one detector mostly lack the same gaps (that no mask names), and a few single pixels
    each. The sums without the gaps are kept from frame to frame, and single pixels taken off them.
    What is a gap is read in the frame itself, so that its sums are the same to the last bit
    whichever frames were summed before it.
    """

    def __init__(self, plan: Plan, noise: Noise) -> None:
        self.plan = plan
        self.noise = noise
        self._kept: tuple[Pixels, WeightSums] | None = None

    def frame(
        self,
        raw: NDArray[Any],
        bad: Mask,
        *,
        dark_scale: float = 0.0,
        true: tuple[Array, Array] | None = None,
    ) -> FrameSums:
        """Return the sums of the counts `raw` (pixels,) without the `bad` pixels.

        `true` are counts and their variances with dead time corrected, each (pixels,). The variance
        of a bin is taken on its summed counts and is never below that of one photon: R is its own
        best estimate, and no bin is known better than one photon allows.
        """
        weights = self._weights(bad)
        counts, band = self._counted(raw, None, bad, weights)
        corrected = counts
        if true is not None:
            corrected, band = self._counted(true[0], true[1], bad, weights)
        floor = weights.unit[0] * np.divide(
            self.noise.gain**2,
            weights.norms[0],
            out=np.zeros(counts.size),
            where=weights.norms[0] > 0,
        )
        band[0] = np.maximum(band[0], floor)
        return FrameSums(
            counts=counts, true=corrected, counting=band, dark_scale=dark_scale, weights=weights
        )

    def _counted(
        self, values: NDArray[Any], variance: Array | None, bad: Mask, weights: WeightSums
    ) -> tuple[Array, Array]:
        """Return Σ a n and the covariance of the counts from counting and readout."""
        plan = self.plan
        total = np.zeros(plan.bins)
        band = np.zeros((plan.widest, plan.bins))
        scale = self.noise.gain if variance is None else 1.0
        if plan.is_split:
            source = values if variance is None else variance
            if source.dtype.kind == "f":
                source = np.maximum(source, 0.0)
            where = (plan.first, plan.assignment.pointer, plan.assignment.share)
            rows = np.zeros((plan.bins, plan.widest))
            split_counts(values, source, bad, *where, total, rows)
            band = np.ascontiguousarray(rows.T)
        else:
            sum_counts(values, bad, plan.first, total)
            if variance is None:
                band[0] = np.maximum(total, 0.0)
            else:
                sum_counts(variance, bad, plan.first, band[0])
        return total, scale * band + self.noise.readout**2 * weights.unit

    def _weights(self, bad: Mask) -> WeightSums:
        plan = self.plan
        lacking = bad & (plan.first < plan.bins)
        gone = np.flatnonzero(lacking)
        if gone.size == 0:
            return plan.whole
        if gone.size <= _FEW:
            return self._less(plan.whole, gone, lacking)
        single = _is_single(gone)
        if np.count_nonzero(single) > plan.first.size // 8:
            return self._anew(lacking)
        gaps, few = gone[~single], gone[single]
        if self._kept is None or not np.array_equal(gaps, self._kept[0]):
            without = np.zeros(lacking.size, dtype=bool)
            without[gaps] = True
            self._kept = gaps, self._anew(without)
        return self._less(self._kept[1], few, lacking) if few.size else self._kept[1]

    def _anew(self, lacking: Mask) -> WeightSums:
        plan = self.plan
        return plan.weight_sums(np.flatnonzero((plan.first < plan.bins) & ~lacking))

    def _less(self, sums: WeightSums, few: Pixels, lacking: Mask) -> WeightSums:
        """Return `sums` without a `few` pixels, after which the frame lacks those `lacking`."""
        rest = self.plan.changed(sums, few, few[:0])
        worn = rest.unit[0] < _WORN * sums.unit[0]
        worn |= rest.norms[-1] < _WORN * sums.norms[-1]
        # Where next to nothing is left, it would be the rounding of what was taken off.
        return self._anew(lacking) if np.any(worn & (rest.pixels > 0)) else rest


def _is_single(pixels: Pixels) -> Mask:
    """Return which of the `pixels` (increasing) are not in a run of `_RUN` or more in a row."""
    starts = np.flatnonzero(np.diff(pixels, prepend=-2) != 1)
    lengths = np.diff(starts, append=pixels.size)
    return np.repeat(lengths < _RUN, lengths)


def native(raw: NDArray[Any]) -> NDArray[Any]:
    """Return the values of a frame as one row in a byte order and type that kernels take."""
    flat = np.ravel(raw)
    if flat.dtype.kind == "b" or flat.dtype.itemsize == 1:
        flat = flat.astype(np.uint16)
    if flat.dtype.kind == "f" and flat.dtype.itemsize not in (4, 8):
        flat = flat.astype(np.float64)
    return np.ascontiguousarray(flat.astype(flat.dtype.newbyteorder("="), copy=False))
