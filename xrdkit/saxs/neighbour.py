"""Neighbouring minima of lengths that are the same in all particles.

The ripples sin² qL/2 of one length L come back whenever L changes by 2π/q: a fit may end one ripple
beside the best. Lengths around the one found are tried, the amounts solved for each.
"""

import numpy as np
from numpy.typing import NDArray

from xrdkit.fitting import Values
from xrdkit.saxs.distribution import Array
from xrdkit.saxs.particles import Particles, shape_values
from xrdkit.saxs.shapes.lattice import Lattice

#: Tried on either side, in steps of π/q_max.
_STEPS = 6
#: Every third point or so is enough to see whether another ripple fits better.
_EVERY = 3


def neighbour(
    model: Particles, values: Values, valid: NDArray[np.bool_], intensity: Array, weight: Array
) -> dict[str, float] | None:
    """Return parameters near `values` that describe the curve better; None where none do.

    `valid` tells which points of the profile `intensity` and `weight` (1/sigma) hold. What is
    returned is a start, not a minimum: it is found from some of the points, taken as sharp.
    """
    q = model.q[valid][::_EVERY]
    weight = weight[::_EVERY]
    target = intensity[::_EVERY] * weight
    behind = model.behind(values)[valid][::_EVERY] * weight
    columns = [_column(model, values, k, q) * weight for k in range(len(model.components))]
    chi2, _ = _solved(columns, target - behind)
    step = np.pi / float(model.q[-1])
    best: dict[str, float] | None = None
    for place, component in enumerate(model.components):
        for parameter in component.shape.parameters:
            if not parameter.free or parameter.units != "nm":
                continue
            name = component.shape_parameter(parameter.name)
            low, high = component.shape.bounds(parameter.name, model.q)
            for k in range(-_STEPS, _STEPS + 1):
                length = values[name] + k * step
                if k == 0 or not low < length < high:
                    continue
                trial = list(columns)
                trial[place] = _column(model, {**values, name: length}, place, q) * weight
                found, amounts = _solved(trial, target - behind)
                if found < chi2:
                    names = [c.amplitude for c in model.components]
                    chi2, best = found, {name: length, **dict(zip(names, amounts, strict=True))}
    return best


def _column(model: Particles, values: Values, k: int, q: Array) -> Array:
    """Return population `k` at `q`, for an amplitude of 1 and sharp points."""
    component, weights = model.components[k], model.weights(values, k)
    lattice = Lattice(weights.level, weights.first, len(weights.table))
    share = np.ascontiguousarray(weights.table[:, 0])
    return component.shape.columns(q, lattice, share, shape_values(component, values))


def _solved(columns: list[Array], target: Array) -> tuple[float, list[float]]:
    """Return χ² and the amounts that make it least; infinite where one is not positive."""
    matrix = np.stack(columns, axis=1)
    solution = np.linalg.lstsq(matrix, target, rcond=None)[0]
    if not np.all(solution > 0):
        return np.inf, []
    residual = matrix @ solution - target
    return float(residual @ residual), solution.tolist()
