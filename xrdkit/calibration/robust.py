"""The spread of values of which some are false."""

import numpy as np
from numpy.typing import NDArray

#: Standard deviation of a normal distribution over its median absolute deviation.
_SIGMA_OF_MEDIAN = 1.4826


def robust_sigma(deviations: NDArray[np.float64]) -> float:
    """Return the standard deviation that the median of |`deviations`|, shape (n,), stands for."""
    return _SIGMA_OF_MEDIAN * float(np.median(np.abs(deviations)))
