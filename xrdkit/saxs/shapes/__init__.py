"""Shapes of particles: what they scatter at one size, for sums over sizes."""

from xrdkit.saxs.shapes.core_shell import CoreShell
from xrdkit.saxs.shapes.cylinder import Cylinder, Disc
from xrdkit.saxs.shapes.lamella import Lamella
from xrdkit.saxs.shapes.lattice import Lattice, lattice_level
from xrdkit.saxs.shapes.named import SHAPES, ShapeSettings, shape_of
from xrdkit.saxs.shapes.sasmodels_shape import SasmodelsShape
from xrdkit.saxs.shapes.shape import CONTRAST_UNIT, Shape, ShapeParameter
from xrdkit.saxs.shapes.sphere import Sphere, sphere_amplitude, sphere_matrix
from xrdkit.saxs.shapes.spheroid import Spheroid

__all__ = [
    "CONTRAST_UNIT",
    "SHAPES",
    "CoreShell",
    "Cylinder",
    "Disc",
    "Lamella",
    "Lattice",
    "SasmodelsShape",
    "Shape",
    "ShapeParameter",
    "ShapeSettings",
    "Sphere",
    "Spheroid",
    "lattice_level",
    "shape_of",
    "sphere_amplitude",
    "sphere_matrix",
]
