"""The verb `fit_model`: a profile to the parameters of a scattering model, frame by frame."""

from dataclasses import replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.errors import FitFailed, SpecError
from xrdkit.fitting import Verdict
from xrdkit.provenance import append, content_sha256
from xrdkit.saxs.models.choice import choose
from xrdkit.saxs.models.describe import FrameModel, blank, describe
from xrdkit.saxs.models.evaluate import ModelCurve
from xrdkit.saxs.models.fit import CurveFit, fit_curve
from xrdkit.saxs.models.judgement import Judgement, judge_model
from xrdkit.saxs.models.model import Choice, Model
from xrdkit.saxs.models.points import Points
from xrdkit.saxs.models.result import collect
from xrdkit.saxs.models.settings import model_settings
from xrdkit.saxs.models.spec import ModelSpec
from xrdkit.saxs.plausible import not_measured, unit_doubt
from xrdkit.saxs.relative_error import relative_error
from xrdkit.saxs.selection import MIN_POINTS, select
from xrdkit.saxs.smearing import smearing_of
from xrdkit.schema import (
    FRAME,
    SCATTERING_MODEL,
    mean_positions,
    position_spreads,
    validate,
)
from xrdkit.uncertainty import (
    ERRORS,
    ErrorModel,
    effective_points,
    error_model,
    independent_sigma,
    neighbour_correlation,
)

Array = NDArray[np.float64]

_DEFAULT = ModelSpec()
#: Of many models, those after so many that are no better than one that describes the curve are not
#: tried, and none is given more than so many evaluations: what takes longer is not determined.
_PATIENCE, _MOST_OF_MANY = 3, 300


def fit_model(profile: xr.Dataset, model: Model | Choice, spec: ModelSpec = _DEFAULT) -> xr.Dataset:
    """Return the parameters of a scattering model for each frame of a profile (SCATTERING_MODEL).

    `profile` (PROFILE) is a curve over q, in any unit of intensity; points without a finite
    intensity and a positive sigma are left out. `model` is a sum of components
    (``Model(components=(UnifiedLevel(), Flat()))``), or a `Choice` of several, of which each frame
    takes the one of least information criterion (`xrdkit.saxs.models.choice`). Parameters that the
    user leaves open are found without start values; all are fitted together. Bins and smearing act
    on the model as `spec.smearing` says. Every frame is fitted by itself.

    The result holds over ``parameter`` (``component.parameter``): ``parameter_value``,
    ``parameter_sigma``, ``parameter_covariance``, ``parameter_verdict`` and the coordinates
    ``parameter_unit``, ``parameter_name``; over ``derived``: ``derived_value``,
    ``derived_sigma`` of what follows from them; over ``component``: ``component_intensity(q)``,
    ``component_verdict``; ``intensity_calculated(q)``, ``gof``, ``sigma_scale``, ``bic``,
    ``verdict`` and ``verdict_reason``; for a choice ``candidate_bic`` (NaN of those not tried) and
    ``chosen``. Standard
    errors come from the full covariance by the delta method, times ``sigma_scale`` = √χ²r (where
    `spec.scale_errors`). Where the profile names the sources of its errors, those common to all
    points neither weight the fit nor are scaled, and ``parameter_errors``, ``derived_errors`` tell
    what each source contributes. Without ``sigma`` all points get the same relative error.

    Raises SchemaError for what is no profile over q, SpecError for q = 0 or a wrong model,
    CurveError for a curve smeared by a slit of unknown length, EmptyResult where fewer than 10
    points lie in `spec.range`. A frame that cannot be fitted gets NaN and a verdict with the
    reason.
    """
    models = Choice(models=(model,)) if isinstance(model, Model) else model
    if not isinstance(models, Choice):
        raise SpecError(
            f"model is a {type(model).__name__}, not a Model",
            hint="Model(components=(UnifiedLevel(), Flat()))",
        )
    if not isinstance(spec, ModelSpec):
        raise SpecError(f"spec is a {type(spec).__name__}, not a ModelSpec")
    data = select(profile, spec.range, "models are fitted")
    series = FRAME in data.dims
    positions, spreads = mean_positions(data), position_spreads(data)
    intensity = np.atleast_2d(np.asarray(data["intensity"].values, dtype=np.float64))
    sigma = (
        np.atleast_2d(np.asarray(independent_sigma(data).values, dtype=np.float64))
        if "sigma" in data
        else None
    )
    places = profile.indexes["q"].get_indexer(data["q"].values)
    curves: dict[bytes, list[ModelCurve]] = {}
    frames = []
    for i in range(len(intensity)):
        smearing = smearing_of(data, given=spec.smearing, frame=i if series else 0)
        # Frames with the same q share what was computed for it.
        key = positions[i].tobytes() + spreads[i].tobytes() + str(id(smearing)).encode()
        if key not in curves:
            points = Points.of(
                np.ascontiguousarray(positions[i]), np.ascontiguousarray(spreads[i]), smearing
            )
            for part in (part for m in models.models for part in m.components):
                part.check(points.q)
            curves = {key: [ModelCurve(m, points) for m in models.models]}
        # The band belongs to the order of the points in the profile.
        known = error_model(profile, i) if ERRORS in profile else None
        with np.errstate(all="ignore"):
            frames.append(
                _fit_frame(
                    curves[key],
                    intensity[i],
                    None if sigma is None else sigma[i],
                    spec,
                    None if known is None else known.select(places),
                )
            )
    doubt = unit_doubt(profile)
    for frame in frames:
        if doubt and frame.values:
            frame.reason = f"{frame.reason}; {doubt}" if frame.reason else doubt
    result = append(
        collect(frames, profile=data, models=models),
        "fit_model",
        {"model": model_settings(model), "spec": spec},
        inputs=[content_sha256(profile)],
        software=["numpy", "scipy"],
        history=profile,
    )
    return validate(result, SCATTERING_MODEL)


