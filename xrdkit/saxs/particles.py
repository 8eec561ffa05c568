"""Intensity of populations of particles over a background, with its derivatives.

I(q) = Σ_k a_k Σ_j G_k(q, R_j) w_k(R_j) + b + B q⁻⁴, with w_k the shares of volume of the sizes of
population k on the lattice of ln R and G_k what its shape scatters (`xrdkit.saxs.shapes.shape`).
"""

from collections.abc import Sequence

import numpy as np

from xrdkit.fitting import Values
from xrdkit.saxs.distribution import Array, Weights, lattice_weights
from xrdkit.saxs.kernel import Kernel
from xrdkit.saxs.population import Component


class Particles:
    """Intensity and derivatives over all q of a profile, kept for the last parameters asked for."""

    def __init__(
        self,
        components: Sequence[Component],
        kernels: Sequence[Kernel],
        background: dict[str, Array],
    ) -> None:
        self.components = tuple(components)
        self.kernels = tuple(kernels)
        self.background = background
        self._values: dict[int, tuple[tuple[float, ...], Array]] = {}
        self._slopes: dict[int, tuple[tuple[float, ...], dict[str, Array]]] = {}

    @property
    def q(self) -> Array:
        """q of the points, 1/nm."""
        return self.kernels[0].q

    @property
    def names(self) -> list[str]:
        """Names of all parameters, in the order of results."""
        return [name for c in self.components for name in c.names] + list(self.background)

    def weights(self, values: Values, k: int, *, lowest_power: int | None = None) -> Weights:
        """Return the distribution of population `k` on its lattice."""
        component, shape = self.components[k], self.components[k].shape
        location = values[component.location]
        return lattice_weights(
            component.family,
            location,
            width_of(component, values),
            lowest_power=shape.lowest_power if lowest_power is None else lowest_power,
            power=shape.volume_power,
            least_level=shape.least_level(self.q, float(np.exp(location))),
        )

    def behind(self, values: Values) -> Array:
        """Return the background."""
        total = np.zeros_like(self.q)
        for name, column in self.background.items():
            total += values[name] * column
        return total

    def share(self, values: Values, k: int) -> Array:
        """Return the intensity of population `k` alone."""
        return values[self.components[k].amplitude] * self._column(values, k)

    def intensity(self, values: Values) -> Array:
        """Return particles and background."""
        total = self.behind(values)
        for k in range(len(self.components)):
            total = total + self.share(values, k)
        return total

    def slopes(self, values: Values, names: Sequence[str]) -> Array:
        """Return the derivatives of the intensity by the parameters `names`, shape (q, names)."""
        known = dict(self.background)
        for k in range(len(self.components)):
            known |= self._derivatives(values, k)
        return np.stack([known[name] for name in names], axis=1)

    def _key(self, values: Values, k: int) -> tuple[float, ...]:
        component = self.components[k]
        return tuple(values[n] for n in component.names if n != component.amplitude)

    def _column(self, values: Values, k: int) -> Array:
        key = self._key(values, k)
        kept = self._values.get(k)
        if kept is not None and kept[0] == key:
            return kept[1]
        component, kernel = self.components[k], self.kernels[k]
        weights = self.weights(values, k)
        if component.shape.free:
            column = kernel.apply(
                weights.level,
                weights.first,
                np.ascontiguousarray(weights.table[:, 0]),
                shape_values(component, values),
            )
        else:
            # The product costs little: its derivatives are wanted at most of the points.
            column = self._linear(values, k, weights)[:, 0]
        self._values[k] = key, column
        return column

    def _linear(self, values: Values, k: int, weights: Weights) -> Array:
        key, component, kernel = self._key(values, k), self.components[k], self.kernels[k]
        known = shape_values(component, values)
        columns, slopes = kernel.slopes(weights.level, weights.first, weights.table, known)
        found = {component.location: columns[:, 1]}
        if component.family.has_width:
            found[component.width] = columns[:, 2]
        found |= {component.shape_parameter(n): s for n, s in slopes.items()}
        self._slopes[k] = key, found
        return columns

    def _derivatives(self, values: Values, k: int) -> dict[str, Array]:
        component = self.components[k]
        column = self._column(values, k)
        kept = self._slopes.get(k)
        if kept is None or kept[0] != self._key(values, k):
            self._linear(values, k, self.weights(values, k))
        amplitude = values[component.amplitude]
        found = {name: amplitude * slope for name, slope in self._slopes[k][1].items()}
        found[component.amplitude] = column
        return found


def width_of(component: Component, values: Values) -> float:
    """Return the relative width s of a population."""
    if component.family.has_width:
        return float(np.exp(values[component.width]))
    return component.family.width_range[0]


def shape_values(component: Component, values: Values) -> dict[str, float]:
    """Return the parameters of the shape of a population by the names that the shape has."""
    return {p.name: values[component.shape_parameter(p.name)] for p in component.shape.parameters}
