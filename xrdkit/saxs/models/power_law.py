"""Power law B q^-P, cut off where smaller structure takes over.

I(q) = B q^-P exp(-q² Rc²/3): surfaces (P = 4, G. Porod, Kolloid-Z. 124 (1951) 83), surface fractals
(3 to 4), mass fractals (1 to 3), diffuse interfaces (above 4). The cut-off is that of the unified
equation (G. Beaucage, J. Appl. Cryst. 28 (1995) 717). Golden number: B = 2, P = 4, q = 0.5, Rc = 0:
32.
"""

from dataclasses import dataclass

import numpy as np

from xrdkit.saxs.models.component import Array, Component, Curve, Values
from xrdkit.saxs.quantity import Given, Quantity


@dataclass(frozen=True, kw_only=True)
class PowerLaw(Component):
    """I(q) = B q^-P exp(-q² Rc²/3)."""

    kind = "power_law"

    prefactor: Given = None
    """B, unit of the intensity / nm^P."""
    power: Given = None
    """P, no unit, 0.5 to 6."""
    cutoff: Given = None
    """Rc, radius of gyration of the smaller structure it is made of, nm; 0 and fixed unless
    stated."""

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """B, P and Rc."""
        return (PREFACTOR, POWER, CUTOFF)

    def curve(self, q: Array, values: Values) -> Curve:
        """Return the power law."""
        power, cutoff = values["power"], values["cutoff"]
        shape = np.exp(-power * np.log(q) - (q * cutoff) ** 2 / 3.0)
        value = values["prefactor"] * shape
        return Curve(
            value,
            {
                "prefactor": shape,
                "power": -np.log(q) * value,
                "cutoff": -2.0 / 3.0 * q * q * cutoff * value,
            },
        )

    def candidates(self, q: Array) -> list[dict[str, float]]:
        """Return powers."""
        return [{"power": p} for p in (1.5, 2.2, 2.8, 3.4, 4.0)]


PREFACTOR = Quantity(
    name="prefactor",
    unit="intensity/nm^P",
    what="prefactor B of the power law",
    low=0.0,
    amplitude=True,
)
POWER = Quantity(name="power", unit="1", what="power P of q^-P", low=0.5, high=6.0)
CUTOFF = Quantity(
    name="cutoff",
    unit="nm",
    what="radius of gyration of the smaller structure at which the power law ends",
    low=0.0,
    start=0.0,
    vary=False,
)
