"""Calibration without a start: geometries that ridges suggest, refined and judged."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from xrdkit.calibration.contrast import RadialProfile
from xrdkit.calibration.fit import covariance_with_tilt
from xrdkit.calibration.frame import CalibrantFrame
from xrdkit.calibration.judgement import judged
from xrdkit.calibration.refinement import refined
from xrdkit.calibration.result import CalibrationResult, CalibrationVerdict
from xrdkit.calibration.rings import CalibrantRings
from xrdkit.calibration.unassisted import find_hypotheses, margin, untilted
from xrdkit.calibration.unassisted_check import (
    SearchEvidence,
    missing_rings,
    q_error,
    search_reasons,
)
from xrdkit.calibration.unassisted_ridges import without_blind_areas
from xrdkit.errors import CalibrationRejected
from xrdkit.geometry import Detector

Array = NDArray[np.float64]
#: how far geometries may be off that ridges of the frame were fitted to: share of radius, pixels
_CLOSE = (0.004, 4.0)


def found_without_start(
    exposure: CalibrantFrame, rings: CalibrantRings, detector: Detector, wavelength: float
) -> CalibrationResult:
    """Return the geometry found without a start, best of the hypotheses that the ridges allow."""
    exposure = without_blind_areas(exposure)
    hypotheses = find_hypotheses(exposure, rings, detector, wavelength)
    if not hypotheses or hypotheses[0].score < 0:
        raise CalibrationRejected(
            f"{rings.name}: the bright ridges of the frame are not on rings of this calibrant",
            hint="check calibrant, wavelength, pixel size and mask, or give a start",
        )
    best = hypotheses[0]
    found = refined(
        exposure, rings, best.calibration, _CLOSE, usual=untilted(best.calibration), close=True
    )
    result = judged(found, exposure, rings, best.calibration)
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
            score=best.score,
            margin=margin(hypotheses),
            missing=missing_rings(profile, rings.two_theta[: last + 1]),
            tilt=result.calibration.tilt,
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
