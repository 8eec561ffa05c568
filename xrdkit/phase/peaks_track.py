"""Which peaks of the frames of a series are the same."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from xrdkit.phase.peaks_model import Peak

Array = NDArray[np.float64]

#: A peak may move by this part of its FWHM from where it was last seen.
_FARTHEST = 0.75
_NEVER = 1e6


def tracks(frames: Sequence[Sequence[Peak]]) -> NDArray[np.intp]:
    """Return which peak of each frame belongs to each track, (frames, tracks), -1 where absent.

    Frame by frame, peaks are assigned to the tracks at their last known positions so that the sum
    of the distances in FWHM is least (Hungarian method); farther than 0.75 FWHM is a new track.
    Tracks are in the order of their mean positions.
    """
    last: list[Peak] = []
    rows: list[dict[int, int]] = []
    for peaks in frames:
        row: dict[int, int] = {}
        if last and peaks:
            apart = np.array(
                [[abs(p.position - q.position) / max(p.fwhm, q.fwhm) for p in peaks] for q in last]
            )
            allowed = apart < _FARTHEST
            own, new = linear_sum_assignment(np.where(allowed, apart, _NEVER))
            row = {int(t): int(k) for t, k in zip(own, new, strict=True) if allowed[t, k]}
        for k in sorted(set(range(len(peaks))) - set(row.values())):
            row[len(last)] = k
            last.append(peaks[k])
        for track, k in row.items():
            last[track] = peaks[k]
        rows.append(row)
    table = np.full((len(rows), len(last)), -1, dtype=np.intp)
    for number, row in enumerate(rows):
        for track, k in row.items():
            table[number, track] = k
    return table[:, np.argsort(_means(frames, table), kind="stable")]


def missing(frames: Sequence[Sequence[Peak]], table: NDArray[np.intp]) -> list[list[Peak]]:
    """Return for each frame the peaks that it lacks although frames before and after have them.

    Their numbers are interpolated between those frames.
    """
    found: list[list[Peak]] = [[] for _ in frames]
    for track in table.T:
        seen = np.flatnonzero(track >= 0)
        for a, b in pairwise(seen):
            first, last = frames[int(a)][int(track[a])], frames[int(b)][int(track[b])]
            for number in range(a + 1, b):
                part = (number - a) / (b - a)
                found[number].append(
                    Peak(
                        area=(1 - part) * first.area + part * last.area,
                        position=(1 - part) * first.position + part * last.position,
                        fwhm=(1 - part) * first.fwhm + part * last.fwhm,
                        form=(1 - part) * first.form + part * last.form,
                    )
                )
    return found


def _means(frames: Sequence[Sequence[Peak]], table: NDArray[np.intp]) -> Array:
    return np.array(
        [
            np.mean([frames[f][k].position for f, k in enumerate(track) if k >= 0])
            for track in table.T
        ]
    )
