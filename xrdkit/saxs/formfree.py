"""Form-free fits of one curve: what is reported of them, and what they are worth."""

import math

import numpy as np
from numpy.typing import NDArray

from xrdkit.fitting import Verdict
from xrdkit.saxs.background import background_chi2, background_names
from xrdkit.saxs.describe import name_sources, note_fraction
from xrdkit.saxs.formfree_numbers import (
    SURFACE_AMOUNT,
    VOLUME_AMOUNT,
    Estimate,
    background_estimates,
    estimates,
    mode_estimates,
    percentile_name,
    slopes,
)
from xrdkit.saxs.inversion import Inversion, invert
from xrdkit.saxs.kernel import Kernel
from xrdkit.saxs.modes import Mode, find_modes
from xrdkit.saxs.problem import Curve
from xrdkit.saxs.quantities import BY_SOURCE, CONTRAST, PERCENTILES, SMOOTHING, THICKNESSES
from xrdkit.saxs.result import FrameSizes
from xrdkit.saxs.spec import MONTECARLO, TIKHONOV, SizeSpec
from xrdkit.saxs.verdict import BACKGROUND_ALONE, judge
from xrdkit.saxs.verdict_sizes import cut_off, unresolved_sizes
from xrdkit.uncertainty import ErrorModel

Array = NDArray[np.float64]

REGULARISATION = "log10_regularisation"
ENTROPY = "log10_entropy_weight"
STEPS, REDUCED = "steps", "reduced_chi2_reached"
#: Share of the volume in the outermost nodes from which the distribution is cut off.
_CUT_OFF = 0.02
_EDGE_NODES = 3
_MODE_NUMBERS = ("mean_radius_volume", "width_volume", "mode_radius_volume", "scattering_volume")
_SMOOTHED = ("mean_radius_volume", "width_volume", "scattering_volume")


def formfree_parameter_names(spec: SizeSpec) -> list[str]:
    """Return the names of the parameters that a form-free fit reports."""
    return [*background_names(spec), *_settings(spec)]


def _settings(spec: SizeSpec) -> list[str]:
    if spec.method == MONTECARLO:
        return [STEPS, REDUCED]
    return [REGULARISATION if spec.method == TIKHONOV else ENTROPY]


def fit_formfree(
    kernel: Kernel,
    valid: NDArray[np.bool_],
    intensity: Array,
    sigma: Array,
    background: dict[str, Array],
    spec: SizeSpec,
    *,
    radius: Array,
    has_sigma: bool,
    absolute: bool,
    errors: ErrorModel | None = None,
) -> FrameSizes:
    """Invert one curve and return its numbers with standard errors and verdict.

    `kernel` has all points of the profile; `valid` ones carry `intensity` and `sigma` (shape of the
    valid ones); `errors` is the model of (intensity - truth)/sigma where more is known of it than
    that it scatters. `radius` are the nodes of the distribution (nm), `has_sigma` tells whether
    `sigma` was given, `absolute` whether the intensity is in 1/cm. Raises FitFailed where the
    distribution is not determined.
    """
    curve = Curve(
        kernel=kernel,
        valid=valid,
        intensity=intensity,
        sigma=sigma,
        background=background,
        errors=errors,
    )
    found = invert(curve, spec)
    frame = FrameSizes(points=int(valid.sum()))
    if not found.density.sum() > 0:
        frame.verdict, frame.reason = Verdict.UNIDENTIFIABLE, BACKGROUND_ALONE
        return frame
    scale = found.noise.scale
    scaled = spec.scale_errors or not has_sigma
    # The replicates hold noise of the size found.
    unscale = 1.0 if scaled or scale == 0 else 1.0 / scale
    contrast = spec.components[0].contrast if absolute else None
    whole = estimates(found, kernel.shape, slice(None), unscale)
    modes, unresolved = find_modes(found)
    frame.values |= {"modes": float(len(modes)), "modes_unresolved": float(unresolved)}
    _numbers(frame, whole, spec, contrast)
    _modes(frame, found, modes, kernel, spec, unscale, contrast)
    if kernel.shape.is_sheet:
        _thicknesses(frame.values)
    if errors is not None and errors.sources:
        frame.errors = _by_source(found, whole, kernel, errors)
        amount = frame.errors.pop(VOLUME_AMOUNT)
        if contrast is not None:
            told = {name: error / contrast**2 for name, error in amount.items()}
            if spec.contrast_sigma:
                told[CONTRAST] = -2.0 * frame.values["volume_fraction"] * _contrast_share(spec)
            frame.errors["volume_fraction"] = told
    _parameters(frame, found, spec, unscale)
    frame.values["gof"] = scale if has_sigma else math.nan
    frame.values["sigma_scale"] = scale if scaled else 1.0
    frame.curves = {
        "intensity_calculated": found.calculated,
        "background": found.behind,
        **_distribution(found, radius, unscale),
    }
    weight = 1.0 / sigma
    frame.verdict, frame.reason = judge(
        _search_verdict(found),
        found.residual,
        scale,
        q=kernel.q[valid],
        mean_radius=whole["mean_radius_volume"].value,
        background_chi2=background_chi2(
            {n: c[valid] * weight for n, c in background.items()}, intensity * weight
        ),
        amplitudes=[
            whole["scattering_volume"].value / max(whole["scattering_volume"].scatter, 1e-300)
        ],
        has_sigma=has_sigma,
        errors=errors,
    )
    if frame.verdict is Verdict.OK and (
        doubt := unresolved_sizes(found, curve, whole) or cut_off(found, curve, whole)
    ):
        frame.verdict = Verdict.AT_BOUND
        frame.reason = "; ".join(filter(None, (frame.reason, doubt)))
    notes = [frame.reason, found.solver.note, _note(unresolved)]
    frame.reason = "; ".join(note for note in notes if note)
    note_fraction(frame, spec, absolute=absolute)
    return frame


