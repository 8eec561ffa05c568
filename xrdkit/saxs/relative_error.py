"""Standard errors for a curve that has none."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

_SMOOTHED_POINTS = 5
_FLOOR = 1e-9


def relative_error(intensity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the smoothed size of `intensity`, shape (n,), as errors of equal relative weight.

    Curves span decades: without errors, equal relative weight is the only fair one.
    """
    smooth = median_filter(np.abs(intensity), size=_SMOOTHED_POINTS, mode="nearest")
    found: NDArray[np.float64] = np.maximum(
        smooth, _FLOOR * max(float(smooth.max()), np.finfo(float).tiny)
    )
    return found
