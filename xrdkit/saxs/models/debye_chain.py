"""Gaussian chain: I(q) = 2 I₀ (exp(-x) - 1 + x)/x², x = (q Rg)².

P. Debye, J. Phys. Colloid Chem. 51 (1947) 18. Golden number: I₀ = 1, q Rg = 1: 2/e = 0.735759.
"""

from dataclasses import dataclass

import numpy as np

from xrdkit.saxs.models.component import Array, Component, Curve, Values, length_grid
from xrdkit.saxs.models.debye_anderson import INTENSITY_ZERO
from xrdkit.saxs.models.unified_level import RG
from xrdkit.saxs.quantity import Given, Quantity

_SERIES_BELOW = 1e-2


@dataclass(frozen=True, kw_only=True)
class DebyeChain(Component):
    """An ideal polymer chain."""

    kind = "debye_chain"

    intensity_zero: Given = None
    """I₀, unit of the intensity."""
    radius_of_gyration: Given = None
    """Rg, nm."""

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """I₀ and Rg."""
        return (INTENSITY_ZERO, RG)

    def curve(self, q: Array, values: Values) -> Curve:
        """Return the intensity and its derivatives."""
        rg = values["radius_of_gyration"]
        x = (q * rg) ** 2
        small = x < _SERIES_BELOW
        safe = np.where(small, 1.0, x)
        shape = np.where(
            small,
            1.0 - x / 3.0 * (1.0 - x / 4.0 * (1.0 - x / 5.0)),
            2.0 * (np.expm1(-safe) + safe) / safe**2,
        )
        # x dD/dx = 2 (1 - exp(-x))/x - 2 D.
        by_log_x = np.where(
            small,
            -x / 3.0 * (1.0 - x / 2.0 * (1.0 - 0.3 * x)),
            -2.0 * np.expm1(-safe) / safe - 2.0 * shape,
        )
        zero = values["intensity_zero"]
        return Curve(
            zero * shape,
            {"intensity_zero": shape, "radius_of_gyration": 2.0 * zero * by_log_x / rg},
        )

    def candidates(self, q: Array) -> list[dict[str, float]]:
        """Return radii of gyration."""
        return [{"radius_of_gyration": float(x)} for x in length_grid(q)]
