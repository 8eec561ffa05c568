"""Moments of a sum of distributions, with derivatives by every parameter.

From the volume-weighted means <Rⁿ> of each population: the number-weighted mean of Rᵐ is
<R^(m-3)>/<R^-3>, the scattering-weighted radius of gyration Rg² = (3/5) <R⁵>/<R³> (Guinier &
Fournet, Small-Angle Scattering of X-rays, 1955). Bin-wise division by R³ is never used.
"""

from dataclasses import dataclass

import numpy as np

from xrdkit.fitting import Values
from xrdkit.saxs.distribution import Array, normalised
from xrdkit.saxs.parametric import (
    Model,
    amplitude_name,
    location_name,
    population_names,
    width_name,
)
from xrdkit.saxs.result import PERCENTILES

_POWERS = (-3, -2, -1, 0, 1, 2, 3, 5)
_FINE_NODES = 4001
_EMPTY = 1e-200


@dataclass(frozen=True)
class Derived:
    """A number that follows from the parameters."""

    value: float
    """The number."""
    gradient: dict[str, float]
    """Its derivative by each parameter, by name."""


@dataclass(frozen=True)
class _Sum:
    value: float
    slope: Array

    def over(self, other: "_Sum") -> "_Sum":
        ratio = self.value / other.value
        return _Sum(ratio, (self.slope - ratio * other.slope) / other.value)

    def minus_square(self, other: "_Sum") -> "_Sum":
        return _Sum(self.value - other.value**2, self.slope - 2 * other.value * other.slope)

    def root(self, factor: float = 1.0) -> "_Sum":
        root = float(np.sqrt(max(factor * self.value, 0.0)))
        return _Sum(root, factor * self.slope / (2 * root) if root > 0 else 0 * self.slope)


def moments(model: Model, values: Values, populations: tuple[int, ...]) -> dict[str, Derived]:
    """Return the moments of the given populations together.

    Keys are ``mean_radius_volume``, ``width_volume`` (standard deviation), ``mean_radius_number``,
    ``width_number``, ``radius_of_gyration``, all in nm, and ``amplitude`` = φΔρ² in (1e10 1/cm²)².
    """
    names = [name for k in populations for name in population_names(k)]
    sums = {p: _Sum(0.0, np.zeros(len(names))) for p in _POWERS}
    for place, k in enumerate(populations):
        weights = model.weights(values, k, lowest_power=-3)
        # Moments of an empty population are those of its last shape.
        amplitude = values[amplitude_name(k)] or _EMPTY
        for power in _POWERS:
            mean, by_location, by_width = weights.radius**power @ weights.table
            slope = sums[power].slope.copy()
            slope[3 * place : 3 * place + 3] = amplitude * by_location, amplitude * by_width, mean
            sums[power] = _Sum(sums[power].value + amplitude * mean, slope)
    found = {
        "mean_radius_volume": sums[1].over(sums[0]),
        "mean_radius_number": sums[-2].over(sums[-3]),
        "radius_of_gyration": sums[5].over(sums[3]).root(0.6),
        "amplitude": sums[0],
    }
    for name, first, second, norm in (("volume", 1, 2, 0), ("number", -2, -1, -3)):
        mean_ = sums[first].over(sums[norm])
        found[f"width_{name}"] = sums[second].over(sums[norm]).minus_square(mean_).root()
    return {
        key: Derived(item.value, dict(zip(names, (float(s) for s in item.slope), strict=True)))
        for key, item in found.items()
    }


def percentiles(model: Model, values: Values) -> list[Derived]:
    """Return the radii, nm, below which `PERCENTILES` of the particle volume lie."""
    count = model.populations
    names = [name for k in range(count) for name in population_names(k)]
    u, tables = _fine_tables(model, values)
    total = sum(values[amplitude_name(k)] for k in range(count))
    density = np.zeros_like(u)
    slopes = np.zeros((len(names), u.size))
    for k, table in enumerate(tables):
        share = values[amplitude_name(k)] / total
        density += share * table[:, 0]
        slopes[3 * k] = share * table[:, 1]
        slopes[3 * k + 1] = share * table[:, 2]
        slopes[3 * k + 2] = table[:, 0] / total
    # Shares belong to the whole step around a node: half of it is below the node.
    below = np.cumsum(density) - 0.5 * density
    for k in range(count):
        slopes[3 * k + 2] -= density / total
    cumulative = np.cumsum(slopes, axis=1) - 0.5 * slopes
    found = []
    for percent in PERCENTILES:
        at = float(np.interp(percent / 100.0, below, u))
        local = float(np.interp(at, u, density)) / (u[1] - u[0])
        radius = float(np.exp(at))
        gradient = {
            name: -radius * float(np.interp(at, u, row)) / local
            for name, row in zip(names, cumulative, strict=True)
        }
        found.append(Derived(radius, gradient))
    return found


def distribution(model: Model, values: Values, radius: Array) -> Array:
    """Return the volume-weighted density at `radius` (nm), 1/nm, with integral 1."""
    u, tables = _fine_tables(model, values)
    step = u[1] - u[0]
    total = sum(values[amplitude_name(k)] for k in range(model.populations))
    density = np.zeros_like(u)
    for k, table in enumerate(tables):
        density += values[amplitude_name(k)] / total * table[:, 0] / step
    result: Array = np.interp(np.log(radius), u, density, left=0.0, right=0.0) / radius
    return result


def _fine_tables(model: Model, values: Values) -> tuple[Array, list[Array]]:
    spans = []
    for k in range(model.populations):
        s = float(np.exp(values[width_name(k)]))
        below, above = model.family.reach(s, 0)
        spans.append((values[location_name(k)] - below, values[location_name(k)] + above))
    low, high = min(s[0] for s in spans), max(s[1] for s in spans)
    finest = min(float(np.exp(values[width_name(k)])) for k in range(model.populations))
    count = max(_FINE_NODES, int((high - low) / (finest / 40)) + 1)
    u: Array = np.linspace(low, high, count)
    tables = []
    for k in range(model.populations):
        s = float(np.exp(values[width_name(k)]))
        tables.append(normalised(model.family, u, values[location_name(k)], s))
    return u, tables
