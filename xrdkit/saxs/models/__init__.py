"""Scattering models: components that add up, fitted to profiles by `fit_model`."""

from xrdkit.saxs.models.debye_anderson import DebyeAnderson
from xrdkit.saxs.models.debye_chain import DebyeChain
from xrdkit.saxs.models.fit_profile import fit_model
from xrdkit.saxs.models.flat import Flat
from xrdkit.saxs.models.fractals import MassFractal, SurfaceFractal
from xrdkit.saxs.models.guinier_porod import GuinierPorod
from xrdkit.saxs.models.lamellar_stack import LamellarStack
from xrdkit.saxs.models.measured_curve import MeasuredCurve
from xrdkit.saxs.models.model import Choice, Model
from xrdkit.saxs.models.particles import Particles
from xrdkit.saxs.models.peak import Peak
from xrdkit.saxs.models.power_law import PowerLaw
from xrdkit.saxs.models.presets import (
    emulsion,
    lamellar_gel,
    porous_carbon,
    supported_catalyst,
)
from xrdkit.saxs.models.settings import COMPONENTS, model_of, model_settings
from xrdkit.saxs.models.spec import ModelSpec
from xrdkit.saxs.models.teubner_strey import TeubnerStrey
from xrdkit.saxs.models.unified import unified
from xrdkit.saxs.models.unified_level import UnifiedLevel
from xrdkit.saxs.quantity import Parameter, fixed, free, tied

__all__ = [
    "COMPONENTS",
    "Choice",
    "DebyeAnderson",
    "DebyeChain",
    "Flat",
    "GuinierPorod",
    "LamellarStack",
    "MassFractal",
    "MeasuredCurve",
    "Model",
    "ModelSpec",
    "Parameter",
    "Particles",
    "Peak",
    "PowerLaw",
    "SurfaceFractal",
    "TeubnerStrey",
    "UnifiedLevel",
    "emulsion",
    "fit_model",
    "fixed",
    "free",
    "lamellar_gel",
    "model_of",
    "model_settings",
    "porous_carbon",
    "supported_catalyst",
    "tied",
    "unified",
]
