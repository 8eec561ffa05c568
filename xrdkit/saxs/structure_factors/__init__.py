"""Interference between particles: structure factors S(q), one file each."""

from xrdkit.saxs.structure_factors.fractal_aggregate import FractalAggregate
from xrdkit.saxs.structure_factors.hard_sphere import HardSphere, hard_sphere
from xrdkit.saxs.structure_factors.sticky_hard_sphere import StickyHardSphere, sticky_hard_sphere
from xrdkit.saxs.structure_factors.structure_factor import Factor, StructureFactor

STRUCTURE_FACTORS: dict[str, type[StructureFactor]] = {
    s.kind: s for s in (HardSphere, StickyHardSphere, FractalAggregate)
}

__all__ = [
    "STRUCTURE_FACTORS",
    "Factor",
    "FractalAggregate",
    "HardSphere",
    "StickyHardSphere",
    "StructureFactor",
    "hard_sphere",
    "sticky_hard_sphere",
]
