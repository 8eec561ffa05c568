"""What one calibrated frame gives to a fit of several: points on rings of known spacing."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xrdkit.calibration.angle import on_detector, two_theta_and_slopes, values_of
from xrdkit.calibration.fit import fit_geometry
from xrdkit.calibration.result import CalibrationResult, CalibrationVerdict
from xrdkit.calibration.ring_points import RingPoints
from xrdkit.calibration.rings import calibrant_rings
from xrdkit.calibration.scatter import Scatter
from xrdkit.errors import CalibrationRejected, SpecError
from xrdkit.geometry import Calibration

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class View:
    """Points of one frame that are believed; arrays of shape (n,)."""

    p1: Array
    """Detector coordinate along y, m."""
    p2: Array
    """Detector coordinate along x, m."""
    d_spacing: Array
    """Lattice spacing of the ring the point is on, ångström."""
    error: Array
    """Standard error of the radial position, pixel, enlarged by the root of `inflation`."""
    inflation: float
    """Factor by which the variance exceeds that of independent points."""
    scatter: Scatter
    """Which points err together, in units of the error without `inflation`."""
    rise: Array
    """Change of 2θ from pixel to pixel there, rad. It turns angles to pixels and stays as it is in
    a fit, which could otherwise make all residuals smaller by moving the detector."""


def ring_view(label: str, result: CalibrationResult, current: Calibration) -> View:
    """Return the points of `result` with the errors they show under the wavelength of `current`.

    The frame is fitted on its own once more, from `current`: which points are believed and what
    their errors are is judged without what other frames say. Raises CalibrationRejected, naming
    `label`, where the points do not determine a geometry; SpecError where the frame was rejected or
    the shape of its detector is not known.
    """
    if result.verdict is CalibrationVerdict.REJECTED:
        raise SpecError(f"{label}: the calibration of this frame was rejected")
    shape = result.calibration.detector.shape
    if shape is None:
        raise SpecError(f"{label}: the calibration does not know the shape of its detector")
    table = result.points
    points = RingPoints(
        ring=np.asarray(table["ring"].values, dtype=np.intp),
        y=np.asarray(table["y"].values, dtype=np.float64),
        x=np.asarray(table["x"].values, dtype=np.float64),
        sigma=np.asarray(table["sigma"].values, dtype=np.float64),
        azimuth=np.asarray(table["azimuth"].values, dtype=np.float64),
        width=np.full(table["ring"].size, np.median([ring.width_px for ring in result.rings])),
    )
    rings = calibrant_rings(result.calibrant, current.wavelength)
    if int(points.ring.max()) >= rings.d_spacing.size:
        raise CalibrationRejected(f"{label}: a ring is not there at {current.wavelength:g} Å")
    start = replace(result.calibration, wavelength=current.wavelength)
    try:
        fit = fit_geometry(points, rings.two_theta, current, start, shape)
    except CalibrationRejected as exc:
        raise CalibrationRejected(f"{label}: {exc.message}", hint=exc.hint) from exc
    keep = fit.used
    p1, p2 = on_detector(points.y[keep], points.x[keep], shape, current.detector)
    _, slopes = two_theta_and_slopes(p1, p2, values_of(fit.calibration))
    return View(
        p1=p1,
        p2=p2,
        d_spacing=rings.d_spacing[points.ring[keep]],
        error=fit.error[keep] * math.sqrt(fit.inflation),
        inflation=fit.inflation,
        scatter=fit.scatter,
        rise=np.hypot(
            slopes[:, 1] * current.detector.pixel_size_y,
            slopes[:, 2] * current.detector.pixel_size_x,
        ),
    )
