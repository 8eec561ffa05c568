"""Sphere of radius R.

P = f², f(x) = 3(sin x - x cos x)/x³ with x = qR (Rayleigh, Proc. R. Soc. A 84 (1911) 25). Over one
ripple f² has the mean 9(1 + x²)/2x⁶.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from xrdkit.saxs.shapes.lattice import Array, Lattice, Nodes, faded
from xrdkit.saxs.shapes.shape import CONTRAST_UNIT, Shape, Values

_SERIES_BELOW = 0.01


def sphere_amplitude(x: Array) -> Array:
    """Return f(x) = 3(sin x - x cos x)/x³ of x = qR, 1 at x = 0; by its series below 0.01."""
    x = np.asarray(x, dtype=np.float64)
    small = x < _SERIES_BELOW
    safe = np.where(small, 1.0, x)
    square = x * x
    series = 1.0 - square / 10.0 + square * square / 280.0
    return np.where(small, series, 3.0 * (np.sin(safe) - safe * np.cos(safe)) / safe**3)


def sphere_volume(radius: Array) -> Array:
    """Return 4πR³/3."""
    return 4.0 / 3.0 * np.pi * radius**3


def sphere_matrix(q: Array, radius: Array) -> Array:
    """Return V P(qR)/10, shape (q, radius): 1/cm per volume fraction and (1e10/cm²)² of contrast.

    `q` in 1/nm, `radius` in nm.
    """
    result: Array = (
        CONTRAST_UNIT * sphere_volume(radius) * sphere_amplitude(np.outer(q, radius)) ** 2
    )
    return result


@dataclass(frozen=True, kw_only=True)
class Sphere(Shape):
    """Homogeneous spheres of radius R."""

    is_quick: ClassVar[bool] = True

    name: Literal["sphere"] = "sphere"
    """Name of the shape."""

    @property
    def label(self) -> str:
        """Name of the shape."""
        return self.name

    def matrix(self, q: Array, lattice: Lattice, values: Values) -> Array:
        """Return G, shape (q, nodes)."""
        radius = lattice.radius
        volume = CONTRAST_UNIT * sphere_volume(radius)

        def mean(x: Array, node: Nodes) -> Array:
            return volume[node] * 4.5 * (1.0 + x**2) / x**6

        return faded(sphere_matrix(q, radius), np.outer(q, radius), lattice.step, mean)

    def amplitude(self, q: Array, lattice: Lattice, values: Values) -> Array | None:
        """Return f(qR)."""
        return sphere_amplitude(np.outer(q, lattice.radius))

    def reference_volume(self, radius: Array, values: Values) -> Array:
        """Return 4πR³/3."""
        return sphere_volume(radius)

    def gyration(self, radius: Array, values: Values) -> Array:
        """Return 3R²/5."""
        return 0.6 * radius**2

    def surface(self, radius: Array, values: Values) -> Array:
        """Return 3/R."""
        return 3.0 / radius
