"""Fit of one or more parametric distributions of particles with their background.

Free are the location (ln R) and width (ln s) of each distribution, its amplitude a_k = φ_k Δρ²,
what of its shape is not known, b and B. Derivatives are analytic.
"""

from dataclasses import dataclass

import lmfit
import numpy as np
from numpy.typing import NDArray

from xrdkit.fitting import FitOutcome, Values, Verdict, least_squares
from xrdkit.saxs.background import POROD, background_chi2
from xrdkit.saxs.distribution import Array
from xrdkit.saxs.particles import Particles
from xrdkit.saxs.start import Start, location_range, starts
from xrdkit.uncertainty import ErrorModel

_MAX_STARTS = 4
_MAX_STARTS_SHAPES = 8
#: Above this χ²r further starts are tried.
_GOOD = 1.5
_LEAST_SHARE = 1e-3


@dataclass(frozen=True, kw_only=True)
class ParametricFit:
    """What the fit of one curve gives."""

    outcome: FitOutcome
    """Parameters, covariance and residual."""
    calculated: Array
    """Model at every q of the profile, unit of the intensity."""
    background: Array
    """Its background."""
    upper: dict[str, float]
    """Standard error of backgrounds that were set to 0 because they came out negative."""
    background_chi2: float
    """χ² of the background without particles."""


def fit_parametric(
    model: Particles,
    valid: NDArray[np.bool_],
    intensity: Array,
    sigma: Array,
    *,
    max_evaluations: int,
    errors: ErrorModel | None = None,
) -> ParametricFit | None:
    """Fit one curve; the result does not depend on any other. None where no size adds anything.

    `model` has all points of the profile; `valid` ones carry `intensity` and `sigma` (shape of the
    valid ones); `errors` is the model of (intensity - truth)/sigma where more is known than sigma.
    Several starts are tried until one describes the data; the best is returned.
    Raises FitFailed where the model is not finite.
    """
    weight = 1.0 / sigma
    best: ParametricFit | None = None
    candidates = [
        start
        for start in starts(
            model.components, model.kernels, valid, intensity, weight, model.background
        )
        if max(start.amplitudes) > 0
    ]
    looked_for = any(c.shape.free for c in model.components)
    for start in candidates[: _MAX_STARTS_SHAPES if looked_for else _MAX_STARTS]:
        fit = _fit(
            model, _parameters(model, start), valid, intensity, weight, errors, max_evaluations
        )
        if best is None or fit.outcome.chi2 < best.outcome.chi2:
            best = fit
        if best.outcome.gof**2 < _GOOD and best.outcome.verdict is Verdict.OK:
            break
    if best is None or not any(best.outcome.values[c.amplitude] for c in model.components):
        return None
    return best


def _parameters(model: Particles, start: Start) -> lmfit.Parameters:
    parameters = lmfit.Parameters()
    low, high = location_range(model.q)
    for k, component in enumerate(model.components):
        candidate = start.candidates[k]
        parameters.add(component.location, value=candidate.location, min=low, max=high)
        if component.family.has_width:
            narrow, wide = np.log(component.family.width_range)
            parameters.add(component.width, value=np.log(candidate.width), min=narrow, max=wide)
        # From 0 a population could not move in size.
        amplitude = max(start.amplitudes[k], _LEAST_SHARE * max(start.amplitudes))
        parameters.add(component.amplitude, value=amplitude)
        for parameter in component.shape.parameters:
            least, most = component.shape.bounds(parameter.name, model.q)
            parameters.add(
                component.shape_parameter(parameter.name),
                value=candidate.form[parameter.name],
                min=least if parameter.free else -np.inf,
                max=most if parameter.free else np.inf,
                vary=parameter.free,
            )
    for name in model.background:
        parameters.add(name, value=start.background[name])
    return parameters


def _fit(
    model: Particles,
    parameters: lmfit.Parameters,
    valid: NDArray[np.bool_],
    intensity: Array,
    weight: Array,
    errors: ErrorModel | None,
    max_evaluations: int,
) -> ParametricFit:
    def residual(values: Values) -> Array:
        return (model.intensity(values)[valid] - intensity) * weight

    def jacobian(values: Values, names: tuple[str, ...]) -> Array:
        return model.slopes(values, names)[valid] * weight[:, None]

    def minimise(start: lmfit.Parameters) -> FitOutcome:
        return least_squares(
            residual, start, jacobian=jacobian, errors=errors, max_evaluations=max_evaluations
        )

    outcome = minimise(parameters)
    upper: dict[str, float] = {}
    if POROD in model.background and outcome.values[POROD] < 0:
        # A surface cannot scatter less than nothing.
        upper = {POROD: outcome.sigma(scaled=False, common=False)[POROD]}
        again = outcome.parameters.copy()
        again[POROD].set(value=0.0, vary=False)
        outcome = minimise(again)
    values = outcome.values
    return ParametricFit(
        outcome=outcome,
        calculated=model.intensity(values),
        background=model.behind(values),
        upper=upper,
        background_chi2=background_chi2(
            {n: c[valid] * weight for n, c in model.background.items()}, intensity * weight
        ),
    )
