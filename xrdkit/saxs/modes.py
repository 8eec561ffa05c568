"""Modes of a form-free distribution: how many there are, and where one ends.

A maximum is a mode where the valley beside it is deeper than three times its scatter from replicate
to replicate, and where the amount in it is larger than three times its own. What is no mode belongs
to its neighbour, and so does a mode that is not resolved. Modes are resolved where they are further
apart than two peaks as wide as the inversion makes of single sizes: d > s₁ + s₂ in ln R, the
distance from which two Gaussians of standard deviations s₁ and s₂ have a valley between them.

One ends where the mean of the replicates is lowest: specks of noise between modes do not move that.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.saxs.inversion import Inversion

Array = NDArray[np.float64]

_SIGNIFICANT = 3.0
#: A valley is one below this share of the lower maximum beside it.
_VALLEY = 0.9
#: Share of the lower maximum below which the ground of a valley is level.
_FLOOR = 0.02
#: Nodes over which is averaged.
_WINDOW = 5
_TINY = 1e-300


@dataclass(frozen=True, kw_only=True)
class Mode:
    """One mode."""

    first: int
    """Number of its first node."""
    last: int
    """Number of the node after its last."""
    wide: tuple[int, int]
    """The same with the whole of the valleys beside it."""
    narrow: tuple[int, int]
    """The same without them."""
    resolution: float
    """Standard deviation of ln R that the inversion makes of a single size there."""


def find_modes(found: Inversion) -> tuple[list[Mode], int]:
    """Return the modes of a distribution, ordered by radius, and how many more are not resolved.

    The distribution must not be empty.
    """
    # Spikes narrower than any resolution are no modes.
    density = _blurred(found.density[None])[0]
    copies = _blurred(found.replicates[:, : density.size])
    borders = _borders(density)
    while len(borders) > 2:
        weakest, at = min(
            (_strength(density, copies, borders, k), k) for k in range(1, len(borders) - 1)
        )
        if weakest > _SIGNIFICANT:
            break
        del borders[at]
    while len(borders) > 2:
        parts = list(itertools.pairwise(borders))
        amounts = [_amount(density, copies, part) for part in parts]
        least = int(np.argmin(amounts))
        if amounts[least] > _SIGNIFICANT:
            break
        del borders[_side(density, borders, least)]
    significant = len(borders) - 1
    while True:
        parts = list(itertools.pairwise(borders))
        widths, apart = _as_single_sizes(found, parts)
        if min(apart, default=np.inf) > 0:
            break
        del borders[int(np.argmin(apart)) + 1]
    valleys = [
        (borders[0],) * 3,
        *_valleys(density, copies, borders),
        (borders[-1],) * 3,
    ]
    modes = [
        Mode(
            first=left[1],
            last=right[1],
            wide=(left[0], right[2]),
            narrow=(left[2], right[0]),
            resolution=width,
        )
        for (left, right), width in zip(itertools.pairwise(valleys), widths, strict=True)
    ]
    return modes, significant - len(modes)


def _borders(density: Array) -> list[int]:
    """Return ends and lowest places between all maxima."""
    padded = np.concatenate([[0.0], density, [0.0]])
    rises = np.sign(np.diff(padded))
    turns = [(i, s) for i, s in enumerate(rises) if s != 0]
    tops = [a for (a, s), (_, t) in itertools.pairwise(turns) if s > 0 > t]
    found = [0]
    for left, right in itertools.pairwise(tops):
        inside = density[left : right + 1]
        low = np.flatnonzero(inside == inside.min())
        found.append(left + int(low[low.size // 2]))
    return [*found, density.size]


def _strength(density: Array, copies: Array, borders: list[int], at: int) -> float:
    """Return the depth of a valley over its scatter; 0 where it is hardly one."""
    low, valley, high = borders[at - 1], borders[at], borders[at + 1]
    left = low + int(np.argmax(density[low:valley])) if valley > low else low
    right = valley + int(np.argmax(density[valley:high]))
    top = min(density[left], density[right])
    if density[valley] > _VALLEY * top:
        return 0.0
    depths = np.minimum(copies[:, left], copies[:, right]) - copies[:, valley]
    return float((top - density[valley]) / max(float(depths.std(ddof=1)), _TINY))


def _amount(density: Array, copies: Array, part: tuple[int, int]) -> float:
    inside = slice(*part)
    scatter = float(copies[:, inside].sum(axis=1).std(ddof=1))
    return float(density[inside].sum()) / max(scatter, _TINY)


def _valleys(density: Array, copies: Array, borders: list[int]) -> list[tuple[int, int, int]]:
    """Return start, middle and end of where the mean of the replicates is lowest between tops."""
    tops = [a + int(np.argmax(density[a:b])) for a, b in itertools.pairwise(borders)]
    mean = copies.mean(axis=0)
    found = []
    for left, right in itertools.pairwise(tops):
        between = mean[left : right + 1]
        floor = max(float(between.min()), _FLOOR * min(float(between[0]), float(between[-1])))
        # Of a wide valley the middle: either side may have specks.
        low = left + np.flatnonzero(between <= floor)
        found.append((int(low[0]), int(low[low.size // 2]), int(low[-1])))
    return found


def _blurred(rows: Array) -> Array:
    """Return rows (m, nodes) averaged over neighbouring nodes, twice."""
    window = np.ones(_WINDOW) / _WINDOW
    twice = np.convolve(window, window)
    return np.array([np.convolve(row, twice, mode="same") for row in rows])


def _side(density: Array, borders: list[int], part: int) -> int:
    """Return the border of a part over which it belongs to a neighbour: the higher valley."""
    if part == 0:
        return 1
    if part == len(borders) - 2:
        return part
    return part if density[borders[part]] >= density[borders[part + 1]] else part + 1


def _as_single_sizes(
    found: Inversion, parts: list[tuple[int, int]]
) -> tuple[list[float], list[float]]:
    """Return the width of each part, were it a single size, and how far apart neighbours are.

    Widths are standard deviations of ln R; distances are in ln R, less the sum of the widths, and
    below zero where the two come out as one.
    """
    density, log = found.density, np.log(found.radius)
    amounts = [float(density[slice(*part)].sum()) * found.problem.step for part in parts]
    means = [float(np.average(log[slice(*p)], weights=density[slice(*p)] + _TINY)) for p in parts]
    places = [int(np.argmin(np.abs(log - mean))) for mean in means]
    seen = found.singles(places, amounts)
    widths = []
    for part, mean in zip(parts, means, strict=True):
        inside = slice(*part)
        weights = seen[inside] + _TINY
        widths.append(float(np.sqrt(np.average((log[inside] - mean) ** 2, weights=weights))))
    apart = []
    for k in range(len(parts) - 1):
        distance = means[k + 1] - means[k] - widths[k] - widths[k + 1]
        apart.append(distance if _valley(seen, places[k : k + 2]) else min(distance, -_TINY))
    return widths, apart


def _valley(density: Array, places: list[int]) -> bool:
    """Tell whether a distribution has a valley between two places."""
    inside = density[places[0] : places[1] + 1]
    ends = min(float(inside[: inside.size // 2 + 1].max()), float(inside[inside.size // 2 :].max()))
    return bool(inside.min() < _VALLEY * ends)
