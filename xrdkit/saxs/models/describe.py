"""Numbers with errors from one fit."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from xrdkit.fitting import FitOutcome, Verdict
from xrdkit.saxs.models.component import Derived
from xrdkit.saxs.models.fit import CurveFit
from xrdkit.saxs.models.judgement import AT_BOUND, IDLE, Judgement
from xrdkit.saxs.verdict import BACKGROUND_ALONE

Array = NDArray[np.float64]


@dataclass(kw_only=True)
class FrameModel:
    """Numbers of one frame; what is missing is NaN."""

    values: dict[str, float] = field(default_factory=dict)
    """Values of parameters by name."""
    sigma: dict[str, float] = field(default_factory=dict)
    """Their standard errors, 0 of fixed ones."""
    covariance: dict[tuple[str, str], float] = field(default_factory=dict)
    """Their covariance."""
    states: dict[str, str] = field(default_factory=dict)
    """What is to be said of each."""
    derived: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Derived numbers with their standard errors."""
    errors: dict[str, Array] = field(default_factory=dict)
    """Error of parameters and derived numbers from each source."""
    components: dict[str, str] = field(default_factory=dict)
    """What is to be said of each component."""
    curves: dict[str, Array] = field(default_factory=dict)
    """Intensity of each component."""
    calculated: Array | None = None
    """Intensity of the model."""
    gof: float = math.nan
    """√χ²r, NaN without errors of the intensity."""
    sigma_scale: float = math.nan
    """What the standard errors were multiplied by."""
    bic: float = math.nan
    """Information criterion."""
    candidates: list[float] = field(default_factory=list)
    """Information criterion of every model of a choice, lower is better."""
    chosen: int = -1
    """Number of the model of a choice."""
    neighbour_correlation: float = math.nan
    """Mean correlation of neighbouring points."""
    effective_points: float = math.nan
    """Number of independent points that tell as much."""
    points: int = 0
    """Points that were fitted."""
    verdict: Verdict = Verdict.NOT_CONVERGED
    """What the fit is worth."""
    reason: str = ""
    """Why."""


def describe(
    fit: CurveFit,
    judgement: Judgement,
    weight: Array,
    *,
    scaled: bool,
    has_sigma: bool,
    sources: bool,
) -> FrameModel:
    """Return all numbers of one fit with their standard errors.

    `weight` is 1/sigma at all points, 0 at those that were not fitted; `scaled` multiplies errors
    by √χ²r; with `sources` they are told source by source too.
    """
    curve, values = fit.curve, fit.values
    outcome = _with_settings(fit, weight)
    names = [entry.name for entry in curve.model.entries]
    frame = FrameModel(
        values={name: values[name] for name in names},
        states=judgement.parameters,
        components=judgement.components,
        calculated=curve.intensity(values),
        gof=outcome.gof if has_sigma else math.nan,
        sigma_scale=outcome.gof if scaled else 1.0,
        points=outcome.residual.size,
        verdict=judgement.verdict,
        reason=judgement.reason,
    )
    for number, name in enumerate(curve.model.names):
        frame.curves[name] = curve.component(number, values)[0]

    unknown = _unknown(fit, judgement)
    gradients = {name: curve.inner_gradient({name: 1.0}, values, fit.units) for name in names}
    covariance = _covariance(outcome, [gradients[name] for name in names], scaled=scaled)
    for i, one in enumerate(names):
        known = judgement.parameters[one] not in (AT_BOUND, IDLE)
        frame.sigma[one] = float(np.sqrt(covariance[i, i])) if known else math.nan
        for j, other in enumerate(names):
            frame.covariance[one, other] = float(covariance[i, j])
        if sources:
            frame.errors[one] = fit.outcome.sources_of(gradients[one], scaled=scaled)
    for name, item in derived_of(fit).items():
        inner = curve.inner_gradient(item.gradient, values, fit.units)
        error = outcome.sigma_of(inner, scaled=scaled) if item.gradient else 0.0
        # Of what stopped at a bound the error is not known, nor of what follows from it alone.
        error = math.hypot(error, item.extra)
        if inner and not any(free in outcome.names for free in inner):
            error = math.nan
        frame.derived[name] = (item.value, error if math.isfinite(item.value) else math.nan)
        if sources:
            frame.errors[name] = fit.outcome.sources_of(inner, scaled=scaled)
    for name in unknown:
        frame.values[name] = frame.sigma[name] = math.nan
        frame.errors.pop(name, None)
    for name, item in derived_of(fit).items():
        if unknown & set(item.gradient):
            frame.derived[name] = (math.nan, math.nan)
            frame.errors.pop(name, None)
    frame.covariance = {
        pair: math.nan if unknown & set(pair) else value for pair, value in frame.covariance.items()
    }
    return frame


def _unknown(fit: CurveFit, judgement: Judgement) -> set[str]:
    """Return the sizes of what is not there: a number for them would be a confident nothing."""
    names = fit.curve.model.names
    nothing = judgement.reason.startswith(BACKGROUND_ALONE)
    return {
        e.name
        for e in fit.curve.model.entries
        if not e.quantity.amplitude
        and (e.free or e.stated.tie is not None)
        and (nothing or judgement.components[names[e.component]] == "absent")
    }


def derived_of(fit: CurveFit) -> dict[str, Derived]:
    """Return what follows from the parameters of all components, as ``component.number``."""
    found = {}
    for name, part in zip(fit.curve.model.names, fit.curve.model.components, strict=True):
        local = {item.name: fit.values[f"{name}.{item.name}"] for item in part.quantities}
        for key, item in part.derived(local).items():
            gradient = {f"{name}.{other}": slope for other, slope in item.gradient.items()}
            found[f"{name}.{key}"] = replace(item, gradient=gradient)
    return found


def _with_settings(fit: CurveFit, weight: Array) -> FitOutcome:
    """Return the outcome with what errors of settings, such as contrasts, do to the parameters."""
    outcome = fit.outcome
    modes = fit.curve.common(fit.values)
    if not modes.size or outcome.slopes is None or not np.all(np.isfinite(outcome.covariance)):
        return outcome
    used = weight > 0
    shifts = (outcome.covariance @ outcome.slopes.T @ (modes * weight[:, None])[used]).T
    common = np.vstack([outcome.common, shifts]) if outcome.common.size else shifts
    return replace(outcome, common=common)


def _covariance(outcome: FitOutcome, gradients: list[dict[str, float]], *, scaled: bool) -> Array:
    free = outcome.names
    matrix = np.array([[g.get(name, 0.0) for name in free] for g in gradients])
    result: Array = matrix @ outcome.full_covariance(scaled=scaled) @ matrix.T
    return result


def blank(reason: str, points: int, verdict: Verdict = Verdict.UNIDENTIFIABLE) -> FrameModel:
    """Return the numbers of a frame that could not be fitted: none."""
    return FrameModel(points=points, verdict=verdict, reason=reason)


def missing(values: Mapping[str, float], names: list[str]) -> list[float]:
    """Return values in the order of `names`, NaN where there is none."""
    return [values.get(name, math.nan) for name in names]
