"""Points on bright ridges of a frame, with their directions: rings before anything is known."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from xrdkit.calibration.frame import CalibrantFrame

Array = NDArray[np.float64]
Bool = NDArray[np.bool_]

#: pixels to which larger frames are joined before ridges are looked for
_MOST_PIXELS = 1_300_000
#: share of pixels with counts that joined pixels should have, along a side of up to so many
_OCCUPIED, _MOST_JOINED = 0.2, 3
#: widths of ridges looked for, pixel (standard deviation)
_SCALES = (1.2, 2.4, 4.8)
_BACKGROUND = 14.0
#: significance of a ridge point, and share of it that the curvature along the ridge may have
_SURE, _ROUND = 4.0, 0.5
_TILE = 32
#: side of a square without a single count, in a frame that counts elsewhere: no sensor is there
_EMPTY = 9
#: pixels along the edge of a blind area that are left out with it
_RIM = 3
#: how many times its neighbours a pixel counts that stands alone, and counts beyond that
_LONELY = (3.0, 10.0)
_MOST_POINTS = 6000
#: standard deviation of the second derivatives of smoothed white noise of unit variance, times s³
_NOISE_STRAIGHT = math.sqrt(3.0 / (16.0 * math.pi))
_NOISE_MIXED = math.sqrt(1.0 / (16.0 * math.pi))


@dataclass(frozen=True, kw_only=True)
class RidgePoints:
    """Points on ridges; arrays of shape (n,)."""

    y: Array
    """Row, pixel of the frame, edges at integers."""
    x: Array
    """Column, likewise."""
    normal_y: Array
    """Direction across the ridge: part along y of a unit vector, on the frame as stored."""
    normal_x: Array
    """Part along x."""
    significance: Array
    """Curvature across the ridge in standard errors."""
    step: int
    """How many pixels were joined along each side."""

    def __len__(self) -> int:
        return int(self.y.size)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A frame freed of what is no data of a calibrant, and the ridges in it."""

    exposure: CalibrantFrame
    """The frame without blind areas and lonely pixels."""
    ridges: RidgePoints
    """Its ridges."""


def seen(frame: CalibrantFrame) -> Seen:
    """Return `frame` cleaned, with its ridges, which do not depend on what it is held to be."""
    exposure = without_lonely_pixels(without_blind_areas(frame))
    return Seen(exposure=exposure, ridges=ridge_points(exposure))


