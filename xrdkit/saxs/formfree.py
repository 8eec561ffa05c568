"""Numbers with errors from a form-free distribution."""

import math

import numpy as np
from numpy.typing import NDArray

from xrdkit.fitting import Verdict
from xrdkit.saxs.background import background_chi2, background_columns
from xrdkit.saxs.describe import (
    fraction_errors,
    name_sources,
    note_fraction,
    volume_fraction,
)
from xrdkit.saxs.inversion import STEP, Inversion, invert
from xrdkit.saxs.kernel import Kernel
from xrdkit.saxs.result import LENGTHS, PERCENTILES, FrameSizes
from xrdkit.saxs.spec import SizeSpec
from xrdkit.saxs.verdict import BACKGROUND_ALONE, judge
from xrdkit.uncertainty import ErrorModel

Array = NDArray[np.float64]

REGULARISATION = "log10_regularisation"
#: Share of the volume in the outermost nodes from which the distribution is cut off.
_CUT_OFF = 0.02
_EDGE_NODES = 3
#: Share of the largest density by which nodes are moved for the slope of a number.
_NUDGE = 1e-4


def formfree_parameter_names(spec: SizeSpec) -> list[str]:
    """Return the names of the parameters that a form-free fit reports."""
    backgrounds = background_columns(np.ones(1), flat=spec.flat, porod=spec.porod)
    return [*backgrounds, REGULARISATION]


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
    found = invert(kernel, valid, intensity, sigma, background, errors)
    if not found.density.sum() > 0:
        return FrameSizes(
            points=int(valid.sum()),
            verdict=Verdict.UNIDENTIFIABLE,
            reason=BACKGROUND_ALONE,
        )
    scaled = spec.scale_errors or not has_sigma
    # The replicates hold noise of the size found.
    unscale = 1.0 if scaled or found.scale == 0 else 1.0 / found.scale
    values = _numbers(found.radius, found.density)
    copies = [_numbers(found.radius, row) for row in found.replicates]
    scatter = {n: float(np.std([c[n] for c in copies], ddof=1)) * unscale for n in values}
    nodes_found = found.radius.size
    shifted = [_numbers(found.radius, row[:nodes_found]) for row in found.moved]
    common = {n: np.array([c[n] - values[n] for c in shifted]) for n in values}
    sigmas = {n: float(np.hypot(e, np.linalg.norm(common[n]))) for n, e in scatter.items()}
    frame = FrameSizes(points=int(valid.sum()))
    levels = [_percentile_name(p) for p in PERCENTILES]
    frame.percentiles = {
        "radius_percentile_volume": [values[n] for n in levels],
        "radius_percentile_volume_sigma": [sigmas[n] for n in levels],
    }
    for name in values:
        if name not in levels:
            frame.values[name] = values[name]
            frame.values[name + "_sigma"] = sigmas[name]
    frame.values["median_radius_volume"] = values[_percentile_name(50.0)]
    frame.values["median_radius_volume_sigma"] = sigmas[_percentile_name(50.0)]
    if spec.contrast is not None and absolute:
        frame.values |= volume_fraction(
            values["scattering_volume"],
            sigmas["scattering_volume"],
            spec.contrast,
            spec.contrast_sigma,
        )
    if errors is not None and errors.sources:
        frame.errors = _by_source(found, values, scatter, common, errors)
        amount = frame.errors["scattering_volume"]
        frame.errors |= fraction_errors(amount, values["scattering_volume"], spec, absolute)
    frame.parts = [dict(frame.values)]
    _parameters(frame, found, spec, unscale)
    frame.values["gof"] = found.scale if has_sigma else math.nan
    frame.values["sigma_scale"] = found.scale if scaled else 1.0
    density = found.density / found.radius / values["scattering_volume"]
    frame.curves = {
        "intensity_calculated": found.calculated,
        "background": found.behind,
        "distribution_volume": np.interp(
            np.log(radius), np.log(found.radius), density, left=0.0, right=0.0
        ),
    }
    weight = 1.0 / sigma
    frame.verdict, frame.reason = judge(
        _cut_off(found),
        found.residual,
        found.scale,
        q=kernel.q[valid],
        mean_radius=values["mean_radius_volume"],
        background_chi2=background_chi2(
            {n: c[valid] * weight for n, c in background.items()}, intensity * weight
        ),
        amplitudes=[values["scattering_volume"] / max(scatter["scattering_volume"], 1e-300)],
        has_sigma=has_sigma,
        errors=errors,
    )
    note_fraction(frame, spec, absolute=absolute)
    return frame


