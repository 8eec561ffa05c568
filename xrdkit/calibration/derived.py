"""What users say of a geometry, from its parameters: direct distance, beam centre, rotations."""

import math

import numpy as np
from numpy.typing import NDArray

from xrdkit.geometry import PARAMETERS, Calibration

Array = NDArray[np.float64]
#: order of `derived`
DERIVED = ("direct_distance", "beam_center_x", "beam_center_y", "rot1", "rot2", "wavelength")


def derived(calibration: Calibration) -> tuple[Array, Array]:
    """Return the numbers of `DERIVED`, shape (6,), and their slopes in the geometry, (6, 6).

    The direct distance D = L/(cos rot1 cos rot2) is in m, the beam centre
    x = (p2 - L tan rot1)/px2, y = (p1 + L tan rot2/cos rot1)/px1 in pixels in the order of rows and
    columns of orientation 3, rotations in degree, the wavelength in ångström. Columns of the slopes
    are in the order of `Calibration.covariance`, per m, rad and ångström.
    """
    at = calibration
    length, direct = at.distance, at.direct_distance
    px1, px2 = at.detector.pixel_size_y, at.detector.pixel_size_x
    tan1, tan2 = math.tan(at.rot1), math.tan(at.rot2)
    c1, c2 = math.cos(at.rot1), math.cos(at.rot2)
    degree = math.degrees(1.0)
    x, y = at.beam_center
    values = np.array([direct, x, y, at.rot1 * degree, at.rot2 * degree, at.wavelength])
    slopes = np.zeros((len(DERIVED), len(PARAMETERS)))
    slopes[0, [0, 3, 4]] = 1.0 / (c1 * c2), direct * tan1, direct * tan2
    slopes[1, [0, 2, 3]] = -tan1 / px2, 1.0 / px2, -length / c1**2 / px2
    slopes[2, [0, 1]] = tan2 / c1 / px1, 1.0 / px1
    slopes[2, [3, 4]] = length * tan2 * tan1 / c1 / px1, length / (c2**2 * c1) / px1
    slopes[3, 3] = slopes[4, 4] = degree
    slopes[5, 5] = 1.0
    return values, slopes


def derived_covariance(calibration: Calibration) -> Array:
    """Return the covariance of the numbers of `DERIVED`, (6, 6); NaN where none is known."""
    if calibration.covariance is None:
        return np.full((len(DERIVED), len(DERIVED)), np.nan)
    slopes = derived(calibration)[1]
    matrix: Array = slopes @ np.asarray(calibration.covariance, dtype=np.float64) @ slopes.T
    return matrix
