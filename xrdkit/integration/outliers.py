"""Pixels of a frame that hold more than chance allows: zingers, hot pixels, spots of grains."""

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import FrameShapeMismatch, SpecError
from xrdkit.integration.outlier_kernels import (
    HIGHEST,
    PIXELS,
    bin_sums,
    pixels_above,
    thresholds,
)
from xrdkit.integration.outlier_removal import group_sizes, grow, remove
from xrdkit.integration.outlier_spec import OutlierSpec

Array = NDArray[np.float64]

#: Each pass finds what the removals of the one before laid bare; two or three are enough.
_PASSES = 20
#: Most pixels that a zinger covers; what is larger is a spot.
ZINGER_PIXELS = 3
_BLOCK = 32
#: ln P below which a pixel that touches an outlier belongs to its group, and to a zinger.
_TOUCHING = math.log(1e-3)
_PART_OF_ZINGER = math.log(1e-5)


class Pixels(Protocol):
    """What is asked of the assignment of pixels to bins, in pixel order (row by row)."""

    @property
    def index(self) -> NDArray[np.uint32]:
        """Bin of the centre of each pixel, `bins` where it is left out, shape (pixels,)."""

    @property
    def weight(self) -> Array:
        """Weight w of each pixel, shape (pixels,)."""

    @property
    def radial(self) -> Array:
        """Radial coordinate of each pixel centre in any unit, shape (pixels,)."""

    @property
    def bins(self) -> int:
        """Number of bins."""


@dataclass(frozen=True, kw_only=True)
class Outliers:
    """The pixels of one frame that are left out."""

    mask: NDArray[np.bool_]
    """True for each of them, shape (pixels,)."""
    per_bin: NDArray[np.int64]
    """Their number in each bin, shape (bins,)."""


def find_outliers(
    counts: NDArray[Any],
    bad: NDArray[np.bool_],
    plan: Pixels,
    settings: OutlierSpec,
    *,
    gain: float = 1.0,
    readout_noise: float = 0.0,
    dark: Array | None = None,
) -> Outliers:
    """Return which pixels of one frame hold improbably many counts.

    `counts` and `bad` have shape (y, x); `bad` is True where a pixel holds no data. `gain` is the
    variance of the counts over their mean, 1 for photons; `readout_noise` its standard deviation,
    counts; `dark` (y, x) the counts expected without any scattering.

    A pixel of n counts is an outlier where P(X >= n) is below alpha/(number of pixels) given all
    counts of its bin, of which it should hold the share w/N, and below 1e-7 given the pixels at its
    radius around it. The first alone would take the bright part of an anisotropic pattern, or the
    inner pixels of a wide bin on a steep curve, for outliers. Both are the exact test of Poisson
    rates that are themselves uncertain, so that nothing is lost where counts are few, and are
    repeated without the outliers found until there are no more. Scatter beyond counting that the
    surroundings show widens the second.

    What touches an outlier and stands out likewise with P < 1e-3 belongs to its group. Groups of up
    to three pixels are zingers, larger ones spots; with ``kinds="zingers"`` spots stay, and of what
    touches a zinger goes what has P < 1e-5. With ``"spots"`` all goes; the surroundings reach
    further then, and their richest three eighths do not count.

    Raises FrameShapeMismatch where shapes differ, SpecError for an impossible gain or noise.
    """
    values, extra = in_photons(counts, bad, plan, gain, readout_noise, dark)
    left_out = np.array(bad, dtype=np.bool_).ravel()
    index, weight, bins, columns = plan.index, plan.weight, plan.bins, counts.shape[1]
    sums = bin_sums(values, left_out, index, weight, extra, bins)
    level = math.log(settings.alpha) - math.log(max(float(sums[:, PIXELS].sum()), 1.0))
    least = float(extra[0]) if extra.size == 1 else 0.0
    spots = settings.kinds == "spots"
    active = np.ones(bins, dtype=np.bool_)
    found = again = waiting = np.zeros(0, dtype=np.int64)
    cleared, skirts = (np.zeros(index.size, dtype=np.bool_) for _ in range(2))
    for _ in range(_PASSES):
        limit = thresholds(sums, active, least, level)
        if again.size == 0 and not np.isfinite(limit).any():
            break
        candidates = np.concatenate([again, pixels_above(values, left_out | cleared, index, limit)])
        order = np.argsort(-values[candidates] / weight[candidates], kind="stable")
        arguments = (values, left_out, sums, index, weight, plan.radial, extra, columns)
        seeds = remove(candidates[order], *arguments, level, spots, cleared)
        if seeds.size == 0:
            break
        if not spots:
            seeds = np.concatenate([seeds, grow(seeds, *arguments, _PART_OF_ZINGER)])
        around = grow(seeds, *arguments, _TOUCHING)
        skirts[around] = True
        new = np.concatenate([seeds, around])
        found = np.concatenate([found, new])
        waiting = np.union1d(waiting, candidates[cleared[candidates]])
        again = waiting[_close_to(new, counts.shape)[_block(waiting, columns)] & ~left_out[waiting]]
        active[:] = False
        active[index[new]] = True
        # What is left of a bin may be anything up to all of it.
        sums[:, HIGHEST] = sums[:, 0]
    if not spots:
        small = group_sizes(found, index.size, columns) <= ZINGER_PIXELS
        found = found[small & ~skirts[found]]
    mask = np.zeros(index.size, dtype=np.bool_)
    mask[found] = True
    per_bin = np.bincount(index[mask], minlength=bins).astype(np.int64)
    return Outliers(mask=mask, per_bin=per_bin)


