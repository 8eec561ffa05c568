"""Geometry of several frames at once: distances that differ by a known way give the wavelength."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from xrdkit.calibration.joint import JointFit, Model, joint_fit, wavelength_at_start
from xrdkit.calibration.result import CalibrationResult, CalibrationVerdict
from xrdkit.calibration.several_model import several_model
from xrdkit.calibration.view import View, ring_view
from xrdkit.errors import CalibrationImplausible, CalibrationRejected, SpecError
from xrdkit.geometry import PARAMETERS, Calibration

Array = NDArray[np.float64]
#: distances closer than this share of the mean are one distance
_SAME_DISTANCE = 5e-3
#: a wavelength less well known than this share of it is not a result
_WAVELENGTH_KNOWN = 5e-4
_ROUNDS = 3


@dataclass(frozen=True, kw_only=True)
class CalibrantExposure:
    """One calibrant frame among several, calibrated on its own with a wavelength that is held."""

    result: CalibrationResult
    """Outcome of `calibrate` for this frame: which point lies on which ring."""
    place: str
    """Name of where the detector stood. Frames at one place share their geometry."""
    detector: str = "detector"
    """Name of the detector. Frames of one detector may share its tilt."""
    translation: float | None = None
    """Reading of the stage that carries the detector along the beam, m; None: not known. Of two
    readings of one detector only the difference counts."""


@dataclass(frozen=True, kw_only=True)
class SeveralResult:
    """Geometries of several places with one wavelength."""

    calibrations: Mapping[str, Calibration]
    """Geometry of each place, with the covariance that includes the wavelength."""
    wavelength: float
    """Wavelength, ångström."""
    wavelength_sigma: float
    """Its standard error, ångström; 0 where it was held."""
    wavelength_correlation: float
    """Multiple correlation of the wavelength with all other parameters; NaN where it was held."""
    names: tuple[str, ...]
    """Parameters of the fit: ``distance``, ``y``, ``x`` (beam centre) and ``rot1``, ``rot2`` of
    places or detectors, ``stage`` (direct distance at reading 0), ``wavelength``."""
    values: Array
    """Their values, m, rad and ångström, (p,)."""
    covariance: Array
    """Their covariance, (p, p)."""
    rms_px: Mapping[str, float]
    """Root mean square distance of the points from their rings at each place, pixel."""
    chi2: float
    """What common tilts and known translations cost, as a χ² of `freedom`."""
    freedom: int
    """Number of constraints that the points can contradict."""
    probability: float
    """Chance of a `chi2` as large where they hold."""
    verdict: CalibrationVerdict
    """Whether to use it."""
    reasons: tuple[str, ...]
    """What keeps it from being accepted; empty where it is."""


def calibrate_several(
    exposures: Sequence[CalibrantExposure],
    *,
    refine_wavelength: bool = True,
    rotations: Literal["common", "own"] = "common",
    translation_sigma: float = 0.0,
) -> SeveralResult:
    """Return the geometries of several places, and the wavelength, from one fit to all rings.

    At small angles a ring of spacing d has the radius D λ/d: one distance, or several that are not
    known, give only the product D λ, whatever the calibrants. Distances D = D₀ + z with readings z
    of a stage give both. Without readings only the curvature of tan 2 asin(λ/2d), at wide angles,
    tells λ from D. Tilts are free where the frame alone showed its tilt.

    Args:
        exposures: calibrant frames, each calibrated on its own with about the same wavelength.
        refine_wavelength: whether the wavelength is free, or held at that of the frames.
        rotations: whether frames of one detector have a ``"common"`` tilt or each place its
            ``"own"``.
        translation_sigma: standard error of each reading of a stage, m; 0: exact.

    Raises SpecError for settings that contradict each other or frames that were rejected;
    CalibrationRejected where the points do not determine the parameters, among them the wavelength
    where all frames are at one distance, or where it is known to less than 0.05 %.
    """
    wavelength = _checked(exposures, refine_wavelength, rotations, translation_sigma)
    now = {
        each.place: replace(each.result.calibration, wavelength=wavelength) for each in exposures
    }
    for turn in range(_ROUNDS):
        views = [ring_view(each.place, each.result, now[each.place]) for each in exposures]
        model = several_model(
            calibrations=now,
            place=[each.place for each in exposures],
            detector={each.place: each.detector for each in exposures},
            translation={each.place: each.translation for each in exposures},
            tilted={each.place for each in exposures if each.result.tilt_refined},
            refine_wavelength=refine_wavelength,
            common_rotations=rotations == "common",
            translation_sigma=translation_sigma,
        )
        if refine_wavelength and turn == 0:
            _refuse_one_distance(list(now.values()), views, model)
            refuse_hopeless_wavelength(views, model)
        fit = joint_fit(views, model)
        now = _calibrations(now, fit, model)
    if refine_wavelength:
        refuse_unknown_wavelength(fit)
    return _result(exposures, now, fit, model)


def _calibrations(
    now: Mapping[str, Calibration], fit: JointFit, model: Model
) -> dict[str, Calibration]:
    found = {}
    for k, (place, calibration) in enumerate(now.items()):
        geometry, slopes = model.geometry(k, fit.values)
        matrix = slopes @ fit.covariance @ slopes.T
        matrix = 0.5 * (matrix + matrix.T)
        try:
            found[place] = replace(
                calibration,
                **dict(zip(PARAMETERS, geometry.tolist(), strict=True)),
                covariance=tuple(tuple(row) for row in matrix.tolist()),
            )
        except CalibrationImplausible as exc:
            raise CalibrationRejected(f"{place}: the fit ran away: {exc.message}") from exc
    return found


def _result(
    exposures: Sequence[CalibrantExposure],
    calibrations: dict[str, Calibration],
    fit: JointFit,
    model: Model,
) -> SeveralResult:
    square: dict[str, list[Array]] = {}
    for each, away in zip(exposures, fit.residual, strict=True):
        square.setdefault(each.place, []).append(away**2)
    reasons = [f"{each.place}: {reason}" for each in exposures for reason in each.result.reasons]
    if fit.contradicted:
        reasons.append(
            f"the rings contradict the common tilts or readings of the stage: {fit.strain:.2f} px,"
            f" χ² {fit.chi2:.1f} of {fit.freedom}"
        )
    first = next(iter(calibrations.values()))
    sigma = math.sqrt(fit.covariance[-1, -1]) if model.refines_wavelength else 0.0
    return SeveralResult(
        calibrations=calibrations,
        wavelength=first.wavelength,
        wavelength_sigma=sigma,
        wavelength_correlation=fit.wavelength_correlation,
        names=model.names,
        values=fit.values,
        covariance=fit.covariance,
        rms_px={k: math.sqrt(np.mean(np.concatenate(v))) for k, v in square.items()},
        chi2=fit.chi2,
        freedom=fit.freedom,
        probability=fit.probability,
        verdict=CalibrationVerdict.DOUBTFUL if reasons else CalibrationVerdict.ACCEPTED,
        reasons=tuple(reasons),
    )


def _checked(
    exposures: Sequence[CalibrantExposure],
    refine_wavelength: bool,
    rotations: str,
    translation_sigma: float,
) -> float:
    """Return the wavelength to start from; refuse what cannot be fitted together."""
    if not exposures:
        raise SpecError("no exposure is given")
    if rotations not in ("common", "own"):
        raise SpecError(f"rotations {rotations!r} is not 'common' or 'own'")
    if not 0.0 <= translation_sigma < 1.0:
        raise SpecError(f"translation_sigma {translation_sigma} m is outside 0 to 1 m")
    first: dict[str, CalibrantExposure] = {}
    for each in exposures:
        same = first.setdefault(each.place, each)
        if (same.detector, same.translation) != (each.detector, each.translation):
            raise SpecError(f"{each.place}: frames at one place differ in detector or translation")
        if each.translation is not None and not abs(each.translation) < 100.0:
            raise SpecError(f"{each.place}: translation {each.translation} m is beyond 100 m")
    pixels: dict[str, object] = {}
    for each in exposures:
        at = each.result.calibration.detector
        found = (at.pixel_size_y, at.pixel_size_x, at.shape, at.orientation)
        if pixels.setdefault(each.detector, found) != found:
            raise SpecError(
                f"{each.place}: pixels, shape or orientation differ from other frames of"
                f" {each.detector!r}",
                hint="name every detector by detector=",
            )
    waves = [each.result.calibration.wavelength for each in exposures]
    spread = (max(waves) - min(waves)) / min(waves)
    if spread > (1e-2 if refine_wavelength else 1e-9):
        raise SpecError(
            f"the frames were calibrated with wavelengths from {min(waves):g} to {max(waves):g} Å",
            hint="calibrate all with one wavelength",
        )
    return float(np.median(waves))


def _refuse_one_distance(
    calibrations: Sequence[Calibration], views: Sequence[View], model: Model
) -> None:
    direct = np.array([calibration.direct_distance for calibration in calibrations])
    if np.ptp(direct) > _SAME_DISTANCE * direct.mean():
        return
    raise CalibrationRejected(
        f"the wavelength cannot be found from one distance ({direct.mean():.6g} m): the radius of a"
        " ring is distance times wavelength over spacing, so that one makes up for the other"
        f" (multiple correlation {wavelength_at_start(views, model)[0]:.6f})",
        hint="give frames at two distances or more with translation=, or refine_wavelength=False",
    )


def refuse_hopeless_wavelength(views: Sequence[View], model: Model) -> None:
    """Raise CalibrationRejected where a fit of the wavelength would run away."""
    correlation, sigma = wavelength_at_start(views, model)
    _refuse_wavelength(sigma / float(model.start[-1]), correlation, 3.0 * _WAVELENGTH_KNOWN)


def refuse_unknown_wavelength(fit: JointFit) -> None:
    """Raise CalibrationRejected where the wavelength came out less well known than is of use.

    Where constraints are contradicted its error says so, and the verdict gives the reason.
    """
    if fit.contradicted:
        return
    share = math.sqrt(fit.covariance[-1, -1]) / float(fit.values[-1])
    _refuse_wavelength(share, fit.wavelength_correlation, _WAVELENGTH_KNOWN)


def _refuse_wavelength(share: float, correlation: float, limit: float) -> None:
    if share <= limit:
        return
    raise CalibrationRejected(
        f"the rings give the wavelength to {share:.2%} only: the distances make up for it (multiple"
        f" correlation {correlation:.7f})",
        hint="give readings of the stage by translation=, rings at wide angles, or"
        " refine_wavelength=False",
    )
