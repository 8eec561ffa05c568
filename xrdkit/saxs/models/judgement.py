"""What a fitted model is worth: which components are there, which parameters are determined."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.fitting import FitOutcome, Verdict, without
from xrdkit.saxs.background import FLAT, background_chi2
from xrdkit.saxs.models.fit import CurveFit
from xrdkit.saxs.models.flat import Flat
from xrdkit.saxs.verdict import BACKGROUND_ALONE, misfit
from xrdkit.uncertainty import (
    NOTABLE_CORRELATION,
    ErrorModel,
    effective_points,
    neighbour_correlation,
)

Array = NDArray[np.float64]

#: Fall of χ²/χ²r by the model below which nothing but a flat background was found.
_SIGNIFICANT = 40.0
#: Square of amplitudes over their errors from which a component is there: 3 sigma.
_PRESENT = 9.0
#: A size is not determined where its logarithm has a larger standard error than this, another
#: number where its error is more than this share of its range.
_LOG_UNKNOWN, _SHARE_UNKNOWN = 1.0, 0.2
#: Parameters are told apart where their correlation has no smaller eigenvalue.
_BLAMED = 0.2

FREE, FIXED, TIED, AT_BOUND = "free", "fixed", "tied", "at_bound"
UNDETERMINED, IDLE = "undetermined", "idle"


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What is to be said of the fit of one curve."""

    verdict: Verdict
    """Verdict on the whole."""
    reason: str
    """Why."""
    parameters: dict[str, str]
    """Of each parameter: ``free`` (and determined), ``fixed``, ``tied``, ``at_bound``,
    ``undetermined`` or ``idle`` (nothing depends on it)."""
    components: dict[str, str]
    """Of each component: ``ok`` or ``absent``."""
    doubts: tuple[str, ...] = ()
    """What speaks against components as they were found."""

    @property
    def sound(self) -> bool:
        """Whether all components are there and all parameters determined."""
        loose = {UNDETERMINED, IDLE}
        known = self.verdict is not Verdict.NOT_CONVERGED
        return (
            known
            and "absent" not in self.components.values()
            and not (loose & set(self.parameters.values()))
        )


def judge_model(
    fit: CurveFit,
    intensity: Array,
    weight: Array,
    *,
    scaled: bool,
    has_sigma: bool,
    errors: ErrorModel | None = None,
) -> Judgement:
    """Return the judgement of a fit to `intensity` (n,) weighted with `weight` = 1/sigma.

    `scaled` tells whether errors are multiplied by √χ²r, `has_sigma` whether the profile has
    errors, `errors` is the model of the weighted residuals where more is known.
    """
    outcome = fit.outcome
    components = {
        name: "ok" if _present(fit, number, scaled=scaled) else "absent"
        for number, name in enumerate(fit.curve.model.names)
    }
    parameters = {e.name: _state(fit, e.name, scaled=scaled) for e in fit.curve.model.entries}
    verdict, reason = _verdict(
        fit, intensity, weight, components, parameters, has_sigma=has_sigma, errors=errors
    )
    doubts = tuple(
        f"{name} {text}"
        for number, (name, part) in enumerate(
            zip(fit.curve.model.names, fit.curve.model.components, strict=True)
        )
        if (text := part.doubt(fit.curve.local(number, fit.values)))
    )
    if verdict is Verdict.UNIDENTIFIABLE:
        doubts = ()
    if doubts and verdict in (Verdict.OK, Verdict.AT_BOUND):
        verdict = Verdict.MISFIT
    reason = "; ".join([reason] * bool(reason) + list(doubts))
    correlation = 0.0 if errors is None else neighbour_correlation(errors)
    if errors is not None and correlation > NOTABLE_CORRELATION:
        note = (
            f"neighbouring points share errors (mean correlation {correlation:.2f}):"
            f" {outcome.residual.size} points tell as much as {effective_points(errors):.0f}"
            " independent ones"
        )
        reason = f"{reason}; {note}" if reason else note
    return Judgement(
        verdict=verdict, reason=reason, parameters=parameters, components=components, doubts=doubts
    )


