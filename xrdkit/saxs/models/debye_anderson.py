"""Random two-phase structure: I(q) = I₀/(1 + q²ξ²)².

P. Debye, H. R. Anderson, H. Brumberger, J. Appl. Phys. 28 (1957) 679; ξ is the correlation length
of exp(-r/ξ), the mean chords are ξ/φ and ξ/(1 - φ). Golden number: I₀ = 4, q ξ = 1: 1.
"""

from dataclasses import dataclass

from xrdkit.saxs.models.component import Array, Component, Curve, Values, length_grid
from xrdkit.saxs.quantity import Given, Quantity


@dataclass(frozen=True, kw_only=True)
class DebyeAnderson(Component):
    """Pores or grains of random shape, as in the carbon of a catalyst."""

    kind = "debye_anderson"

    intensity_zero: Given = None
    """I₀, unit of the intensity."""
    correlation_length: Given = None
    """ξ, nm."""

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """I₀ and ξ."""
        return (INTENSITY_ZERO, CORRELATION_LENGTH)

    def curve(self, q: Array, values: Values) -> Curve:
        """Return the intensity and its derivatives."""
        length = values["correlation_length"]
        under = 1.0 + (q * length) ** 2
        shape = under**-2.0
        value = values["intensity_zero"] * shape
        by_length = -4.0 * q * q * length / under * value
        return Curve(value, {"intensity_zero": shape, "correlation_length": by_length})

    def candidates(self, q: Array) -> list[dict[str, float]]:
        """Return correlation lengths."""
        return [{"correlation_length": float(x)} for x in length_grid(q)]


INTENSITY_ZERO = Quantity(
    name="intensity_zero", unit="intensity", what="intensity at q = 0", low=0.0, amplitude=True
)
CORRELATION_LENGTH = Quantity(
    name="correlation_length", unit="nm", what="correlation length", low=0.0, scale="log"
)
