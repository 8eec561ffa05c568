"""Full pixel splitting: the share of the area of each pixel that lies in each radial bin.

Across a pixel far from the beam the radial coordinate is linear, r = r0 + A u + B v with u, v
uniform in ±1/2 and A >= B the absolute differences between the midpoints of opposite sides. With
h = (A + B)/2, d = (A - B)/2 and t = e - r0 clipped to ±h, the share below an edge e is

    F(e) = (t + h)²/(2AB) for t < -d,   t/A + 1/2 for |t| <= d,   1 - (h - t)²/(2AB) above,

and that of bin k is F(e_{k+1}) - F(e_k): the shares of a pixel add up to 1, and none leaves the
bins it touches. Near the beam, where circles bend within a pixel, the shares are counted on
32 x 32 sub-pixels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.compiled import compiled
from xrdkit.geometry import Calibration, RadialUnit

Array = NDArray[np.float64]
Shares = NDArray[np.float32]

#: Pixels nearer to the beam than this many times their own radial extent are sub-divided.
_NEAR = 20.0
_SUBPIXELS = 32


@dataclass(frozen=True, kw_only=True)
class Splitting:
    """Shares of every pixel in consecutive bins, in pixel order (row by row)."""

    first: NDArray[np.uint32]
    """First bin each pixel lies in; the number of bins where it lies in none, shape (pixels,)."""
    pointer: NDArray[np.int64]
    """Where the shares of each pixel begin, shape (pixels + 1,)."""
    share: Shares
    """Part of the area of the pixel in bins first, first + 1, ...; shape (entries,)."""

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.first.nbytes + self.pointer.nbytes + self.share.nbytes


def split_pixels(
    calibration: Calibration,
    shape: tuple[int, int],
    unit: RadialUnit,
    edges: Array,
    shift: Array | None = None,
) -> Splitting:
    """Return the shares of all pixels of a frame of `shape` in the bins between `edges`.

    `edges` are in the stored unit of `unit`, increasing; `shift` as in `Calibration.positions`.
    Lattice spacings, which diverge at the beam, are split in q. The closed form is the area of a
    rectangle on one side of a line.
    """
    bins = edges.size - 1
    axis: RadialUnit = "q" if unit == "d" else unit
    inner = _mirrored_edges(edges) if unit == "d" else edges
    centre, across, along = _extents(calibration, shape, axis, shift)
    big, small = np.maximum(across, along), np.minimum(across, along)
    near = centre < _NEAR * 0.5 * (big + small)
    fine = np.flatnonzero(near)
    first, pointer, share = _split(
        centre.ravel(), big.ravel(), small.ravel(), np.ascontiguousarray(inner)
    )
    split = Splitting(first=first, pointer=pointer, share=share)
    if fine.size:
        split = _with_subpixels(split, fine, calibration, shape, axis, inner)
    return _mirrored(split, bins) if unit == "d" else split


def _extents(
    calibration: Calibration, shape: tuple[int, int], unit: RadialUnit, shift: Array | None
) -> tuple[Array, Array, Array]:
    """Return the radial coordinate of the centres, and its extent along columns and rows."""

    def at(y: float, x: float) -> Array:
        return calibration.radial(shape, unit, (y, x), shift)

    return at(0.0, 0.0), np.abs(at(0.0, 0.5) - at(0.0, -0.5)), np.abs(at(0.5, 0.0) - at(-0.5, 0.0))


@compiled()
def _below(t: float, big: float, small: float) -> float:
    """Return F at the distance t of an edge from the centre of a pixel."""
    half, flat = 0.5 * (big + small), 0.5 * (big - small)
    if t <= -half:
        return 0.0
    if t >= half:
        return 1.0
    if t < -flat:
        return (t + half) ** 2 / (2.0 * big * small)
    if t > flat:
        return 1.0 - (half - t) ** 2 / (2.0 * big * small)
    return t / big + 0.5


@compiled()
def _bin_of(edges: Array, value: float) -> int:
    """Return the bin of a value on edges, -1 below all, the number of bins above all."""
    low, high = 0, edges.size
    while low < high:
        middle = (low + high) // 2
        if edges[middle] <= value:
            low = middle + 1
        else:
            high = middle
    return low - 1


@compiled()
def _split(
    centre: Array, big: Array, small: Array, edges: Array
) -> tuple[NDArray[np.uint32], NDArray[np.int64], Shares]:
    bins = edges.size - 1
    pixels = centre.size
    first = np.full(pixels, bins, dtype=np.uint32)
    pointer = np.zeros(pixels + 1, dtype=np.int64)
    last = np.zeros(pixels, dtype=np.int64)
    for i in range(pixels):
        half = 0.5 * (big[i] + small[i])
        low = _bin_of(edges, centre[i] - half)
        high = _bin_of(edges, centre[i] + half)
        if high > low and edges[high] == centre[i] + half:
            high -= 1
        count = 0
        if high >= 0 and low < bins:
            lowest, highest = max(low, 0), min(high, bins - 1)
            first[i] = lowest
            last[i] = highest
            count = highest - lowest + 1
        pointer[i + 1] = pointer[i] + count
    share = np.zeros(pointer[pixels], dtype=np.float32)
    for i in range(pixels):
        if first[i] == bins:
            continue
        start = np.int64(first[i])
        if last[i] == start and edges[start] <= centre[i] - 0.5 * (big[i] + small[i]):
            whole = edges[start + 1] >= centre[i] + 0.5 * (big[i] + small[i])
            if whole:
                share[pointer[i]] = 1.0
                continue
        before = _below(edges[start] - centre[i], big[i], small[i])
        for k in range(start, last[i] + 1):
            after = _below(edges[k + 1] - centre[i], big[i], small[i])
            share[pointer[i] + k - start] = after - before
            before = after
    return first, pointer, share


def _with_subpixels(
    split: Splitting,
    fine: NDArray[np.int64],
    calibration: Calibration,
    shape: tuple[int, int],
    unit: RadialUnit,
    edges: Array,
) -> Splitting:
    """Return the splitting with the pixels `fine` counted on sub-pixels."""
    bins = edges.size - 1
    rows: dict[int, tuple[int, Array]] = {}
    steps = (np.arange(_SUBPIXELS) + 0.5) / _SUBPIXELS - 0.5
    at = np.unravel_index(fine, shape)
    centre = [t[at] for t in calibration.positions(shape)]
    down, side = (
        [t[at] - c for t, c in zip(calibration.positions(shape, step), centre, strict=True)]
        for step in ((1.0, 0.0), (0.0, 1.0))
    )
    for j, pixel in enumerate(fine.tolist()):
        points = [
            c[j] + d[j] * steps[:, None] + s[j] * steps[None, :]
            for c, d, s in zip(centre, down, side, strict=True)
        ]
        radial = calibration.radial_at(points[0], points[1], points[2], unit).ravel()
        place = np.searchsorted(edges, radial, side="right") - 1
        place = place[(place >= 0) & (place < bins)]
        if place.size:
            low = int(place.min())
            rows[pixel] = (low, np.bincount(place - low) / _SUBPIXELS**2)
        else:
            rows[pixel] = (bins, np.zeros(0))
    counts = np.diff(split.pointer)
    first = split.first.copy()
    for pixel, (low, part) in rows.items():
        counts[pixel], first[pixel] = part.size, low
    pointer = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    share = np.zeros(int(pointer[-1]), dtype=np.float32)
    untouched = np.ones(counts.size, dtype=bool)
    untouched[fine] = False
    share[np.repeat(untouched, counts)] = split.share[np.repeat(untouched, np.diff(split.pointer))]
    for pixel, (_, part) in rows.items():
        share[pointer[pixel] : pointer[pixel + 1]] = part
    return Splitting(first=first, pointer=pointer, share=share)


def _mirrored_edges(edges: Array) -> Array:
    """Return edges in q for those in d: 2π/d, infinite for d <= 0, where nothing scatters."""
    out = np.full(edges.size, np.inf)
    np.divide(2.0 * np.pi, edges, out=out, where=edges > 0)
    return out[::-1]


def _mirrored(split: Splitting, bins: int) -> Splitting:
    """Return the splitting for edges that run the other way, as d does against q."""
    counts = np.diff(split.pointer)
    first = split.first.astype(np.int64)
    there = counts > 0
    first[there] = bins - (first[there] + counts[there])
    owner = np.repeat(np.arange(counts.size), counts)
    place = split.pointer[owner] + split.pointer[owner + 1] - 1 - np.arange(split.share.size)
    return Splitting(first=first.astype(np.uint32), pointer=split.pointer, share=split.share[place])
