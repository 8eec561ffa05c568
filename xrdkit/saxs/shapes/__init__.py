"""Shapes of particles: what they scatter at one size, for sums over sizes."""

from xrdkit.saxs.shapes.lamella import Lamella
from xrdkit.saxs.shapes.lattice import Lattice, lattice_level
from xrdkit.saxs.shapes.shape import CONTRAST_UNIT, Shape, ShapeParameter
from xrdkit.saxs.shapes.sphere import Sphere, sphere_amplitude, sphere_matrix

__all__ = [
    "CONTRAST_UNIT",
    "Lamella",
    "Lattice",
    "Shape",
    "ShapeParameter",
    "Sphere",
    "lattice_level",
    "sphere_amplitude",
    "sphere_matrix",
]
