"""Forms of a maximum over azimuth: period 180°, mean 1 over all azimuths, even about the maximum.

Each takes the distance δ from the maximum (radian) and the logarithm of one parameter, its width or
concentration. A structure that has an axis but no head looks the same at χ and χ + 180°.

Sources: W. Maier, A. Saupe, Z. Naturforsch. A 14 (1959) 882; K. V. Mardia, P. E. Jupp, Directional
Statistics, Wiley 2000, section 3.5 (von Mises, wrapped normal, wrapped Cauchy).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import i0e

Array = NDArray[np.float64]

_TURNS = np.arange(-4, 5)


@dataclass(frozen=True, kw_only=True)
class AzimuthShape:
    """One form of a maximum."""

    density: Callable[[Array, float], Array]
    """Value at δ (radian) for the logarithm of the parameter."""
    wide: float
    """Logarithm of the parameter where the form is all but flat."""
    narrow: Callable[[float], float]
    """Logarithm of the parameter where the full width at half maximum is so many radian."""
    full_width: Callable[[float], float]
    """Full width at half maximum, radian; π where it never falls to the half."""


def _maier_saupe(delta: Array, log_kappa: float) -> Array:
    # exp(m cos²δ) is exp((m/2) cos 2δ) up to a factor: κ = m/2.
    kappa = np.exp(log_kappa)
    return np.asarray(np.exp(kappa * (np.cos(2 * delta) - 1)) / i0e(kappa))


def _maier_saupe_width(log_kappa: float) -> float:
    return float(np.arccos(max(1 - np.log(2) / np.exp(log_kappa), -1.0)))


def _gaussian(delta: Array, log_s: float) -> Array:
    s = np.exp(log_s)
    turns = (delta[..., None] + np.pi * _TURNS) / s
    return np.asarray(np.exp(-0.5 * turns**2).sum(axis=-1) * np.pi / (s * np.sqrt(2 * np.pi)))


def _gaussian_width(log_s: float) -> float:
    return float(min(2 * np.sqrt(2 * np.log(2)) * np.exp(log_s), np.pi))


def _lorentzian(delta: Array, log_g: float) -> Array:
    g = 2 * np.exp(log_g)
    return np.asarray(np.sinh(g) / (np.cosh(g) - np.cos(2 * delta)))


def _lorentzian_width(log_g: float) -> float:
    return float(min(2 * np.exp(log_g), np.pi))


SHAPES = {
    "maier_saupe": AzimuthShape(
        density=_maier_saupe,
        wide=float(np.log(0.02)),
        narrow=lambda width: float(np.log(np.log(2) / (1 - np.cos(width)))),
        full_width=_maier_saupe_width,
    ),
    "gaussian": AzimuthShape(
        density=_gaussian,
        wide=float(np.log(1.6)),
        narrow=lambda width: float(np.log(width / (2 * np.sqrt(2 * np.log(2))))),
        full_width=_gaussian_width,
    ),
    "lorentzian": AzimuthShape(
        density=_lorentzian,
        wide=float(np.log(2.5)),
        narrow=lambda width: float(np.log(width / 2)),
        full_width=_lorentzian_width,
    ),
}
