"""Bins of one profile, and the bins that several profiles have together."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import schema
from xrdkit.errors import SchemaError, SpecError
from xrdkit.profiles.stack import Stack

Array = NDArray[np.float64]
Places = NDArray[np.int64]

#: Edges that differ by less than this part of the width are the same.
_SAME_EDGE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Where the K bins of a profile lie, in the stored unit of the axis, ascending or not."""

    centre: Array
    """Radial coordinate, shape (K,)."""
    low: Array
    """Lower edge, shape (K,)."""
    high: Array
    """Upper edge, shape (K,)."""
    mean: Array
    """Mean position of the pixels, shape (F, K); the centre where it is not known."""
    spread: Array
    """Standard deviation of the positions, shape (F, K); that of an even bin where not known."""


def grid_of(profile: xr.Dataset, axis: str) -> Grid:
    """Return the bins of `profile` on `axis`, its own or ``q``.

    Angles become q = 4π sin θ/λ where the radiation has one wavelength. Raises SchemaError where it
    has several or none is known, or for an axis that cannot be converted.
    """
    radial = schema.radial_dim(profile)
    centre = np.asarray(profile[radial].values, dtype=np.float64)
    low, high = _edges(profile, radial, centre)
    mean = np.array(schema.mean_positions(profile))
    spread = np.broadcast_to((high - low) / np.sqrt(12), mean.shape).copy()
    if f"{radial}_spread" in profile:
        known = np.asarray(profile[f"{radial}_spread"].values, dtype=float).reshape(mean.shape)
        spread = np.where(np.isfinite(known), known, spread)
    if radial == axis:
        return Grid(centre=centre, low=low, high=high, mean=mean, spread=spread)
    if (radial, axis) != ("two_theta", "q"):
        raise SchemaError(
            f"a profile over {radial} cannot be merged with one over {axis}",
            hint="integrate both over q",
        )
    k = 4 * np.pi / (0.1 * single_wavelength(profile))  # ångström to nm
    half = np.deg2rad(0.5)
    return Grid(
        centre=k * np.sin(half * centre),
        low=k * np.sin(half * low),
        high=k * np.sin(half * high),
        mean=k * np.sin(half * mean),
        spread=k * np.cos(half * mean) * half * spread,
    )


def single_wavelength(profile: xr.Dataset) -> float:
    """Return the one wavelength of a profile in ångström; raise SchemaError where there is none."""
    values = np.unique(profile["wavelength"].values) if "wavelength" in profile else np.array([])
    if values.size != 1:
        raise SchemaError(
            f"angles become q by one wavelength; this profile has {values.size}",
            hint="integrate over q",
        )
    return float(values[0])


def common_bins(grids: list[Grid]) -> tuple[Array, Array, Array, list[Places]]:
    """Return centre, low and high of all bins of all grids, ascending, and the place of each.

    Bins of different grids with the same edges are one bin. No bin is divided, so that no errors
    come to be shared between bins that were not shared before.
    """
    owner = np.concatenate([np.full(g.centre.size, j) for j, g in enumerate(grids)])
    low, high, centre = (
        np.concatenate([getattr(g, name) for g in grids]) for name in ("low", "high", "centre")
    )
    order = np.lexsort((owner, high - low, centre))
    at_place: Places = np.zeros(owner.size, dtype=np.int64)
    kept: list[int] = []
    inside: set[int] = set()
    for at in order.tolist():
        last = kept[-1] if kept else -1
        width = _SAME_EDGE * (high[at] - low[at])
        same = (
            last >= 0
            and abs(low[at] - low[last]) <= width
            and abs(high[at] - high[last]) <= width
            and int(owner[at]) not in inside
        )
        if not same:
            kept.append(at)
            inside = set()
        inside.add(int(owner[at]))
        at_place[at] = len(kept) - 1
    out: Array = np.take(centre, kept)
    for k in range(1, out.size):  # a coordinate must increase; bins of one centre are set apart
        if out[k] <= out[k - 1]:
            out[k] = np.nextafter(out[k - 1], np.inf)
    places = [at_place[owner == j] for j in range(len(grids))]
    return out, low[kept], high[kept], places


def without_empty(
    bins: tuple[Array, Array, Array, list[Places]], filled: list[NDArray[np.bool_]]
) -> tuple[Array, Array, Array, list[Places]]:
    """Return common `bins` less those that no frame of any profile fills; their place is -1.

    `filled` says of each profile where it has something, shape (F, K). All stay where none has.
    """
    centre, low, high, places = bins
    used = np.zeros(centre.size, dtype=bool)
    for place, there in zip(places, filled, strict=True):
        used[place[there.any(axis=0)]] = True
    if not used.any():
        return bins
    number = np.where(used, np.cumsum(used) - 1, -1).astype(np.int64)
    return centre[used], low[used], high[used], [number[place] for place in places]


def rebinned(grids: list[Grid], edges: Array) -> tuple[Array, Array, Array, list[Places]]:
    """Return centre, low and high of the bins between `edges`, and the place of each bin there.

    Every bin goes whole into the one that holds its mean position; -1 where none does. Raises
    SpecError for edges that do not increase.
    """
    edges = np.asarray(edges, dtype=np.float64)
    if edges.ndim != 1 or edges.size < 2 or not np.all(np.diff(edges) > 0):
        raise SpecError("rebin takes edges that increase, at least two of them")
    places = []
    for grid in grids:
        here: Array = np.asarray(np.mean(grid.mean, axis=0))
        place = np.searchsorted(edges, here, side="right").astype(np.int64) - 1
        places.append(np.where(place < edges.size - 1, place, -1))
    return 0.5 * (edges[:-1] + edges[1:]), edges[:-1], edges[1:], places


