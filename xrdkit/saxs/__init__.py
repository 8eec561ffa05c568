"""Small-angle scattering: profiles to size distributions."""

from xrdkit.saxs.contrast import Contrast, Material, scattering_length_density, xray_contrast
from xrdkit.saxs.intensity import sphere_intensity
from xrdkit.saxs.sizes import fit_sizes
from xrdkit.saxs.spec import SizeSpec

__all__ = [
    "Contrast",
    "Material",
    "SizeSpec",
    "fit_sizes",
    "scattering_length_density",
    "sphere_intensity",
    "xray_contrast",
]
