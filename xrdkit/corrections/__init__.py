"""Corrections of frames and profiles, each one file with its formula."""

from xrdkit.corrections._step import CORRECTIONS, Correction, correct
from xrdkit.corrections.background import Background
from xrdkit.corrections.dark import Dark
from xrdkit.corrections.dose import Dose
from xrdkit.corrections.flat import Flat
from xrdkit.corrections.polarization import Polarization
from xrdkit.corrections.solid_angle import SolidAngle

__all__ = [
    "CORRECTIONS",
    "Background",
    "Correction",
    "Dark",
    "Dose",
    "Flat",
    "Polarization",
    "SolidAngle",
    "correct",
]
