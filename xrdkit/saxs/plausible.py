"""What speaks against a curve, or the unit of q that a user stated: said, never changed.

A curve in 1/ångström taken for 1/nm looks like any other curve, of particles ten times larger. What
can be known is the range of q that cameras reach, and the size of atoms. A range that ends early is
doubted where the user alone said the unit (attribute ``q_unit_declared`` of a profile), as a few
cameras do end there; one that goes far beyond small angles also where the file did
(``q_unit_stated``): headers are copied.
"""

import math
from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.saxs.result import FrameSizes

Array = NDArray[np.float64]

#: Attribute of a profile: unit of q that the user stated, as the file did not.
_DECLARED = "q_unit_declared"
_STATED = "q_unit_stated"
#: Largest q, 1/nm. Cameras for small angles reach 2 to 7 1/nm; those that end below 1 are few, and
#: curves in 1/angstrom (0.1 to 0.7) look like theirs. Lattices begin near 10, and no small-angle
#: curve goes beyond 30.
_ENDS_EARLY = 1.0
_ENDS_LATE = 30.0
#: No particle is smaller than an atom, nm.
_ATOM = 0.15
#: Intensities, and errors over them, whose fourth powers and products still are numbers.
_SMALLEST = 1e-60


def unit_doubt(profile: xr.Dataset) -> str:
    """Return why the stated unit of q may be wrong, empty where nothing says so.

    `profile` is over q, in 1/nm. For the reason of a verdict.
    """
    declared, stated = profile.attrs.get(_DECLARED), profile.attrs.get(_STATED)
    end = float(np.max(profile["q"].values))
    if declared == "1/nm" and end < _ENDS_EARLY:
        return (
            f"q ends at {end:.3g} 1/nm, as few cameras do and most curves in 1/angstrom:"
            " if it is in 1/angstrom, sizes are ten times smaller"
        )
    if "1/angstrom" in (declared, stated) and end > _ENDS_LATE:
        return (
            f"q goes on to {end:.3g} 1/nm, where lattices diffract: if it is in 1/nm, sizes are"
            " ten times larger"
        )
    return ""


def size_doubt(mean_radius: float) -> str:
    """Return what is wrong with a volume-weighted mean radius, nm; empty where it is possible."""
    if not mean_radius < _ATOM:
        return ""
    return f"a mean radius of {mean_radius:.2g} nm is less than that of an atom: is q in 1/nm?"


def note_doubts(frames: Sequence[FrameSizes], profile: xr.Dataset) -> None:
    """Add to the reasons of fitted `frames` what speaks against the unit of q of `profile`."""
    of_range = unit_doubt(profile)
    for frame in frames:
        of_size = size_doubt(frame.values.get("mean_radius_volume", math.nan))
        frame.reason = "; ".join(filter(None, (frame.reason, of_size, of_range)))


def not_measured(intensity: Array, sigma: Array | None) -> str:
    """Return why intensities (points,) and their errors (or None) are none of a measurement.

    Empty where they may be. Squares of what is left neither overflow nor vanish.
    """
    largest = float(np.max(np.abs(intensity)))
    if largest == 0:
        return "the intensity is 0 everywhere"
    if not _SMALLEST < largest < 1.0 / _SMALLEST:
        return f"intensities of {largest:.1g} are no measured ones: their squares overflow"
    if sigma is not None:
        least, most = float(np.min(sigma)) / largest, float(np.max(sigma)) / largest
        wrong = least if not least > _SMALLEST else most
        if not _SMALLEST < wrong < 1.0 / _SMALLEST:
            return (
                f"standard errors of {wrong:.1g} of the largest intensity are no measured ones:"
                " their squares overflow"
            )
    return ""
