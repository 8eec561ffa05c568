"""Microemulsions and bicontinuous structure: a broad peak at about 2π/d.

I(q) = I₀ A/(A - 2b q² + q⁴) with A = (k² + c²)², b = k² - c², k = 2π/d, c = 1/ξ; the correlation
function is exp(-r/ξ) sin(kr)/kr (M. Teubner, R. Strey, J. Chem. Phys. 87 (1987) 3195).
Amphiphilicity factor -b/√A: -1 for lamellae, 1 at the disorder line. Golden number: I₀ = 1, d = 2π,
ξ = 1, q = 1: 0.8.
"""

import math
from dataclasses import dataclass

from xrdkit.saxs.models.component import Array, Component, Curve, Derived, Values, length_grid
from xrdkit.saxs.models.debye_anderson import CORRELATION_LENGTH, INTENSITY_ZERO
from xrdkit.saxs.quantity import Given, Quantity


@dataclass(frozen=True, kw_only=True)
class TeubnerStrey(Component):
    """Two interwoven phases with a preferred distance."""

    kind = "teubner_strey"

    intensity_zero: Given = None
    """I₀, unit of the intensity."""
    period: Given = None
    """d, nm."""
    correlation_length: Given = None
    """ξ, nm."""

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """I₀, d and ξ."""
        return (INTENSITY_ZERO, PERIOD, CORRELATION_LENGTH)

    def curve(self, q: Array, values: Values) -> Curve:
        """Return the intensity and its derivatives."""
        k, c = 2.0 * math.pi / values["period"], 1.0 / values["correlation_length"]
        total, b, square = k * k + c * c, k * k - c * c, q * q
        a = total * total
        under = a - 2.0 * b * square + square * square
        shape = a / under
        value = values["intensity_zero"] * shape
        # d ln I = dA/A - (dA - 2 q² db)/D.
        by_k = value * (4.0 * k / total - (4.0 * k * total - 4.0 * k * square) / under)
        by_c = value * (4.0 * c / total - (4.0 * c * total + 4.0 * c * square) / under)
        return Curve(
            value,
            {
                "intensity_zero": shape,
                "period": -by_k * k / values["period"],
                "correlation_length": -by_c * c / values["correlation_length"],
            },
        )

    def candidates(self, q: Array) -> list[dict[str, float]]:
        """Return periods, with correlation lengths of parts of them."""
        return [
            {"period": float(d), "correlation_length": share * float(d)}
            for d in length_grid(q, low=3.0, high=8.0)
            for share in (0.1, 0.25, 0.6)
        ]

    def derived(self, values: Values) -> dict[str, Derived]:
        """Return the amphiphilicity factor."""
        k, c = 2.0 * math.pi / values["period"], 1.0 / values["correlation_length"]
        total = k * k + c * c
        # f = (c² - k²)/(c² + k²).
        by_k, by_c = -4.0 * k * c * c / total**2, 4.0 * c * k * k / total**2
        return {
            "amphiphilicity": Derived(
                (c * c - k * k) / total,
                {
                    "period": -by_k * k / values["period"],
                    "correlation_length": -by_c * c / values["correlation_length"],
                },
                "1",
                "amphiphilicity factor: -1 lamellae, 0 Lifshitz line, 1 disorder line",
            )
        }


PERIOD = Quantity(name="period", unit="nm", what="period of the structure", low=0.0, scale="log")
