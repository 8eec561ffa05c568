"""Spheroid with equatorial radius R and polar radius νR.

P = ∫_0^1 f²(qR√(1 + μ²(ν²-1))) dμ, f the amplitude of a sphere and μ the cosine of the angle
between the axis of revolution and q (Guinier, Ann. Phys. 12 (1939) 161). ν > 1: prolate, ν < 1:
oblate. V = 4πνR³/3, Rg² = R²(2 + ν²)/5.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from xrdkit.saxs.shapes.lattice import Array, Lattice, faded_row
from xrdkit.saxs.shapes.radial import radial_sum
from xrdkit.saxs.shapes.shape import CONTRAST_UNIT, Shape, ShapeParameter, Values, check_value
from xrdkit.saxs.shapes.sphere import sphere_amplitude, sphere_volume
from xrdkit.saxs.shapes.turned import turned_spheroid

_FLATTEST, _LONGEST = 0.01, 100.0
_ROUND = 1e-4


def ball_function(x: Array, step: float) -> Array:
    """Return f²(x) with the ripples faded that a lattice of `step` does not resolve."""
    exact = sphere_amplitude(x) ** 2
    return faded_row(exact, x, step, lambda high: 4.5 * (1.0 + high**2) / high**6)


def ball_slope(x: Array, step: float) -> Array:
    """Return x d f²/dx, faded likewise."""
    f = sphere_amplitude(x)
    exact = np.where(x < 0.01, -0.4 * x**2, 6.0 * f * (np.sinc(x / np.pi) - f))
    return faded_row(exact, x, step, lambda high: -9.0 * (3.0 + 2.0 * high**2) / high**6)


@dataclass(frozen=True, kw_only=True)
class Spheroid(Shape):
    """Ellipsoids of revolution of one aspect ratio; R is the equatorial radius."""

    name: Literal["spheroid"] = "spheroid"
    """Name of the shape."""
    aspect_ratio: float | None = None
    """Polar over equatorial radius: the start of the fit, or the value where it is not fitted.
    Above 1 prolate (a rugby ball), below 1 oblate (a lentil). None: found, both are tried."""
    fit_aspect_ratio: bool = True
    """Whether the aspect ratio is fitted."""

    def __post_init__(self) -> None:
        check_value(
            "aspect_ratio", self.aspect_ratio, self.fit_aspect_ratio, _FLATTEST, _LONGEST, "(1)"
        )

    @property
    def label(self) -> str:
        """Name of the shape."""
        return self.name

    @property
    def parameters(self) -> tuple[ShapeParameter, ...]:
        """The aspect ratio."""
        return (
            ShapeParameter(
                name="aspect_ratio",
                units="1",
                what="polar over equatorial radius of the spheroids",
                value=self.aspect_ratio,
                free=self.fit_aspect_ratio,
                low=_FLATTEST,
                high=_LONGEST,
            ),
        )

    def guesses(self, name: str, q: Array) -> tuple[float, ...]:
        """Return oblate and prolate aspect ratios."""
        return (0.15, 0.4, 0.75, 1.35, 2.5, 6.0)

    def matrix(self, q: Array, lattice: Lattice, values: Values) -> Array:
        """Return G, shape (q, nodes)."""
        aspect = values["aspect_ratio"]
        volumes = np.diag(self._volumes(lattice, aspect))
        highest = float(q.max()) * max(aspect, 1.0)
        radial = radial_sum(ball_function, lattice, volumes, highest, single=True)
        return turned_spheroid(q, aspect, radial)[0]

    def columns(self, q: Array, lattice: Lattice, weights: Array, values: Values) -> Array:
        """Return Σ_j G_ij w_j, shape (q,) or (q, m)."""
        aspect = values["aspect_ratio"]
        columns = weights.reshape(lattice.count, -1) * self._volumes(lattice, aspect)[:, None]
        highest = float(q.max()) * max(aspect, 1.0)
        radial = radial_sum(ball_function, lattice, columns, highest)
        return turned_spheroid(q, aspect, radial)[0].reshape((q.size, *weights.shape[1:]))

    def slopes(
        self, q: Array, lattice: Lattice, weights: Array, values: Values
    ) -> tuple[Array, dict[str, Array]]:
        """Return Σ_j G_ij w_j and the derivative of its first column by the aspect ratio.

        With G = c ν ∫B(qg)dμ: ∂G/∂ν = G/ν + c ν² ∫ (∂B/∂ln κ) μ²/g² dμ.
        """
        aspect = values["aspect_ratio"]
        columns = weights * self._volumes(lattice, aspect)[:, None]
        highest = float(q.max()) * max(aspect, 1.0)
        value = radial_sum(ball_function, lattice, columns, highest)
        bent = radial_sum(ball_slope, lattice, columns[:, :1], highest)
        found = turned_spheroid(q, aspect, value)[0]
        by_shape = turned_spheroid(q, aspect, bent)[1][:, 0] * aspect
        return found, {"aspect_ratio": found[:, 0] / aspect + by_shape}

    def _volumes(self, lattice: Lattice, aspect: float) -> Array:
        result: Array = CONTRAST_UNIT * aspect * sphere_volume(lattice.radius)
        return result

    def reference_volume(self, radius: Array, values: Values) -> Array:
        """Return 4πνR³/3."""
        return values["aspect_ratio"] * sphere_volume(radius)

    def gyration(self, radius: Array, values: Values) -> Array:
        """Return R²(2 + ν²)/5."""
        return radius**2 * (2.0 + values["aspect_ratio"] ** 2) / 5.0

    def surface(self, radius: Array, values: Values) -> Array:
        """Return the surface over the volume, with arcsin e/e (prolate) or artanh e/e (oblate)."""
        nu = values["aspect_ratio"]
        if abs(nu - 1.0) < _ROUND:
            bend = 1.0 / nu
        elif nu > 1.0:
            e = math.sqrt(1.0 - 1.0 / nu**2)
            bend = math.asin(e) / e
        else:
            e = math.sqrt(1.0 - nu**2)
            bend = nu * math.atanh(e) / e
        # Surface 2πR²(1 + ν·bend) with ν bend -> ν² artanh(e)/e for oblate ones.
        return 1.5 * (1.0 + nu * bend) / (nu * radius)
