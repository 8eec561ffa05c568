"""Modes of a form-free distribution: how many there are, and where one ends.

A maximum is a mode where the valley beside it is deeper than three times its scatter from replicate
to replicate, and where the amount in it is larger than three times its own. What is no mode belongs
to its neighbour. Modes are resolved where they are further apart than two peaks as wide as the
inversion makes of single sizes: d > s₁ + s₂ in ln R, the distance from which two Gaussians of
standard deviations s₁ and s₂ have a valley between them.
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
_TINY = 1e-300


@dataclass(frozen=True, kw_only=True)
class Mode:
    """One mode."""

    first: int
    """Number of its first node."""
    last: int
    """Number of the node after its last."""
    resolution: float
    """Standard deviation of ln R that the inversion makes of a single size there."""
    resolved: bool
    """Whether it is told apart from its neighbours; true of a single mode."""


def find_modes(found: Inversion) -> list[Mode]:
    """Return the modes of a distribution, ordered by radius; none of an empty one."""
    density = found.density
    nodes = density.size
    if not density.sum() > 0:
        return []
    copies = found.replicates[:, :nodes]
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
    return _resolved(found, list(itertools.pairwise(borders)))


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


def _side(density: Array, borders: list[int], part: int) -> int:
    """Return the border of a part over which it belongs to a neighbour: the higher valley."""
    if part == 0:
        return 1
    if part == len(borders) - 2:
        return part
    return part if density[borders[part]] >= density[borders[part + 1]] else part + 1


def _resolved(found: Inversion, parts: list[tuple[int, int]]) -> list[Mode]:
    density, log = found.density, np.log(found.radius)
    step = found.problem.step
    amounts = [float(density[slice(*part)].sum()) * step for part in parts]
    means = [float(np.average(log[slice(*p)], weights=density[slice(*p)] + _TINY)) for p in parts]
    places = [int(np.argmin(np.abs(log - mean))) for mean in means]
    seen = found.singles(places, amounts)
    widths = []
    for part, mean in zip(parts, means, strict=True):
        inside = slice(*part)
        weights = seen[inside] + _TINY
        widths.append(float(np.sqrt(np.average((log[inside] - mean) ** 2, weights=weights))))
    # Of two single sizes that come out as one, each takes the width of the whole.
    apart = [
        means[k + 1] - means[k] > widths[k] + widths[k + 1] and _valley(seen, places[k : k + 2])
        for k in range(len(parts) - 1)
    ]
    return [
        Mode(
            first=part[0],
            last=part[1],
            resolution=widths[k],
            resolved=all(apart[max(k - 1, 0) : k + 1]),
        )
        for k, part in enumerate(parts)
    ]


def _valley(density: Array, places: list[int]) -> bool:
    """Tell whether a distribution has a valley between two places."""
    inside = density[places[0] : places[1] + 1]
    ends = min(float(inside[: inside.size // 2 + 1].max()), float(inside[inside.size // 2 :].max()))
    return bool(inside.min() < _VALLEY * ends)
