"""Particles that are not far apart: a shape times a structure factor.

Local monodisperse approximation: each particle is among others of its own size, G_ij S(q_i, R_j)
(J. S. Pedersen, J. Appl. Cryst. 27 (1994) 595). R_j is that of the sphere of the same volume as the
whole particle. Derivatives by parameters of the structure factor are exact, those by parameters of
the shape are differences.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xrdkit.errors import SpecError
from xrdkit.saxs.quantity import Quantity, bounds_of
from xrdkit.saxs.shapes.lattice import Array, Lattice
from xrdkit.saxs.shapes.shape import Shape, ShapeParameter, Values
from xrdkit.saxs.structure_factors import StructureFactor

PREFIX = "interaction_"
_NUDGE = 1e-5
_GUESS = 0.1
_FRACTIONS = (0.03, 0.1, 0.25)
_FRACTION = "effective_volume_fraction"


@dataclass(frozen=True)
class Interacting(Shape):
    """A shape whose particles interact; it has the parameters of both."""

    shape: Shape
    """What a particle is."""
    structure: StructureFactor
    """How they are arranged."""

    def __post_init__(self) -> None:
        if self.structure.approximation != "local_monodisperse":
            raise SpecError(
                f"interaction: fit_sizes has no approximation {self.structure.approximation!r}",
                hint="fit_model has",
            )
        if self.shape.is_sheet:
            raise SpecError("interaction: sheets without end have no distance to one another")
        for quantity in self.structure.quantities:
            if self.structure.stated(quantity.name).tie is not None:
                raise SpecError(f"interaction: {quantity.name} is tied; fit_model can do that")

    @property
    def volume_power(self) -> int:
        """Power of R that the reference volume goes with."""
        return self.shape.volume_power

    @property
    def lowest_power(self) -> int:
        """Power of R that G goes with at least."""
        return self.shape.lowest_power

    @property
    def radius_is(self) -> str:
        """What R is, in words."""
        return self.shape.radius_is

    @property
    def own_contrast(self) -> bool:
        """Whether the shape has contrasts of its own."""
        return self.shape.own_contrast

    @property
    def label(self) -> str:
        """Name of the shape, with how its particles are arranged."""
        return f"{self.shape.label} ({self.structure.kind})"

    @property
    def parameters(self) -> tuple[ShapeParameter, ...]:
        """Those of the shape, then those of the structure factor."""
        return (*self.shape.parameters, *map(self._parameter, self.structure.quantities))

    def _parameter(self, quantity: Quantity) -> ShapeParameter:
        stated = self.structure.stated(quantity.name)
        low, high = bounds_of(quantity, stated)
        return ShapeParameter(
            name=PREFIX + quantity.name,
            units=quantity.unit,
            what=quantity.what,
            value=quantity.start if stated.value is None else stated.value,
            free=quantity.vary if stated.vary is None else stated.vary,
            low=low,
            high=high,
        )

    def guesses(self, name: str, q: Array) -> tuple[float, ...]:
        """Return values from which to start a fit of a parameter."""
        if not name.startswith(PREFIX):
            return self.shape.guesses(name, q)
        low, high = self.bounds(name, q)
        if name == PREFIX + _FRACTION:
            wanted: tuple[float, ...] = _FRACTIONS
        elif np.isfinite(low + high):
            wanted = (low + 0.3 * (high - low),)
        else:
            wanted = (max(_GUESS, 2.0 * low),)
        return tuple(float(np.clip(value, low, high)) for value in wanted)

    def least_level(self, q: Array, radius: float) -> int:
        """Return the coarsest lattice level that will do."""
        return self.shape.least_level(q, radius)

    def matrix(self, q: Array, lattice: Lattice, values: Values) -> Array:
        """Return G S, shape (q, nodes)."""
        factor = self.structure.factor(q[:, None], self._radius(lattice, values), _inner(values))
        return self.shape.matrix(q, lattice, _outer(values)) * factor.value

    def slopes(
        self, q: Array, lattice: Lattice, weights: Array, values: Values
    ) -> tuple[Array, dict[str, Array]]:
        """Return Σ_j G_ij S_ij w_j and the derivatives of its first column."""
        factor = self.structure.factor(q[:, None], self._radius(lattice, values), _inner(values))
        alone = self.shape.matrix(q, lattice, _outer(values))
        first = np.ascontiguousarray(weights[:, 0])
        slopes: dict[str, Array] = {}
        for name in self.free:
            if name.startswith(PREFIX):
                slopes[name] = (alone * factor.slopes[name.removeprefix(PREFIX)]) @ first
            else:
                step = _NUDGE * max(abs(values[name]), _NUDGE)
                up = self.matrix(q, lattice, {**values, name: values[name] + step})
                down = self.matrix(q, lattice, {**values, name: values[name] - step})
                slopes[name] = (up - down) @ first / (2.0 * step)
        return (alone * factor.value) @ weights, slopes

    def _radius(self, lattice: Lattice, values: Values) -> Array:
        radius = lattice.radius
        known = _outer(values)
        whole = self.shape.volume(radius, known) * self.shape.reference_volume(radius, known)
        return np.cbrt(3.0 * whole / (4.0 * np.pi))[None, :]

    def amplitude(self, q: Array, lattice: Lattice, values: Values) -> Array | None:
        """Return that of the shape."""
        return self.shape.amplitude(q, lattice, _outer(values))

    def reference_volume(self, radius: Array, values: Values) -> Array:
        """Return that of the shape."""
        return self._of(self.shape.reference_volume, radius, values)

    def volume(self, radius: Array, values: Values) -> Array:
        """Return that of the shape."""
        return self._of(self.shape.volume, radius, values)

    def square(self, radius: Array, values: Values) -> Array:
        """Return that of the shape."""
        return self._of(self.shape.square, radius, values)

    def forward(self, radius: Array, values: Values) -> Array:
        """Return that of the shape: of particles far apart."""
        return self._of(self.shape.forward, radius, values)

    def gyration(self, radius: Array, values: Values) -> Array:
        """Return that of the shape."""
        return self._of(self.shape.gyration, radius, values)

    def surface(self, radius: Array, values: Values) -> Array:
        """Return that of the shape."""
        return self._of(self.shape.surface, radius, values)

    def _of(
        self, function: Callable[[Array, Values], Array], radius: Array, values: Values
    ) -> Array:
        return function(radius, _outer(values))


def _inner(values: Values) -> dict[str, float]:
    return {n.removeprefix(PREFIX): v for n, v in values.items() if n.startswith(PREFIX)}


def _outer(values: Values) -> dict[str, float]:
    return {n: v for n, v in values.items() if not n.startswith(PREFIX)}
