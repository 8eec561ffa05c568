"""Corrections of frames and profiles, each one file with its formula."""

from xrdkit.corrections._step import CORRECTIONS, Correction, acts_on, correct
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

__all__ = [
    "CORRECTIONS",
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
    "SolidAngle",
    "acts_on",
    "correct",
    "linear_attenuation",
]
