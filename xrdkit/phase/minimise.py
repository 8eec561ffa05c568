"""Least squares of one frame on what is free in a plan, ties between parameters kept exactly."""

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import SpecError
from xrdkit.fitting import FitOutcome, Table, Verdict, least_squares
from xrdkit.phase.frame_fit import Chord, Frame
from xrdkit.phase.model import PatternModel
from xrdkit.phase.parameters import Plan
from xrdkit.phase.ties import Dependence, Equation, dependence

Array = NDArray[np.float64]
Values = Mapping[str, float]

_TOLERANCE = 1e-8
#: Standard errors to which a start and a fit are brought.
ROUGHLY, EXACTLY = 2.0, 1e-4
#: Beyond a bound by more than this share of a natural unit is outside.
_OUTSIDE = 1e-9


def minimise(
    model: PatternModel,
    frame: Frame,
    begin: Plan,
    most: int,
    precision: float = EXACTLY,
    chord: Chord | None = None,
) -> FitOutcome:
    """Return the minimum of χ² over what is free in `begin`, in natural units.

    Tied parameters are among the names of the outcome (`FitOutcome.tied`), their errors follow from
    the others. One that ends beyond its bound is set on it, the others fitted again.
    """
    extra: list[Equation] = []
    while True:
        tied = tied_of(begin, extra)
        outcome = _within_ties(model, frame, begin, tied, most, precision, chord)
        beyond = _beyond(begin, tied, outcome)
        if not beyond or len(extra) >= len(begin.ties):
            break
        chord = None
        begin = begin.changed(values=begin.physical(outcome.values))
        extra += [
            Equation(text=f"{name} at its bound", coefficients={name: 1.0}, constant=bound)
            for name, bound in beyond.items()
        ]
    stuck = [e for e in extra if next(iter(e.coefficients)) in tied.constant]
    if stuck and outcome.verdict is Verdict.OK:
        outcome = replace(outcome, verdict=Verdict.AT_BOUND)
    return outcome


def tied_of(
    begin: Plan, extra: Collection[Equation] = (), last: Collection[str] = ()
) -> Dependence:
    """Return what the fit of a plan sees and what follows from it (see `ties.dependence`)."""
    order = [name for name in begin.values if name in begin.free]
    rows = [e for e in begin.ties if not begin.suspended & e.coefficients.keys()]
    return dependence([*rows, *extra], begin.values, order, begin.units, last=last)


def slopes_of(
    model: PatternModel, frame: Frame, begin: Plan, tied: Dependence, values: Values
) -> Array:
    """Return the derivatives of the weighted pattern (n, free) by the free parameters in natural
    units, tied ones following, at physical `values`.
    """
    names = (*tied.free, *tied.tied)
    slopes = model.slopes(values, names)
    count = len(tied.free)
    if tied.tied:
        slopes = slopes[:count] + tied.matrix.T @ slopes[count:]
    slopes *= np.array([begin.units[name] for name in tied.free])[:, np.newaxis]
    slopes /= frame.sigma
    return np.asarray(slopes.T)


def limits_of(begin: Plan, tied: Dependence) -> dict[str, tuple[float, float]]:
    """Return the bounds of parameters, with those that a tie to one other hands on to it.

    Raises SpecError where ties leave nothing between the bounds.
    """
    bounds = dict(begin.bounds)
    for name, row, offset in zip(tied.tied, tied.matrix, tied.offset, strict=True):
        sources = np.flatnonzero(row)
        if sources.size != 1 or name not in bounds:
            continue
        source, slope = tied.free[sources[0]], row[sources[0]]
        low, high = sorted((limit - offset) / slope for limit in bounds[name])
        own = bounds.get(source, (-np.inf, np.inf))
        bounds[source] = (max(own[0], low), min(own[1], high))
        if bounds[source][0] > bounds[source][1]:
            raise SpecError(f"ties leave no value of {source} within the bounds of {name}")
    return bounds


def table_of(begin: Plan, tied: Dependence) -> Table:
    """Return start values and bounds of the free parameters in natural units."""
    units, bounds = begin.units, limits_of(begin, tied)
    values = {}
    for name, value in begin.values.items():
        low, high = bounds.get(name, (-np.inf, np.inf))
        values[name] = min(max(value, low), high) / units[name]
    return Table(
        values=values,
        free=tied.free,
        bounds={
            name: (low / units[name], high / units[name]) for name, (low, high) in bounds.items()
        },
    )


def expanded(outcome: FitOutcome, begin: Plan, tied: Dependence) -> FitOutcome:
    """Return the outcome of the free parameters with the tied ones behind them."""
    values = tied.complete(begin.physical(outcome.values))
    natural = {name: value / begin.units[name] for name, value in values.items()}
    if not tied.tied:
        return replace(outcome, table=replace(outcome.table, values=natural))
    unit = np.array([begin.units[n] for n in tied.free])
    scaled = tied.matrix * unit / np.array([begin.units[n] for n in tied.tied])[:, np.newaxis]
    whole = np.vstack([np.eye(len(tied.free)), scaled])
    table = replace(outcome.table, values=natural, free=(*tied.free, *tied.tied))
    return replace(
        outcome,
        table=table,
        tied=tied.tied,
        covariance=whole @ outcome.covariance @ whole.T,
        parts=np.einsum("ai,sij,bj->sab", whole, outcome.parts, whole)
        if outcome.parts.size
        else np.zeros((0, len(whole), len(whole))),
        common=outcome.common @ whole.T if outcome.common.size else np.zeros((0, len(whole))),
    )


def _within_ties(
    model: PatternModel,
    frame: Frame,
    begin: Plan,
    tied: Dependence,
    most: int,
    precision: float,
    chord: Chord | None,
) -> FitOutcome:
    bounds = begin.bounds
    limited = [name for name in tied.tied if name in bounds]

    def at(values: Values) -> dict[str, float]:
        physical = begin.physical(values)
        if not (tied.tied or tied.constant):
            return physical
        physical = tied.complete(physical)
        # On its way a fit may pass where the model is not defined.
        for name in limited:
            physical[name] = min(max(physical[name], bounds[name][0]), bounds[name][1])
        return physical

    def residual(values: Values) -> Array:
        return np.asarray((model.pattern(at(values)) - frame.intensity) / frame.sigma)

    def jacobian(values: Values, names: tuple[str, ...]) -> Array:
        return slopes_of(model, frame, begin, tied, at(values))

    table = table_of(begin, tied)
    outcome = least_squares(
        residual,
        table,
        jacobian=jacobian,
        errors=frame.errors,
        max_evaluations=most,
        tolerance=_TOLERANCE,
        solver=model.spec.solver,
        slopes=None if chord is None else chord.under(frame.sigma, table.free),
        precision=precision,
    )
    return expanded(outcome, begin, tied) if tied.tied or tied.constant else outcome


def _beyond(begin: Plan, tied: Dependence, outcome: FitOutcome) -> dict[str, float]:
    """Return the tied parameters that are beyond a bound, and which."""
    result = {}
    for name in tied.tied:
        low, high = begin.bounds.get(name, (-np.inf, np.inf))
        value, room = outcome.values[name] * begin.units[name], _OUTSIDE * begin.units[name]
        if value < low - room:
            result[name] = low
        elif value > high + room:
            result[name] = high
    return result
