"""Neighbouring minima of lengths that are the same in all particles.

The ripples sin² qL/2 of one length L come back whenever L changes by 2π/q: a fit may end one ripple
beside the best. Lengths around the one found are tried, the amounts solved for each.
"""

import numpy as np
from numpy.typing import NDArray

from xrdkit.fitting import Values
from xrdkit.saxs.distribution import Array
from xrdkit.saxs.particles import Particles

#: Tried on either side, in steps of π/q_max.
_STEPS = 6


def neighbour(
    model: Particles, values: Values, valid: NDArray[np.bool_], intensity: Array, weight: Array
) -> dict[str, float] | None:
    """Return parameters near `values` that describe the curve better; None where none do.

    `valid` tells which points of the profile `intensity` and `weight` (1/sigma) hold.
    """
    target = intensity * weight
    chi2 = float(np.sum((model.intensity(values)[valid] * weight - target) ** 2))
    step = np.pi / float(model.q[-1])
    best: dict[str, float] | None = None
    for component in model.components:
        for parameter in component.shape.parameters:
            if not parameter.free or parameter.units != "nm":
                continue
            name = component.shape_parameter(parameter.name)
            low, high = component.shape.bounds(parameter.name, model.q)
            for k in range(-_STEPS, _STEPS + 1):
                length = values[name] + k * step
                if k == 0 or not low < length < high:
                    continue
                trial = {**values, name: length}
                found, amounts = _solved(model, trial, valid, target, weight)
                if found < chi2:
                    chi2, best = found, {name: length, **amounts}
    return best


def _solved(
    model: Particles, values: Values, valid: NDArray[np.bool_], target: Array, weight: Array
) -> tuple[float, dict[str, float]]:
    """Return χ² and the amounts that make it least, over the background of `values`."""
    names = [c.amplitude for c in model.components]
    columns = [model.unit(values, k)[valid] * weight for k in range(len(names))]
    behind = model.behind(values)[valid] * weight
    matrix = np.stack(columns, axis=1)
    solution = np.linalg.lstsq(matrix, target - behind, rcond=None)[0]
    if not np.all(solution > 0):
        return np.inf, {}
    residual = matrix @ solution + behind - target
    return float(residual @ residual), dict(zip(names, solution.tolist(), strict=True))