def _block(pixels: NDArray[np.int64], columns: int) -> tuple[Any, Any]:
    """Return row and column of the block of `_BLOCK` pixels squared that each pixel lies in."""
    return pixels // columns // _BLOCK + 1, pixels % columns // _BLOCK + 1


def _close_to(pixels: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return in which blocks, or beside which, `pixels` lie: where surroundings have changed."""
    blocks = np.zeros([size // _BLOCK + 3 for size in shape], dtype=np.bool_)
    blocks[_block(pixels, shape[1])] = True
    for axis in (0, 1):
        blocks = blocks | np.roll(blocks, 1, axis) | np.roll(blocks, -1, axis)
    return blocks


def in_photons(
    counts: NDArray[Any],
    bad: NDArray[np.bool_],
    plan: Pixels,
    gain: float,
    readout_noise: float,
    dark: Array | None,
) -> tuple[Array, Array]:
    """Return counts whose variance is their mean, and how many are expected without scattering.

    (n + σ²/g)/g has this property for variance g n + σ²: Poisson in its first two moments.
    """
    if counts.ndim != 2 or bad.shape != counts.shape or plan.index.size != counts.size:
        raise FrameShapeMismatch(
            f"counts of {counts.shape} pixels, mask of {bad.shape}, plan of {plan.index.size}"
        )
    if dark is not None and dark.shape != counts.shape:
        raise FrameShapeMismatch(f"dark of {dark.shape} pixels, frame of {counts.shape}")
    if not (math.isfinite(gain) and gain > 0):
        raise SpecError(f"gain must be positive, not {gain}")
    if not (math.isfinite(readout_noise) and readout_noise >= 0):
        raise SpecError(f"readout_noise must not be negative, not {readout_noise}")
    values = np.ascontiguousarray(counts, dtype=np.float64).ravel()
    extra = np.zeros(1) if dark is None else np.maximum(dark.astype(np.float64).ravel(), 0.0)
    if gain == 1.0 and readout_noise == 0.0:
        return values, extra
    shift = readout_noise**2 / gain
    return np.maximum((values + shift) / gain, 0.0), (extra + shift) / gain
