"""Guinier's law joined smoothly to a power law, for globules, rods and plates.

I(q) = G q^-s exp(-q²Rg²/(3 - s)) up to q₁ = √((d - s)(3 - s)/2)/Rg and D q^-d beyond, with value
and slope continuous: D = G exp(-(d - s)/2) q₁^(d - s) (B. Hammouda, J. Appl. Cryst. 43 (2010) 716).
s is 0 for globules, 1 for rods, 2 for plates; d > s. Golden number: G = 1, Rg = 1, s = 0, d = 4,
q = 3: e⁻² 36/81 = 0.0601490.
"""

import math
from dataclasses import dataclass

import numpy as np

from xrdkit.saxs.models.component import Array, Component, Curve, Values, length_grid
from xrdkit.saxs.models.unified_level import RG
from xrdkit.saxs.quantity import Given, Quantity


@dataclass(frozen=True, kw_only=True)
class GuinierPorod(Component):
    """One kind of particle of unknown shape."""

    kind = "guinier_porod"

    guinier: Given = None
    """G, unit of the intensity / nm^s."""
    radius_of_gyration: Given = None
    """Rg, nm; of the cross section where s is not 0."""
    dimension: Given = None
    """s, no unit, 0 to 2.5; 0 and fixed unless stated."""
    power: Given = None
    """d, no unit, above s, up to 6."""

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """G, Rg, s and d."""
        return (GUINIER, RG, DIMENSION, POWER)

    def curve(self, q: Array, values: Values) -> Curve:
        """Return the intensity and its derivatives, NaN where d <= s."""
        rg, s, d = values["radius_of_gyration"], values["dimension"], values["power"]
        if not d > s:
            empty = np.full_like(q, math.nan)
            return Curve(empty, {item.name: empty for item in self.quantities})
        joint = math.sqrt((d - s) * (3.0 - s) / 2.0) / rg
        inner = q <= joint
        log_q, square = np.log(q), (q * rg) ** 2
        log = np.where(
            inner,
            -s * log_q - square / (3.0 - s),
            -0.5 * (d - s) + (d - s) * math.log(joint) - d * log_q,
        )
        shape = np.exp(log)
        value = values["guinier"] * shape
        by_rg = np.where(inner, -2.0 * square / (3.0 - s), -(d - s)) / rg
        outer = -math.log(joint) - 0.5 * (d - s) / (3.0 - s)
        by_s = np.where(inner, -log_q - square / (3.0 - s) ** 2, outer)
        by_d = np.where(inner, 0.0, math.log(joint) - log_q)
        return Curve(
            value,
            {
                "guinier": shape,
                "radius_of_gyration": value * by_rg,
                "dimension": value * by_s,
                "power": value * by_d,
            },
        )

    def candidates(self, q: Array) -> list[dict[str, float]]:
        """Return radii of gyration and powers."""
        return [
            {"radius_of_gyration": float(rg), "power": d, "dimension": s}
            for rg in length_grid(q)
            for s in (0.0, 1.0, 2.0)
            for d in (2.2, 3.0, 4.0)
        ]


GUINIER = Quantity(
    name="guinier", unit="intensity/nm^s", what="Guinier prefactor G", low=0.0, amplitude=True
)
DIMENSION = Quantity(
    name="dimension",
    unit="1",
    what="dimension s: 0 globules, 1 rods, 2 plates",
    low=0.0,
    high=2.5,
    start=0.0,
    vary=False,
)
POWER = Quantity(name="power", unit="1", what="power d of q^-d", low=0.5, high=6.0)
