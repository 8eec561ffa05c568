"""Sums over the sizes of populations, with derivatives by every parameter.

Sum_g = Σ_k a_k c_k Σ_j w_kj g_k(R_j): w the shares of reference volume, g what one reference volume
of particles of this size has (`xrdkit.saxs.shapes.shape`), c_k = 1/Δρ_k² where populations of
different contrast are counted by volume, 1 where they are by scattering.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from xrdkit.fitting import Values
from xrdkit.saxs.distribution import Array
from xrdkit.saxs.particles import Particles, shape_values
from xrdkit.saxs.population import Component
from xrdkit.saxs.shapes.shape import Shape

#: g(shape, radius, parameters of the shape)
Property = Callable[[Shape, Array, Values], Array]

_EMPTY = 1e-200
_NUDGE = 1e-5


@dataclass(frozen=True)
class Derived:
    """A number that follows from the parameters."""

    value: float
    """The number."""
    gradient: dict[str, float]
    """Its derivative by each parameter, by name."""


@dataclass(frozen=True)
class Sum:
    """A number with its derivatives by parameters in a known order."""

    value: float
    """The number."""
    slope: Array
    """Its derivatives, shape (parameters,)."""

    def over(self, other: "Sum") -> "Sum":
        """Return the quotient."""
        ratio = self.value / other.value
        return Sum(ratio, (self.slope - ratio * other.slope) / other.value)

    def minus_square(self, other: "Sum") -> "Sum":
        """Return this less the square of `other`."""
        return Sum(self.value - other.value**2, self.slope - 2 * other.value * other.slope)

    def root(self) -> "Sum":
        """Return the root, 0 of what is negative."""
        root = float(np.sqrt(max(self.value, 0.0)))
        return Sum(root, self.slope / (2 * root) if root > 0 else 0 * self.slope)


def volume_weights(components: Sequence[Component]) -> list[float]:
    """Return c_k = 1/Δρ_k² of each population, 1 for all where a contrast is not known."""
    known = [c.contrast for c in components]
    if any(contrast is None for contrast in known):
        return [1.0] * len(known)
    return [1.0 / contrast**2 for contrast in known if contrast is not None]


def sums(
    model: Particles,
    values: Values,
    populations: Sequence[int],
    properties: dict[str, tuple[Property, bool]],
) -> tuple[list[str], dict[str, Sum]]:
    """Return the names of the parameters of `populations`, and the sums by name.

    `properties` have g and whether populations are counted by volume.
    """
    components = [model.components[k] for k in populations]
    names = [name for c in components for name in c.names]
    volumes = volume_weights(components)
    found = {key: Sum(0.0, np.zeros(len(names))) for key in properties}
    place = 0
    for k, component, by_volume in zip(populations, components, volumes, strict=True):
        power = min(component.shape.lowest_power, -component.shape.volume_power)
        weights = model.weights(values, k, lowest_power=power)
        # Moments of an empty population are those of its last shape.
        amplitude = values[component.amplitude] or _EMPTY
        for key, (property_, counted) in properties.items():
            count = by_volume if counted else 1.0
            gradient = _gradient(component, values, weights.radius, weights.table, property_)
            mean = gradient.pop("")
            slope = found[key].slope.copy()
            for i, name in enumerate(component.names):
                slope[place + i] = (
                    count * mean
                    if name == component.amplitude
                    else count * amplitude * gradient.get(name, 0.0)
                )
            found[key] = Sum(found[key].value + count * amplitude * mean, slope)
        place += len(component.names)
    return names, found


def _gradient(
    component: Component, values: Values, radius: Array, table: Array, property_: Property
) -> dict[str, float]:
    """Return Σ w g under the empty name, and its derivatives by parameters."""
    shape, known = component.shape, shape_values(component, values)
    g = property_(shape, radius, known)
    mean, by_location, by_width = g @ table
    found = {"": float(mean), component.location: float(by_location)}
    if component.family.has_width:
        found[component.width] = float(by_width)
    for name in shape.free:
        # g are polynomials and roots of the parameters: differences are as good as their slopes.
        step = _NUDGE * max(abs(known[name]), _NUDGE)
        up = property_(shape, radius, known | {name: known[name] + step})
        down = property_(shape, radius, known | {name: known[name] - step})
        found[component.shape_parameter(name)] = float((up - down) @ table[:, 0]) / (2.0 * step)
    return found