def _verdict(
    fit: CurveFit,
    intensity: Array,
    weight: Array,
    components: dict[str, str],
    parameters: dict[str, str],
    *,
    has_sigma: bool,
    errors: ErrorModel | None,
) -> tuple[Verdict, str]:
    outcome = fit.outcome
    fewer = 1.0 if errors is None else effective_points(errors) / outcome.residual.size
    if not all(isinstance(part, Flat) for part in fit.curve.model.components):
        alone = background_chi2({FLAT: weight}, intensity * weight)
        fall = fewer * (alone - outcome.chi2)
        if not fall > _SIGNIFICANT * outcome.gof**2:
            return Verdict.UNIDENTIFIABLE, BACKGROUND_ALONE
    if outcome.verdict is Verdict.NOT_CONVERGED:
        return Verdict.NOT_CONVERGED, "the fit did not converge"
    absent = [
        name
        for name, part in zip(fit.curve.model.names, fit.curve.model.components, strict=True)
        if components[name] == "absent" and not isinstance(part, Flat)
    ]
    if absent:
        return Verdict.UNIDENTIFIABLE, f"no more of {', '.join(absent)} than its error"
    if outcome.verdict is Verdict.UNIDENTIFIABLE:
        return (
            Verdict.UNIDENTIFIABLE,
            f"{', '.join(_blamed(outcome))} cannot be told apart: fix or tie some, or leave a"
            " component out",
        )
    loose = [name for name, state in parameters.items() if state == UNDETERMINED]
    if loose:
        return Verdict.UNIDENTIFIABLE, f"this curve does not determine {', '.join(loose)}"
    if fit.at_bound:
        ends = ", ".join(f"{name} = {fit.values[name]:.4g}" for name in fit.at_bound)
        return Verdict.AT_BOUND, f"stopped at a bound: {ends}"
    expected = 0.0 if errors is None else neighbour_correlation(errors)
    return misfit(
        outcome.residual,
        outcome.gof,
        expected,
        fewer * outcome.residual.size,
        has_sigma=has_sigma,
    )


def _present(fit: CurveFit, number: int, *, scaled: bool) -> bool:
    """Whether a component has more than its error of at least one amplitude.

    With its other parameters held: a prefactor may be as uncertain as its power, and be there.
    """
    own = [e for e in fit.curve.model.entries if e.component == number and e.free]
    amplitudes = [e.name for e in own if e.quantity.amplitude]
    if not amplitudes:
        return True
    inside = [name for name in amplitudes if name in fit.outcome.names]
    if not inside or fit.outcome.slopes is None:
        return False
    # Where something else is singular, all that is no amplitude is held.
    held = {e.name for e in own if not e.quantity.amplitude}
    if not np.all(np.isfinite(fit.outcome.covariance)):
        held = {e.name for e in fit.curve.model.entries if not e.quantity.amplitude}
    held &= set(fit.outcome.names)
    outcome = without(fit.outcome, held) if held else fit.outcome
    at = [outcome.names.index(name) for name in inside]
    covariance = outcome.covariance[np.ix_(at, at)] * (outcome.gof**2 if scaled else 1.0)
    size = np.array([fit.values[name] / fit.units.get(name, 1.0) for name in inside])
    if not np.all(np.isfinite(covariance)):
        # Two of a kind cannot be told apart, but are there together.
        length = np.linalg.norm(fit.outcome.slopes, axis=0)
        alone = size * length[[fit.outcome.names.index(name) for name in inside]]
        return bool(np.max(np.abs(alone)) > math.sqrt(_PRESENT) * (outcome.gof if scaled else 1.0))
    unit = np.sqrt(np.diagonal(covariance))
    correlation = covariance / np.outer(unit, unit)
    ratio = size / unit
    return bool(ratio @ np.linalg.pinv(correlation, hermitian=True) @ ratio > _PRESENT)


def _state(fit: CurveFit, name: str, *, scaled: bool) -> str:
    entry = fit.curve.by_name[name]
    if entry.stated.tie is not None:
        return TIED
    if not entry.free:
        return FIXED
    if name in fit.at_bound:
        return AT_BOUND
    if name in fit.idle:
        return IDLE
    if entry.quantity.amplitude:
        return FREE
    error = fit.outcome.sigma_of({name: 1.0}, scaled=scaled, common=False)
    low, high = fit.curve.bounds(name)
    limit = _LOG_UNKNOWN if entry.quantity.scale == "log" else _SHARE_UNKNOWN * (high - low)
    return FREE if error <= limit else UNDETERMINED


def _blamed(outcome: FitOutcome) -> list[str]:
    """Return the parameters that the singular direction moves."""
    if outcome.slopes is None:
        return list(outcome.names)
    length = np.linalg.norm(outcome.slopes, axis=0)
    scaled = outcome.slopes / np.where(length > 0, length, math.inf)
    _, vectors = np.linalg.eigh(scaled.T @ scaled)
    return [
        name
        for name, share in zip(outcome.names, np.abs(vectors[:, 0]), strict=True)
        if share > _BLAMED
    ]
