"""Small-angle scattering: profiles to size distributions."""

from xrdkit.saxs.contrast import Contrast, Material, scattering_length_density, xray_contrast
from xrdkit.saxs.desmear import desmear
from xrdkit.saxs.intensity import particle_intensity, sphere_intensity
from xrdkit.saxs.materials import material_names
from xrdkit.saxs.population import Population
from xrdkit.saxs.sizes import fit_sizes
from xrdkit.saxs.smearing import (
    BeamProfile,
    Smearing,
    SmearingSpec,
    pinhole_smearing,
    read_beam_profile,
    slit_smearing,
    smearing_of,
    with_resolution,
)
from xrdkit.saxs.spec import SizeSpec
from xrdkit.saxs.trends import smooth_trend

__all__ = [
    "BeamProfile",
    "Contrast",
    "Material",
    "Population",
    "SizeSpec",
    "Smearing",
    "SmearingSpec",
    "desmear",
    "fit_sizes",
    "material_names",
    "particle_intensity",
    "pinhole_smearing",
    "read_beam_profile",
    "scattering_length_density",
    "slit_smearing",
    "smearing_of",
    "smooth_trend",
    "sphere_intensity",
    "with_resolution",
    "xray_contrast",
]
