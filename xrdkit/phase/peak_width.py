"""How wide the lines of a pattern are, before anything is known of it."""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import find_peaks, peak_widths

Array = NDArray[np.float64]

#: A peak stands out by so many standard errors, and is among so many of the strongest.
_SIGMAS, _MOST = 8.0, 12
#: Without any peak: this many steps.
_STEPS = 5.0


def typical_width(two_theta: Array, intensity: Array, sigma: Array) -> float:
    """Return the median full width at half prominence of the strongest peaks, degree.

    two_theta, intensity, sigma: (n,), angles ascending. At least three steps.
    """
    step = float(np.median(np.diff(two_theta)))
    peaks, found = find_peaks(intensity, prominence=_SIGMAS * sigma, width=2.0)
    if peaks.size == 0:
        return _STEPS * step
    strongest = peaks[np.argsort(-found["prominences"])[:_MOST]]
    widths = peak_widths(intensity, strongest)[0]
    return max(3.0, float(np.median(widths))) * step
