"""Transmission of a cylinder for beams that are scattered in it.

    A(2θ) = 1/(π R²) ∫ exp(-µ [l_in + l_out(2θ)]) dA

over the cross-section of a full cylinder that lies in a wider beam, by Gauss and Legendre's rule.
International Tables for Crystallography C (2004), section 6.3.3. With 32 points each way it is
exact to 2e-4 for µR up to 5, to 4e-6 up to 1. The polynomial of Rouse, Cooper, York & Chakera (Acta
Cryst. A26 (1970) 682; Hewat, Acta Cryst. A35 (1979) 248),

    A = exp(-(1.7133 - 0.0368 sin² θ) µR + (0.0927 + 0.375 sin² θ) (µR)²),

is within 0.4 % of it for µR up to 0.5, within 1.2 % at 1, and no good beyond.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_POINTS = 32


@lru_cache(maxsize=4)
def _ways(angles: tuple[float, ...], points: int) -> tuple[Array, Array]:
    """Return shares of the cross-section (m,), ways in and out in radii (angles, m)."""
    node, weight = np.polynomial.legendre.leggauss(points)
    # The point is (x, y), x along the beam: y = sin u, and x = v cos u on its chord.
    half = np.cos(0.5 * np.pi * node)[:, np.newaxis]
    y = np.sin(0.5 * np.pi * node)[:, np.newaxis]
    x = half * node
    share = weight[:, np.newaxis] * weight * half**2
    whole = x + half
    ways = []
    for angle in np.radians(angles):
        aside = x * np.sin(angle) - y * np.cos(angle)
        out = np.sqrt(np.maximum(1.0 - aside**2, 0.0)) - (x * np.cos(angle) + y * np.sin(angle))
        ways.append((whole + out).ravel())
    return (share / share.sum()).ravel(), np.array(ways)


def cylinder_transmission(
    mu_r: float, two_theta: tuple[float, ...], points: int = _POINTS
) -> tuple[Array, Array]:
    """Return A and its derivative by µR at angles `two_theta` (degree), (n,) each."""
    share, ways = _ways(two_theta, points)
    damped = np.exp(-mu_r * ways)
    return damped @ share, -(ways * damped) @ share
