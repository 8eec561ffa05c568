"""What a calibration is worth: the geometry, its errors, the rings behind it and a verdict."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.calibration.angle import PARAMETERS
from xrdkit.calibration.competitors import Competitor
from xrdkit.geometry import Calibration


class CalibrationVerdict(StrEnum):
    """Whether a geometry may be used."""

    ACCEPTED = "accepted"
    DOUBTFUL = "doubtful"
    REJECTED = "rejected"


@dataclass(frozen=True, kw_only=True)
class RingResidual:
    """How well one ring of the calibrant lies where the geometry puts it."""

    d_spacing: float
    """Lattice spacing, ångström."""
    two_theta: float
    """Scattering angle, degree."""
    points: int
    """Points used in the fit."""
    mean_px: float
    """Mean radial distance of the points from the ring, pixel, positive outside."""
    rms_px: float
    """Root mean square of it, pixel."""
    width_px: float
    """Full width at half maximum of the ring, pixel."""
    mean_q: float = math.nan
    """Mean of q of the points less that of the ring, 1/nm."""
    rms_q: float = math.nan
    """Root mean square of it, 1/nm."""


@dataclass(frozen=True, kw_only=True)
class SectorResidual:
    """How well all rings lie where the geometry puts them, in one range of azimuth."""

    azimuth: tuple[float, float]
    """Where it begins and ends, degree."""
    points: int
    """Points used in the fit."""
    rings: int
    """Rings they lie on."""
    mean_px: float
    """Mean radial distance of the points from their rings, pixel, positive outside."""
    rms_px: float
    """Root mean square of it, pixel."""
    mean_q: float
    """Mean of q of the points less that of their rings, 1/nm."""
    rms_q: float
    """Root mean square of it, 1/nm."""


@dataclass(frozen=True, kw_only=True)
class CalibrationResult:
    """A refined geometry with errors and a verdict."""

    calibration: Calibration
    """The geometry; its detector has the shape of the frame."""
    covariance: NDArray[np.float64]
    """Covariance of (distance, poni1, poni2, rot1, rot2), m and rad, shape (5, 5); 0 where fixed.
    It covers counting statistics and scatter along the rings, not the wavelength or the pixel
    size."""
    sigma: dict[str, float]
    """Standard error of each of these parameters, m and rad, and of the derived
    ``direct_distance`` (m), ``beam_center_x``, ``beam_center_y`` (pixel)."""
    rms_px: float
    """Root mean square distance of the points used from their rings, pixel."""
    rings: tuple[RingResidual, ...]
    """The rings used, innermost first."""
    points: xr.Dataset
    """All points found, over ``point``: ``ring`` (0 innermost of the calibrant), ``y``, ``x``
    (pixel, edges at integers), ``sigma``, ``residual`` (pixel), ``azimuth`` (degree), ``used``."""
    azimuth_coverage: float
    """Sum of the azimuth ranges in which any ring has a point, degree, in steps of 5."""
    tilt_refined: bool
    """False where the tilt of the start was kept: the rings neither give it to better than 0.1° nor
    show another. The errors of the other parameters then hold for that tilt."""
    calibrant: str
    """Name of the calibrant."""
    verdict: CalibrationVerdict
    """Whether to use it."""
    reasons: tuple[str, ...]
    """What keeps it from being accepted; empty where it is."""
    sectors: tuple[SectorResidual, ...] = ()
    """Residuals in sectors of azimuth of 30° that hold points, from 0° on."""
    rival: Competitor | None = None
    """The best other way to take the rings found for rings of the same calibrant, with its distance
    and misfit; None where no other puts all of them on rings."""

    @property
    def beam_center_px(self) -> tuple[float, float]:
        """Where the beam meets the detector, (x, y) in pixels of the frame as stored."""
        return self.calibration.center_on_frame()

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain values, ready for JSON; ``poni`` is for who saves it."""
        calibration = self.calibration
        return {
            "verdict": self.verdict.value,
            "distance_m": calibration.direct_distance,
            "distance_sigma_m": self.sigma["direct_distance"],
            "poni_distance_m": calibration.distance,
            "beam_center_px": list(self.beam_center_px),
            "beam_center_sigma_px": [self.sigma["beam_center_x"], self.sigma["beam_center_y"]],
            "tilt_deg": calibration.tilt,
            "tilt_refined": self.tilt_refined,
            "rms_px": self.rms_px,
            "reasons": list(self.reasons),
            "poni": None,
            "calibrant": self.calibrant,
            "wavelength_angstrom": calibration.wavelength,
            "rings": len(self.rings),
            "rival": None
            if self.rival is None
            else {
                "distance_m": self.rival.distance,
                "rms_px": self.rival.rms_px,
                "absent_rings": self.rival.absent,
            },
            "points": int(self.points["used"].sum()),
            "azimuth_coverage_deg": self.azimuth_coverage,
            "parameters": {
                name: {"value": getattr(calibration, name), "sigma": self.sigma[name]}
                for name in PARAMETERS
            },
        }
