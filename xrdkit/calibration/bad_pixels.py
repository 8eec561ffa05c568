"""Hot and dead pixels, from what their neighbours count."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import betainc, gammainc, gammaincc

from xrdkit import schema
from xrdkit.calibration.frame_stack import FrameStack
from xrdkit.calibration.neighbourhood import neighbourhoods
from xrdkit.errors import EmptyResult, SpecError
from xrdkit.masks import MaskReason, as_mask

Array = NDArray[np.float64]
#: A hot pixel counts this many times what the brightest of its neighbours counts, but one ...
_BRIGHTER = 1.5
#: ... and stands at least this many times as high above the surroundings as that neighbour does.
#: Spots of grains that fill one pixel still give more than one of those beside it a percent or two.
_ALONE = 100.0
#: A dead pixel counts at most this share of what the lower quartile around it counts.
_DARK = 0.05
_ROUNDS = 3
#: pixels from which their scatter is found
_ENOUGH = 100


def find_bad_pixels(frames: xr.Dataset, *, alpha: float = 1e-3) -> xr.DataArray:
    """Return the hot and dead pixels of a detector, `MaskReason` bits over (y, x).

    `frames` is a FRAMES Dataset of any exposures, best many and unlike ones; they are read one by
    one, twice. `alpha` is the number of good pixels expected to be called bad by chance, 0 to 1.

    * DEAD: no more than 5 % of what the lower quartile of the 24 pixels around counts, and fewer
      counts than chance allows;
    * HOT: more counts than chance allows over the second brightest of the 8 neighbours and over
      the mean of 24, at least 1.5 times and with 100 times the height of that neighbour above the
      lower quartile around, in nine of ten groups of frames. So rings, whose neighbours along the
      ring are as bright, spots that spread over pixels, and pixels bright in a few frames only are
      not hot.

    Chance is Poisson statistics of the sum of all frames, widened where the detector scatters more
    than that (gain, read-out noise, flat field), as seen from its own pixels at equal brightness.
    Tails: P(X ≥ n | μ) = P(n, μ), the regularised incomplete gamma function, and for a rate known
    from K counts of m pixels that of the negative binomial distribution, I(1/(m+1); n, K+1/2).

    Attributes tell ``frames`` used, and ``dead_needs_counts``: the counts around a pixel (lower
    quartile of the sum of the frames) below which a dead one cannot be told. From one frame, hot
    pixels are those that stand alone there: zingers are among them, and so are spots narrower than
    a pixel.

    Raises SchemaError where `frames` is none, SpecError for an impossible `alpha`, EmptyResult
    where no frame or pixel holds data.
    """
    schema.validate(frames, schema.FRAMES)
    if not 0 < alpha < 1:
        raise SpecError(f"alpha {alpha} is not between 0 and 1")
    stack = FrameStack(frames)
    total, valid = stack.total()
    if not valid.any():
        raise EmptyResult("no pixel of the frames holds data", hint="check the mask")
    limit = alpha / np.count_nonzero(valid)
    bits = np.zeros(total.shape, dtype=np.uint16)
    surroundings = _surroundings(total, valid)
    dead = _dead(total, valid, surroundings, limit)
    hot = np.zeros(total.shape, dtype=bool)
    for _ in range(_ROUNDS):
        # The brightest hide what is beside them, and are left out of the next round.
        found = _hot(total, valid & ~dead & ~hot, surroundings, limit)
        if not found.any():
            break
        hot |= found
        surroundings = _surroundings(total, valid & ~dead & ~hot)
    hot[hot] = stack.stays_bright(np.argwhere(hot), total[hot], surroundings.mean[hot])
    bits[hot] |= np.uint16(MaskReason.HOT)
    bits[dead] |= np.uint16(MaskReason.DEAD)
    mask = as_mask(bits)
    mask.attrs |= {"frames": len(stack.positions), "dead_needs_counts": float(-np.log(limit))}
    return mask


@dataclass(frozen=True)
class _Surroundings:
    """What is around each pixel, all (y, x); NaN where nothing is."""

    mean: Array
    median: Array
    quartile: Array
    second: Array
    beside: NDArray[np.int64]
    spread: Array
    """Variance over that of Poisson statistics, at least 1."""


def _surroundings(total: Array, valid: NDArray[np.bool_]) -> _Surroundings:
    mean, median, quartile, second, along, beside = neighbourhoods(total, valid)
    spread = _overdispersion(total, along, mean, valid)
    return _Surroundings(mean, median, quartile, second, beside, spread)


def _overdispersion(total: Array, along: Array, mean: Array, valid: NDArray[np.bool_]) -> Array:
    """Return by how much pixels of equal brightness scatter more than Poisson statistics.

    From the median absolute deviation of pixels from the mean of two neighbours on a line of equal
    brightness (half a variance more than their own), in 24 steps of brightness.
    """
    usable = valid & (along > 0)
    spread = np.ones(total.shape)
    if np.count_nonzero(usable) < _ENOUGH:
        return spread
    level = along[usable]
    edges = np.unique(np.quantile(level, np.linspace(0, 1, 25)))
    which = np.clip(np.searchsorted(edges, level, side="right") - 1, 0, max(edges.size - 2, 0))
    off = np.abs(total[usable] - level) / np.sqrt(level)
    at, ratio = [], []
    for k in range(max(edges.size - 1, 1)):
        inside = which == k
        if np.count_nonzero(inside) >= _ENOUGH:
            at.append(float(np.median(level[inside])))
            ratio.append((1.4826 * float(np.median(off[inside]))) ** 2 / 1.5)
    if not at:
        return spread
    return np.maximum(np.interp(np.nan_to_num(mean, nan=0.0), at, ratio), 1.0)


def _hot(
    total: Array, valid: NDArray[np.bool_], around: _Surroundings, limit: float
) -> NDArray[np.bool_]:
    """Return the pixels that are brighter than all around allows."""
    height = total - around.quartile
    beside = around.second - around.quartile - 2.5 * np.sqrt(np.maximum(around.second, 0.0))
    with np.errstate(invalid="ignore"):
        found = (
            valid
            & (around.beside >= 3)
            & (total > _BRIGHTER * around.second)
            & (total > around.mean)
            & (height > _ALONE * beside)
        )
    where = np.nonzero(found)
    spread = around.spread[where]
    counts = np.maximum(total[where], 0.0) / spread
    rate = np.maximum(around.second[where], 0.0) / spread
    known = 24.0 * np.maximum(around.mean[where], 0.0) / spread
    found[where] = (_tail(counts, rate) < limit) & (
        betainc(np.maximum(counts, 1e-9), known + 0.5, 1 / 25) < limit
    )
    return found


def _tail(counts: Array, rate: Array) -> Array:
    """Return P(X ≥ counts) of the Poisson distribution, continued to real numbers."""
    return np.asarray(np.where(counts > 0, gammainc(np.maximum(counts, 1e-9), rate), 1.0))


def _dead(
    total: Array, valid: NDArray[np.bool_], around: _Surroundings, limit: float
) -> NDArray[np.bool_]:
    """Return the pixels that count next to nothing where those around do."""
    with np.errstate(invalid="ignore"):
        found = valid & (around.beside >= 3) & (total <= _DARK * around.quartile)
        found &= around.quartile > 0
    where = np.nonzero(found)
    spread = around.spread[where]
    counts = np.maximum(total[where], 0.0) / spread
    found[where] = gammaincc(counts + 1.0, around.quartile[where] / spread) < limit
    return found
