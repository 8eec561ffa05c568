"""What a refined geometry is worth: its evidence, its verdict and all that is reported of it."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.calibration.angle import PARAMETERS
from xrdkit.calibration.check import Evidence, azimuth_coverage, verdict
from xrdkit.calibration.contrast import RadialProfile
from xrdkit.calibration.fit import GeometryFit
from xrdkit.calibration.frame import CalibrantFrame
from xrdkit.calibration.other_calibrants import excess, other_calibrant, other_order
from xrdkit.calibration.refinement import Refinement
from xrdkit.calibration.residuals import by_ring, by_sector, misfit, residuals_q, sectors
from xrdkit.calibration.result import CalibrationResult, CalibrationVerdict
from xrdkit.calibration.ring_points import RingPoints
from xrdkit.calibration.rings import CalibrantRings
from xrdkit.calibration.unassisted_check import missing_rings
from xrdkit.errors import CalibrationImplausible, CalibrationRejected
from xrdkit.geometry import PARAMETERS as GEOMETRY
from xrdkit.geometry import Calibration

Array = NDArray[np.float64]


#: what asks for a look at other calibrants: strong rings that are not of the one named, share of
#: its rings that is missing, distance of the points from their rings in counting errors
_STRANGERS, _MISSING, _EXCESS = 2, 0.2, 2.0


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
    beyond = excess(found)
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
        excess=beyond,
        other="",
    )
    kind, reasons = verdict(evidence)
    asks = strangers.size >= _STRANGERS or missing > _MISSING or beyond > _EXCESS
    # Others are refined on the frame, which takes time: not for what is rejected already.
    if asks and kind is not CalibrationVerdict.REJECTED:
        other = other_calibrant(found, exposure, profile, rings, strangers)
        kind, reasons = verdict(replace(evidence, other=other))
    # The wavelength is taken as exact: no ring can tell it from the distance.
    covariance = np.pad(fit.covariance, (0, len(GEOMETRY) - len(PARAMETERS))).tolist()
    try:
        geometry = replace(fit.calibration, covariance=tuple(tuple(row) for row in covariance))
    except CalibrationImplausible as exc:
        raise CalibrationRejected(f"the errors of the fit mean nothing: {exc.message}") from exc
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
        rival=other_order(found, profile, rings),
    )


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
