"""Absorption in a capillary across the beam, relative to the forward direction.

    A(s) = ∫ exp(-μ [l_in + l_out(s)]) dA / ∫ exp(-μ [l_in + l_out(0)]) dA

over the illuminated part of the cross-section, with l_in, l_out the ways of the beam in and out in
a full cylinder. A beam s that leaves at an angle to the cross-section runs l_out/κ, where κ² = 1 -
(s·axis)² and l_out is that of its projection. Integrated by Gauss and Legendre's rule to 1e-4.
Source: International Tables for Crystallography C (2004), section 6.3.3.2. Golden numbers, κ = 1:
A(180°)/A(0) = 1.1219 for μR = 0.5 and 1.5023 for μR = 1; A(0) = 1/5.091 for μR = 1.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline

from xrdkit.corrections._step import CORRECTIONS, frame_shape, with_factor
from xrdkit.errors import SpecError
from xrdkit.geometry import Calibration

Array = NDArray[np.float64]
_POINTS = 96
_ANGLES = 121
_TILTS = 33
#: Beams nearer to the axis than this leave through the end of the capillary.
_LEAST_KAPPA = 0.2


@dataclass(frozen=True, kw_only=True)
class CapillaryAbsorption:
    """A cylinder filled with sample, its axis across the beam and the beam on its middle."""

    calibration: Calibration
    """Geometry of the detector."""
    mu_r: float
    """Attenuation times radius; -ln T/2 of a narrow beam through the middle. Above 0, at most
    5."""
    axis_azimuth: float = 0.0
    """Direction of the axis across the beam, degree; 0 along x (a lying capillary), 90 along y."""
    beam: float = 1.0
    """Width of the beam across the capillary over its diameter; 1 where it is as wide or wider."""

    def __post_init__(self) -> None:
        if not 0 < self.mu_r <= 5:
            raise SpecError(f"mu_r {self.mu_r} is outside 0 to 5", hint="attenuation times radius")
        if not (math.isfinite(self.axis_azimuth) and abs(self.axis_azimuth) <= 360):
            raise SpecError(f"axis_azimuth {self.axis_azimuth} degree is outside -360 to 360")
        if not 0 < self.beam <= 1:
            raise SpecError(f"beam {self.beam} is not above 0 and at most 1: width over diameter")

    def apply(self, data: xr.Dataset) -> xr.Dataset:
        """Return the frames with A as ``factor_capillary_absorption``.

        NaN where a beam leaves within 12° of the axis (κ < 0.2).
        """
        t1, t2, t3 = self.calibration.positions(frame_shape(data, "CapillaryAbsorption"))
        axis = math.radians(self.axis_azimuth)
        along = t1 * math.sin(axis) + t2 * math.cos(axis)
        across = t2 * math.sin(axis) - t1 * math.cos(axis)
        kappa = np.hypot(across, t3) / np.sqrt(along**2 + across**2 + t3**2)
        angle = np.arctan2(np.abs(across), t3)
        relative = _table(self.mu_r, self.beam).ev(angle, 1.0 / np.maximum(kappa, _LEAST_KAPPA))
        factor = np.where(kappa >= _LEAST_KAPPA, np.exp(relative), np.nan)
        text = "transmission of the capillary, relative"
        return with_factor(data, "capillary_absorption", factor, text)

    def record(self) -> dict[str, object]:
        """Return the settings."""
        return {
            "calibration": self.calibration.digest(),
            "mu_r": self.mu_r,
            "axis_azimuth": self.axis_azimuth,
            "beam": self.beam,
        }


def capillary_factor(mu_r: float, angle: Array, longer: Array, beam: float = 1.0) -> Array:
    """Return the mean attenuation for beams at `angle` in rad that run `longer` = 1/κ as far.

    Not relative to the forward direction: A(0) is `capillary_factor(mu_r, 0, 1)`. `angle` and
    `longer` have one shape, which the result has too.
    """
    node, weight = np.polynomial.legendre.leggauss(_POINTS)
    # The point is (x, y) in radii, x along the beam: y = sin u, and x = v cos u on its chord.
    widest = math.asin(beam)
    half = np.cos(widest * node)[:, None]
    y = np.sin(widest * node)[:, None]
    x = half * node[None, :]
    area = weight[:, None] * weight[None, :] * half**2
    area /= area.sum()
    way_in = x + half
    out = np.empty(np.shape(angle))
    for at in np.ndindex(out.shape):
        cosine, sine = math.cos(angle[at]), math.sin(angle[at])
        aside = x * sine - y * cosine
        way_out = np.sqrt(np.maximum(1.0 - aside**2, 0.0)) - (x * cosine + y * sine)
        out[at] = np.sum(area * np.exp(-mu_r * (way_in + way_out * longer[at])))
    return out


@cache
def _table(mu_r: float, beam: float) -> RectBivariateSpline:
    angle = np.linspace(0.0, math.pi, _ANGLES)
    longer = np.linspace(1.0, 1.0 / _LEAST_KAPPA, _TILTS)
    grid = np.stack(np.broadcast_arrays(angle[:, None], longer[None, :]))
    values = np.log(capillary_factor(mu_r, grid[0], grid[1], beam))
    return RectBivariateSpline(angle, longer, values - values[0, 0])


CORRECTIONS.add("capillary_absorption", CapillaryAbsorption)
