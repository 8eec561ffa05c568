"""Flat sheets of thickness T = 2R, wide against 1/q, in all orientations.

I = φΔρ² (2π/q²) T sinc²(qT/2), sinc x = sin x/x: the Lorentz factor q⁻² of what is flat times the
form factor across it (Porod, in Glatter & Kratky, Small Angle X-ray Scattering, 1982, p. 17). Over
one ripple sinc² x has the mean 1/2x². With qR = x, G = 0.1 · 4πR sinc² x / q².
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from xrdkit.saxs.shapes.lattice import Array, Lattice, Nodes, faded
from xrdkit.saxs.shapes.shape import CONTRAST_UNIT, Shape, Values


@dataclass(frozen=True, kw_only=True)
class Lamella(Shape):
    """Flat sheets; R is half of their thickness."""

    volume_power: ClassVar[int] = 1
    radius_is: ClassVar[str] = "half thickness"
    is_sheet: ClassVar[bool] = True

    is_quick: ClassVar[bool] = True

    name: Literal["lamella"] = "lamella"
    """Name of the shape."""

    @property
    def label(self) -> str:
        """Name of the shape."""
        return self.name

    def matrix(self, q: Array, lattice: Lattice, values: Values) -> Array:
        """Return G, shape (q, nodes)."""
        radius = lattice.radius
        x = np.outer(q, radius)
        front = 4.0 * np.pi * CONTRAST_UNIT * radius / q[:, None] ** 2

        def mean(high: Array, node: Nodes) -> Array:
            # q = x/R; only x is known here.
            return 4.0 * np.pi * CONTRAST_UNIT * radius[node] ** 3 / (2.0 * high**4)

        return faded(front * np.sinc(x / np.pi) ** 2, x, lattice.step, mean)

    def reference_volume(self, radius: Array, values: Values) -> Array:
        """Return the volume of 1 nm² of a sheet, 2R."""
        return 2.0 * radius

    def forward(self, radius: Array, values: Values) -> Array:
        """Return what multiplies 1/q² at small q."""
        return 4.0 * np.pi * CONTRAST_UNIT * radius

    def gyration(self, radius: Array, values: Values) -> Array:
        """Return NaN: a sheet without end has none."""
        return np.full_like(radius, np.nan)

    def surface(self, radius: Array, values: Values) -> Array:
        """Return 1/R: two faces over 2R."""
        return 1.0 / radius
