"""What makes a calibration acceptable, doubtful or unusable."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.calibration.result import CalibrationVerdict

Array = NDArray[np.float64]
_SECTOR = 5.0
#: how far whole rings, and all of them in one direction, may lie off, share of their width, where
#: that is this many standard errors
_OFF, _ASIDE, _SURE = 0.25, 0.15, 3.0
_MISSING = 0.2
#: so many signs that the rings are not those of the calibrant, each weak by itself, are enough
_MANY = 3
#: of few rings points lie closer than this: in counting errors, or in widths of the ring
_FEW, _BEYOND, _SCATTER = 3, 3.0, 0.1


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
    unexplained: int
    """Strong rings of the frame that the calibrant has not."""
    distance_change: float
    """Relative change of the direct distance from the start."""
    center_sigma: float
    """Larger standard error of the beam centre, pixel."""
    distance_sigma: float
    """Relative standard error of the direct distance."""
    ring_misfit: float
    """How far whole rings lie from where they should be, root mean square in ring widths."""
    ring_misfit_sigma: float
    """The same in standard errors of their means."""
    sector_misfit: float
    """How far all rings lie off in one direction, root mean square in ring widths."""
    sector_misfit_sigma: float
    """The same in standard errors."""
    missing: float
    """Share of the rings of the calibrant that are not in the frame though others around are."""
    other: str
    """Another calibrant that explains the rings better, with its distance; empty where none."""
    excess: float = 1.0
    """How far points lie from their rings in units of their counting errors, root mean square."""


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
        (
            e.unexplained >= max(e.rings, 2),
            f"{e.unexplained} strong rings are not of this calibrant: another one?",
        ),
        (
            e.rings == 1 and (e.unexplained > 0 or e.rings_expected > 1),
            "a single ring of several is one of this calibrant: another one?",
        ),
        (e.distance_sigma > 0.05, f"the distance is known to {e.distance_sigma:.0%} only"),
        (
            e.ring_misfit > _OFF and e.ring_misfit_sigma > _SURE,
            f"whole rings lie {e.ring_misfit:.2f} of their width off: another calibrant,"
            " wavelength or pixel size?",
        ),
        (
            e.missing > 2 * _MISSING,
            f"{e.missing:.0%} of the rings of the calibrant are missing: another one?",
        ),
        (e.other != "", f"the rings are those of {e.other}"),
    ]
    reasons = [text for found, text in fatal if found]
    if reasons:
        return CalibrationVerdict.REJECTED, tuple(reasons)
    signs = [
        (
            e.rings <= _FEW and e.excess > _BEYOND and e.rms > _SCATTER * e.width,
            f"points lie {e.rms:.2f} px from {e.rings} rings {e.width:.2f} px wide, where counting"
            f" explains {e.rms / e.excess:.2f} px",
        ),
        (e.rms > 0.5 * e.width, f"points lie {e.rms:.2f} px from rings {e.width:.2f} px wide"),
        (e.clipped > 0.25, f"{e.clipped:.0%} of the points contradict the others"),
        (
            e.rings < 0.6 * e.rings_expected,
            f"only {e.rings} of {e.rings_expected} expected rings are there",
        ),
        (
            e.contrast < 1.5,
            f"the frame stands out at the rings only {e.contrast:.2f} times as much as elsewhere",
        ),
        (
            e.unexplained > 0.2 * e.rings,
            f"{e.unexplained} strong rings are not of this calibrant: another one?",
        ),
        (
            e.ring_misfit > 0.5 * _OFF and e.ring_misfit_sigma > _SURE,
            f"whole rings lie {e.ring_misfit:.2f} of their width off",
        ),
        (
            e.sector_misfit > _ASIDE and e.sector_misfit_sigma > _SURE,
            f"the rings lie {e.sector_misfit:.2f} of their width off in some directions",
        ),
        (
            e.missing > _MISSING,
            f"{e.missing:.0%} of the rings of the calibrant are missing: another one?",
        ),
    ]
    weak = [
        (e.rings == 1, "a single ring cannot confirm the calibrant"),
        (
            e.rings == 2 and abs(e.distance_change) > 0.03,
            f"two rings, and the distance is {e.distance_change:+.1%} from the start",
        ),
        (e.coverage < 20, f"rings cover only {e.coverage:.0f} degree of azimuth"),
        (
            abs(e.distance_change) > 0.1,
            f"the distance is {e.distance_change:+.1%} from the start",
        ),
        (e.center_sigma > 5, f"the beam centre is known to {e.center_sigma:.1f} px only"),
        (e.distance_sigma > 0.01, f"the distance is known to {e.distance_sigma:.1%} only"),
    ]
    contradictions = [text for found, text in signs if found]
    if len(contradictions) >= _MANY:
        return CalibrationVerdict.REJECTED, tuple(contradictions)
    reasons = contradictions + [text for found, text in weak if found]
    kind = CalibrationVerdict.DOUBTFUL if reasons else CalibrationVerdict.ACCEPTED
    return kind, tuple(reasons)


def azimuth_coverage(azimuth: Array) -> float:
    """Return how many degrees of azimuth hold a point, in sectors of 5 degree."""
    sectors = np.unique(np.floor(np.asarray(azimuth) % 360.0 / _SECTOR))
    return float(sectors.size * _SECTOR)