def _numbers(
    frame: FrameSizes, whole: dict[str, Estimate], spec: SizeSpec, contrast: float | None
) -> None:
    levels = [percentile_name(p) for p in PERCENTILES]
    frame.percentiles = {
        "radius_percentile_volume": [whole[n].value for n in levels],
        "radius_percentile_volume_sigma": [whole[n].sigma for n in levels],
    }
    _put(frame.values, "median_radius_volume", whole[percentile_name(50.0)])
    for name, item in whole.items():
        if name not in (*levels, VOLUME_AMOUNT, SURFACE_AMOUNT):
            _put(frame.values, name, item)
    for name in _SMOOTHED:
        frame.values[name + "_smoothing"] = whole[name].smoothing
    frame.values |= _fractions(whole, spec, contrast)


def _put(values: dict[str, float], name: str, item: Estimate) -> None:
    values[name] = item.value
    values[name + "_sigma"] = item.sigma


def _fractions(
    whole: dict[str, Estimate], spec: SizeSpec, contrast: float | None
) -> dict[str, float]:
    """Return volume fraction and surface per volume of sample where the contrast is known."""
    found: dict[str, float] = {}
    if contrast is None:
        return found
    for name, key in (("volume_fraction", VOLUME_AMOUNT), ("surface_per_volume", SURFACE_AMOUNT)):
        amount = whole[key]
        error = math.hypot(amount.sigma, 2.0 * amount.value * _contrast_share(spec))
        found[name] = amount.value / contrast**2
        found[name + "_sigma"] = error / contrast**2
    return found


def _thicknesses(values: dict[str, float]) -> None:
    for name, of in THICKNESSES.items():
        if of in values:
            values[name] = 2.0 * values[of]
            values[name + "_sigma"] = 2.0 * values[of + "_sigma"]


def _contrast_share(spec: SizeSpec) -> float:
    return 0.0 if spec.contrast is None else spec.contrast_sigma / spec.contrast


def _modes(
    frame: FrameSizes,
    found: Inversion,
    modes: list[Mode],
    kernel: Kernel,
    spec: SizeSpec,
    unscale: float,
    contrast: float | None,
) -> None:
    for mode in modes:
        inside = mode_estimates(found, kernel.shape, mode, unscale)
        part = {"resolution": mode.resolution}
        for name in _MODE_NUMBERS:
            _put(part, name, inside[name])
        part |= _fractions(inside, spec, contrast)
        frame.parts.append(part)


def _note(unresolved: int) -> str:
    if not unresolved:
        return ""
    return (
        f"{unresolved} more modes were found that are no further from others than two single sizes"
        " would have to be; they count as one"
    )


def _by_source(
    found: Inversion, whole: dict[str, Estimate], kernel: Kernel, errors: ErrorModel
) -> dict[str, dict[str, float]]:
    """Return the errors of the main numbers by source.

    What scatters is divided among its sources by the linear response of the distribution.
    """
    names = [n for n in (*BY_SOURCE, VOLUME_AMOUNT) if n in whole]
    nodes = found.problem.nodes
    parts = errors.parts(slopes(found, kernel.shape, names) @ found.response[:nodes])
    out = {}
    for place, name in enumerate(names):
        variances = np.maximum(parts[:, place, place], 0.0)
        total = float(variances.sum())
        scatter = whole[name].scatter
        single = np.sqrt(variances / total) * scatter if total > 0 else 0.0 * variances
        out[name] = name_sources(errors.sources, [*single, *whole[name].common])
        out[name][SMOOTHING] = whole[name].smoothing
    return out


def _distribution(found: Inversion, radius: Array, unscale: float) -> dict[str, Array]:
    def per_radius(density: Array) -> Array:
        share = density / max(float(density.sum()) * found.problem.step, 1e-300)
        on_grid = np.interp(np.log(radius), np.log(found.radius), share, left=0.0, right=0.0)
        return np.asarray(on_grid / radius)

    nodes = found.problem.nodes
    copies = np.array([per_radius(row[:nodes]) for row in found.replicates])
    return {
        "distribution_volume": per_radius(found.density),
        "distribution_volume_sigma": copies.std(axis=0, ddof=1) * unscale,
    }


def _parameters(frame: FrameSizes, found: Inversion, spec: SizeSpec, unscale: float) -> None:
    backgrounds = background_estimates(found, unscale)
    solver = found.solver
    told = [solver.log_strength]
    if spec.method == MONTECARLO:
        told = [solver.steps, solver.reduced_chi2]
    values = {name: item.value for name, item in backgrounds.items()}
    frame.parameters = values | dict(zip(_settings(spec), told, strict=True))
    size = len(formfree_parameter_names(spec))
    frame.covariance = np.zeros((size, size))
    for name, item in backgrounds.items():
        _put(frame.values, name, item)
    if backgrounds:
        nodes = found.problem.nodes
        moved = found.moved[:, nodes:] - found.x[nodes:]
        shift = (found.again - found.x)[nodes:]
        scatter = np.atleast_2d(np.cov(found.replicates[:, nodes:].T)) * unscale**2
        count = len(backgrounds)
        frame.covariance[:count, :count] = scatter + moved.T @ moved + np.outer(shift, shift)


def _search_verdict(found: Inversion) -> Verdict:
    if not found.solver.converged:
        return Verdict.NOT_CONVERGED
    density = found.density
    edges = float(density[:_EDGE_NODES].sum() + density[-_EDGE_NODES:].sum())
    return Verdict.AT_BOUND if edges > _CUT_OFF * float(density.sum()) else Verdict.OK
