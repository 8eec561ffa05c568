"""What a refined geometry is worth: its evidence, its verdict and all that is reported of it."""

import functools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.calibration.angle import PARAMETERS
from xrdkit.calibration.check import Evidence, azimuth_coverage, verdict
from xrdkit.calibration.competitors import COMMON, Competitor, competitors
from xrdkit.calibration.contrast import RadialProfile
from xrdkit.calibration.fit import GeometryFit
from xrdkit.calibration.frame import CalibrantFrame
from xrdkit.calibration.refinement import Refinement
from xrdkit.calibration.residuals import by_ring, by_sector, misfit, residuals_q, sectors
from xrdkit.calibration.result import CalibrationResult
from xrdkit.calibration.ring_points import RingPoints
from xrdkit.calibration.rings import CalibrantRings
from xrdkit.calibration.unassisted_check import missing_rings
from xrdkit.geometry import PARAMETERS as GEOMETRY
from xrdkit.geometry import Calibration

Array = NDArray[np.float64]


#: how closely rings are held against other calibrants: share of their width, and pixels
_LIKE, _LEAST = 0.1, 0.1
#: rings that another calibrant has to explain at least, and more than the one that is named
_FEWEST, _MORE = 4, 2
_ABSENT, _CLOSER = 0.2, 0.4
#: how far off whole rings are, in widths and in standard errors, where closer ones are asked for
_OFF, _SURE = 0.05, 5.0
#: distances that are one, share
_SAME = 0.004
#: standard error of the mean radius of a ring that is always granted, pixel
_RADIUS = 0.02


def judged(
    found: Refinement, exposure: CalibrantFrame, rings: CalibrantRings, start: Calibration
) -> CalibrationResult:
    """Return the outcome of a refinement from `start`, with its verdict."""
    fit, points = found.fit, found.points
    used = fit.used
    residual = fit.residual[used]
    present = np.unique(points.ring[used])
    rms = float(np.sqrt(np.mean(residual**2)))
    sigma = _sigmas(fit)
    coverage = azimuth_coverage(points.azimuth[used])
    width = float(np.median(points.width[used]))
    profile = RadialProfile(exposure, fit.calibration, width)
    strangers = profile.unexplained(rings.two_theta, rings.two_theta[present])
    by_rings = misfit(points.ring, points, fit)
    by_directions = misfit(sectors(points), points, fit)
    missing = missing_rings(profile, rings.two_theta[: present.max() + 1])
    other = None
    off = by_rings[0] > _OFF and by_rings[1] > _SURE
    if strangers.size > 1 or missing > _ABSENT or off:
        other = _other_calibrant(found, profile, rings, strangers, width, closer=off)
    evidence = Evidence(
        rings=present.size,
        rings_expected=int(np.count_nonzero(found.looked_for[: present.max() + 1])),
        points=int(used.sum()),
        clipped=1.0 - float(np.mean(used)),
        coverage=coverage,
        rms=rms,
        width=width,
        contrast=profile.contrast(rings.two_theta[: present.max() + 1]),
        unexplained=strangers.size,
        distance_change=fit.calibration.direct_distance / start.direct_distance - 1.0,
        center_sigma=max(sigma["beam_center_x"], sigma["beam_center_y"]),
        distance_sigma=sigma["direct_distance"] / fit.calibration.direct_distance,
        ring_misfit=by_rings[0],
        ring_misfit_sigma=by_rings[1],
        sector_misfit=by_directions[0],
        sector_misfit_sigma=by_directions[1],
        missing=missing,
        other="" if other is None else f"{other.calibrant} at {other.distance * 1e3:.4g} mm",
    )
    kind, reasons = verdict(evidence)
    # The wavelength is taken as exact: no ring can tell it from the distance.
    covariance = np.pad(fit.covariance, (0, len(GEOMETRY) - len(PARAMETERS))).tolist()
    geometry = replace(fit.calibration, covariance=tuple(tuple(row) for row in covariance))
    q = residuals_q(points, rings, fit, (exposure.counts.shape[0], exposure.counts.shape[1]))
    return CalibrationResult(
        calibration=geometry,
        covariance=fit.covariance,
        sigma=sigma,
        rms_px=rms,
        rings=by_ring(points, rings, fit, q),
        points=_table(points, fit),
        azimuth_coverage=coverage,
        tilt_refined=fit.tilt_free,
        calibrant=rings.name,
        verdict=kind,
        reasons=reasons,
        sectors=by_sector(points, fit, q),
        rival=_rival(found, profile, rings),
    )


