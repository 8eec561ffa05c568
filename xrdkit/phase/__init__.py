"""Powder phase analysis: structures, whole-pattern fits, weight fractions, sizes and strains."""

from xrdkit.phase.cif import load_structure
from xrdkit.phase.embedded import embedded_names, embedded_structure
from xrdkit.phase.instrument import instrument_widths
from xrdkit.phase.pattern import powder_intensity
from xrdkit.phase.phase_spec import PhaseSpec
from xrdkit.phase.refine import refine_phases
from xrdkit.phase.spec import RefinementSpec
from xrdkit.phase.structure import Site, Structure
from xrdkit.phase.widths import InstrumentWidths

__all__ = [
    "InstrumentWidths",
    "PhaseSpec",
    "RefinementSpec",
    "Site",
    "Structure",
    "embedded_names",
    "embedded_structure",
    "instrument_widths",
    "load_structure",
    "powder_intensity",
    "refine_phases",
]
