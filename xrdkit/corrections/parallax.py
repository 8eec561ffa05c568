"""Parallax: photons that enter a thick sensor at an angle are counted further out.

With μ' = μ/cos a, the mean absorption lies off the point of entry, along the sensor, by

    dr = (sin a/μ) [1 - (1 + μ' t) exp(-μ' t)] / [1 - exp(-μ' t)]

away from the point of normal incidence. A count seen at r entered at r_0 with r_0 + dr(r_0) = r.
Source: pyFAI's parallax model (J. Kieffer et al., J. Synchrotron Rad. 27 (2020) 558, and its
documentation).
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.corrections._sensor import InSensor, cos_incidence
from xrdkit.corrections._step import CORRECTIONS, attached, frame_shape

Array = NDArray[np.float64]
#: Each gains a factor of (mean depth of absorption)/distance, two digits or more in practice.
_ITERATIONS = 12


@dataclass(frozen=True, kw_only=True)
class Parallax(InSensor):
    """Depth of absorption in the sensor, seen at an angle."""

    def apply(self, data: xr.Dataset) -> xr.Dataset:
        """Return the frames with ``radial_shift`` (y, x), m: r - r_0 of each pixel, outward."""
        cosine = cos_incidence(self.calibration, frame_shape(data, "Parallax"))
        mu = self.attenuation
        distance = self.calibration.distance
        seen = distance * np.sqrt(np.maximum(cosine**-2 - 1.0, 0.0))
        shift = np.zeros_like(seen)
        for _ in range(_ITERATIONS):
            shift = mean_displacement((seen - shift) / distance, mu, self.thickness)
        label = {"units": "m", "long_name": "how far outward of its entry a photon is counted"}
        return attached(data, radial_shift=(("y", "x"), shift, label))


def mean_displacement(tangent: Array, mu: float, thickness: float) -> Array:
    """Return dr in m for the tangent of the angle of incidence, any shape.

    `mu` is in 1/m, `thickness` in m; the formula is in the head of the module.
    """
    secant = np.sqrt(1.0 + tangent**2)
    depth = mu * thickness * secant
    # (1 - (1 + u) e^-u)/(1 - e^-u) is 1 - u e^-u/(1 - e^-u), which loses no digits in thin sensors.
    return tangent / (secant * mu) * (1.0 + depth * np.exp(-depth) / np.expm1(-depth))


CORRECTIONS.add("parallax", Parallax)
