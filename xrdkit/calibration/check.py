"""What makes a calibration acceptable, doubtful or unusable."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.calibration.frame import CalibrantFrame
from xrdkit.calibration.result import CalibrationVerdict
from xrdkit.geometry import Calibration

Array = NDArray[np.float64]
_SECTOR = 5.0
#: by how much rings are moved outward or inward to see what chance gives
_DECOYS = tuple(1.0 + side * step for step in np.arange(0.025, 0.125, 0.01) for side in (-1, 1))


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known about a refined geometry besides its parameters."""

    rings: int
    """Rings with points."""
    rings_expected: int
    """Rings of the calibrant on valid pixels, up to the outermost one with points."""
    points: int
    """Points used."""
    clipped: float
    """Share of the points found that was clipped."""
    coverage: float
    """Azimuth covered, degree."""
    rms: float
    """Root mean square residual of the points used, pixel."""
    width: float
    """Median full width at half maximum of the rings, pixel."""
    contrast: float
    """How the radial profile stands out at the rings, in multiples of the best decoy."""
    distance_change: float
    """Relative change of the direct distance from the start."""
    center_sigma: float
    """Larger standard error of the beam centre, pixel."""
    distance_sigma: float
    """Relative standard error of the direct distance."""


def verdict(evidence: Evidence) -> tuple[CalibrationVerdict, tuple[str, ...]]:
    """Return the verdict on a refinement and the reasons for anything less than acceptance.

    Limits are on ratios (residual to ring width, contrast to decoys), because good frames differ
    much in pixels; the two absolute ones are on what the geometry is for.
    """
    e = evidence
    fatal = [
        (e.rings < 1 or e.points < 8, f"only {e.points} points on {e.rings} rings were found"),
        (e.coverage < 10, f"rings cover only {e.coverage:.0f} degree of azimuth"),
        (e.rms > e.width, f"points lie {e.rms:.2f} px from rings {e.width:.2f} px wide"),
        (e.clipped > 0.5, f"{e.clipped:.0%} of the points contradict the others"),
        (
            e.rings < 0.3 * e.rings_expected,
            f"only {e.rings} of {e.rings_expected} expected rings are there: another calibrant?",
        ),
        (
            e.contrast < 1.0,
            f"displaced rings fit the frame better than these ({e.contrast:.2f}):"
            " another calibrant, wavelength or start?",
        ),
        (e.distance_sigma > 0.05, f"the distance is known to {e.distance_sigma:.0%} only"),
    ]
    reasons = [text for found, text in fatal if found]
    if reasons:
        return CalibrationVerdict.REJECTED, tuple(reasons)
    weak = [
        (e.rings == 1, "a single ring cannot confirm the calibrant"),
        (
            e.rings == 2 and abs(e.distance_change) > 0.03,
            f"two rings, and the distance is {e.distance_change:+.1%} from the start",
        ),
        (e.coverage < 20, f"rings cover only {e.coverage:.0f} degree of azimuth"),
        (e.rms > 0.5 * e.width, f"points lie {e.rms:.2f} px from rings {e.width:.2f} px wide"),
        (e.clipped > 0.25, f"{e.clipped:.0%} of the points contradict the others"),
        (
            e.rings < 0.5 * e.rings_expected,
            f"only {e.rings} of {e.rings_expected} expected rings are there",
        ),
        (
            e.contrast < 1.5,
            f"the frame stands out at the rings only {e.contrast:.2f} times as much as elsewhere",
        ),
        (
            abs(e.distance_change) > 0.1,
            f"the distance is {e.distance_change:+.1%} from the start",
        ),
        (e.center_sigma > 5, f"the beam centre is known to {e.center_sigma:.1f} px only"),
        (e.distance_sigma > 0.01, f"the distance is known to {e.distance_sigma:.1%} only"),
    ]
    reasons = [text for found, text in weak if found]
    kind = CalibrationVerdict.DOUBTFUL if reasons else CalibrationVerdict.ACCEPTED
    return kind, tuple(reasons)


def azimuth_coverage(azimuth: Array) -> float:
    """Return how many degrees of azimuth hold a point, in sectors of 5 degree."""
    sectors = np.unique(np.floor(np.asarray(azimuth) % 360.0 / _SECTOR))
    return float(sectors.size * _SECTOR)


def ring_contrast(
    frame: CalibrantFrame, calibration: Calibration, two_theta: Array, width: float
) -> float:
    """Return how much the radial profile stands out at the rings, against displaced rings.

    The profile of mean counts over the radius tan 2θ is compared, at each ring of `two_theta`
    (rad), over `width` pixels (FWHM) with what lies on either side, in standard errors. The mean
    over the rings is divided by the largest mean that rings displaced by 2.5 to 12 % give.
    """
    shape = (frame.counts.shape[0], frame.counts.shape[1])
    radius = _radius(calibration, calibration.two_theta(shape)[frame.valid])
    counts = frame.counts[frame.valid]
    per_px = 2
    keep = np.isfinite(radius) & (radius >= 0) & (radius < 1e5)
    place = (radius[keep] * per_px).astype(int)
    total = np.bincount(place, weights=counts[keep])
    square = np.bincount(place, weights=counts[keep] ** 2)
    number = np.bincount(place)
    sums = [np.concatenate([[0.0], np.cumsum(a)]) for a in (total, square, number)]
    rings = _radius(calibration, two_theta)
    half = max(1, round(width * per_px / 2))

    def mean(low: Array, high: Array) -> tuple[Array, Array]:
        low, high = np.clip(low, 0, number.size), np.clip(high, 0, number.size)
        t, s, n = (a[high] - a[low] for a in sums)
        with np.errstate(invalid="ignore", divide="ignore"):
            level = t / n
            return level, np.maximum(s / n - level**2, 0) / n

    def score(scale: float) -> float:
        at = np.rint(rings * scale * per_px).astype(int)
        at = at[(at >= 3 * half) & (at < number.size - 3 * half)]
        if at.size == 0:
            return 0.0
        top, noise = mean(at - half, at + half + 1)
        left, noise_left = mean(at - 3 * half, at - 2 * half + 1)
        right, noise_right = mean(at + 2 * half, at + 3 * half + 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            z = (top - 0.5 * (left + right)) / np.sqrt(noise + 0.25 * (noise_left + noise_right))
        z = z[np.isfinite(z)]
        # One spot or one strong ring must not speak for the others.
        return float(np.mean(np.clip(z, -20.0, 20.0))) if z.size else 0.0

    best = max(score(scale) for scale in _DECOYS)
    return score(1.0) / max(best, 1.0)


def _radius(calibration: Calibration, two_theta: Array) -> Array:
    """Return the radius in pixels that an angle in rad has on an untilted detector."""
    pixel = np.sqrt(calibration.detector.pixel_size_y * calibration.detector.pixel_size_x)
    with np.errstate(divide="ignore", invalid="ignore"):
        radius = calibration.direct_distance * np.tan(two_theta) / pixel
    return np.where(two_theta < np.pi / 2, radius, np.inf)
