"""The shapes of single peaks, area 1, with their derivatives.

With H the full width at half maximum and t = x/H every shape is k(t)/H:

gaussian      k = 2√(ln2/π) exp(-4 ln2 t²)
lorentzian    k = (2/π)/(1 + 4t²)
pseudo_voigt  η lorentzian + (1 - η) gaussian, of one H (Thompson, Cox & Hastings, J. Appl. Cryst.
              20 (1987) 79, give η and H of the two widths that a Voigt is made of)
pearson7      C (1 + 4(2^(1/m) - 1) t²)^-m, C = 2Γ(m)√(2^(1/m) - 1)/(√π Γ(m - 1/2)): m = 1 is
              Lorentzian, ∞ Gaussian (Hall, Veeraraghavan, Rubin & Winchell, J. Appl. Cryst. 10
              (1977) 66); the parameter is 1/m
A split peak has H(1 + a) before its top and H(1 - a) behind it, equally high: the area stays 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import gammaln

from xrdkit.phase.profile_function import combined_width

Array = NDArray[np.float64]

SHAPES = ("pseudo_voigt", "gaussian", "lorentzian", "pearson7", "split_pseudo_voigt")
_GAUSS, _LORENTZ = 2.0 * np.sqrt(np.log(2.0) / np.pi), 2.0 / np.pi
_FOUR_LN2 = 4.0 * np.log(2.0)
#: Steps of 1/m for the slope by it.
_STEP = 1e-5


@dataclass(frozen=True, kw_only=True)
class Form:
    """What of the form of a shape is free."""

    start: float
    """Value of the form parameter (η, or 1/m) to start from."""
    bounds: tuple[float, float]
    """Its range."""
    free: bool
    """Whether it is free."""
    split: bool
    """Whether the two sides differ."""


FORMS = {
    "pseudo_voigt": Form(start=0.5, bounds=(0.0, 1.0), free=True, split=False),
    "gaussian": Form(start=0.0, bounds=(0.0, 1.0), free=False, split=False),
    "lorentzian": Form(start=1.0, bounds=(0.0, 1.0), free=False, split=False),
    "pearson7": Form(start=0.5, bounds=(0.01, 1.6), free=True, split=False),
    "split_pseudo_voigt": Form(start=0.5, bounds=(0.0, 1.0), free=True, split=True),
}


def height_factor(shape: str, form: float) -> tuple[float, float]:
    """Return k(0), height times FWHM over area, and its derivative by the form parameter."""
    zero = np.zeros(1)
    if shape == "pearson7":
        value = _pearson(zero, form)[0]
        slope = (_pearson(zero, form + _STEP)[0] - _pearson(zero, form - _STEP)[0]) / (2 * _STEP)
        return float(value[0]), float(slope[0])
    return float(form * _LORENTZ + (1.0 - form) * _GAUSS), float(_LORENTZ - _GAUSS)


def peak_curve(
    shape: str, offset: Array, fwhm: float, form: float, asymmetry: float = 0.0
) -> tuple[Array, Array, Array, Array, Array]:
    """Return a peak of area 1 at offsets from its top, and its derivatives.

    `offset` (n,) and `fwhm` are in one unit; `form` is η, or 1/m for pearson7; `asymmetry` is a.
    Derivatives, each (n,): by the offset, by the FWHM, by the form parameter, by the asymmetry.
    """
    sign = np.where(offset < 0, 1.0, -1.0)
    side = fwhm * (1.0 + asymmetry * sign)
    t = offset / side
    if shape == "pearson7":
        k, dk = _pearson(t, form)
        by_form = (_pearson(t, form + _STEP)[0] - _pearson(t, form - _STEP)[0]) / (2 * _STEP)
    else:
        bell = 1.0 / (1.0 + 4.0 * t * t)
        lorentz, gauss = _LORENTZ * bell, _GAUSS * np.exp(-_FOUR_LN2 * t * t)
        k = form * lorentz + (1.0 - form) * gauss
        dk = -8.0 * t * form * lorentz * bell - 2.0 * _FOUR_LN2 * t * (1.0 - form) * gauss
        by_form = lorentz - gauss
    return (
        k / fwhm,
        dk / (fwhm * side),
        -(k + t * dk) / fwhm**2,
        by_form / fwhm,
        -sign * t * dk / side,
    )


def voigt_widths(fwhm: float, eta: float) -> tuple[float, float]:
    """Return the Gaussian and Lorentzian FWHM of a pseudo-Voigt, in the unit of `fwhm`.

    The inverse of the polynomials of Thompson, Cox & Hastings, solved for the ratio of the two;
    `eta` outside 0 to 1 counts as 0 or 1.
    """
    if eta <= 0.0:
        return fwhm, 0.0
    if eta >= 1.0:
        return 0.0, fwhm

    def excess(share: float) -> float:
        # share is L/(G + L), which stays finite at either end.
        return float(combined_width(np.array(1.0 - share), np.array(share))[1]) - eta

    share = brentq(excess, 0.0, 1.0, xtol=1e-14)
    h = float(combined_width(np.array(1.0 - share), np.array(share))[0])
    return fwhm * (1.0 - share) / h, fwhm * share / h


def _pearson(t: Array, inverse: float) -> tuple[Array, Array]:
    m = 1.0 / inverse
    c = 2.0**inverse - 1.0
    top = 2.0 * np.exp(gammaln(m) - gammaln(m - 0.5)) * np.sqrt(c / np.pi)
    base = 1.0 + 4.0 * c * t * t
    k = top * base**-m
    return k, -8.0 * m * c * t * k / base
