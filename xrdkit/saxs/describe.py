"""Numbers with errors from one fit."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from xrdkit.fitting import Verdict
from xrdkit.saxs.background import background_columns
from xrdkit.saxs.moments import Derived, distribution, moments, percentiles
from xrdkit.saxs.parametric import (
    Model,
    ParametricFit,
    population_names,
)
from xrdkit.saxs.result import CONTRAST, LENGTHS, FrameSizes
from xrdkit.saxs.spec import SizeSpec
from xrdkit.saxs.verdict import judge
from xrdkit.uncertainty import ErrorModel

Array = NDArray[np.float64]

_DILUTE = 0.1


def parameter_names(spec: SizeSpec) -> list[str]:
    """Return the names of all parameters of a parametric fit with `spec`, in order."""
    names = [name for k in range(spec.populations) for name in population_names(k)]
    return names + list(background_columns(np.ones(1), flat=spec.flat, porod=spec.porod))


def describe(
    model: Model,
    fit: ParametricFit,
    spec: SizeSpec,
    *,
    fitted_q: Array,
    radius: Array,
    has_sigma: bool,
    absolute: bool,
    errors: ErrorModel | None = None,
) -> FrameSizes:
    """Return all numbers of one fit with their standard errors and verdict.

    `fitted_q` are the points that were fitted, `radius` the nodes of the distribution (nm),
    `has_sigma` whether the profile has errors, `absolute` whether its intensity is in 1/cm,
    `errors` is the model that the fit was given.
    """
    outcome, values = fit.outcome, fit.outcome.values
    scaled = spec.scale_errors or not has_sigma
    scale = outcome.gof if scaled else 1.0

    def error(item: Derived) -> float:
        return outcome.sigma_of(item.gradient, scaled=scaled)

    def scatter(item: Derived) -> float:
        return outcome.sigma_of(item.gradient, scaled=scaled, common=False)

    contrast = spec.contrast if absolute else None
    everything = tuple(range(spec.populations))
    together = moments(model, values, everything)
    frame = FrameSizes(points=fitted_q.size, parameters=values)
    frame.values = _numbers(together, error, contrast, spec.contrast_sigma)
    parts = (
        [moments(model, values, (k,)) for k in everything] if len(everything) > 1 else [together]
    )
    order = np.argsort([p["mean_radius_volume"].value for p in parts], kind="stable")
    frame.parts = [_numbers(parts[k], error, contrast, spec.contrast_sigma) for k in order]
    radii = percentiles(model, values)
    frame.percentiles = {
        "radius_percentile_volume": [r.value for r in radii],
        "radius_percentile_volume_sigma": [error(r) for r in radii],
    }
    frame.values["median_radius_volume"] = radii[1].value
    frame.values["median_radius_volume_sigma"] = error(radii[1])
    single = outcome.sigma(scaled=scaled)
    for name in model.background:
        frame.values[name] = values[name]
        frame.values[name + "_sigma"] = single.get(name, fit.upper.get(name, math.nan) * scale)
    frame.values["gof"] = outcome.gof if has_sigma else math.nan
    frame.values["sigma_scale"] = scale
    frame.curves = {
        "intensity_calculated": fit.calculated,
        "background": fit.background,
        "distribution_volume": distribution(model, values, radius),
    }
    frame.covariance = _full_covariance(fit, parameter_names(spec), scaled=scaled)
    if errors is not None and errors.sources:
        frame.errors = {
            name: name_sources(errors.sources, outcome.sources_of(item.gradient, scaled=scaled))
            for name, item in together.items()
            if name in LENGTHS
        }
        amount = outcome.sources_of(together["amplitude"].gradient, scaled=scaled)
        frame.errors |= fraction_errors(
            name_sources(errors.sources, amount), together["amplitude"].value, spec, absolute
        )
    frame.verdict, frame.reason = judge(
        outcome.verdict,
        outcome.residual,
        outcome.gof,
        q=fitted_q,
        mean_radius=together["mean_radius_volume"].value,
        background_chi2=fit.background_chi2,
        # An error common to all particles and points does not make them less certain to be there.
        amplitudes=[_ratio(parts[k]["amplitude"], scatter) for k in order],
        has_sigma=has_sigma,
        errors=errors,
    )
    note_fraction(frame, spec, absolute=absolute)
    return frame


def _numbers(
    items: dict[str, Derived],
    error: Callable[[Derived], float],
    contrast: float | None,
    contrast_sigma: float,
) -> dict[str, float]:
    numbers = {}
    for name in LENGTHS:
        if name in items:
            numbers[name] = items[name].value
            numbers[name + "_sigma"] = error(items[name])
    amplitude = items["amplitude"]
    numbers["scattering_volume"] = amplitude.value
    numbers["scattering_volume_sigma"] = error(amplitude)
    if contrast is not None:
        numbers |= volume_fraction(amplitude.value, error(amplitude), contrast, contrast_sigma)
    return numbers


def volume_fraction(
    amplitude: float, sigma: float, contrast: float, contrast_sigma: float
) -> dict[str, float]:
    """Return ``volume_fraction`` φ = (φΔρ²)/Δρ² and its standard error.

    `amplitude` is φΔρ² with its error `sigma`, (1e10 1/cm²)²; `contrast` is Δρ with its error,
    1e10 1/cm², which counts twice.
    """
    fraction = amplitude / contrast**2
    error = math.hypot(sigma / contrast**2, 2.0 * fraction * contrast_sigma / contrast)
    return {"volume_fraction": fraction, "volume_fraction_sigma": error}


def _ratio(amplitude: Derived, error: Callable[[Derived], float]) -> float:
    sigma = error(amplitude)
    return amplitude.value / sigma if sigma > 0 else math.nan


def name_sources(names: Sequence[str], errors: Sequence[float] | Array) -> dict[str, float]:
    """Return errors by the name of their source."""
    return {name: float(error) for name, error in zip(names, errors, strict=True)}


def fraction_errors(
    amount: dict[str, float], amplitude: float, spec: SizeSpec, absolute: bool
) -> dict[str, dict[str, float]]:
    """Return the errors of ``scattering_volume`` and ``volume_fraction`` by source.

    `amount` are those of φΔρ² = `amplitude`, (1e10 1/cm²)²; the contrast, where it has an error, is
    a source of its own: a larger contrast means a smaller volume fraction.
    """
    found = {"scattering_volume": amount}
    if spec.contrast is not None and absolute:
        square = spec.contrast**2
        found["volume_fraction"] = {name: error / square for name, error in amount.items()}
        if spec.contrast_sigma:
            share = -2.0 * spec.contrast_sigma / spec.contrast
            found["volume_fraction"][CONTRAST] = share * amplitude / square
    return found


def _full_covariance(fit: ParametricFit, names: list[str], *, scaled: bool) -> Array:
    full = np.zeros((len(names), len(names)))
    at = [names.index(n) for n in fit.outcome.names]
    full[np.ix_(at, at)] = fit.outcome.full_covariance(scaled=scaled)
    return full


def note_fraction(frame: FrameSizes, spec: SizeSpec, *, absolute: bool) -> None:
    """Add to the reason of `frame` what is wrong with, or missing for, its volume fraction."""
    fraction = frame.values.get("volume_fraction")
    notes = [frame.reason] if frame.reason else []
    if spec.contrast is None:
        notes.append("volume fraction unknown: no contrast was given")
    elif not absolute:
        notes.append("volume fraction unknown: the intensity is not in 1/cm")
    elif fraction is not None and fraction > 1:
        notes.append(f"volume fraction {fraction:.3g} is impossible: check contrast and scale")
        if frame.verdict is Verdict.OK:
            frame.verdict = Verdict.MISFIT
    elif fraction is not None and fraction > _DILUTE:
        notes.append(f"volume fraction {fraction:.3g} is not dilute: interference was neglected")
    frame.reason = "; ".join(notes)
