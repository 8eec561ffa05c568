"""Which phases of a fit are there, and what is left free of those that are not."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from xrdkit.fitting import FitOutcome
from xrdkit.phase.effects import phase_key
from xrdkit.phase.model import PatternModel
from xrdkit.phase.parameters import Plan

#: Broadening below this share of its natural unit is none.
NOTHING = 1e-3


def scale_ratio(outcome: FitOutcome, phase: int) -> float:
    """Return the scale of a phase over its standard error; infinite where that is not known."""
    # An error common to all points makes no phase less certain to be there.
    name = phase_key(phase, "scale")
    value = outcome.values[name]
    error = outcome.sigma_of({name: 1.0}, scaled=False, common=False) * outcome.noise
    if error > 0:
        return value / error
    return float("inf") if value > 0 else 0.0


def is_evident(outcome: FitOutcome, phase: int, points: float) -> bool:
    """Whether a phase is worth its k parameters: Δχ² > k ln n, n = `points`.

    Bayesian information criterion of Schwarz, Ann. Stat. 6 (1978) 461, in units of χ² per degree of
    freedom; Δχ² of `gain_of`.
    """
    if not outcome.values[phase_key(phase, "scale")] > 1e-9:
        return False
    number = sum(name.startswith(phase_key(phase, "")) for name in outcome.seen)
    return bool(gain_of(outcome, phase) > number * np.log(points))


def gain_of(outcome: FitOutcome, phase: int) -> float:
    """Return what χ² loses without a phase, to second order, over χ² per degree of freedom.

    It is (S/σ)² with σ the error of the scale where the shapes of the phase are held: without the
    phase there is nothing that they could make good. Errors of a scale that hangs together with an
    orientation or with B say little of whether the phase is there.
    """
    names, scale = outcome.seen, phase_key(phase, "scale")
    own = [k for k, name in enumerate(names) if is_shape(name, phase)]
    if scale not in names or not own:
        return scale_ratio(outcome, phase) ** 2
    at, covariance = names.index(scale), outcome.covariance
    with np.errstate(invalid="ignore"):
        shared = covariance[np.ix_(own, own)]
        if not np.all(np.isfinite(shared)):
            return scale_ratio(outcome, phase) ** 2
        held = np.linalg.lstsq(shared, covariance[own, at], rcond=None)[0]
    variance = float(covariance[at, at] - covariance[at, own] @ held)
    if not variance > 0:
        return scale_ratio(outcome, phase) ** 2
    return float(outcome.values[scale] ** 2 / (variance * outcome.noise**2))


def free_phases(model: PatternModel) -> tuple[int, ...]:
    """Return the numbers of the phases whose lines are free."""
    modes = [model.spec.mode_of(s.name) for s in model.structures]
    return tuple(p for p, mode in enumerate(modes) if mode != "rietveld")


def is_shape(name: str, phase: int) -> bool:
    """Whether a parameter is one of a phase other than its scale."""
    return name.startswith(phase_key(phase, "")) and name != phase_key(phase, "scale")


def is_linear(name: str) -> bool:
    """Whether the pattern is linear in a parameter: scales and the smooth background."""
    return name.endswith("_scale") or name.startswith("background")


def with_scales_alone(begin: Plan, absent: Plan, phases: Collection[int]) -> Plan:
    """Return the plan with nothing but a scale, of either sign, free of some phases.

    Their other parameters are as in the plan `absent`.
    """
    if not phases:
        return begin
    scales = {phase_key(p, "scale") for p in phases}
    shapes = [name for name in begin.values if any(is_shape(name, p) for p in phases)]
    bounds = {k: v for k, v in begin.bounds.items() if k not in scales}
    values = {name: absent.values[name] for name in shapes}
    held = begin.changed(values=values, fixed=shapes, apart=shapes)
    return replace(held, bounds=bounds)


def is_nothing(begin: Plan, name: str, value: float) -> bool:
    """Whether a free parameter, in natural units, has no effect at the minimum."""
    if name in begin.broadening:
        return value < NOTHING
    return value == 0.0 and begin.bounds.get(name) is not None and not name.endswith("_scale")
