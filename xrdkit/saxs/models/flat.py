"""Flat background b: incoherent and fluorescent scattering, or what a subtraction left over."""

from dataclasses import dataclass

import numpy as np

from xrdkit.saxs.models.component import Array, Component, Curve, Values
from xrdkit.saxs.quantity import Given, Quantity


@dataclass(frozen=True, kw_only=True)
class Flat(Component):
    """A constant; it may be negative. I(q) = b."""

    kind = "flat"

    level: Given = None
    """b, unit of the intensity."""

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """b."""
        return (Quantity(name="level", unit="intensity", what="flat background", amplitude=True),)

    def curve(self, q: Array, values: Values) -> Curve:
        """Return b."""
        one = np.ones_like(q)
        return Curve(values["level"] * one, {"level": one})
