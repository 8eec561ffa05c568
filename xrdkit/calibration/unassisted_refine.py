"""Calibration without a start: geometries that ridges suggest, refined and judged."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xrdkit.calibration.contrast import RadialProfile
from xrdkit.calibration.fit import covariance_with_tilt
from xrdkit.calibration.frame import CalibrantFrame
from xrdkit.calibration.judgement import judged
from xrdkit.calibration.other_calibrants import excess
from xrdkit.calibration.refinement import Refinement, refined
from xrdkit.calibration.result import CalibrationResult, CalibrationVerdict
from xrdkit.calibration.rings import CalibrantRings
from xrdkit.calibration.unassisted import Hypothesis, find_hypotheses, margin, untilted
from xrdkit.calibration.unassisted_check import (
    SearchEvidence,
    missing_rings,
    q_error,
    search_reasons,
)
from xrdkit.calibration.unassisted_ridges import Seen
from xrdkit.calibration.unassisted_rivals import apart, chi2, much_worse, other_pairs
from xrdkit.errors import CalibrationImplausible, CalibrationRejected
from xrdkit.geometry import Calibration, Detector

Array = NDArray[np.float64]
#: how far geometries may be off that ridges of the frame were fitted to: share of radius, pixels
_CLOSE = (0.004, 4.0)
#: hypotheses that score so much less than the best one are not refined
_CLEAR = 0.5
#: nor those of which q differs by less from one that is, rms over the frame, share of the largest
_OTHER_Q = 6e-3
#: rounds of refinement, of what comes first, of its rivals, and of what serves as a hint
_ROUNDS, _ROUNDS_OF_RIVALS, _ROUNDS_OF_A_HINT = 8, 2, 3
#: hypotheses of about the same score that are refined, and others where all of those fail
_RIVALS, _SECOND_CHANCES = 10, 2
#: width of rings before it is known, pixel
_WIDTH = 4.0
_RANK = {
    CalibrationVerdict.ACCEPTED: 0,
    CalibrationVerdict.DOUBTFUL: 1,
    CalibrationVerdict.REJECTED: 2,
}


@dataclass(frozen=True)
class _Candidate:
    """A hypothesis, refined and judged."""

    hypothesis: Hypothesis
    found: Refinement
    result: CalibrationResult


def found_without_start(
    frame: Seen, rings: CalibrantRings, detector: Detector, wavelength: float
) -> CalibrationResult:
    """Return the geometry found without a start, best of the hypotheses that the ridges allow."""
    exposure = frame.exposure
    hypotheses = _hypotheses(frame, rings, detector, wavelength)
    candidates, untried = _candidates(hypotheses, exposure, rings)
    best = min(candidates, key=lambda one: (_RANK[one.result.verdict], chi2(one.found)))
    found, result = best.found, best.result
    width = float(np.median(found.points.width[found.fit.used]))
    profile = RadialProfile(exposure, result.calibration, width)
    last = int(np.max(found.points.ring[found.fit.used]))
    shape = (exposure.counts.shape[0], exposure.counts.shape[1])
    errors: Array | None = result.covariance
    if not result.tilt_refined:
        errors = covariance_with_tilt(found.points, rings.two_theta, result.calibration, shape)
    fatal, weak = search_reasons(
        SearchEvidence(
            rings=len(result.rings),
            score=best.hypothesis.score,
            margin=_margin(best, candidates, untried, shape),
            others=other_pairs(found, exposure, rings, wavelength),
            missing=missing_rings(profile, rings.two_theta[: last + 1]),
            tilt=result.calibration.tilt,
            excess=excess(found),
            scatter=result.rms_px / width,
            error=np.inf if errors is None else q_error(result.calibration, shape, errors),
        )
    )
    reasons = tuple(dict.fromkeys((*fatal, *result.reasons, *weak)))
    kind = result.verdict
    if fatal or kind is CalibrationVerdict.REJECTED:
        kind = CalibrationVerdict.REJECTED
    elif weak:
        kind = CalibrationVerdict.DOUBTFUL
    return replace(result, verdict=kind, reasons=reasons)


def glimpsed_without_start(
    frame: Seen, rings: CalibrantRings, detector: Detector, wavelength: float
) -> CalibrationResult:
    """Return the first geometry found without a start that need not be rejected, roughly refined.

    It tells what a frame may be, and is no calibration: nothing was done to find what else fits.
    """
    hypotheses = _hypotheses(frame, rings, detector, wavelength)
    candidates, _ = _candidates(hypotheses, frame.exposure, rings, hint=True)
    return min(candidates, key=lambda one: _RANK[one.result.verdict]).result


def _hypotheses(
    frame: Seen, rings: CalibrantRings, detector: Detector, wavelength: float
) -> list[Hypothesis]:
    shape = (frame.exposure.counts.shape[0], frame.exposure.counts.shape[1])
    hypotheses = find_hypotheses(frame.ridges, shape, rings, detector, wavelength)
    if not hypotheses or hypotheses[0].score < 0:
        raise CalibrationRejected(
            f"{rings.name}: the bright ridges of the frame are not on rings of this calibrant",
            hint="check calibrant, wavelength, pixel size and mask, or give a start",
        )
    return hypotheses


def _candidates(
    hypotheses: list[Hypothesis],
    exposure: CalibrantFrame,
    rings: CalibrantRings,
    *,
    hint: bool = False,
) -> tuple[list[_Candidate], list[Hypothesis]]:
    """Return refined hypotheses, and those that score too much less to be refined.

    Where all that score best have to be rejected, rings of something else may have misled the
    score: of the others, those are refined at whose rings the frame stands out most. For a `hint`
    the first that need not be rejected is enough.
    Raises CalibrationRejected where none can be refined.
    """
    candidates: list[_Candidate] = []
    failure: CalibrationRejected | None = None
    shape = (exposure.counts.shape[0], exposure.counts.shape[1])
    refined_from: list[Calibration] = []
    close = [h for h in hypotheses if h.score >= hypotheses[0].score - _CLEAR][:_RIVALS]
    others = [h for h in hypotheses if h not in close]
    for k in range(len(close) + _SECOND_CHANCES):
        hopeful = any(c.result.verdict is not CalibrationVerdict.REJECTED for c in candidates)
        if hint and hopeful:
            break
        if k < len(close):
            one = close[k]
        elif hopeful or not others:
            break
        else:
            one = max(others, key=lambda h: _contrast(h, exposure, rings))
            others.remove(one)
        start = one.calibration
        if hopeful and not all(apart(start, other, shape, _OTHER_Q) for other in refined_from):
            continue
        refined_from.append(start)
        rounds = _ROUNDS_OF_A_HINT if hint else _ROUNDS_OF_RIVALS if hopeful else _ROUNDS
        try:
            found = refined(
                exposure,
                rings,
                start,
                _CLOSE,
                usual=untilted(start),
                close=True,
                most_rounds=rounds,
            )
            candidates.append(_Candidate(one, found, judged(found, exposure, rings, start)))
        except (CalibrationRejected, CalibrationImplausible) as exc:
            failure = failure or CalibrationRejected(exc.message, hint=exc.hint)
    if not candidates:
        raise failure or CalibrationRejected(f"{rings.name}: nothing was found")
    return candidates, others


def _contrast(one: Hypothesis, exposure: CalibrantFrame, rings: CalibrantRings) -> float:
    """Return how much the frame stands out at the rings of a geometry, against chance."""
    shape = (exposure.counts.shape[0], exposure.counts.shape[1])
    most = float(one.calibration.two_theta(shape)[exposure.valid].max())
    profile = RadialProfile(exposure, one.calibration, _WIDTH)
    return profile.contrast(rings.two_theta[rings.two_theta < most])


def _margin(
    best: _Candidate,
    candidates: list[_Candidate],
    untried: list[Hypothesis],
    shape: tuple[int, int],
) -> float:
    """Return by how much the next other geometry scores less; 0 where a refined one fits as well.

    A refined one counts where its q differs, it is not to be rejected, and its points do not lie so
    much farther from their rings that chance would not do it.
    """
    for other in candidates:
        if (
            other is not best
            and other.result.verdict is not CalibrationVerdict.REJECTED
            and apart(best.result.calibration, other.result.calibration, shape)
            and not much_worse(other.found, best.found)
        ):
            return 0.0
    return margin([best.hypothesis, *untried])
