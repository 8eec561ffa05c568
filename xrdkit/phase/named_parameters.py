"""Names of parameters as users write them, and a plan with what users say of its parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

import numpy as np

from xrdkit.errors import SpecError
from xrdkit.phase.effects import phase_key
from xrdkit.phase.parameter_spec import ParameterSpec
from xrdkit.phase.parameters import Plan
from xrdkit.phase.ties import Equation, dependence, parse_tie

#: Where a width that is to be free starts, in natural units: at 0 χ² may have no slope.
_WIDTH = 0.1


def parameter_names(keys: Sequence[str], phases: Sequence[str]) -> dict[str, str]:
    """Return what users call the parameters `keys`: name -> key, in their order."""
    names: dict[str, str] = {}
    for key in keys:
        phase = next((p for p in range(len(phases)) if key.startswith(phase_key(p, ""))), None)
        if phase is None:
            names[key] = key
            continue
        own = key.removeprefix(phase_key(phase, ""))
        if own.startswith("atom_"):
            label, _, what = own.removeprefix("atom_").rpartition("_")
            own = f"{label}.{what}"
        names[f"{phases[phase]}.{own}"] = key
    return names


def key_of(name: str, known: Mapping[str, str]) -> str:
    """Return the key of what a user calls `name`; raise SpecError with the known names."""
    if name in known:
        return known[name]
    near = get_close_matches(name, list(known), n=1)
    shown = [n for n in known if not n.startswith("background")]
    raise SpecError(
        f"no parameter of this fit is called {name!r}",
        hint=(f"did you mean {near[0]!r}? " if near else "") + f"known are {', '.join(shown)}",
    )


def equations_of(ties: Sequence[str], known: Mapping[str, str]) -> tuple[Equation, ...]:
    """Return the ties as equations of keys; raise SpecError for unknown names."""
    result = []
    for text in ties:
        equation = parse_tie(text)
        terms: dict[str, float] = {}
        for name, c in equation.coefficients.items():
            key = key_of(name, known)
            terms[key] = terms.get(key, 0.0) + c
        result.append(replace(equation, coefficients=terms))
    return tuple(result)


def as_told(
    plan: Plan, phases: Sequence[str], parameters: Sequence[ParameterSpec], ties: Sequence[str]
) -> Plan:
    """Return the plan with what the user says of its parameters.

    `phases` are the names of the phases. Raises SpecError for unknown names, for values outside
    bounds and for ties that contradict one another or what is held.
    """
    if not parameters and not ties:
        return plan
    known = parameter_names(list(plan.values), phases)
    values, free, bounds = dict(plan.values), set(plan.free), dict(plan.bounds)
    for told in parameters:
        key = key_of(told.name, known)
        low, high = bounds.get(key, (-np.inf, np.inf))
        least = 0.0 if key in plan.broadening or key.endswith("_scale") else -np.inf
        low = low if told.low is None else max(told.low, least)
        high = high if told.high is None else told.high
        if told.value is not None:
            if told.value < least:
                raise SpecError(f"{told.name}: value = {told.value} is below {least:g}")
            values[key] = told.value
            if told.free is not False:
                low, high = min(low, told.value), max(high, told.value)
        if not low < high:
            raise SpecError(f"{told.name}: nothing is left between {low:g} and {high:g}")
        if told.free is True:
            free.add(key)
            if key in plan.broadening and told.value is None and values[key] <= 0.0:
                values[key] = min(_WIDTH * plan.units[key], high)
        elif told.free is False:
            free.discard(key)
        if np.isfinite(low) or np.isfinite(high):
            bounds[key] = (low, high)
            if told.free is not False:
                values[key] = min(max(values[key], low), high)
    result = replace(plan, values=values, free=frozenset(free), bounds=bounds)
    if not ties:
        return result
    result = replace(result, ties=equations_of(ties, known))
    order = [n for n in result.values if n in result.free]
    tied = dependence(result.ties, values, order, plan.units, strict=True)
    return result.changed(values=tied.complete(values))
