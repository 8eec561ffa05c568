"""What a fitted model is worth: which components are there, which parameters are determined."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.fitting import FitOutcome, Verdict, without
from xrdkit.saxs.background import FLAT, background_chi2
from xrdkit.saxs.model_free import noise_scale
from xrdkit.saxs.models.fit import CurveFit
from xrdkit.saxs.models.flat import Flat
from xrdkit.saxs.models.power_law import PowerLaw
from xrdkit.saxs.models.unified_level import UnifiedLevel
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

#: Of the parameters of a structure factor: correlation with another from which they are one, and
#: value over standard error below which there is no interference.
_ONE, _SEEN = 0.98, 2.0
#: Root mean square of the relative deviation that is notable by itself, and of any over what
#: scatters from point to point: stated errors that are too large hide no misfit of this kind.
_DEVIATION, _SMOOTH = 0.02, 4.0
#: Intensity over its error from which a point counts for it, and fewest of them.
_CLEAR, _FEW = 5.0, 10

#: q times Rg up to which a Guinier range reaches, and the number of points that it takes to see it.
_UNSEEN, _POINTS = 2.5, 8
#: Ratio of the sizes of levels from which they are two, and what power laws of neighbours may
#: differ by in power and prefactor and still be one.
_OVERLAP, _SAME_POWER, _SAME_PREFACTOR = 4.5, 0.3, 4.0
#: Lowest power of what larger structures scatter.
_LOWEST_POWER = 1.0

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
    doubts += _levels(fit)
    if verdict is Verdict.UNIDENTIFIABLE:
        doubts = ()
    if doubts and verdict in (Verdict.OK, Verdict.AT_BOUND):
        verdict = Verdict.MISFIT
    hidden = "" if verdict is not Verdict.OK or not has_sigma else _hidden(fit, intensity, weight)
    if hidden:
        verdict, reason = Verdict.MISFIT, hidden
    notes = [reason, *doubts]
    if verdict in (Verdict.OK, Verdict.MISFIT):
        notes += _interference(fit, scaled=scaled)
    reason = "; ".join(filter(None, notes))
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


def _hidden(fit: CurveFit, intensity: Array, weight: Array) -> str:
    """Return what is wrong with a fit whose stated errors are larger than what it leaves over."""
    residual = fit.outcome.residual
    clear = np.abs(intensity) * weight > _CLEAR
    # Errors may be far too large: what scatters from point to point is the measure then.
    noise = noise_scale(residual)
    clear |= np.abs(intensity) * weight > _CLEAR * noise
    power = float(residual @ residual)
    if np.count_nonzero(clear) < _FEW or not power > (_SMOOTH * noise) ** 2 * residual.size:
        return ""
    if not float(residual[1:] @ residual[:-1]) > 0.5 * power:
        return ""
    relative = residual[clear] / (intensity * weight)[clear]
    size = float(np.sqrt(np.mean(relative**2)))
    if not size > _DEVIATION:
        return ""
    whole = math.sqrt(power / residual.size)
    times = f"{whole / noise:.2g}" if noise > 1e-6 * whole else "many"
    return (
        f"the model deviates smoothly by {size:.1%} (root mean square), {times} times what scatters"
        " from point to point: the stated errors are too large to show it"
    )


def _levels(fit: CurveFit) -> tuple[str, ...]:
    """Return what speaks against levels beside their own numbers: where they lie, and neighbours.

    A curve tells the size of a level whose Guinier range it holds. One structure whose knee is
    wider than a level's (a fractal that ends gradually, sizes that spread) is fitted best by two
    levels that run into each other, of which neither size is one of the sample.
    """
    found: list[str] = []
    before: str | None = None
    inside = np.sort(fit.curve.points.q)
    # As many points as Guinier's law takes: fewer are bent by noise.
    lowest = float(inside[min(_POINTS, inside.size) - 1])
    parts = zip(fit.curve.model.names, fit.curve.model.components, strict=True)
    for number, (name, part) in enumerate(parts):
        if isinstance(part, PowerLaw) and before is not None:
            power = fit.values[f"{name}.power"]
            if power < _LOWEST_POWER:
                found.append(f"{name} of power {power:.2g} is flatter than any structure")
        if not isinstance(part, UnifiedLevel):
            continue
        if part.packing is not None and fit.curve.by_name[f"{name}.packing"].free:
            own = fit.curve.component(number, fit.values)[0]
            if np.all(np.diff(own[np.argsort(fit.curve.points.q)]) <= 0):
                found.append(
                    f"{name} keeps a distance without a hump: a knee of another form than a level's"
                    " looks the same"
                )
        size = fit.values[f"{name}.radius_of_gyration"]
        free = fit.curve.by_name[f"{name}.radius_of_gyration"].free
        if free and size * lowest > _UNSEEN:
            found.append(
                f"{name} has its Guinier range below all q (Rg = {size:.3g} nm): a power law, whose"
                " size is not seen"
            )
        if before is not None and free and _one(fit, before, name):
            found.append(
                f"{before} and {name} run into each other: one structure with a wide knee looks the"
                " same"
            )
        before = name
    return tuple(found)


def _one(fit: CurveFit, small: str, large: str) -> bool:
    """Return whether two levels are hardly apart in size, or have one power law in common."""
    ratio, prefactors = (
        fit.values[f"{large}.{n}"] / max(fit.values[f"{small}.{n}"], 1e-300)
        for n in ("radius_of_gyration", "prefactor")
    )
    powers = fit.values[f"{large}.power"] - fit.values[f"{small}.power"]
    same = abs(powers) < _SAME_POWER and 1.0 / _SAME_PREFACTOR < prefactors < _SAME_PREFACTOR
    return 1.0 < ratio < _OVERLAP or (ratio > 1.0 and same)


def _interference(fit: CurveFit, *, scaled: bool) -> list[str]:
    """Return what is to be said of structure factors that the curve hardly tells."""
    outcome, notes = fit.outcome, []
    if not np.all(np.isfinite(outcome.covariance)):
        return []
    size = np.sqrt(np.maximum(np.diag(outcome.covariance), 1e-300))
    correlation = outcome.covariance / np.outer(size, size)
    for number, part in enumerate(fit.curve.model.components):
        structure = getattr(part, "structure", None)
        if structure is None:
            continue
        name = f"{fit.curve.model.names[number]}.effective_volume_fraction"
        if name not in outcome.names:
            continue
        value, error = fit.values[name], outcome.sigma_of({name: 1.0}, scaled=scaled)
        row = np.abs(correlation[outcome.names.index(name)])
        row[outcome.names.index(name)] = 0.0
        other = outcome.names[int(np.argmax(row))]
        if value < _SEEN * error:
            notes.append(
                f"no more interference than its error ({name} = {value:.2g} ± {error:.2g}): leave"
                " the structure factor out"
            )
        elif row.max() > _ONE:
            notes.append(
                f"{name} and {other} are hardly told apart (correlation {row.max():.3f}): fix one"
            )
    return notes


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
