"""The verb `sample_sizes`: what a curve says of parametric sizes, without linearisation.

The standard errors of `fit_sizes` take the model for linear near its minimum. Where it is not (a
population about to vanish, a width at its bound) the posterior is skewed, and sampling shows it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.errors import SchemaError, SpecError
from xrdkit.provenance import append, content_sha256
from xrdkit.saxs.background import POROD, background_columns
from xrdkit.saxs.ensemble import autocorrelation_time, sample
from xrdkit.saxs.kernel import kernel
from xrdkit.saxs.moments import moments
from xrdkit.saxs.particles import Particles
from xrdkit.saxs.sizes import fit_sizes
from xrdkit.saxs.smearing import smearing_of
from xrdkit.saxs.spec import FORM_FREE, SizeSpec
from xrdkit.saxs.start import location_range
from xrdkit.schema import FRAME, SIZES, mean_positions, position_spreads, validate
from xrdkit.uncertainty import COVARIANCE

Array = NDArray[np.float64]

#: Numbers that are told: name in the result -> in the moments.
_NUMBERS = {
    "mean_radius_volume": "mean_radius_volume",
    "width_volume": "width_volume",
    "mean_radius_number": "mean_radius_number",
    "width_number": "width_number",
    "radius_of_gyration": "radius_of_gyration",
    "scattering_volume": "amplitude",
    "specific_surface": "specific_surface",
    "volume_fraction": "volume_fraction",
}
#: Shares of the posterior below the ends of its 68 % interval: one standard deviation of a normal.
_LOW, _HIGH = 0.158655, 0.841345
_DRAWN = 400
#: Autocorrelation times that a walk should last for its ends to be known to a few percent.
_LONG = 20.0
_HALVINGS = 30
_UNUSABLE = ("unidentifiable", "not_converged")


@dataclass(frozen=True, kw_only=True)
class PosteriorSpec:
    """How a posterior is sampled."""

    walkers: int = 32
    """Walkers of the ensemble, an even number, at least twice the number of parameters."""
    steps: int = 2000
    """Steps of each walker that are kept."""
    burn_in: int = 400
    """Steps before them that are not."""
    seed: int = 0
    """Seed of the draws."""

    def __post_init__(self) -> None:
        for name, low in (("walkers", 4), ("steps", 10), ("burn_in", 0), ("seed", 0)):
            number = getattr(self, name)
            if not (type(number) is int and number >= low):
                raise SpecError(f"{name} is {number!r}, not a whole number from {low} on")
        if self.walkers % 2:
            raise SpecError(f"walkers is {self.walkers}, not even")


_DEFAULT = SizeSpec()
_SAMPLING = PosteriorSpec()


def sample_sizes(
    profile: xr.Dataset, spec: SizeSpec = _DEFAULT, sampling: PosteriorSpec = _SAMPLING
) -> xr.Dataset:
    """Return `fit_sizes` of a profile with intervals from its posterior (SIZES).

    `profile` and `spec` are as for `fit_sizes`, with a parametric method and errors in the profile.
    Added are ``<name>_low`` and ``<name>_high``, the ends of the central 68 % interval of radii,
    widths (nm), ``scattering_volume``, ``volume_fraction`` and ``specific_surface``; the walks,
    ``posterior_sample(sample, parameter)``; ``posterior_acceptance`` and
    ``posterior_autocorrelation`` (steps). Frames that were not fitted have NaN.

    Priors are flat in ln R, ln s, amplitudes, shape parameters and backgrounds, within the bounds
    of the fit, B >= 0. The likelihood is Gaussian, with the size of the errors unknown and
    integrated out (Jeffreys' prior: P ~ χ^-N) where `spec.scale_errors`, with that stated else.
    Error sources common to all points are not in these intervals; add theirs from
    ``<name>_errors``. An error of the contrast is not, either.

    Raises SpecError for a form-free method, SchemaError for a profile without errors or with
    neighbours that share errors (independent points are assumed), and what `fit_sizes` raises.
    """
    if not isinstance(sampling, PosteriorSpec):
        raise SpecError(f"sampling is a {type(sampling).__name__}, not a PosteriorSpec")
    if isinstance(spec, SizeSpec) and spec.method in FORM_FREE:
        raise SpecError(f"method {spec.method!r} has no parameters to sample")
    if isinstance(spec, SizeSpec) and isinstance(spec.power_law, tuple):
        raise SpecError(
            f"power_law {spec.power_law} is fitted, a posterior needs its exponent",
            hint="state the background_exponent that fit_sizes finds",
        )
    if "sigma" not in profile:
        raise SchemaError("the profile has no 'sigma': its errors are needed for a posterior")
    if COVARIANCE in profile:
        raise SchemaError(
            "neighbouring points of the profile share errors, a posterior would be too narrow",
            hint="use the standard errors of fit_sizes",
        )
    result = fit_sizes(profile, spec)
    rows = result if FRAME in result.dims else result.expand_dims(FRAME)
    told = [_frame(profile, rows.isel({FRAME: i}), i, spec, sampling) for i in _frames(rows)]
    result = result.assign(_variables(result, told))
    short = np.atleast_1d(result["posterior_autocorrelation"].values) * _LONG > sampling.steps
    if short.any():
        reasons = np.atleast_1d(result["verdict_reason"].values).astype(object)
        note = f"the walk is shorter than {_LONG:g} autocorrelation times: take more steps"
        reasons[short] = [f"{r}; {note}" if r else note for r in reasons[short]]
        shape = result["verdict_reason"].shape
        result["verdict_reason"] = result["verdict_reason"].copy(
            data=reasons.astype(str).reshape(shape)
        )
    result = append(
        result,
        "sample_sizes",
        {"spec": spec, "sampling": sampling},
        inputs=[content_sha256(profile)],
        software=["numpy", "scipy", "lmfit"],
        history=profile,
    )
    return validate(result, SIZES)


def _frames(rows: xr.Dataset) -> range:
    return range(rows.sizes[FRAME])


@dataclass(frozen=True)
class _Told:
    """What the posterior of one frame tells."""

    low: dict[str, float]
    high: dict[str, float]
    walks: Array
    acceptance: float
    time: float


def _frame(
    profile: xr.Dataset, row: xr.Dataset, number: int, spec: SizeSpec, sampling: PosteriorSpec
) -> _Told:
    names = [str(n) for n in row["parameter"].values]
    nothing = np.full((sampling.walkers * sampling.steps, len(names)), np.nan)
    if str(row["verdict"].values) in _UNUSABLE:
        return _Told({}, {}, nothing, math.nan, math.nan)
    model, valid = _model(profile, row, number, spec)
    best = row["parameter_value"].values.astype(np.float64)
    spread = np.sqrt(np.diag(row["parameter_covariance"].values)).copy()
    if POROD in names and spread[names.index(POROD)] == 0:
        # The fit set B to 0; the posterior is that of B >= 0.
        spread[names.index(POROD)] = float(row[f"{POROD}_sigma"].values)
    free = np.flatnonzero(spread > 0)
    if sampling.walkers < 2 * free.size:
        raise SpecError(f"{sampling.walkers} walkers are fewer than twice {free.size} parameters")
    generator = np.random.default_rng([sampling.seed, number])
    log_probability = _posterior(model, row, valid, best, free, names, spec)
    covariance = row["parameter_covariance"].values[np.ix_(free, free)].copy()
    np.fill_diagonal(covariance, spread[free] ** 2)
    start = _inside(
        log_probability,
        best[free],
        generator.multivariate_normal(best[free], covariance, sampling.walkers, method="eigh"),
    )
    chain, acceptance = sample(log_probability, start, sampling.burn_in + sampling.steps, generator)
    chain = chain[sampling.burn_in :]
    walks = np.tile(best, (chain.shape[0] * chain.shape[1], 1))
    walks[:, free] = chain.reshape(-1, free.size)
    drawn = walks[np.linspace(0, len(walks) - 1, min(_DRAWN, len(walks))).astype(int)]
    everything = tuple(range(len(model.components)))
    numbers = [
        {k: item.value for k, item in moments(model, _named(names, w), everything).items()}
        for w in drawn
    ]
    low, high = {}, {}
    for name, key in _NUMBERS.items():
        if name in row and np.isfinite(row[name].values):
            low[name], high[name] = np.quantile([n[key] for n in numbers], [_LOW, _HIGH])
    return _Told(low, high, walks, acceptance, autocorrelation_time(chain))


def _inside(log_probability: Callable[[Array], float], best: Array, start: Array) -> Array:
    """Return starts (walkers, p) moved towards the best fit until the posterior knows them."""
    for row in start:
        for _ in range(_HALVINGS):
            if np.isfinite(log_probability(row)):
                break
            row += 0.5 * (best - row)
        else:
            row[:] = best
    return start


def _model(
    profile: xr.Dataset, row: xr.Dataset, number: int, spec: SizeSpec
) -> tuple[Particles, NDArray[np.bool_]]:
    data = profile.sel(q=row["q"].values)
    place = number if FRAME in profile.dims else 0
    q = np.ascontiguousarray(mean_positions(data)[place])
    spread = np.ascontiguousarray(position_spreads(data)[place])
    smearing = smearing_of(data, given=spec.smearing, frame=number)
    background = background_columns(
        q,
        flat=spec.flat,
        porod=spec.porod,
        slope=spec.slope,
        power=None if isinstance(spec.power_law, tuple) else spec.power_law,
        spread=spread,
        smearing=smearing,
    )
    kernels = [kernel(q, spread, smearing, component.shape) for component in spec.components]
    sigma = row["sigma"].values
    valid = np.isfinite(row["intensity"].values) & np.isfinite(sigma) & (sigma > 0)
    return Particles(spec.components, kernels, background), valid


def _named(names: list[str], values: Array) -> dict[str, float]:
    return dict(zip(names, (float(v) for v in values), strict=True))


def _posterior(
    model: Particles,
    row: xr.Dataset,
    valid: NDArray[np.bool_],
    best: Array,
    free: NDArray[np.intp],
    names: list[str],
    spec: SizeSpec,
) -> Callable[[Array], float]:
    weight = 1.0 / row["sigma"].values[valid]
    target = row["intensity"].values[valid] * weight
    low, high = np.full(best.size, -np.inf), np.full(best.size, np.inf)
    ends = location_range(model.q)
    for component in model.components:
        narrow, wide = component.family.width_range
        for name, bounds in (
            (component.location, ends),
            (component.amplitude, (0.0, np.inf)),
            *(
                (component.shape_parameter(p.name), (p.low, p.high))
                for p in component.shape.parameters
            ),
        ):
            low[names.index(name)], high[names.index(name)] = bounds
        if component.family.has_width:
            at = names.index(component.width)
            low[at], high[at] = math.log(narrow), math.log(wide)
    if POROD in names:
        low[names.index(POROD)] = 0.0

    def log_probability(values: Array) -> float:
        whole = best.copy()
        whole[free] = values
        if np.any(whole < low) or np.any(whole > high):
            return -math.inf
        residual = model.intensity(_named(names, whole))[valid] * weight - target
        chi2 = float(residual @ residual)
        if not math.isfinite(chi2):
            return -math.inf
        return -0.5 * target.size * math.log(chi2) if spec.scale_errors else -0.5 * chi2

    return log_probability


def _variables(result: xr.Dataset, told: list[_Told]) -> dict[str, xr.Variable]:
    lead = (FRAME,) if FRAME in result.dims else ()

    def variable(dims: tuple[str, ...], rows: list[object], units: str, what: str) -> xr.Variable:
        values = np.array(rows) if lead else np.array(rows[0])
        return xr.Variable((*lead, *dims), values, {"units": units, "long_name": what})

    found = {}
    for name in _NUMBERS:
        if name not in result:
            continue
        units, what = result[name].attrs["units"], result[name].attrs["long_name"]
        for end, rows in (("low", [t.low for t in told]), ("high", [t.high for t in told])):
            text = f"{end} end of the 68 % interval of the posterior: {what}"
            values: list[object] = [row.get(name, math.nan) for row in rows]
            found[f"{name}_{end}"] = variable((), values, units, text)
    walks: list[object] = [t.walks for t in told]
    what = "parameters along the walks through the posterior"
    found["posterior_sample"] = variable(("sample", "parameter"), walks, "", what)
    shares: list[object] = [t.acceptance for t in told]
    found["posterior_acceptance"] = variable((), shares, "1", "share of moves that were accepted")
    times: list[object] = [t.time for t in told]
    what = "integrated autocorrelation time of the slowest parameter, steps of the walk"
    found["posterior_autocorrelation"] = variable((), times, "1", what)
    return found
