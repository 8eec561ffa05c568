"""Fit of one or more parametric distributions of particles with their background.

Free are the location (ln R) and width (ln s) of each distribution, its amplitude a_k = φ_k Δρ²,
what of its shape is not known, b and B. Derivatives are analytic.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xrdkit.fitting import FitOutcome, Table, Values, Verdict, least_squares, without
from xrdkit.saxs.background import POSITIVE, background_chi2
from xrdkit.saxs.distribution import Array
from xrdkit.saxs.neighbour import neighbour
from xrdkit.saxs.particles import Particles
from xrdkit.saxs.start import Start, location_range, starts
from xrdkit.uncertainty import ErrorModel, neighbour_correlation

_MAX_STARTS = 4
_MAX_STARTS_SHAPES = 8
#: Above this χ²r, or correlation of neighbouring residuals, further starts are tried.
_GOOD = 1.5
_WHITE = 0.3
_LEAST_SHARE = 1e-3
_MAX_HOPS = 3
#: Standard errors from the minimum at which a fit ends; with kernels that cost more.
_PRECISION = 1e-6
_PRECISION_SHAPES = 1e-4


@dataclass(frozen=True, kw_only=True)
class ParametricFit:
    """What the fit of one curve gives."""

    outcome: FitOutcome
    """Parameters, covariance and residual."""
    calculated: Array
    """Model at every q of the profile, unit of the intensity."""
    background: Array
    """Its background."""
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
    stages = (False, True) if _may_be_narrow(model) else (False,)
    looked_for = any(c.shape.free for c in model.components)
    for narrow in stages:
        candidates = starts(
            model.components,
            model.kernels,
            valid,
            intensity,
            weight,
            model.background,
            narrow=narrow,
        )
        most = _MAX_STARTS_SHAPES if looked_for and not narrow else _MAX_STARTS
        for start in [c for c in candidates if max(c.amplitudes) > 0][:most]:
            table = _table(model, start)
            fit = _fit(model, table, valid, intensity, weight, errors, max_evaluations)
            if best is None or fit.outcome.chi2 < best.outcome.chi2:
                best = fit
            if _describes(best.outcome, errors):
                break
        if best is not None and _describes(best.outcome, errors):
            break
    if best is None or not any(best.outcome.values[c.amplitude] for c in model.components):
        return None
    for _ in range(_MAX_HOPS):
        values = neighbour(model, best.outcome.values, valid, intensity, weight)
        if values is None:
            break
        again = replace(best.outcome.table, values=best.outcome.values | values)
        fit = _fit(model, again, valid, intensity, weight, errors, max_evaluations)
        if not fit.outcome.chi2 < best.outcome.chi2:
            break
        best = fit
    return best


def _may_be_narrow(model: Particles) -> bool:
    """Return whether sizes that are nearly all alike are worth a search of their own."""
    if len(model.components) > 1:
        return False
    (component,) = model.components
    return component.family.has_width and component.shape.is_quick


def _describes(outcome: FitOutcome, errors: ErrorModel | None) -> bool:
    """Return whether what is left looks like noise; of stated errors, the size may be wrong."""
    if outcome.verdict is not Verdict.OK:
        return False
    residual = outcome.residual
    power = float(residual @ residual)
    if not (outcome.gof**2 < _GOOD and power > 0):
        return power == 0
    expected = 0.0 if errors is None else neighbour_correlation(errors)
    return float(residual[1:] @ residual[:-1]) / power < _WHITE + expected


def _table(model: Particles, start: Start) -> Table:
    """Return start values and bounds of all parameters."""
    values: dict[str, float] = {}
    bounds: dict[str, tuple[float, float]] = {}
    held: set[str] = set()
    for k, component in enumerate(model.components):
        candidate = start.candidates[k]
        values[component.location] = candidate.location
        bounds[component.location] = location_range(model.q)
        if component.family.has_width:
            low, high = component.family.width_range
            values[component.width] = float(np.log(candidate.width))
            bounds[component.width] = float(np.log(low)), float(np.log(high))
        # From 0 a population could not move in size.
        values[component.amplitude] = max(start.amplitudes[k], _LEAST_SHARE * max(start.amplitudes))
        for parameter in component.shape.parameters:
            name = component.shape_parameter(parameter.name)
            values[name] = candidate.form[parameter.name]
            if parameter.free:
                bounds[name] = component.shape.bounds(parameter.name, model.q)
            else:
                held.add(name)
    for name in model.background:
        values[name] = start.background[name]
        if name in POSITIVE:
            bounds[name] = 0.0, np.inf
    return Table(values=values, free=tuple(n for n in values if n not in held), bounds=bounds)


def _fit(
    model: Particles,
    table: Table,
    valid: NDArray[np.bool_],
    intensity: Array,
    weight: Array,
    errors: ErrorModel | None,
    max_evaluations: int,
) -> ParametricFit:
    looked_for = any(c.shape.free for c in model.components)

    def residual(values: Values) -> Array:
        return (model.intensity(values)[valid] - intensity) * weight

    def jacobian(values: Values, names: tuple[str, ...]) -> Array:
        return model.slopes(values, names)[valid] * weight[:, None]

    outcome = least_squares(
        residual,
        table,
        jacobian=jacobian,
        errors=errors,
        max_evaluations=max_evaluations,
        solver="lm",
        precision=_PRECISION_SHAPES if looked_for else _PRECISION,
    )
    for name in POSITIVE:
        if name in outcome.at_bound:
            outcome = _without_surface(outcome, name, errors)
    values = outcome.values
    return ParametricFit(
        outcome=outcome,
        calculated=model.intensity(values),
        background=model.behind(values),
        background_chi2=background_chi2(
            {n: c[valid] * weight for n, c in model.background.items()}, intensity * weight
        ),
    )


def _without_surface(outcome: FitOutcome, name: str, errors: ErrorModel | None) -> FitOutcome:
    """Return what a fit is worth where the background `name` is, or nearly is, at its bound of 0.

    A surface cannot scatter less than nothing, and none is a good answer. What the other numbers
    would be with a little of it stays part of their errors; but what is common to all points, such
    as an absolute scale, leaves it at 0.
    """
    held = without(outcome, (name,), errors=errors)
    if outcome.values[name] != 0.0:
        return replace(outcome, verdict=held.verdict)
    common = np.insert(held.common, outcome.names.index(name), 0.0, axis=1)
    return replace(outcome, verdict=held.verdict, dof=held.dof, common=common)
