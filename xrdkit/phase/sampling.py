"""Whether the points of a pattern can tell of its lines: how dense they are, and not clipped."""

import numpy as np
from numpy.typing import NDArray

from xrdkit.phase.frame_fit import Frame

Array = NDArray[np.float64]

#: Lines narrower than this share of the step fall between the points: fits to simulated lines have
#: honest errors down to 0.5 of it, and none at 0.3.
_TOO_NARROW = 0.45
#: A highest value is a limit where it is this many standard errors, and where so many neighbouring
#: points of one line, and of that share of its width, or two of each of two lines, are at it.
_CERTAIN, _RUN, _RUN_WIDTH = 10.0, 4, 0.5
_SAME = 1e-9


def too_few_points(step: float, width: float) -> str:
    """Return what is wrong where lines of FWHM `width` fall between points; empty where nothing."""
    if not width < _TOO_NARROW * step:
        return ""
    return (
        f"points are {step:.3g} degree apart and lines hardly {width:.2g} degree wide: most lines"
        " lie between the points"
    )


def clipped(frame: Frame, width: float) -> str:
    """Return what is wrong where the strongest lines end at one highest value; else empty.

    `width` is the FWHM of the lines, degree.
    """
    top = float(frame.intensity.max())
    at = np.flatnonzero(frame.intensity >= top - _SAME * abs(top))
    level = float(np.median(frame.intensity))
    if at.size < _RUN or not top - level > _CERTAIN * float(frame.sigma[at].max()):
        return ""
    runs = np.split(at, np.flatnonzero(np.diff(at) > 1) + 1)
    lengths = np.array([len(run) for run in runs])
    step = float(np.median(np.diff(frame.two_theta)))
    long = lengths.max() >= max(_RUN, _RUN_WIDTH * width / step)
    if not long and np.count_nonzero(lengths >= 2) < 2:
        return ""
    return (
        f"{at.size} points are at one highest value, {top:.4g}: the detector was saturated, or the"
        " pattern was cut off there"
    )
