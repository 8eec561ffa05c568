"""Scattering angle at any point of the detector, and its slope in the geometry."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xrdkit.geometry import Calibration, Detector

Array = NDArray[np.float64]
#: free numbers of a geometry, the order of every gradient and covariance here
PARAMETERS = ("distance", "poni1", "poni2", "rot1", "rot2")


def on_detector(
    y: Array, x: Array, shape: tuple[int, int], detector: Detector
) -> tuple[Array, Array]:
    """Return detector coordinates in m of points given in pixels of the frame, edges at integers.

    `y`, `x` count rows and columns of the frame as stored, of `shape`; the orientation of the
    detector is applied.
    """
    if detector.rows_reversed:
        y = shape[0] - y
    if detector.columns_reversed:
        x = shape[1] - x
    return y * detector.pixel_size_y, x * detector.pixel_size_x


def two_theta_and_slopes(p1: Array, p2: Array, values: Sequence[float]) -> tuple[Array, Array]:
    """Return 2θ in rad, shape (n,), and its derivatives, shape (n, 5), at detector points in m.

    `values` and the derivatives are in the order of `PARAMETERS`, m and rad. With
    t = R2 R1 (p1 - poni1, p2 - poni2, L), 2θ = atan2(√(t1² + t2²), t3); the rotation about the
    beam leaves it unchanged. The slope along the detector is minus that in poni1, poni2.
    """
    distance, poni1, poni2, rot1, rot2 = values
    a, b = p1 - poni1, p2 - poni2
    s1, c1, s2, c2 = np.sin(rot1), np.cos(rot1), np.sin(rot2), np.cos(rot2)
    depth = b * s1 - distance * c1
    t1 = a * c2 + depth * s2
    t2 = b * c1 + distance * s1
    t3 = a * s2 - depth * c2
    across = np.hypot(t1, t2)
    whole = across**2 + t3**2
    # d(2θ) = (t3 (t1 dt1 + t2 dt2)/across - across dt3) / |t|²
    safe = np.where(across > 0, across, 1.0)
    along1, along2 = t3 * t1 / (safe * whole), t3 * t2 / (safe * whole)
    down = across / whole
    by_depth = along1 * s2 + down * c2
    slopes = np.stack(
        [
            -by_depth * c1 + along2 * s1,
            -(along1 * c2 - down * s2),
            -(by_depth * s1 + along2 * c1),
            by_depth * (b * c1 + distance * s1) + along2 * (distance * c1 - b * s1),
            along1 * (depth * c2 - a * s2) - down * (a * c2 + depth * s2),
        ],
        axis=1,
    )
    return np.arctan2(across, t3), slopes


def values_of(calibration: Calibration) -> tuple[float, ...]:
    """Return the free numbers of `calibration` in the order of `PARAMETERS`."""
    return tuple(getattr(calibration, name) for name in PARAMETERS)
