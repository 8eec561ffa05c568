"""Refinement of a geometry from a start on a calibrant frame: find rings, fit, find again."""

import logging
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import schema
from xrdkit.calibration.angle import (
    PARAMETERS,
    on_detector,
    two_theta_and_slopes,
    values_of,
)
from xrdkit.calibration.check import Evidence, azimuth_coverage, verdict
from xrdkit.calibration.contrast import RadialProfile
from xrdkit.calibration.fit import GeometryFit, covariance_with_tilt, fit_geometry
from xrdkit.calibration.frame import CalibrantFrame, calibrant_frame
from xrdkit.calibration.named import named_detector
from xrdkit.calibration.result import (
    CalibrationResult,
    CalibrationVerdict,
    RingResidual,
)
from xrdkit.calibration.ring_points import RingPoints, ring_points
from xrdkit.calibration.rings import CalibrantRings, calibrant_rings
from xrdkit.calibration.unassisted import find_hypotheses, margin, untilted
from xrdkit.calibration.unassisted_check import (
    SearchEvidence,
    missing_rings,
    q_error,
    search_reasons,
)
from xrdkit.calibration.unassisted_ridges import without_blind_areas
from xrdkit.errors import (
    CalibrationImplausible,
    CalibrationRejected,
    FrameShapeMismatch,
    SpecError,
)
from xrdkit.geometry import PARAMETERS as GEOMETRY
from xrdkit.geometry import Calibration, Detector

Array = NDArray[np.float64]
LOG = logging.getLogger("xrdkit")

#: how far off the start may be: share of the radius and pixels; tried in this order
_STARTS = ((0.012, 6.0), (0.035, 12.0))
#: the same for later rounds, when rings were found once
_LATER = ((0.004, 4.0), (0.0015, 3.0), (0.001, 3.0))
#: the same for geometries that ridges of the frame were fitted to already
_CLOSE = (0.004, 4.0)
_MOST_ROUNDS = 8
_STILL = 1e-2
#: length of a ring in one azimuth sector in the first and in later rounds, px
_FIRST_ARC, _ARC = 48.0, 12.0
_STEEPEST = 1.45


def calibrate(
    frames: xr.Dataset,
    *,
    calibrant: str,
    detector: Detector | str | None = None,
    wavelength: float | None = None,
    start: Calibration | None = None,
    frame: int | None = None,
    mask: xr.DataArray | NDArray[Any] | None = None,
) -> CalibrationResult:
    """Return the geometry that explains the rings of a calibrant, from `start` or from nothing.

    Without a start, bright ridges of the frame are found, their normals vote for beam centres, and
    radii for distances (`find_hypotheses`); what fits best is refined and has more to show before
    it is accepted (`search_reasons`): three rings, a tilt that the data tell, no rival.

    Rings are found as peak positions in azimuth sectors (`ring_points`), the geometry is fitted to
    them (`fit_geometry`), and both are repeated until no point moves by more than 0.01 px or 5 % of
    the rms. Distance and beam position are always free, the tilt where the data show it, the
    wavelength never.

    Args:
        frames: FRAMES Dataset, counts (frame, y, x); the mean over its written frames is used.
        calibrant: name of the standard as in pyFAI: LaB6, CeO2, AgBh, Si, ...
        detector: detector or its name in pyFAI's list; default: that of `start`; needed without.
        wavelength: ångström; default: that of `start`; needed without.
        start: geometry within about 3 % of the distance and 12 px of the beam centre; None: the
            geometry is looked for.
        frame: use this frame alone, a position along ``frame``.
        mask: (y, x), not 0 where a pixel is left out, besides the masks of `frames`.

    Raises CalibrationRejected where nothing is found or the outcome must not be used, naming the
    reasons; SpecError for settings that contradict each other, an unknown calibrant or frame;
    FrameShapeMismatch where frame, detector and mask differ in shape; EmptyResult where no pixel
    holds data.
    """
    if start is None:
        device, known = _asked_for(detector, wavelength, frames)
        exposure = calibrant_frame(frames, frame=frame, mask=mask, detector=device)
        return _found(exposure, calibrant_rings(calibrant, known), device, known)
    first = _prepared(start, detector, wavelength, frames)
    rings = calibrant_rings(calibrant, first.wavelength)
    exposure = calibrant_frame(frames, frame=frame, mask=mask, detector=first.detector)
    first.two_theta((exposure.counts.shape[0], exposure.counts.shape[1]))  # refuses a wrong shape
    failures: list[str] = []
    best: CalibrationResult | None = None
    for reach in _STARTS:
        try:
            result = _judged(_refined(exposure, rings, first, reach), exposure, rings, first)
        except CalibrationRejected as exc:
            failures.append(exc.message)
            continue
        if result.verdict is CalibrationVerdict.ACCEPTED:
            return result
        if result.verdict is CalibrationVerdict.REJECTED:
            failures.append("; ".join(result.reasons))
        else:
            best = best or result
    if best is None:
        raise CalibrationRejected(
            f"{rings.name}: {failures[0]}",
            hint="check calibrant, wavelength, pixel size, mask and start",
        )
    return best


