"""Numbers with errors from one fit."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from xrdkit.fitting import Verdict
from xrdkit.saxs.amounts import Derived
from xrdkit.saxs.background import POSITIVE, background_names
from xrdkit.saxs.density import density
from xrdkit.saxs.moments import moments
from xrdkit.saxs.parametric import ParametricFit
from xrdkit.saxs.particles import Particles
from xrdkit.saxs.quantities import BY_SOURCE, CONTRAST, LENGTHS, THICKNESSES
from xrdkit.saxs.result import FrameSizes
from xrdkit.saxs.spec import SizeSpec
from xrdkit.saxs.verdict import judge
from xrdkit.uncertainty import ErrorModel

Array = NDArray[np.float64]
Error = Callable[[Derived], float]

_DILUTE = 0.1


def parameter_names(spec: SizeSpec) -> list[str]:
    """Return the names of all parameters of a parametric fit with `spec`, in order."""
    names = [name for component in spec.components for name in component.names]
    return names + background_names(spec)


def describe(
    model: Particles,
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

    everything = tuple(range(len(model.components)))
    together = moments(model, values, everything)
    parts = (
        [moments(model, values, (k,)) for k in everything] if len(everything) > 1 else [together]
    )
    order = spec.order([p["mean_radius_volume"].value for p in parts])
    frame = FrameSizes(points=fitted_q.size, parameters=values)
    known = absolute and all(c.contrast is not None for c in model.components)
    frame.values = _numbers(together, error)
    frame.parts = [_numbers(parts[k], error) for k in order]
    if known:
        shares = [_contrast_share(spec, model, (k,), parts) for k in everything]
        frame.values |= _fractions(together, error, sum(shares))
        for part, k in zip(frame.parts, order, strict=True):
            part |= _fractions(parts[k], error, shares[k])
    _shape_numbers(frame, model, order, fit, scaled=scaled)
    whole = density(model, values, everything)
    _radii(frame, whole.percentiles(), whole.mode(), error)
    if len(everything) > 1:
        for part, k in zip(frame.parts, order, strict=True):
            _put(part, "mode_radius_volume", density(model, values, (k,)).mode(), error)
    single = outcome.sigma(scaled=scaled)
    for name in model.background:
        frame.values[name] = values[name]
        frame.values[name + "_sigma"] = single[name]
    frame.values["gof"] = outcome.gof if has_sigma else math.nan
    frame.values["sigma_scale"] = scale
    frame.curves = {
        "intensity_calculated": fit.calculated,
        "background": fit.background,
        "distribution_volume": whole.at(radius),
    }
    if len(everything) > 1:
        frame.curves["population_intensity"] = np.stack([model.share(values, k) for k in order])
    frame.covariance = _full_covariance(fit, parameter_names(spec), scaled=scaled)
    if errors is not None and errors.sources:
        _by_source(frame, together, fit, spec, errors, scaled=scaled, known=known)
    frame.verdict, frame.reason = judge(
        outcome.verdict,
        outcome.residual,
        outcome.gof,
        q=fitted_q,
        mean_radius=together["mean_radius_volume"].value,
        background_chi2=fit.background_chi2,
        # An error common to all particles and points does not make them less certain to be there.
        amplitudes=[_ratio(parts[k]["volume_fraction"], scatter) for k in order],
        has_sigma=has_sigma,
        errors=errors,
        at_bound=[_said(name, model, order) for name in outcome.at_bound if name not in POSITIVE],
    )
    _note_shape(frame, model, outcome.sigma(scaled=scaled))
    note_fraction(frame, spec, absolute=absolute)
    return frame


def _said(name: str, model: Particles, order: Sequence[int]) -> str:
    """Return what a parameter of the fit is called in a reason."""
    for place, k in enumerate(order):
        component = model.components[k]
        words = {
            component.location: "radius",
            component.width: "width",
            component.amplitude: "amount",
        } | {component.shape_parameter(p.name): p.name for p in component.shape.parameters}
        if name in words:
            whose = f" of population {place}" if len(order) > 1 else ""
            return f"the {words[name].replace('_', ' ')}{whose}"
    return f"the {name.replace('_', ' ')}"


def _note_shape(frame: FrameSizes, model: Particles, sigma: dict[str, float]) -> None:
    for component in model.components:
        for name in component.shape.free:
            own = component.shape_parameter(name)
            if not sigma[own] < abs(frame.parameters[own]):
                note = f"{name.replace('_', ' ')} is no larger than its error"
                frame.reason = f"{frame.reason}; {note}" if frame.reason else note


def _put(numbers: dict[str, float], name: str, item: Derived, error: Error) -> None:
    numbers[name] = item.value
    numbers[name + "_sigma"] = error(item) if math.isfinite(item.value) else math.nan


def _numbers(items: dict[str, Derived], error: Error) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for name in (*LENGTHS, "specific_surface"):
        if name in items:
            _put(numbers, name, items[name], error)
    _put(numbers, "scattering_volume", items["amplitude"], error)
    return numbers


def _contrast_share(
    spec: SizeSpec,
    model: Particles,
    populations: Sequence[int],
    parts: Sequence[dict[str, Derived]],
) -> float:
    """Return what an error of the common contrast changes the volume fraction by."""
    if not spec.contrast_sigma or spec.contrast is None:
        return 0.0
    shared = [k for k in populations if model.components[k].shared_contrast]
    amount = sum(parts[k]["volume_fraction"].value for k in shared)
    return -2.0 * amount * spec.contrast_sigma / spec.contrast


def _fractions(items: dict[str, Derived], error: Error, contrast: float) -> dict[str, float]:
    """Return volume fraction and surface; `contrast` is the error that the contrast makes of φ."""
    fraction, surface = items["volume_fraction"], items["surface_per_volume"]
    ratio = surface.value / fraction.value if fraction.value else 0.0
    return {
        "volume_fraction": fraction.value,
        "volume_fraction_sigma": math.hypot(error(fraction), contrast),
        "surface_per_volume": surface.value,
        "surface_per_volume_sigma": math.hypot(error(surface), ratio * contrast),
    }


def _shape_numbers(
    frame: FrameSizes,
    model: Particles,
    order: Sequence[int],
    fit: ParametricFit,
    *,
    scaled: bool,
) -> None:
    sigma = fit.outcome.sigma(scaled=scaled)
    for part, k in zip(frame.parts, order, strict=True):
        component = model.components[k]
        numbers = part if len(model.components) > 1 else frame.values
        for parameter in component.shape.parameters:
            name = component.shape_parameter(parameter.name)
            numbers[parameter.name] = fit.outcome.values[name]
            numbers[parameter.name + "_sigma"] = sigma.get(name, 0.0)
        if component.shape.is_sheet:
            for name, of in THICKNESSES.items():
                numbers[name] = 2.0 * part[of]
                numbers[name + "_sigma"] = 2.0 * part[of + "_sigma"]
        if len(model.components) == 1:
            part |= {n: v for n, v in frame.values.items() if n not in part}


def _radii(frame: FrameSizes, radii: list[Derived], mode: Derived, error: Error) -> None:
    frame.percentiles = {
        "radius_percentile_volume": [r.value for r in radii],
        "radius_percentile_volume_sigma": [error(r) for r in radii],
    }
    _put(frame.values, "median_radius_volume", radii[1], error)
    _put(frame.values, "mode_radius_volume", mode, error)
    if len(frame.parts) == 1:
        _put(frame.parts[0], "mode_radius_volume", mode, error)


def _by_source(
    frame: FrameSizes,
    together: dict[str, Derived],
    fit: ParametricFit,
    spec: SizeSpec,
    errors: ErrorModel,
    *,
    scaled: bool,
    known: bool,
) -> None:
    def told(gradient: dict[str, float]) -> dict[str, float]:
        return name_sources(errors.sources, fit.outcome.sources_of(gradient, scaled=scaled))

    frame.errors = {
        name: told(item.gradient)
        for name, item in together.items()
        if name in BY_SOURCE and name != "volume_fraction"
    }
    frame.errors["scattering_volume"] = told(together["amplitude"].gradient)
    if len(spec.components) == 1:
        for name in spec.components[0].shape.free:
            frame.errors[name] = told({spec.components[0].shape_parameter(name): 1.0})
    if known:
        frame.errors["volume_fraction"] = told(together["volume_fraction"].gradient)
        if spec.contrast_sigma:
            wrong = math.sqrt(
                max(
                    frame.values["volume_fraction_sigma"] ** 2
                    - fit.outcome.sigma_of(together["volume_fraction"].gradient, scaled=scaled)
                    ** 2,
                    0.0,
                )
            )
            # A larger contrast means a smaller volume fraction.
            frame.errors["volume_fraction"][CONTRAST] = -wrong


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


def _ratio(amplitude: Derived, error: Error) -> float:
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
    if any(component.contrast is None for component in spec.components):
        notes.append("volume fraction unknown: no contrast was given")
    elif not absolute:
        notes.append("volume fraction unknown: the intensity is not in 1/cm")
    elif fraction is not None and fraction > 1:
        notes.append(f"volume fraction {fraction:.3g} is impossible: check contrast and scale")
        if frame.verdict is Verdict.OK:
            frame.verdict = Verdict.MISFIT
    elif fraction is not None and fraction > _DILUTE and spec.interaction is None:
        notes.append(f"volume fraction {fraction:.3g} is not dilute: interference was neglected")
    frame.reason = "; ".join(notes)
