"""What a geometry that was found without a start has to show beyond one that had a start."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xrdkit.calibration.contrast import RadialProfile
from xrdkit.geometry import PARAMETERS, Calibration

Array = NDArray[np.float64]

_FEWEST_RINGS = 3
_LEAST_SCORE, _LEAST_MARGIN = 0.15, 0.25
#: a ring is missing below this share of the median height around it, where that would be seen
_NOTHING, _SEEN = 0.02, 6.0
_MISSING = 0.2
_STEEPEST_TILT = 25.0
#: two rings that points scatter so much about are no evidence: in counting errors and in widths
_BEYOND, _SCATTER = 10.0, 0.15
#: rms error of q over the frame that is still accepted, share of the largest q
_UNSURE = 3e-4


@dataclass(frozen=True, kw_only=True)
class SearchEvidence:
    """What is known of a geometry found without a start."""

    rings: int
    """Rings with points."""
    score: float
    """Mean gain of a ridge point over chance, natural logarithm."""
    margin: float
    """By how much the next other geometry scores less."""
    missing: float
    """Share of the rings of the calibrant that are not in the frame though others around are."""
    tilt: float
    """Tilt, degree."""
    error: float
    """Predicted rms error of q over the frame with the tilt free, share of its largest q; infinite
    where rings do not give the tilt at all."""
    others: tuple[str, ...] = ()
    """What else the rings found may be, where they are two."""

    excess: float = 1.0
    """How far points lie from their rings in units of their counting errors, root mean square."""
    scatter: float = 0.0
    """The same in widths of the rings."""


def search_reasons(e: SearchEvidence) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the reasons for rejection and those for doubt of a geometry found without a start."""
    fatal = [
        (e.rings < 2, "a single ring cannot tell the distance without a start"),
        (
            e.rings < _FEWEST_RINGS and e.excess > _BEYOND and e.scatter > _SCATTER,
            f"points scatter about {e.rings} rings by {e.scatter:.2f} of their width,"
            f" {e.excess:.0f} times what counting explains: rings of anything would",
        ),
        (e.score < 0, "the bright ridges of the frame are not on rings of this calibrant"),
        (
            0 <= e.score < _LEAST_SCORE and e.error > _UNSURE,
            "few of the bright ridges are on rings of this calibrant, and those leave q unknown to"
            f" {e.error:.1e} of its largest value: rings of anything would",
        ),
        (
            e.missing > 2 * _MISSING,
            f"{e.missing:.0%} of the rings of the calibrant are missing: another one?",
        ),
        (e.tilt > 2 * _STEEPEST_TILT, f"a tilt of {e.tilt:.0f} degree is implausible"),
    ]
    weak = [
        (e.score < _LEAST_SCORE, "few of the bright ridges are on rings of this calibrant"),
        (e.margin < _LEAST_MARGIN, "another geometry explains the frame nearly as well"),
        (
            e.missing > _MISSING,
            f"{e.missing:.0%} of the rings of the calibrant are missing: another one?",
        ),
        (e.tilt > _STEEPEST_TILT, f"a tilt of {e.tilt:.0f} degree is unusual"),
        (
            e.rings < _FEWEST_RINGS and len(e.others) > 0,
            f"{e.rings} rings cannot confirm calibrant and distance without a start: they may be"
            f" {' or '.join(e.others)}",
        ),
        (e.error > _UNSURE, f"q is known to {e.error:.1e} of its largest value only"),
    ]
    return tuple(t for bad, t in fatal if bad), tuple(t for bad, t in weak if bad)


def missing_rings(profile: RadialProfile, two_theta: Array) -> float:
    """Return the share of rings of `two_theta` (rad) at which the profile has nothing.

    Counted are rings that would be seen if they were as high as 0.02 times the median of their up
    to six neighbours.
    """
    height, error = profile.height(profile.radius(two_theta))
    known = np.isfinite(height) & np.isfinite(error) & (error > 0)
    height, error = height[known], error[known]
    judged = missing = 0
    for k in range(height.size):
        around = np.delete(height[max(0, k - 3) : k + 4], min(k, 3))
        if around.size < 2:
            continue
        least = max(_NOTHING * float(np.median(around)), 0.0)
        if float(np.median(around)) < _SEEN * error[k]:
            continue
        judged += 1
        missing += height[k] < max(least, 2.0 * error[k])
    return missing / judged if judged else 0.0


def q_error(calibration: Calibration, shape: tuple[int, int], covariance: Array) -> float:
    """Return the rms error of q over a frame of `shape` over the largest q, sqrt(g C g^T)."""
    step = max(1, max(shape) // 24)
    steps = (1e-6, 1e-6, 1e-6, 1e-6, 1e-6)
    slopes = []
    for name, small in zip(PARAMETERS[:5], steps, strict=True):
        ends = [
            replace(calibration, **{name: getattr(calibration, name) + side * small}).radial(
                shape, "q"
            )[::step, ::step]
            for side in (1, -1)
        ]
        slopes.append(((ends[0] - ends[1]) / (2 * small)).ravel())
    gradient = np.stack(slopes, axis=1)
    variance = np.einsum("ij,jk,ik->i", gradient, covariance, gradient)
    largest = float(calibration.radial(shape, "q").max())
    return float(np.sqrt(np.mean(np.maximum(variance, 0.0)))) / largest
