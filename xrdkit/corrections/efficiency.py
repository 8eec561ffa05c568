"""Efficiency of the sensor against the angle of incidence a, 1 at normal incidence:

    E = [1 - exp(-μ t/cos a)] / [1 - exp(-μ t)]

μ is the total attenuation: the share of photons absorbed rather than scattered cancels. Source:
J. Zaleski, G. Wu & P. Coppens, J. Appl. Cryst. 31 (1998) 302. Golden numbers, Si of 450 µm with μ
of xraydb: Mo Kα1 1.191 (40°), 1.501 (60°); Cu Kα1 1.0013 (60°).
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from xrdkit.corrections._sensor import InSensor, cos_incidence
from xrdkit.corrections._step import CORRECTIONS, frame_shape, with_factor


@dataclass(frozen=True, kw_only=True)
class DetectorEfficiency(InSensor):
    """A flat sensor that absorbs more of the beam where it crosses it at an angle."""

    def apply(self, data: xr.Dataset) -> xr.Dataset:
        """Return the frames with E as ``factor_efficiency``."""
        cosine = cos_incidence(self.calibration, frame_shape(data, "DetectorEfficiency"))
        mu = self.attenuation
        depth = mu * self.thickness
        factor = np.expm1(-depth / cosine) / np.expm1(-depth)
        return with_factor(data, "efficiency", factor, "efficiency of the sensor at this angle")


CORRECTIONS.add("efficiency", DetectorEfficiency)
