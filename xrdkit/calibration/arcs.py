"""How long the piece of a ring has to be that shows where the ring is."""

import numpy as np
from numpy.typing import NDArray

from xrdkit.calibration.contrast import RadialProfile
from xrdkit.calibration.frame import CalibrantFrame
from xrdkit.geometry import Calibration

Array = NDArray[np.float64]

#: significance of a sector, and the fewest sectors into which a ring is cut for it
_TELLING, _FEWEST = 7.0, 8
#: width over which a ring is summed up before its own is known, pixel
_WIDTH = 3.0


def telling_arcs(
    exposure: CalibrantFrame,
    calibration: Calibration,
    two_theta: Array,
    shortest: float,
    width: float | None = None,
) -> Array:
    """Return the length in pixels of sectors of each ring, at least `shortest`; shape (rings,).

    A ring that stands out by z standard errors as a whole, over a length l on the frame, does so by
    7 in sectors of 49 l/z²; it is cut in no fewer than 8. `two_theta` are the angles of the rings
    in rad, `width` their full width in pixels.
    """
    profile = RadialProfile(exposure, calibration, _WIDTH if width is None else width)
    radius = profile.radius(two_theta)
    height, error = profile.height(radius)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = height / error
    shape = (exposure.counts.shape[0], exposure.counts.shape[1])
    found = np.clip(profile.radius(calibration.two_theta(shape)[exposure.valid]), 0.0, 1e5)
    number = np.bincount(found.astype(int))
    at = np.clip(np.nan_to_num(radius, posinf=0.0), 0, number.size - 2).astype(int)
    length = np.minimum(0.5 * (number[at] + number[at + 1]), 2 * np.pi * radius)
    with np.errstate(invalid="ignore", divide="ignore"):
        arcs = np.minimum(length * (_TELLING / z) ** 2, length / _FEWEST)
    return np.where(np.isfinite(arcs) & (z > 0), np.maximum(arcs, shortest), shortest)
