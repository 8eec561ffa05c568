"""Which peaks are fitted together, and on which points."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from xrdkit.phase.peaks_data import Emission
from xrdkit.phase.peaks_model import Peak

Array = NDArray[np.float64]

#: Most peaks in one fit; longer chains are cut where their peaks are farthest apart.
_MOST = 12


@dataclass(frozen=True, kw_only=True)
class Group:
    """Peaks fitted together."""

    members: tuple[int, ...]
    """Numbers of the peaks, ascending in position."""
    low: float
    """Radial coordinate at which the fitted part begins."""
    high: float
    """Where it ends."""


def groups(peaks: Sequence[Peak], emission: Emission, reach: float) -> list[Group]:
    """Return the groups of peaks whose parts of `reach` FWHM overlap.

    A chain of more than 12 is cut at its widest gaps; its parts meet halfway between the peaks.
    """
    order = sorted(range(len(peaks)), key=lambda k: peaks[k].position)
    spans = [_span(peaks[k], emission, reach) for k in order]
    chains: list[list[int]] = []
    end = -np.inf
    for rank, (low, high) in enumerate(spans):
        if low > end:
            chains.append([])
        chains[-1].append(rank)
        end = max(end, high)
    found: list[Group] = []
    for chain in chains:
        parts = _cut(chain, [peaks[k].position for k in order])
        borders = [
            0.5 * (peaks[order[a[-1]]].position + peaks[order[b[0]]].position)
            for a, b in pairwise(parts)
        ]
        for number, part in enumerate(parts):
            low = min(spans[r][0] for r in part)
            high = max(spans[r][1] for r in part)
            if number > 0:
                low = max(low, borders[number - 1])
            if number < len(borders):
                high = min(high, borders[number])
            found.append(Group(members=tuple(order[r] for r in part), low=low, high=high))
    return found


def _span(peak: Peak, emission: Emission, reach: float) -> tuple[float, float]:
    centres = emission.centres(peak.position)[0]
    return (
        float(np.nanmin(centres)) - reach * peak.fwhm,
        float(np.nanmax(centres)) + reach * peak.fwhm,
    )


def _cut(chain: list[int], positions: list[float]) -> list[list[int]]:
    """Return a chain in parts of at most 12, cut where neighbours are farthest apart."""
    if len(chain) <= _MOST:
        return [chain]
    gaps = [positions[b] - positions[a] for a, b in pairwise(chain)]
    # A cut at the very end would leave single peaks; the middle half is where to look.
    first = len(gaps) // 4
    at = first + int(np.argmax(gaps[first : len(gaps) - first])) + 1
    return _cut(chain[:at], positions) + _cut(chain[at:], positions)