def _by_source(
    found: Inversion,
    values: dict[str, float],
    scatter: dict[str, float],
    common: dict[str, Array],
    errors: ErrorModel,
) -> dict[str, dict[str, float]]:
    """Return the errors of the main numbers by source.

    `scatter` are their standard errors from all sources that scatter, which the linear response of
    the distribution divides among these.
    """
    names = [n for n in values if n in LENGTHS or n == "scattering_volume"]
    nodes = found.radius.size
    step = _NUDGE * float(found.density.max())
    slopes = np.zeros((len(names), nodes))
    for node in np.flatnonzero(found.density > 0):
        moved = found.density.copy()
        moved[node] += step
        numbers = _numbers(found.radius, moved)
        slopes[:, node] = [(numbers[n] - values[n]) / step for n in names]
    parts = errors.parts(slopes @ found.response[:nodes])
    out = {}
    for place, name in enumerate(names):
        variances = np.maximum(parts[:, place, place], 0.0)
        total = float(variances.sum())
        single = np.sqrt(variances / total) * scatter[name] if total > 0 else 0.0 * variances
        out[name] = name_sources(errors.sources, [*single, *common[name]])
    return out


def _percentile_name(percent: float) -> str:
    return f"percentile {percent:g}"


def _numbers(radius: Array, density: Array) -> dict[str, float]:
    total = float(density.sum())
    if not total > 0:
        names = ["mean_radius_volume", "width_volume", "radius_of_gyration"]
        empty = dict.fromkeys([*names, *map(_percentile_name, PERCENTILES)], math.nan)
        return {**empty, "scattering_volume": 0.0}
    share = density / total
    mean = float(share @ radius)
    numbers = {
        "mean_radius_volume": mean,
        "width_volume": math.sqrt(max(float(share @ (radius - mean) ** 2), 0.0)),
        "radius_of_gyration": math.sqrt(0.6 * float(share @ radius**5) / float(share @ radius**3)),
        "scattering_volume": total * STEP,
    }
    below = np.cumsum(share) - 0.5 * share
    for percent in PERCENTILES:
        at = float(np.interp(percent / 100.0, below, np.log(radius)))
        numbers[_percentile_name(percent)] = math.exp(at)
    return numbers


def _parameters(frame: FrameSizes, found: Inversion, spec: SizeSpec, unscale: float) -> None:
    frame.parameters = {**found.background, REGULARISATION: found.log_regularisation}
    size = len(formfree_parameter_names(spec))
    frame.covariance = np.zeros((size, size))
    nodes = found.radius.size
    for place, (name, value) in enumerate(found.background.items()):
        frame.values[name] = value
        spread = float(np.std(found.background_replicates[name], ddof=1)) * unscale
        moved = found.moved[:, nodes + place] - value
        frame.values[name + "_sigma"] = float(np.hypot(spread, np.linalg.norm(moved)))
    if found.background:
        rows = np.array(list(found.background_replicates.values())) * unscale
        moved = found.moved[:, nodes:] - np.array(list(found.background.values()))
        frame.covariance[: len(rows), : len(rows)] = np.cov(rows) + moved.T @ moved


def _cut_off(found: Inversion) -> Verdict:
    total = float(found.density.sum())
    edges = float(found.density[:_EDGE_NODES].sum() + found.density[-_EDGE_NODES:].sum())
    return Verdict.AT_BOUND if total > 0 and edges > _CUT_OFF * total else Verdict.OK
