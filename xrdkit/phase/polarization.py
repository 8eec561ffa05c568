"""The polarisation factor of a diffractometer pattern."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def polarization_factor(two_theta: Array, ratio: float) -> Array:
    """Return P = (1 + K cos² 2θ)/(1 + K) at 2θ in degree.

    K is the intensity polarised in the scattering plane over that perpendicular to it: 1 for an
    X-ray tube, cos² 2θ_m behind a monochromator set to 2θ_m (Azaroff, Acta Cryst. 8 (1955) 701),
    near 0 for a synchrotron with a vertical scattering plane.
    """
    return np.asarray((1.0 + ratio * np.cos(np.radians(two_theta)) ** 2) / (1.0 + ratio))
