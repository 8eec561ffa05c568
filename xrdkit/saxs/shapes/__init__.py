"""Shapes of particles: what they scatter at one size, for sums over sizes."""

from xrdkit.saxs.shapes.core_shell import CoreShell
from xrdkit.saxs.shapes.cylinder import Cylinder, Disc
from xrdkit.saxs.shapes.lamella import Lamella
from xrdkit.saxs.shapes.lattice import Lattice, lattice_level
from xrdkit.saxs.shapes.shape import CONTRAST_UNIT, Shape, ShapeParameter
from xrdkit.saxs.shapes.sphere import Sphere, sphere_amplitude, sphere_matrix
from xrdkit.saxs.shapes.spheroid import Spheroid

__all__ = [
    "CONTRAST_UNIT",
    "CoreShell",
    "Cylinder",
    "Disc",
    "Lamella",
    "Lattice",
    "Shape",
    "ShapeParameter",
    "Sphere",
    "Spheroid",
    "lattice_level",
    "sphere_amplitude",
    "sphere_matrix",
]
