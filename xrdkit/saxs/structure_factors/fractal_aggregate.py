"""Aggregates with the order of a mass fractal.

S(q) = 1 + D Γ(D - 1) sin[(D - 1) arctan(qξ)] / ((qr)^D [1 + 1/(qξ)²]^((D-1)/2)), r the radius of
the particle, D the fractal dimension, ξ the size of the aggregate (J. Teixeira, J. Appl. Cryst. 21
(1988) 781, eq. 7). S(0) = 1 + Γ(D + 1)(ξ/r)^D. Bounds: 1 < D <= 3.
Golden number: S(0) for D = 2, ξ/r = 10 is 201.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gamma

from xrdkit.saxs.quantity import Given, Quantity
from xrdkit.saxs.structure_factors.structure_factor import Array, Factor, StructureFactor

_SMALL = 1e-4


@dataclass(frozen=True, kw_only=True)
class FractalAggregate(StructureFactor):
    """Particles joined to mass fractals."""

    kind = "fractal_aggregate"

    fractal_dimension: Given = None
    """Fractal dimension D, no unit, 1.05 to 3."""
    correlation_length: Given = None
    """Size ξ of the aggregates, nm."""

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """D and ξ."""
        return (FRACTAL_DIMENSION, CORRELATION_LENGTH)

    def factor(self, q: Array, radius: Array, values: Mapping[str, float]) -> Factor:
        """Return S and its derivatives; see `StructureFactor.factor`."""
        dimension, length = values["fractal_dimension"], values["correlation_length"]
        m = dimension - 1.0
        x = q * length
        angle = np.arctan(x)
        # sin(m a)/x and the power together, finite for x → 0:
        # (qr)^-D [1 + 1/x²]^(-m/2) = (ξ/r)^D x^-1 (1 + x²)^(-m/2).
        small = x < _SMALL
        safe = np.where(small, 1.0, x)
        sine = np.where(small, m * (1.0 - x * x * (2.0 + m * m) / 6.0), np.sin(m * angle) / safe)
        base = dimension * gamma(m) * (length / radius) ** dimension * (1.0 + x * x) ** (-0.5 * m)
        excess = base * sine
        # By ln x: x d/dx of sin(m arctan x)/x, and of the power of 1 + x².
        cosine = m * np.cos(m * angle) / (1.0 + x * x)
        bent = np.where(small, -m * x * x * (2.0 + m * m) / 3.0, cosine - sine)
        by_log_x = base * bent - m * x * x / (1.0 + x * x) * excess
        by_log_length = dimension * excess + by_log_x
        turned = np.where(small, 1.0, angle * np.cos(m * angle) / safe)
        logs = 1.0 / dimension + digamma(m) + np.log(length / radius) - 0.5 * np.log1p(x * x)
        by_dimension = excess * logs + base * turned
        return Factor(
            1.0 + excess,
            {"fractal_dimension": by_dimension, "correlation_length": by_log_length / length},
            np.broadcast_to(-dimension * excess, excess.shape),
        )


FRACTAL_DIMENSION = Quantity(
    name="fractal_dimension", unit="1", what="mass fractal dimension", low=1.05, high=3.0
)
CORRELATION_LENGTH = Quantity(
    name="correlation_length",
    unit="nm",
    what="size of the aggregates",
    low=0.0,
    scale="log",
)
