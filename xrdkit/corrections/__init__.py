"""Corrections of frames and profiles, each one file with its formula."""

from xrdkit.corrections._step import CORRECTIONS, Correction, acts_on, correct
from xrdkit.corrections.absolute_intensity import AbsoluteIntensity
from xrdkit.corrections.absolute_scale import AbsoluteScale, ScaleVerdict, absolute_scale
from xrdkit.corrections.air_absorption import AirAbsorption
from xrdkit.corrections.attenuation import linear_attenuation
from xrdkit.corrections.background import Background
from xrdkit.corrections.capillary_absorption import CapillaryAbsorption
from xrdkit.corrections.dark import Dark
from xrdkit.corrections.dead_time import DeadTime
from xrdkit.corrections.dose import Dose
from xrdkit.corrections.efficiency import DetectorEfficiency
from xrdkit.corrections.flat import Flat
from xrdkit.corrections.parallax import Parallax
from xrdkit.corrections.plate_absorption import PlateAbsorption
from xrdkit.corrections.polarization import Polarization
from xrdkit.corrections.solid_angle import SolidAngle
from xrdkit.corrections.standards import Standard, srm3600, water_standard
from xrdkit.corrections.transmission import (
    Reading,
    Thickness,
    Transmission,
    thickness_from_transmission,
    transmission,
    transmission_from_monitors,
)
from xrdkit.corrections.water import water_cross_section

__all__ = [
    "CORRECTIONS",
    "AbsoluteIntensity",
    "AbsoluteScale",
    "AirAbsorption",
    "Background",
    "CapillaryAbsorption",
    "Correction",
    "Dark",
    "DeadTime",
    "DetectorEfficiency",
    "Dose",
    "Flat",
    "Parallax",
    "PlateAbsorption",
    "Polarization",
    "Reading",
    "ScaleVerdict",
    "SolidAngle",
    "Standard",
    "Thickness",
    "Transmission",
    "absolute_scale",
    "acts_on",
    "correct",
    "linear_attenuation",
    "srm3600",
    "thickness_from_transmission",
    "transmission",
    "transmission_from_monitors",
    "water_cross_section",
    "water_standard",
]