def regrid(stack: Stack, grid: Grid, place: Places, size: int) -> Stack:
    """Return `stack` on `size` bins, bin k at `place[k]`; bins that share a place are averaged.

    Their weights are N g (1 where it is not known), so that counts add. Bins that get nothing are
    NaN, their sums 0. `mean` and `spread` are those of `grid`.
    """
    frames, old = stack.intensity.shape
    used = np.isfinite(stack.intensity) & (place >= 0)
    weight = stack.sums.get("normalization", np.ones((frames, old)))
    weight = np.where(used & (weight > 0), weight, 0.0)
    target = np.where(place >= 0, place, 0)

    def add(values: Array, to: Places = target) -> Array:
        """Return the sums of values (..., n) over the bins of each place, (..., size)."""
        out = np.zeros((*values.shape[:-1], size))
        for row, value in zip(out.reshape(-1, size), values.reshape(-1, old), strict=True):
            row += np.bincount(to, value, minlength=size)
        return out

    total = add(weight)
    share = weight / np.where(total > 0, total, 1.0)[:, target]
    empty = total == 0

    def mean(values: Array) -> Array:
        return np.where(empty, np.nan, add(share * np.where(used, values, 0.0)))

    errors = np.zeros((frames, len(stack.sources), size))
    for m, shared in enumerate(stack.common_bins):
        part = share * np.where(used, stack.errors[:, m], 0.0)
        errors[:, m] = add(part) if shared else np.sqrt(add(part**2))
    band = None
    if stack.band is not None:
        band = _band(stack.band, share, used, place, size)
        single = ~stack.common_bins
        apart = np.sum(errors[:, single] ** 2, axis=1)
        grown = np.sqrt(np.where(apart > 0, band[:, 0] / np.where(apart > 0, apart, 1.0), 1.0))
        errors[:, single] *= grown[:, None]
        band = np.where(empty[:, None], np.nan, band)
    where = mean(grid.mean)
    second = add(share * np.where(used, grid.spread**2 + grid.mean**2, 0.0))
    ledger = stack.ledger
    if ledger is not None:
        with np.errstate(invalid="ignore", divide="ignore"):
            logs = np.where(used[:, None] & (ledger > 0), np.log(ledger), 0.0)
        ledger = np.where(empty[:, None], np.nan, np.exp(add(share[:, None] * logs)))
    return Stack(
        intensity=mean(stack.intensity),
        sources=stack.sources,
        errors=np.where(empty[:, None], np.nan, errors),
        common_bins=stack.common_bins,
        common_frames=stack.common_frames,
        band=band,
        sums={n: add(np.where(used, v, 0.0)) for n, v in stack.sums.items()},
        mean=where,
        spread=np.where(empty, np.nan, np.sqrt(np.maximum(second - where**2, 0.0))),
        corrections=stack.corrections,
        ledger=ledger,
    )


def _band(band: Array, share: Array, used: NDArray[np.bool_], place: Places, size: int) -> Array:
    """Return the covariance band of the regridded bins, as wide as it needs to be."""
    frames, depth, old = band.shape
    pairs = []
    for b in range(min(depth, old)):
        k = np.flatnonzero((place[: old - b] >= 0) & (place[b:] >= 0))
        if b:
            k = k[np.any(np.nan_to_num(band[:, b, k]) != 0, axis=0)]
        pairs.append((b, k))
    reach = max((int(np.max(np.abs(place[k + b] - place[k]), initial=0)) for b, k in pairs))
    out = np.zeros((frames, reach + 1, size))
    for b, k in pairs:
        both = used[:, k] & used[:, k + b]
        value = share[:, k] * share[:, k + b] * np.where(both, band[:, b, k], 0.0)
        apart = np.abs(place[k + b] - place[k])
        first = np.minimum(place[k + b], place[k])
        # A pair that comes to lie in one bin stands twice in its variance.
        flat = apart * size + first
        value = value * np.where(apart == 0, 1 + (b > 0), 1)
        for row, part in zip(out.reshape(frames, -1), value, strict=True):
            row += np.bincount(flat, part, minlength=row.size)
    return out


def _edges(profile: xr.Dataset, radial: str, centre: Array) -> tuple[Array, Array]:
    """Return the edges of each bin: those stored, else half way between the points."""
    if f"{radial}_low" in profile and f"{radial}_high" in profile:
        return tuple(  # type: ignore[return-value]  # two of them
            np.asarray(profile[f"{radial}_{end}"].values, dtype=float) for end in ("low", "high")
        )
    if f"{radial}_edges" in profile:
        edges = np.sort(np.asarray(profile[f"{radial}_edges"].values, dtype=float))
        at = np.searchsorted(edges, centre, side="right") - 1
        if at.min() >= 0 and at.max() < edges.size - 1:
            return edges[at], edges[at + 1]
    if centre.size < 2:
        raise SchemaError("one bin without edges has no width", hint=f"add {radial}_edges")
    step = np.diff(centre)
    sides = np.concatenate(
        [[centre[0] - step[0] / 2], centre[:-1] + step / 2, [centre[-1] + step[-1] / 2]]
    )
    return np.minimum(sides[:-1], sides[1:]), np.maximum(sides[:-1], sides[1:])
