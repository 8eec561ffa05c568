"""Powder phase analysis: structures, whole-pattern fits, weight fractions, sizes and strains."""

from xrdkit.phase.absorption_spec import Absorption, Roughness
from xrdkit.phase.cell_calibration import CellCalibration, content_from_cell
from xrdkit.phase.cif import load_structure
from xrdkit.phase.content import Content, cell_content, linear_absorption, mass_attenuation
from xrdkit.phase.embedded import (
    embedded_names,
    embedded_spacings,
    embedded_structure,
    is_embedded,
)
from xrdkit.phase.external_standard import absolute_fractions
from xrdkit.phase.instrument import instrument_widths
from xrdkit.phase.intensity import Lines, LineStrengths, powder_lines
from xrdkit.phase.order import order_parameter, order_ties, ordered_alloy
from xrdkit.phase.parameter_spec import ParameterSpec
from xrdkit.phase.parametric_spec import ParametricTie
from xrdkit.phase.pattern import powder_intensity
from xrdkit.phase.phase_spec import PhaseSpec
from xrdkit.phase.refine import refine_phases
from xrdkit.phase.reflections import equivalents
from xrdkit.phase.site_freedom import SiteFreedom, floating_origin, site_freedom
from xrdkit.phase.spec import RefinementSpec
from xrdkit.phase.strengths import Atoms, atoms_of, with_atoms
from xrdkit.phase.structure import Site, Structure
from xrdkit.phase.unit_cell import unit_cell
from xrdkit.phase.widths import InstrumentWidths

__all__ = [
    "Absorption",
    "Atoms",
    "CellCalibration",
    "Content",
    "InstrumentWidths",
    "LineStrengths",
    "Lines",
    "ParameterSpec",
    "ParametricTie",
    "PhaseSpec",
    "RefinementSpec",
    "Roughness",
    "Site",
    "SiteFreedom",
    "Structure",
    "absolute_fractions",
    "atoms_of",
    "cell_content",
    "content_from_cell",
    "embedded_names",
    "embedded_spacings",
    "embedded_structure",
    "equivalents",
    "floating_origin",
    "instrument_widths",
    "is_embedded",
    "linear_absorption",
    "load_structure",
    "mass_attenuation",
    "order_parameter",
    "order_ties",
    "ordered_alloy",
    "powder_intensity",
    "powder_lines",
    "refine_phases",
    "site_freedom",
    "unit_cell",
    "with_atoms",
]
