"""Smearing by slits, beams and pixels: what an instrument makes of a curve, as a matrix."""

from xrdkit.saxs.smearing.beam_profile import BeamProfile, read_beam_profile
from xrdkit.saxs.smearing.instrument import (
    aperture_beam_fwhm,
    pinhole_resolution,
    with_resolution,
)
from xrdkit.saxs.smearing.operator import (
    Smearing,
    build_smearing,
    pinhole_smearing,
    slit_smearing,
)
from xrdkit.saxs.smearing.profile import smearing_of
from xrdkit.saxs.smearing.spec import SmearingSpec, check_smearing

__all__ = [
    "BeamProfile",
    "Smearing",
    "SmearingSpec",
    "aperture_beam_fwhm",
    "build_smearing",
    "check_smearing",
    "pinhole_resolution",
    "pinhole_smearing",
    "read_beam_profile",
    "slit_smearing",
    "smearing_of",
    "with_resolution",
]