def without_blind_areas(frame: CalibrantFrame) -> CalibrantFrame:
    """Return the frame without large areas that have no count at all, such as corners of a disc.

    Squares of 9 x 9 pixels without a count are left out with their surroundings where the frame
    has a median of one count or more: with that rate they would be empty by chance in one of
    e⁸¹ cases. So are empty pixels that hang together with them side by side, which reach into
    corners that no square fits into; among pixels of which half count, chains of others are short.
    """
    counts, valid = frame.counts, frame.valid
    if np.median(counts[valid]) < 1 or np.median(counts[valid & (counts > 0)]) < 1:
        return frame
    something = (counts > 0) & valid
    empty = ndimage.uniform_filter(something.astype(np.float32), _EMPTY, mode="nearest") < 1e-6
    if not empty.any():
        return frame
    chains, number = ndimage.label(~something & valid)
    blind = np.zeros(number + 1, dtype=bool)
    blind[chains[empty]] = True
    blind[0] = False
    around = np.ones((3, 3), dtype=bool)
    empty = ndimage.binary_dilation(empty, around, iterations=_EMPTY // 2 + _RIM)
    empty |= ndimage.binary_dilation(blind[chains], around, iterations=_RIM)
    if (valid & ~empty).sum() < 0.1 * valid.sum():
        return frame
    kept = valid & ~empty
    return CalibrantFrame(counts=np.where(kept, counts, 0.0), valid=kept)


def without_lonely_pixels(frame: CalibrantFrame) -> CalibrantFrame:
    """Return the frame without pixels that count far more than all around them.

    Left out is what exceeds three times the brightest of its eight neighbours by ten counts: no
    ring is as narrow, and one such pixel spoils the position of a ring in its sector.
    """
    ring = np.ones((3, 3), dtype=bool)
    ring[1, 1] = False
    beside = ndimage.maximum_filter(frame.counts, footprint=ring)
    lonely = frame.valid & (frame.counts > _LONELY[0] * beside + _LONELY[1])
    if not lonely.any():
        return frame
    kept = frame.valid & ~lonely
    return CalibrantFrame(counts=np.where(kept, frame.counts, 0.0), valid=kept)


def ridge_points(frame: CalibrantFrame) -> RidgePoints:
    """Return the points of `frame` on bright ridges that counting statistics do not explain.

    The frame is made of even variance (Anscombe: 2 √(n + 3/8)), freed of its background and of
    single bright pixels. At each of three scales s, the smaller eigenvalue of the Hessian of the
    smoothed frame is held against its scatter, √(3/16π)/s³ for unit variance times the local level
    of noise. Points are maxima across the ridge, in chains of some length, refined by a parabola.
    """
    # Where most pixels are empty, ridges are seen better in sums of some.
    occupied = max(float(np.mean(frame.counts[frame.valid] > 0)), 1e-9)
    sparse = min(math.ceil(math.sqrt(_OCCUPIED / occupied)), _MOST_JOINED)
    step = max(sparse, math.ceil(math.sqrt(frame.counts.size / _MOST_PIXELS)))
    counts, valid = _joined(frame, step)
    flat = _levelled(counts, valid)
    best = np.zeros(flat.shape, dtype=np.float32)
    down = np.zeros(flat.shape, dtype=np.float32)
    across = np.ones(flat.shape, dtype=np.float32)
    size = np.zeros(flat.shape, dtype=np.float32)
    for scale in _SCALES:
        z, n_y, n_x = _ridges(flat, valid, scale)
        more = z > best
        best[more], down[more], across[more] = z[more], n_y[more], n_x[more]
        size[more] = scale
    return _maxima(best, down, across, size, step)


def _joined(frame: CalibrantFrame, step: int) -> tuple[Array, Bool]:
    """Return sums over squares of `step` pixels, made up for pixels that are left out."""
    if step == 1:
        return frame.counts, frame.valid
    rows, columns = (n // step for n in frame.counts.shape)
    cut = (slice(rows * step), slice(columns * step))
    blocks = (rows, step, columns, step)
    total = frame.counts[cut].reshape(blocks).sum(axis=(1, 3))
    number = frame.valid[cut].reshape(blocks).sum(axis=(1, 3))
    valid = number >= 0.5 * step**2
    return np.where(valid, total * step**2 / np.maximum(number, 1), 0.0), valid


def _levelled(counts: Array, valid: Bool) -> NDArray[np.float32]:
    """Return the frame with unit variance and without background; 0 where not valid."""
    even = np.where(valid, 2.0 * np.sqrt(np.maximum(counts, 0.0) + 0.375), 0.0).astype(np.float32)
    ring = np.ones((3, 3), dtype=bool)
    ring[1, 1] = False
    beside = ndimage.maximum_filter(even, footprint=ring)
    even = np.minimum(even, beside + 1.0) * valid
    weight = valid.astype(np.float32)
    share = np.maximum(ndimage.gaussian_filter(weight, _BACKGROUND, truncate=2.5), 1e-3)
    level = ndimage.gaussian_filter(even, _BACKGROUND, truncate=2.5) / share
    # What is far above the background would pull it up and dig moats around rings.
    capped = np.minimum(even, level + 3.0) * weight
    level = ndimage.gaussian_filter(capped, _BACKGROUND, truncate=2.5) / share
    return np.asarray((even - level) * weight, dtype=np.float32)


def _ridges(
    flat: NDArray[np.float32], valid: Bool, scale: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return the significance of ridges of one scale and their normals (y, x)."""
    yy, xx, yx = (
        ndimage.gaussian_filter(flat, scale, order=order, truncate=3.0)
        for order in ((2, 0), (0, 2), (1, 1))
    )
    mean, half = 0.5 * (yy + xx), 0.5 * (yy - xx)
    root = np.hypot(half, yx)
    low, high = mean - root, mean + root
    noise = _local_noise(np.abs(yx), valid) * np.float32(_NOISE_STRAIGHT / _NOISE_MIXED)
    least = 0.5 * _NOISE_STRAIGHT / scale**3
    near = ndimage.binary_erosion(valid, iterations=2 * max(1, round(scale)))
    z = np.where(
        near & (low < 0) & (np.abs(high) < _ROUND * -low), -low / np.maximum(noise, least), 0.0
    )
    angle = 0.5 * np.arctan2(yx, half)  # of the eigenvector of `high`, from y towards x
    return z.astype(np.float32), -np.sin(angle), np.cos(angle)


def _local_noise(size: NDArray[np.float32], valid: Bool) -> NDArray[np.float32]:
    """Return the standard deviation behind the median of |values| in tiles, over the frame."""
    rows, columns = (max(1, n // _TILE) for n in size.shape)
    edges_y = np.linspace(0, size.shape[0], rows + 1).astype(int)
    edges_x = np.linspace(0, size.shape[1], columns + 1).astype(int)
    tiles = np.full((rows, columns), np.nan)
    for j in range(rows):
        for i in range(columns):
            box = (slice(edges_y[j], edges_y[j + 1]), slice(edges_x[i], edges_x[i + 1]))
            values = size[box][valid[box]][::3]
            if values.size >= 30:
                tiles[j, i] = np.median(values) / 0.6745
    typical = np.nanmedian(tiles) if np.isfinite(tiles).any() else 1.0
    tiles = np.where(np.isfinite(tiles), tiles, typical)
    # Where rings fill a tile its median is theirs: quieter tiles around tell the noise.
    tiles = np.minimum(tiles, ndimage.percentile_filter(tiles, 30, size=5))
    zoom = (size.shape[0] / rows, size.shape[1] / columns)
    whole = ndimage.zoom(tiles, zoom, order=1, grid_mode=True, mode="nearest")
    return np.asarray(whole[: size.shape[0], : size.shape[1]], dtype=np.float32)


def _maxima(
    best: NDArray[np.float32],
    down: NDArray[np.float32],
    across: NDArray[np.float32],
    size: NDArray[np.float32],
    step: int,
) -> RidgePoints:
    """Return the maxima across ridges, at most 6000, thinned evenly."""
    rows, columns = np.nonzero(best > _SURE)
    n_y, n_x = down[rows, columns].astype(float), across[rows, columns].astype(float)
    middle = best[rows, columns].astype(float)
    left, right = (
        ndimage.map_coordinates(
            best, (rows + side * n_y, columns + side * n_x), order=1, mode="constant"
        ).astype(float)
        for side in (-1, 1)
    )
    top = (middle >= left) & (middle > right) & (left > 0) & (right > 0)
    on_top = np.zeros(best.shape, dtype=bool)
    on_top[rows[top], columns[top]] = True
    label, number = ndimage.label(ndimage.binary_dilation(on_top), np.ones((3, 3)))
    index = np.arange(number + 1)
    length = np.sqrt(ndimage.sum_labels(on_top, label, index) ** 2)
    widest = np.zeros(number + 1)
    np.maximum.at(widest, label[on_top], size[on_top])
    mine = label[rows, columns]
    top &= length[mine] >= 3.0 + 4.0 * widest[mine]
    curve = left + right - 2 * middle
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.where(curve < 0, 0.5 * (left - right) / curve, 0.0)
    shift = np.clip(shift, -0.7, 0.7)
    chosen = np.flatnonzero(top)
    if chosen.size > _MOST_POINTS:
        chosen = chosen[np.linspace(0, chosen.size - 1, _MOST_POINTS).astype(int)]
    n_y, n_x, shift = n_y[chosen], n_x[chosen], shift[chosen]
    return RidgePoints(
        y=step * (rows[chosen] + 0.5 + shift * n_y),
        x=step * (columns[chosen] + 0.5 + shift * n_x),
        normal_y=n_y,
        normal_x=n_x,
        significance=middle[chosen],
        step=step,
    )
