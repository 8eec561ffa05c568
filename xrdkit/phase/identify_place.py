"""Which size of a cell and which shift of the sample suit the places of the lines best.

Silver and gold, or ceria, silicon and fluorite, differ by little but the sizes of their cells, and
a sample that lies too low moves all lines: each may be taken for the other. What decides is how
much of either the measured places need, all in all: the misfit of the places, the change of the
cell and the shift, each in its usual size, make one sum of squares.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.phase.identify_match import Sticks, Taken
from xrdkit.phase.identify_pattern import NetPattern
from xrdkit.phase.positions import bragg_angle

Array = NDArray[np.float64]

#: Places of lines scatter by this share of a FWHM, and misfits beyond so many times that are
#: those of other lines.
_SCATTER, _FOREIGN = 0.1, 3.0
#: No line counts for more than this share of all.
_HEAVIEST = 0.25
_ROUNDS = 5
#: Lines whose windows other phases cover by more than this share have no place of their own.
_SHARED = 0.3


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What is usual of a cell and of a sample."""

    stretch_sigma: float
    """Standard deviation of the relative change of the cell."""
    shift: float
    """Shift of the sample expected, degree."""
    shift_sigma: float
    """Its standard deviation; 0: it is known."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a structure and a sample are most likely."""

    stretch: float
    """Cell lengths over those given."""
    shift: float
    """Shift of the lines at 2θ = 0 to lower angles, degree."""
    typical: float
    """Median distance of the lines from where they should be, by strength, in FWHM."""
    away: float
    """How unusual that is: squared standard deviations of lines, cell and shift together."""


def place(
    pattern: NetPattern,
    sticks: Sticks,
    taken: Taken,
    stretch: float,
    shift: float,
    expected: Expected,
) -> Place:
    """Return the most likely stretch and shift near those given."""
    usual = np.array([expected.stretch_sigma, expected.shift_sigma])
    free = usual > 0
    offset = np.array([stretch - 1.0, shift - expected.shift])
    offset[~free] = 0.0
    misfit, typical = 0.0, np.inf
    for _ in range(_ROUNDS):
        inverse = sticks.inverse / (1.0 + offset[0]) ** 2
        moved = expected.shift + offset[1]
        first, last = pattern.windows(inverse, shift=moved)
        covered = taken.covered[last] - taken.covered[first]
        angle = bragg_angle(inverse, pattern.wavelength)
        half = np.radians(angle) / 2.0
        found = pattern.centres(first, last) - (angle - moved * np.cos(half))
        good = (last > first) & (covered <= _SHARED * (last - first)) & np.isfinite(found)
        if not good.any():
            break
        share = np.minimum(sticks.area[good] / sticks.area[good].sum(), _HEAVIEST)
        share = share / share.sum()
        # So many lines of equal strength would say as much.
        weight = share / np.sum(share**2)
        off = found[good] / (_SCATTER * pattern.fwhm)
        robust = 1.0 / (1.0 + (off / _FOREIGN) ** 2)
        slopes = np.stack([-np.degrees(2.0 * np.tan(half)), -np.cos(half)], axis=1)[good]
        slopes = slopes / (_SCATTER * pattern.fwhm) * np.where(free, usual, 0.0)
        matrix = slopes.T @ (slopes * (weight * robust)[:, np.newaxis]) + np.eye(2)
        scaled = np.divide(offset, usual, out=np.zeros(2), where=free)
        step = np.linalg.solve(matrix, slopes.T @ (weight * robust * off) - scaled)
        offset = offset + np.where(free, step * usual, 0.0)
        misfit = float(np.sum(weight * _FOREIGN**2 * np.log1p((off / _FOREIGN) ** 2)))
        order = np.argsort(np.abs(off))
        half_way = np.searchsorted(np.cumsum(share[order]), 0.5)
        typical = _SCATTER * float(np.abs(off[order[min(half_way, off.size - 1)]]))
    scaled = np.divide(offset, usual, out=np.zeros(2), where=free)
    return Place(
        stretch=1.0 + float(offset[0]),
        shift=expected.shift + float(offset[1]),
        typical=typical,
        away=misfit + float(np.sum(scaled**2)),
    )