def _fit_frame(
    curves: list[ModelCurve],
    intensity: Array,
    sigma: Array | None,
    spec: ModelSpec,
    known: ErrorModel | None,
) -> FrameModel:
    good = np.isfinite(intensity)
    if sigma is not None:
        good &= np.isfinite(sigma) & (sigma > 0)
    valid = np.flatnonzero(good)
    if valid.size < MIN_POINTS:
        return blank(
            f"{valid.size} usable points, at least {MIN_POINTS} are needed", int(valid.size)
        )
    observed = intensity[valid]
    why = not_measured(observed, None if sigma is None else sigma[valid])
    if why:
        return blank(why, int(valid.size))
    scaled = spec.scale_errors or sigma is None
    fits: list[tuple[CurveFit, Judgement] | None] = [None] * len(curves)
    models: list[ErrorModel | None] = [None] * len(curves)
    weights: dict[int, Array] = {}
    failure, poorer = "", 0
    # The simplest first: where it describes the curve, some that cannot do better are enough.
    for k in sorted(range(len(curves)), key=lambda k: len(curves[k].free)):
        if poorer >= _PATIENCE:
            break
        most = (
            spec.max_evaluations if len(curves) == 1 else min(spec.max_evaluations, _MOST_OF_MANY)
        )
        try:
            fit, error, models[k] = _fitted(curves[k], valid, observed, sigma, most, known)
        except FitFailed as exc:
            failure = str(exc)
            continue
        weights[k] = np.zeros(intensity.size)
        weights[k][valid] = 1.0 / error
        judgement = judge_model(
            fit,
            observed,
            1.0 / error,
            scaled=scaled,
            has_sigma=sigma is not None,
            errors=models[k],
        )
        fits[k] = (fit, judgement)
        best = fits[choose(fits)[0]]
        described = best is not None and best[1].verdict is Verdict.OK and best[0] is not fit
        poorer = poorer + 1 if described else 0
    number, candidates = choose(fits)
    pair = fits[number] if number >= 0 else None
    if pair is None:
        return blank(failure, int(valid.size), Verdict.NOT_CONVERGED)
    errors = models[number]
    frame = describe(
        pair[0],
        pair[1],
        weights[number],
        scaled=scaled,
        has_sigma=sigma is not None,
        sources=errors is not None,
    )
    frame.bic = pair[0].bic
    frame = replace(frame, candidates=candidates, chosen=number)
    if errors is not None:
        frame.neighbour_correlation = neighbour_correlation(errors)
        frame.effective_points = effective_points(errors)
    return frame


def _fitted(
    curve: ModelCurve,
    valid: NDArray[np.intp],
    observed: Array,
    sigma: Array | None,
    max_evaluations: int,
    known: ErrorModel | None,
) -> tuple[CurveFit, Array, ErrorModel | None]:
    """Return the fit, the errors that weighted it, and the model of the residual.

    Where a component has errors of its own, these are known after a first fit, and part of the
    second.
    """
    error = relative_error(observed) if sigma is None else sigma[valid]
    own = np.zeros_like(error)
    while True:
        weight = np.hypot(error, own)
        # Errors are in units of the weights, as residuals are.
        errors = None if known is None else _with(known.select(valid), own).over(weight)
        fit = fit_curve(
            curve,
            valid,
            observed,
            weight,
            max_evaluations=max_evaluations,
            errors=errors,
            has_sigma=sigma is not None,
        )
        noise = [curve.noise(number, fit.values) for number in range(len(curve.model.components))]
        parts = [part[valid] ** 2 for part in noise if part is not None]
        if sigma is None or not parts or own.any():
            return fit, weight, errors
        own = np.sqrt(np.sum(parts, axis=0))


def _with(errors: ErrorModel, own: Array) -> ErrorModel:
    band = errors.band.copy()
    band[0] += own**2
    return replace(errors, band=band)