def _asked_for(
    detector: Detector | str | None, wavelength: float | None, frames: xr.Dataset
) -> tuple[Detector, float]:
    """Return detector and wavelength of a calibration without a start, which need both."""
    if detector is None or wavelength is None:
        missing = "a detector" if detector is None else "a wavelength"
        raise SpecError(
            f"{missing} is needed where there is no start",
            hint="pass detector= (name or pixel size) and wavelength= in ångström, or start=",
        )
    device = named_detector(detector) if isinstance(detector, str) else detector
    if not 0.01 <= wavelength <= 10:
        raise SpecError(
            f"wavelength {wavelength} Å is outside 0.01 to 10 Å", hint="wavelengths are in ångström"
        )
    schema.validate(frames, schema.FRAMES)
    shape = (frames.sizes["y"], frames.sizes["x"])
    if device.shape is not None and tuple(device.shape) != shape:
        raise FrameShapeMismatch(f"frame of {shape} pixels, detector of {device.shape}")
    return replace(device, shape=shape), float(wavelength)


def _found(
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
    found = _refined(exposure, rings, best.calibration, _CLOSE, usual=untilted(best.calibration))
    result = _judged(found, exposure, rings, best.calibration)
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
    if fatal or result.verdict is CalibrationVerdict.REJECTED:
        raise CalibrationRejected(
            f"{rings.name}: {'; '.join((*fatal, *result.reasons, *weak))}",
            hint="check calibrant, wavelength, pixel size and mask, or give a start",
        )
    if weak:
        reasons = tuple(dict.fromkeys((*result.reasons, *weak)))
        return replace(result, verdict=CalibrationVerdict.DOUBTFUL, reasons=reasons)
    return result


@dataclass(frozen=True, kw_only=True)
class _Refinement:
    fit: GeometryFit
    points: RingPoints
    looked_for: NDArray[np.bool_]


def _prepared(
    start: Calibration,
    detector: Detector | str | None,
    wavelength: float | None,
    frames: xr.Dataset,
) -> Calibration:
    """Return the start with the detector and wavelength that are asked for."""
    own = start.detector
    if detector is None:
        chosen = own
    elif isinstance(detector, str):
        chosen = replace(named_detector(detector), orientation=own.orientation)
    else:
        chosen = detector
    for name in ("pixel_size_y", "pixel_size_x", "orientation"):
        if not math.isclose(getattr(chosen, name), getattr(own, name), rel_tol=1e-6):
            raise SpecError(
                f"detector {name} is {getattr(chosen, name)}, in the start {getattr(own, name)}",
                hint="the start places another detector; give one of the same pixels",
            )
    if chosen.shape is None and "counts" in frames:
        sizes = frames["counts"].sizes
        if "y" in sizes and "x" in sizes:
            chosen = replace(chosen, shape=(sizes["y"], sizes["x"]))
    if wavelength is None:
        return replace(start, detector=chosen)
    if not math.isclose(wavelength, start.wavelength, rel_tol=1e-3):
        LOG.warning("wavelength %g Å is used, the start has %g Å", wavelength, start.wavelength)
    try:
        return replace(start, detector=chosen, wavelength=float(wavelength))
    except CalibrationImplausible as exc:
        raise SpecError(exc.message, hint="wavelengths are in ångström") from exc


def _refined(
    exposure: CalibrantFrame,
    rings: CalibrantRings,
    start: Calibration,
    reach: tuple[float, float],
    *,
    usual: Calibration | None = None,
) -> _Refinement:
    """Return rings and geometry; where they do not tell the tilt it is that of `usual`."""
    shape = (exposure.counts.shape[0], exposure.counts.shape[1])
    current, found = start, None
    schedule = [reach, *_LATER]
    for turn in range(_MOST_ROUNDS):
        relative, added = schedule[min(turn, len(schedule) - 1)]
        angle = current.two_theta(shape)[exposure.valid]
        window = _windows(current, rings.two_theta, (angle.min(), angle.max()), relative, added)
        arc = _FIRST_ARC if turn == 0 else _ARC
        points = ring_points(exposure, current, rings.two_theta, window, arc=arc)
        if len(points) < 8:
            raise CalibrationRejected(f"only {len(points)} points on rings were found")
        fit = fit_geometry(points, rings.two_theta, current, usual or start, shape)
        moved = _largest_move(current, fit.calibration, points, shape)
        current = fit.calibration
        found = _Refinement(fit=fit, points=points, looked_for=window > 0)
        rms = float(np.sqrt(np.mean(fit.residual[fit.used] ** 2)))
        if turn >= len(_LATER) and moved < max(_STILL, 0.05 * rms):
            break
    if found is None:
        raise CalibrationRejected("no ring was looked for")
    return found


def _windows(
    calibration: Calibration,
    two_theta: Array,
    on_frame: tuple[float, float],
    relative: float,
    added: float,
) -> Array:
    """Return how far in pixels each ring is looked for; 0 where neighbours could be it."""
    pixel = math.sqrt(calibration.detector.pixel_size_y * calibration.detector.pixel_size_x)
    radius = calibration.direct_distance * np.tan(np.minimum(two_theta, _STEEPEST)) / pixel
    below = np.diff(radius, prepend=0.0)
    above = np.append(below[1:], np.inf)
    free = 0.5 * np.minimum(below, above)
    error = relative * radius + added
    margin = 1.5 * error * pixel / calibration.direct_distance
    there = (two_theta > on_frame[0] - margin) & (two_theta < on_frame[1] + margin)
    wanted = there & (free >= error) & (two_theta < _STEEPEST)
    return np.where(wanted, np.minimum(free, 1.3 * error + 6.0), 0.0)


def _largest_move(
    before: Calibration, after: Calibration, points: RingPoints, shape: tuple[int, int]
) -> float:
    """Return the largest radial move of any point between two geometries, pixel."""
    p1, p2 = on_detector(points.y, points.x, shape, before.detector)
    old, slopes = two_theta_and_slopes(p1, p2, values_of(before))
    new, _ = two_theta_and_slopes(p1, p2, values_of(after))
    rise = np.hypot(
        slopes[:, 1] * before.detector.pixel_size_y, slopes[:, 2] * before.detector.pixel_size_x
    )
    return float(np.max(np.abs(new - old) / rise))


def _judged(
    found: _Refinement, exposure: CalibrantFrame, rings: CalibrantRings, start: Calibration
) -> CalibrationResult:
    fit, points = found.fit, found.points
    used = fit.used
    residual = fit.residual[used]
    present = np.unique(points.ring[used])
    rms = float(np.sqrt(np.mean(residual**2)))
    sigma = _sigmas(fit)
    coverage = azimuth_coverage(points.azimuth[used])
    width = float(np.median(points.width[used]))
    profile = RadialProfile(exposure, fit.calibration, width)
    evidence = Evidence(
        rings=present.size,
        rings_expected=int(np.count_nonzero(found.looked_for[: present.max() + 1])),
        points=int(used.sum()),
        clipped=1.0 - float(np.mean(used)),
        coverage=coverage,
        rms=rms,
        width=width,
        contrast=profile.contrast(rings.two_theta[: present.max() + 1]),
        unexplained=profile.unexplained(rings.two_theta, rings.two_theta[present]),
        distance_change=fit.calibration.direct_distance / start.direct_distance - 1.0,
        center_sigma=max(sigma["beam_center_x"], sigma["beam_center_y"]),
        distance_sigma=sigma["direct_distance"] / fit.calibration.direct_distance,
    )
    kind, reasons = verdict(evidence)
    # The wavelength is taken as exact: no ring can tell it from the distance.
    covariance = np.pad(fit.covariance, (0, len(GEOMETRY) - len(PARAMETERS))).tolist()
    geometry = replace(fit.calibration, covariance=tuple(tuple(row) for row in covariance))
    return CalibrationResult(
        calibration=geometry,
        covariance=fit.covariance,
        sigma=sigma,
        rms_px=rms,
        rings=tuple(_ring(int(k), rings, points, fit) for k in present),
        points=_table(points, fit),
        azimuth_coverage=coverage,
        tilt_refined=fit.tilt_free,
        calibrant=rings.name,
        verdict=kind,
        reasons=reasons,
    )


def _ring(number: int, rings: CalibrantRings, points: RingPoints, fit: GeometryFit) -> RingResidual:
    here = (points.ring == number) & fit.used
    away = fit.residual[here]
    return RingResidual(
        d_spacing=float(rings.d_spacing[number]),
        two_theta=math.degrees(rings.two_theta[number]),
        points=int(here.sum()),
        mean_px=float(away.mean()),
        rms_px=float(np.sqrt(np.mean(away**2))),
        width_px=float(points.width[here][0]),
    )


def _sigmas(fit: GeometryFit) -> dict[str, float]:
    """Return standard errors of the parameters and, by the delta method, of what follows."""
    sigma = {
        name: math.sqrt(max(float(fit.covariance[k, k]), 0.0)) for k, name in enumerate(PARAMETERS)
    }
    at = fit.calibration
    slopes = np.zeros((3, len(PARAMETERS)))
    for k, name in enumerate(PARAMETERS):
        step = 1e-6
        ends = [replace(at, **{name: getattr(at, name) + side * step}) for side in (1, -1)]
        high, low = (np.array([c.direct_distance, *c.center_on_frame()]) for c in ends)
        slopes[:, k] = (high - low) / (2 * step)
    variance = np.einsum("ij,jk,ik->i", slopes, fit.covariance, slopes)
    for name, value in zip(
        ("direct_distance", "beam_center_x", "beam_center_y"), variance, strict=True
    ):
        sigma[name] = math.sqrt(max(float(value), 0.0))
    return sigma


def _table(points: RingPoints, fit: GeometryFit) -> xr.Dataset:
    def column(
        values: NDArray[Any], units: str, text: str
    ) -> tuple[str, NDArray[Any], dict[str, str]]:
        return "point", values, {"units": units, "long_name": text}

    return xr.Dataset(
        {
            "ring": column(points.ring, "1", "number of the ring of the calibrant, 0 innermost"),
            "y": column(points.y, "pixel", "row, edges at integers"),
            "x": column(points.x, "pixel", "column, edges at integers"),
            "sigma": column(points.sigma, "pixel", "standard error of the radial position"),
            "residual": column(fit.residual, "pixel", "radial distance from the ring"),
            "azimuth": column(points.azimuth, "degree", "direction from the beam centre"),
            "used": column(fit.used, "1", "whether the point was not clipped"),
        }
    )
