"""The exponent of a power-law background that is fitted together with the particles.

C q⁻ᵖ is not linear in p. With the tangent -ln(q/q0) q⁻ᵖ as a further column every fit is linear in
C and t = C δp; it is repeated at p + t/C until t vanishes (Gauss-Newton). The tangent stays in the
last fit, so that all errors hold what is not known of p; not in a random search, which has no use
for columns that cancel: it takes the exponent of the smoothest distribution as it is.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xrdkit.fitting import FitOutcome
from xrdkit.saxs.background import EXPONENT, POWER, pivot
from xrdkit.saxs.problem import HIGHEST, Curve, Problem
from xrdkit.saxs.result import FrameSizes
from xrdkit.saxs.spec import SizeSpec
from xrdkit.saxs.tikhonov import Tikhonov

Array = NDArray[np.float64]

#: Largest distance of the exponents from which a fit starts.
_GRID_STEP = 0.25
_ROUNDS = 8
_ENOUGH = 1e-4
#: Longest step of one round.
_LONGEST = 0.5
#: Amount over its error from which there is something whose exponent can be told.
_PRESENT = 3.0

Columns = Callable[[float, bool], dict[str, Array]]


@dataclass(frozen=True, kw_only=True)
class PowerLaw:
    """What is known of a power-law background before the last fit."""

    exponent: float
    """The exponent p."""
    fitted: bool = False
    """Whether the last fit has its tangent."""
    error: float = math.nan
    """Standard error of the exponent where it is known without the last fit."""
    told: bool = True
    """Whether there is something whose exponent can be told."""
    note: str = ""
    """What a reader should know."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What a fit with one exponent tells of the power law."""

    amount: float = 0.0
    """C, as it was fitted."""
    turn: float = 0.0
    """t = C δp."""
    amount_error: float = 0.0
    """Standard error of C."""
    turn_error: float = 0.0
    """Standard error of t."""


def find_exponent(
    bounds: tuple[float, float],
    columns: Columns,
    coarse: Callable[[dict[str, Array]], float],
    fit: Callable[[dict[str, Array]], Trial],
    *,
    held: bool = False,
) -> PowerLaw:
    """Return the exponent within `bounds` that describes a curve best.

    `columns(p, tangent)` are the backgrounds at all points, `coarse` returns what a fit with
    them costs, `fit` a fit with or without tangent; `held` tells that the last fit goes without.
    """
    low, high = bounds
    count = max(math.ceil((high - low) / _GRID_STEP), 1)
    grid = np.linspace(low, high, count + 1)
    costs = [coarse(columns(float(p), False)) for p in grid]
    exponent = float(grid[int(np.argmin(costs))])
    alone = fit(columns(exponent, False))
    if not alone.amount > _PRESENT * alone.amount_error:
        note = "the power-law background is no larger than its error"
        return PowerLaw(exponent=exponent, told=False, note=note)
    error = math.nan
    for _ in range(_ROUNDS):
        trial = fit(columns(exponent, True))
        if not trial.amount > 0.0:
            note = f"the exponent of the power-law background is not told; taken is {exponent:.3g}"
            return PowerLaw(exponent=exponent, note=note)
        error = trial.turn_error / trial.amount
        step = min(max(trial.turn / trial.amount, -_LONGEST), _LONGEST)
        wanted = min(max(exponent + step, low), high)
        if wanted == exponent and step != 0.0:
            note = f"the exponent of the power-law background stopped at its bound {exponent:g}"
            return PowerLaw(exponent=exponent, note=note)
        exponent = wanted
        if abs(step) < _ENOUGH:
            break
    return PowerLaw(exponent=exponent, fitted=not held, error=error)


def inversion_trials(
    curve: Callable[[dict[str, Array]], Curve], spec: SizeSpec
) -> tuple[Callable[[dict[str, Array]], float], Callable[[dict[str, Array]], Trial]]:
    """Return the two fits of `find_exponent` by Tikhonov regularisation.

    All form-free methods take the exponent that leaves the smoothest distribution.
    """
    plain = replace(spec, method="tikhonov")
    kept: list[float] = []

    def solved(background: dict[str, Array]) -> tuple[Problem, Tikhonov, Array, float]:
        one = curve(background)
        problem = Problem(one, HIGHEST)
        noise = problem.noise(one.target, one.errors)
        solver = Tikhonov(problem, one.target, noise, plain)
        if kept:
            solver.hold(kept[0], one.target)
        return problem, solver, solver.fit(one.target), noise.scale

    def coarse(background: dict[str, Array]) -> float:
        problem, solver, x, _ = solved(background)
        # Costs are compared at the same λ: that of the exponent tried first.
        kept[:] = kept or [solver.log_strength]
        rough = float(x @ problem.penalty @ x)
        return problem.chi2(x, curve(background).target) + 10.0**solver.log_strength * rough

    def fit(background: dict[str, Array]) -> Trial:
        kept.clear()
        problem, solver, x, scale = solved(background)
        names = problem.background
        at = problem.nodes + names.index(POWER)
        response = problem.response(solver.positive, solver.log_strength)
        error = np.linalg.norm(response, axis=1) * scale / problem.scale
        found = Trial(amount=float(x[at] / problem.scale[at]), amount_error=float(error[at]))
        if EXPONENT not in names:
            return found
        turn = problem.nodes + names.index(EXPONENT)
        value = float(x[turn] / problem.scale[turn])
        return replace(found, turn=value, turn_error=float(error[turn]))

    return coarse, fit


def trial_of(outcome: FitOutcome | None) -> Trial:
    """Return a parametric fit as a trial; None is one that found nothing."""
    if outcome is None:
        return Trial()
    sigma = outcome.sigma(scaled=True)
    return Trial(
        amount=outcome.values[POWER],
        amount_error=sigma.get(POWER, 0.0),
        turn=outcome.values.get(EXPONENT, 0.0),
        turn_error=sigma.get(EXPONENT, 0.0),
    )


def tell_exponent(frame: FrameSizes, law: PowerLaw, names: list[str], q: Array) -> None:
    """Turn what `frame` tells of the tangent into the exponent and its error.

    `names` are the parameters of the fit, in the order of the covariance; `q` are its points. The
    amount is told at q = 1 1/nm: C q0^δp, q0 the pivot.
    """
    if POWER not in frame.values:
        return
    amount = frame.values[POWER]
    there = law.told and amount > 0
    change = frame.values[EXPONENT] / amount if there and law.fitted else 0.0
    frame.values[EXPONENT] = law.exponent + change if there else math.nan
    frame.values[EXPONENT + "_sigma"] = law.error if there else math.nan
    frame.parameters[EXPONENT] = frame.values[EXPONENT]
    if frame.covariance is not None:
        at, turn = names.index(POWER), names.index(EXPONENT)
        if there and law.fitted:
            log = math.log(pivot(q))
            amount *= math.exp(change * log)
            slopes = np.eye(len(names))
            slopes[turn, turn] = 1.0 / frame.values[POWER]
            slopes[at, turn] = log
            frame.covariance = slopes @ frame.covariance @ slopes.T
            frame.values[POWER] = frame.parameters[POWER] = amount
            for place, name in ((at, POWER), (turn, EXPONENT)):
                frame.values[name + "_sigma"] = math.sqrt(max(frame.covariance[place, place], 0.0))
        else:
            frame.covariance[turn] = frame.covariance[:, turn] = math.nan
    if law.note:
        frame.reason = f"{frame.reason}; {law.note}" if frame.reason else law.note
