"""Where a powder line lies: Bragg's law."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def bragg_angle(inverse_d_squared: Array, wavelength: float | Array) -> Array:
    """Return 2θ in degree for 1/d² in 1/nm² at `wavelength` in ångström; NaN where λ > 2d."""
    sine = 0.05 * wavelength * np.sqrt(inverse_d_squared)
    return np.degrees(2.0 * np.arcsin(np.where(sine < 1.0, sine, np.nan)))


def bragg_angle_slope(inverse_d_squared: Array, two_theta: Array) -> Array:
    """Return ∂(2θ)/∂(1/d²) in degree nm²: tan θ / (1/d²) in radians."""
    return np.asarray(np.degrees(np.tan(np.radians(two_theta) / 2.0)) / inverse_d_squared)


def two_theta_of_q(q: Array, wavelength: float) -> Array:
    """Return 2θ in degree of q in 1/nm at `wavelength` in ångström; NaN beyond 4π/λ."""
    sine = np.asarray(q) * wavelength / (40.0 * np.pi)
    return np.degrees(2.0 * np.arcsin(np.where(np.abs(sine) < 1.0, sine, np.nan)))


def q_of_two_theta(two_theta: Array, wavelength: float) -> Array:
    """Return q in 1/nm of 2θ in degree at `wavelength` in ångström: 4π sin θ / λ."""
    return np.asarray(40.0 * np.pi * np.sin(np.radians(two_theta) / 2.0) / wavelength)
