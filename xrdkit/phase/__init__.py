"""Powder phase analysis: structures, whole-pattern fits, weight fractions, sizes and strains."""

from xrdkit.phase.embedded import embedded_names, embedded_structure
from xrdkit.phase.pattern import powder_intensity
from xrdkit.phase.structure import Site, Structure

__all__ = [
    "Site",
    "Structure",
    "embedded_names",
    "embedded_structure",
    "powder_intensity",
]
