"""Small-angle scattering: profiles to size distributions."""

from xrdkit.saxs.intensity import sphere_intensity

__all__ = ["sphere_intensity"]
