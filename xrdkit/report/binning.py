"""Fewer pixels and points for a picture, without hiding what was measured."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def block_mean(values: NDArray[np.generic], good: NDArray[np.bool_], step: int) -> Array:
    """Return the mean of the good values of blocks of `step` by `step`, NaN where there is none.

    `values` and `good` have shape (y, x); the last blocks of a row and column may be smaller.
    """
    kept = np.where(good, values, 0).astype(np.float64)
    count = block_sum(good.astype(np.float64), step)
    with np.errstate(invalid="ignore", divide="ignore"):
        return block_sum(kept, step) / np.where(count > 0, count, np.nan)


def block_sum(values: Array, step: int) -> Array:
    """Return the sum of blocks of `step` by `step` of an array of shape (y, x)."""
    if step == 1:
        return values
    rows = np.add.reduceat(values, np.arange(0, values.shape[0], step), axis=0)
    return np.add.reduceat(rows, np.arange(0, values.shape[1], step), axis=1)


def fewer_rows(values: Array, wanted: int) -> Array:
    """Return the mean over groups of consecutive rows so that at most `wanted` are left.

    NaN is left out of the mean; a group of NaN alone gives NaN.
    """
    count = values.shape[0]
    if count <= wanted:
        return values
    starts = np.unique(np.linspace(0, count, wanted + 1).astype(int)[:-1])
    good = np.isfinite(values)
    total = np.add.reduceat(np.where(good, values, 0.0), starts, axis=0)
    number = np.add.reduceat(good.astype(np.float64), starts, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(number > 0, total / number, np.nan)


def resampled(values: Array, coordinate: Array, edges: Array) -> Array:
    """Return the mean of each row of `values` over the cells between `edges`.

    `values` has shape (row, point), `coordinate` (point,) ascending. A cell without a point takes
    the nearest one, so that coarse data fill the picture.
    """
    cell = np.searchsorted(edges, coordinate, side="right") - 1
    cells = edges.size - 1
    inside = (cell >= 0) & (cell < cells)
    good = np.isfinite(values) & inside
    row = np.broadcast_to(np.arange(values.shape[0])[:, None], values.shape)
    flat = (row * cells + np.clip(cell, 0, cells - 1))[good]
    size = values.shape[0] * cells
    number = np.bincount(flat, minlength=size)
    total = np.bincount(flat, weights=values[good], minlength=size)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(number > 0, total / number, np.nan).reshape(values.shape[0], cells)
    middle = (edges[1:] + edges[:-1]) / 2
    nearest = np.clip(np.searchsorted(coordinate, middle), 0, coordinate.size - 1)
    before = np.clip(nearest - 1, 0, coordinate.size - 1)
    closer = np.abs(coordinate[before] - middle) < np.abs(coordinate[nearest] - middle)
    nearest = np.where(closer, before, nearest)
    empty = np.bincount(cell[inside], minlength=cells) == 0
    mean[:, empty] = values[:, nearest[empty]]
    return mean
