"""Small-angle scattering: profiles to size distributions."""

from xrdkit.saxs.intensity import sphere_intensity
from xrdkit.saxs.sizes import fit_sizes
from xrdkit.saxs.spec import SizeSpec

__all__ = ["SizeSpec", "fit_sizes", "sphere_intensity"]
