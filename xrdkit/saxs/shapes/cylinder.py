"""Cylinder of radius R and length L, and the same thing as a disc of thickness L.

P = ∫_0^1 [sinc(qLμ/2) Λ(qR√(1-μ²))]² dμ with Λ(x) = 2J_1(x)/x and μ the cosine of the angle between
axis and q (Fournet, Bull. Soc. Fr. Minéral. Cristallogr. 74 (1951) 39). V = πR²L; with L fixed the
volume goes as R². Over one ripple J_1² has the mean (J_1² + Y_1²)/2.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from scipy.special import j1, y1

from xrdkit.saxs.shapes.lattice import Array, Lattice, faded_row
from xrdkit.saxs.shapes.radial import radial_sum
from xrdkit.saxs.shapes.shape import CONTRAST_UNIT, Shape, ShapeParameter, Values, check_value
from xrdkit.saxs.shapes.turned import turned_cylinder

_LONGEST = 1e5
_SHORTEST = 1e-2


def disc_function(x: Array, step: float) -> Array:
    """Return Λ²(x) with the ripples faded that a lattice of `step` does not resolve."""
    x = np.asarray(x, dtype=np.float64)
    safe = np.maximum(x, 1e-6)
    found = np.where(x < 1e-3, 1.0 - x**2 / 4.0, (2.0 * j1(safe) / safe) ** 2)
    return faded_row(found, x, step, lambda far: 2.0 * (j1(far) ** 2 + y1(far) ** 2) / far**2)


class _Straight(Shape):
    """What cylinders and discs share: the parameter `_name` is the length of the axis."""

    volume_power: ClassVar[int] = 2

    @property
    @abstractmethod
    def _name(self) -> str:
        """Name of the parameter that is the length of the axis."""

    def matrix(self, q: Array, lattice: Lattice, values: Values) -> Array:
        """Return G, shape (q, nodes)."""
        return self._sum(q, lattice, np.eye(lattice.count), values, single=True)[0]

    def columns(self, q: Array, lattice: Lattice, weights: Array, values: Values) -> Array:
        """Return Σ_j G_ij w_j, shape (q,) or (q, m)."""
        columns = weights.reshape(lattice.count, -1)
        return self._sum(q, lattice, columns, values)[0].reshape((q.size, *weights.shape[1:]))

    def slopes(
        self, q: Array, lattice: Lattice, weights: Array, values: Values
    ) -> tuple[Array, dict[str, Array]]:
        """Return Σ_j G_ij w_j and the derivative of its first column by the length."""
        found, slope = self._sum(q, lattice, weights, values)
        return found, {self._name: slope}

    def _sum(
        self, q: Array, lattice: Lattice, weights: Array, values: Values, *, single: bool = False
    ) -> tuple[Array, Array]:
        length = values[self._name]
        areas = CONTRAST_UNIT * np.pi * lattice.radius[:, None] ** 2 * weights
        radial = radial_sum(disc_function, lattice, areas, float(q.max()), single=single)
        found, slope = turned_cylinder(q, length, radial)
        return length * found, slope

    def reference_volume(self, radius: Array, values: Values) -> Array:
        """Return πR²L."""
        return np.pi * radius**2 * values[self._name]

    def gyration(self, radius: Array, values: Values) -> Array:
        """Return R²/2 + L²/12."""
        return 0.5 * radius**2 + values[self._name] ** 2 / 12.0

    def surface(self, radius: Array, values: Values) -> Array:
        """Return 2/R + 2/L."""
        return 2.0 / radius + 2.0 / values[self._name]


@dataclass(frozen=True, kw_only=True)
class Cylinder(_Straight):
    """Cylinders of one length; the radius is distributed."""

    name: Literal["cylinder"] = "cylinder"
    """Name of the shape."""
    length: float | None = None
    """Length, nm: the start of the fit, or the value where it is not fitted. None: found."""
    fit_length: bool = True
    """Whether the length is fitted."""

    def __post_init__(self) -> None:
        check_value("length", self.length, self.fit_length, _SHORTEST, _LONGEST, "nm")

    @property
    def label(self) -> str:
        """Name of the shape."""
        return self.name

    @property
    def _name(self) -> str:
        return "length"

    @property
    def parameters(self) -> tuple[ShapeParameter, ...]:
        """The length."""
        return (
            ShapeParameter(
                name="length",
                units="nm",
                what="length of the cylinders",
                value=self.length,
                free=self.fit_length,
                low=_SHORTEST,
                high=_LONGEST,
            ),
        )

    def guesses(self, name: str, q: Array) -> tuple[float, ...]:
        """Return lengths from the least that q can tell to twice the largest."""
        return tuple(np.geomspace(np.pi / q[-1], 4.0 * np.pi / q[0], 7).tolist())


@dataclass(frozen=True, kw_only=True)
class Disc(_Straight):
    """Discs and platelets of one thickness; the radius is distributed.

    The formula is that of a cylinder; a fit starts from thicknesses that are small.
    """

    name: Literal["disc"] = "disc"
    """Name of the shape."""
    thickness: float | None = None
    """Thickness, nm: the start of the fit, or the value where it is not fitted. None: found."""
    fit_thickness: bool = True
    """Whether the thickness is fitted."""

    def __post_init__(self) -> None:
        check_value("thickness", self.thickness, self.fit_thickness, _SHORTEST, _LONGEST, "nm")

    @property
    def label(self) -> str:
        """Name of the shape."""
        return self.name

    @property
    def _name(self) -> str:
        return "thickness"

    @property
    def parameters(self) -> tuple[ShapeParameter, ...]:
        """The thickness."""
        return (
            ShapeParameter(
                name="thickness",
                units="nm",
                what="thickness of the discs",
                value=self.thickness,
                free=self.fit_thickness,
                low=_SHORTEST,
                high=_LONGEST,
            ),
        )

    def guesses(self, name: str, q: Array) -> tuple[float, ...]:
        """Return thicknesses from the least that q can tell to a tenth of the largest."""
        return tuple(np.geomspace(0.5 * np.pi / q[-1], 0.4 * np.pi / q[0], 6).tolist())
