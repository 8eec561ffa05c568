"""Mass and surface fractals.

Mass: I(q) = I₀ sin[m arctan(qξ)]/(m qξ (1 + q²ξ²)^(m/2)), m = D - 1, 1 < D <= 3: the transform of
r^(D-3) exp(-r/ξ) (S. K. Sinha, T. Freltoft, J. Kjems, in: Kinetics of Aggregation and Gelation,
1984; J. Teixeira, J. Appl. Cryst. 21 (1988) 781); q^-D at large q.
Surface: I(q) = I₀ sin[m arctan(qξ)]/(m qξ (1 + q²ξ²)^((5-D)/2)), m = D - 1, 2 <= D < 3 (D. F. R.
Mildner, P. L. Hall, J. Phys. D 19 (1986) 1535); q^-(6-D) at large q. Both are I₀ at q = 0. Golden
numbers at qξ = 1, I₀ = 1: mass D = 2: 0.5; surface D = 2: 0.25.
"""

from dataclasses import dataclass

import numpy as np

from xrdkit.saxs.models.component import Array, Component, Curve, Values, length_grid
from xrdkit.saxs.models.debye_anderson import CORRELATION_LENGTH, INTENSITY_ZERO
from xrdkit.saxs.quantity import Given, Quantity

_SMALL = 1e-4


@dataclass(frozen=True, kw_only=True)
class _Fractal(Component):
    intensity_zero: Given = None
    """I₀, unit of the intensity."""
    correlation_length: Given = None
    """Size ξ of the fractal, nm."""
    fractal_dimension: Given = None
    """Fractal dimension D, no unit."""

    def candidates(self, q: Array) -> list[dict[str, float]]:
        """Return sizes and dimensions."""
        dimension = self.quantities[2]
        span = dimension.high - dimension.low
        return [
            {
                "correlation_length": float(length),
                "fractal_dimension": dimension.low + share * span,
            }
            for length in length_grid(q)
            for share in (0.2, 0.5, 0.8)
        ]


@dataclass(frozen=True, kw_only=True)
class MassFractal(_Fractal):
    """A mass fractal, 1.05 <= D <= 3."""

    kind = "mass_fractal"

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """I₀, ξ and D."""
        return (INTENSITY_ZERO, CORRELATION_LENGTH, MASS_DIMENSION)

    def curve(self, q: Array, values: Values) -> Curve:
        """Return the intensity and its derivatives."""
        half = 0.5 * (values["fractal_dimension"] - 1.0)
        return _fractal(q, values, half, 0.5)


@dataclass(frozen=True, kw_only=True)
class SurfaceFractal(_Fractal):
    """A surface fractal, 2 <= D <= 2.99."""

    kind = "surface_fractal"

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """I₀, ξ and D."""
        return (INTENSITY_ZERO, CORRELATION_LENGTH, SURFACE_DIMENSION)

    def curve(self, q: Array, values: Values) -> Curve:
        """Return the intensity and its derivatives."""
        half = 0.5 * (5.0 - values["fractal_dimension"])
        return _fractal(q, values, half, -0.5)


def _fractal(q: Array, values: Values, half: float, half_slope: float) -> Curve:
    """`half` is the power of 1/(1 + x²), `half_slope` its derivative by D."""
    m, length = values["fractal_dimension"] - 1.0, values["correlation_length"]
    x = q * length
    angle, square = np.arctan(x), x * x
    small = x < _SMALL
    safe = np.where(small, 1.0, x)
    sine = np.where(small, 1.0 - square * (2.0 + m * m) / 6.0, np.sin(m * angle) / (m * safe))
    cosine = np.cos(m * angle)
    damp = (1.0 + square) ** -half
    shape = sine * damp
    bent = np.where(small, -square * (2.0 + m * m) / 3.0, cosine / (1.0 + square) - sine)
    by_log_x = damp * (bent - 2.0 * half * square / (1.0 + square) * sine)
    turned = np.where(small, -m * square / 3.0, (angle * cosine / safe - sine) / m)
    by_dimension = damp * (turned - half_slope * np.log1p(square) * sine)
    zero = values["intensity_zero"]
    return Curve(
        zero * shape,
        {
            "intensity_zero": shape,
            "correlation_length": zero * by_log_x / length,
            "fractal_dimension": zero * by_dimension,
        },
    )


MASS_DIMENSION = Quantity(
    name="fractal_dimension", unit="1", what="mass fractal dimension", low=1.05, high=3.0
)
SURFACE_DIMENSION = Quantity(
    name="fractal_dimension", unit="1", what="surface fractal dimension", low=2.0, high=2.99
)