def _radii(found: Refinement, profile: RadialProfile, rings: CalibrantRings) -> tuple[Array, Array]:
    """Return radii of the rings with points on the plane across the beam, and errors, pixel."""
    fit, points = found.fit, found.points
    present = np.unique(points.ring[fit.used])
    mean, error = np.empty(present.size), np.empty(present.size)
    for k, number in enumerate(present):
        away = fit.residual[(points.ring == number) & fit.used]
        mean[k] = away.mean()
        error[k] = math.hypot(away.std() / math.sqrt(away.size), _RADIUS)
    return profile.radius(rings.two_theta[present]) + mean, error


def _pixel(calibration: Calibration) -> float:
    return math.sqrt(calibration.detector.pixel_size_y * calibration.detector.pixel_size_x)


def _rival(found: Refinement, profile: RadialProfile, rings: CalibrantRings) -> Competitor | None:
    """Return the best other order of the rings found, of the same calibrant."""
    geometry = found.fit.calibration
    radius, error = _radii(found, profile, rings)
    others = competitors(
        radius,
        error,
        wavelength=geometry.wavelength,
        pixel=_pixel(geometry),
        names=(rings.name,),
        absent=functools.partial(profile.dark, like=radius),
    )
    for other in others:
        if abs(math.log(other.distance / geometry.direct_distance)) > _SAME:
            return other
    return None


def _other_calibrant(
    found: Refinement,
    profile: RadialProfile,
    rings: CalibrantRings,
    strangers: Array,
    width: float,
    *,
    closer: bool,
) -> Competitor | None:
    """Return the other calibrant that explains the rings of the frame better, if one does.

    It explains two rings more, or where `closer` counts, as many to 0.4 times the distance.
    """
    geometry = found.fit.calibration
    own, _ = _radii(found, profile, rings)
    radius = np.sort(np.concatenate([own, strangers]))
    if radius.size < _FEWEST:
        return None

    def tried(names: tuple[str, ...]) -> list[Competitor]:
        return competitors(
            radius,
            np.full(radius.size, max(_LIKE * width, _LEAST)),
            wavelength=geometry.wavelength,
            pixel=_pixel(geometry),
            names=names,
            absent=functools.partial(profile.dark, like=radius),
            least=0.7,
        )

    named = tried((rings.name,))
    matched = named[0].matched if named else 0
    for other in tried(COMMON):
        if other.matched < _FEWEST or other.absent > _ABSENT * other.expected:
            continue
        near = closer and bool(named) and other.rms_px < _CLOSER * named[0].rms_px
        if other.matched >= matched + _MORE or (other.matched >= matched and near):
            return other
    return None


def _sigmas(fit: GeometryFit) -> dict[str, float]:
    """Return standard errors of the parameters and, by the delta method, of what follows."""
    sigma = {
        name: math.sqrt(max(float(fit.covariance[k, k]), 0.0)) for k, name in enumerate(PARAMETERS)
    }
    at = fit.calibration
    slopes = np.zeros((3, len(PARAMETERS)))
    for k, name in enumerate(PARAMETERS):
        step = 1e-6
        ends = [replace(at, **{name: getattr(at, name) + side * step}) for side in (1, -1)]
        high, low = (np.array([c.direct_distance, *c.center_on_frame()]) for c in ends)
        slopes[:, k] = (high - low) / (2 * step)
    variance = np.einsum("ij,jk,ik->i", slopes, fit.covariance, slopes)
    for name, value in zip(
        ("direct_distance", "beam_center_x", "beam_center_y"), variance, strict=True
    ):
        sigma[name] = math.sqrt(max(float(value), 0.0))
    return sigma


def _table(points: RingPoints, fit: GeometryFit) -> xr.Dataset:
    def column(
        values: NDArray[Any], units: str, text: str
    ) -> tuple[str, NDArray[Any], dict[str, str]]:
        return "point", values, {"units": units, "long_name": text}

    return xr.Dataset(
        {
            "ring": column(points.ring, "1", "number of the ring of the calibrant, 0 innermost"),
            "y": column(points.y, "pixel", "row, edges at integers"),
            "x": column(points.x, "pixel", "column, edges at integers"),
            "sigma": column(points.sigma, "pixel", "standard error of the radial position"),
            "residual": column(fit.residual, "pixel", "radial distance from the ring"),
            "azimuth": column(points.azimuth, "degree", "direction from the beam centre"),
            "used": column(fit.used, "1", "whether the point was not clipped"),
        }
    )
