"""Fit of one model to one curve."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import FitFailed
from xrdkit.fitting import FitOutcome, Table, Values, Verdict, least_squares, without
from xrdkit.saxs.models.evaluate import ModelCurve
from xrdkit.saxs.models.start import Start, find_starts
from xrdkit.uncertainty import ErrorModel

Array = NDArray[np.float64]

_MAX_STARTS = 3
#: Above this χ²r further starts are tried.
_GOOD = 1.5
#: Starts that much worse than the best lead nowhere.
_HOPELESS = 4.0


@dataclass(frozen=True, kw_only=True)
class CurveFit:
    """What the fit of one curve gives."""

    curve: ModelCurve
    """The model on its points."""
    outcome: FitOutcome
    """Parameters as the minimiser moves them, covariance and residual; those that stopped at a
    bound, or that nothing depends on, are held."""
    values: dict[str, float]
    """Values of all parameters."""
    units: dict[str, float]
    """Natural units of the amplitudes in the minimiser, so that none is near its bound of 0 only
    because its unit is large."""
    at_bound: tuple[str, ...]
    """Free parameters that stopped at a bound."""
    idle: tuple[str, ...]
    """Free parameters that nothing depends on, such as the size of what has no amount."""

    @property
    def bic(self) -> float:
        """Bayesian information criterion of independent residuals of unknown size."""
        return information(self, float(self.outcome.residual.size))


def information(fit: CurveFit, points: float) -> float:
    """Return n ln(χ²/n) + k ln n of a fit, of `points` n that tell as much as independent ones.

    G. Schwarz, Ann. Stat. 6 (1978) 461, for errors known up to a common factor.
    """
    count = fit.outcome.residual.size
    mean = max(fit.outcome.chi2 / count, 1e-300)
    return points * float(np.log(mean)) + len(fit.curve.free) * float(np.log(points))


def fit_curve(
    curve: ModelCurve,
    valid: NDArray[np.intp],
    intensity: Array,
    sigma: Array,
    *,
    max_evaluations: int,
    errors: ErrorModel | None = None,
    has_sigma: bool = True,
) -> CurveFit:
    """Return the best fit of the model to the points `valid` with `intensity` and `sigma`.

    Several starts are tried until one describes the data. Raises FitFailed where the model is not
    finite or has more parameters than there are points.
    """
    weight = 1.0 / sigma
    best: CurveFit | None = None
    failure: FitFailed | None = None
    starts = find_starts(curve, valid, intensity, weight, count=_MAX_STARTS)
    for start in starts:
        if best is not None and start.chi2 > _HOPELESS * starts[0].chi2:
            break
        try:
            fit = _fit(curve, start, valid, intensity, weight, max_evaluations, errors)
        except FitFailed as exc:
            failure = exc
            continue
        if best is None or fit.outcome.chi2 < best.outcome.chi2:
            best = fit
        good = has_sigma and best.outcome.gof**2 < _GOOD
        if good and best.outcome.verdict in (Verdict.OK, Verdict.AT_BOUND):
            break
    if best is None:
        raise failure or FitFailed("no start value could be found")
    return best


def _fit(
    curve: ModelCurve,
    start: Start,
    valid: NDArray[np.intp],
    intensity: Array,
    weight: Array,
    max_evaluations: int,
    errors: ErrorModel | None,
) -> CurveFit:
    def residual(inner: Values) -> Array:
        return (curve.intensity(curve.outer(inner, units))[valid] - intensity) * weight

    def jacobian(inner: Values, names: tuple[str, ...]) -> Array:
        values = curve.outer(inner, units)
        return curve.inner_slopes(values, names, units)[valid] * weight[:, None]

    units = {
        name: abs(start.values[name]) or 1.0
        for name in curve.free
        if curve.by_name[name].quantity.amplitude
    }
    values, bounds = {}, {}
    for name in curve.free:
        entry = curve.by_name[name]
        low, high = curve.bounds(name)
        unit = units.get(name, 1.0)
        bounds[name] = (
            entry.inner(low, unit) if np.isfinite(low) else -np.inf,
            entry.inner(high, unit) if np.isfinite(high) else np.inf,
        )
        values[name] = entry.inner(min(max(start.values[name], low), high), unit)
    outcome = least_squares(
        residual,
        Table(values=values, free=curve.free, bounds=bounds),
        jacobian=jacobian,
        errors=errors,
        max_evaluations=max_evaluations,
        solver="lm",
    )
    at_bound = outcome.at_bound
    # Held where they are, the others have the errors that they have.
    kept = without(outcome, at_bound, errors=errors) if _some(outcome, at_bound) else outcome
    idle = _idle(kept)
    if _some(kept, idle):
        kept = without(kept, idle, errors=errors)
    return CurveFit(
        curve=curve,
        outcome=kept,
        values=curve.outer(outcome.values, units),
        units=units,
        at_bound=at_bound,
        idle=idle,
    )


def _some(outcome: FitOutcome, names: tuple[str, ...]) -> bool:
    return bool(names) and len(names) < len(outcome.names)


def _idle(outcome: FitOutcome) -> tuple[str, ...]:
    if outcome.slopes is None:
        return ()
    length = np.linalg.norm(outcome.slopes, axis=0)
    return tuple(name for name, size in zip(outcome.names, length, strict=True) if not size > 0)
