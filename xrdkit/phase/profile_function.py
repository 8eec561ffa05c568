"""The Thompson-Cox-Hastings pseudo-Voigt and its derivatives, summed over lines.

Omega = eta Lor + (1 - eta) Gau, area 1 per degree; H and eta follow from the Gaussian and
Lorentzian FWHM. Thompson, Cox & Hastings, J. Appl. Cryst. 20 (1987) 79.
"""

import numpy as np
from numpy.typing import NDArray

from xrdkit.compiled import compiled

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_GAUSS_AREA = 2.0 * np.sqrt(np.log(2.0) / np.pi)
_LORENTZ_AREA = 2.0 / np.pi
_FOUR_LN2 = 4.0 * np.log(2.0)
#: Beyond this many FWHM a Gaussian is below 1e-30 of its top.
_GAUSS_REACH = 5.0


def combined_width(gauss: Array, lorentz: Array) -> tuple[Array, Array]:
    """Return H (FWHM) and eta (mixing) of the pseudo-Voigt for two FWHM in the same unit."""
    g, x = gauss, lorentz
    h5 = (
        g**5
        + 2.69269 * g**4 * x
        + 2.42843 * g**3 * x**2
        + 4.47163 * g**2 * x**3
        + 0.07842 * g * x**4
        + x**5
    )
    h = h5**0.2
    q = x / h
    return h, 1.36603 * q - 0.47719 * q**2 + 0.11116 * q**3


def combined_width_slope(
    gauss: Array, lorentz: Array, h: Array
) -> tuple[Array, Array, Array, Array]:
    """Return ∂H/∂gauss, ∂H/∂lorentz, ∂eta/∂gauss, ∂eta/∂lorentz of `combined_width`."""
    g, x = gauss, lorentz
    to_gauss = (
        5 * g**4
        + 4 * 2.69269 * g**3 * x
        + 3 * 2.42843 * g**2 * x**2
        + 2 * 4.47163 * g * x**3
        + 0.07842 * x**4
    ) / (5 * h**4)
    to_lorentz = (
        2.69269 * g**4
        + 2 * 2.42843 * g**3 * x
        + 3 * 4.47163 * g**2 * x**2
        + 4 * 0.07842 * g * x**3
        + 5 * x**4
    ) / (5 * h**4)
    q = x / h
    to_q = 1.36603 - 2 * 0.47719 * q + 3 * 0.11116 * q**2
    return to_gauss, to_lorentz, -to_q * q / h * to_gauss, to_q * (1.0 - q * to_lorentz) / h


def integral_breadth(h: float, eta: float) -> float:
    """Return area over height of the pseudo-Voigt of FWHM `h`, in the unit of `h`."""
    return float(h / (eta * _LORENTZ_AREA + (1.0 - eta) * _GAUSS_AREA))


@compiled(fastmath=True)
def sum_lines(
    x: Array,
    weight: Array,
    phase: Index,
    first: Index,
    last: Index,
    position: Array,
    width: Array,
    mixing: Array,
    amplitude: Array,
    total: Array,
) -> None:
    """Add each line times ``weight[phase]`` to ``total[phase]``; arrays over x are (phase, n)."""
    for k in range(position.size):
        h, eta, amp, p = width[k], mixing[k], amplitude[k], phase[k]
        lorentz = amp * eta * _LORENTZ_AREA / h
        gauss = amp * (1.0 - eta) * _GAUSS_AREA / h
        for i in range(first[k], last[k]):
            t = (x[i] - position[k]) / h
            value = lorentz / (1.0 + 4.0 * t * t)
            if t * t < _GAUSS_REACH * _GAUSS_REACH:
                value += gauss * np.exp(-_FOUR_LN2 * t * t)
            total[p, i] += weight[p, i] * value


@compiled(fastmath=True)
def sum_lines_and_slopes(
    x: Array,
    weight: Array,
    phase: Index,
    first: Index,
    last: Index,
    position: Array,
    width: Array,
    mixing: Array,
    amplitude: Array,
    columns: Index,
    chain: Array,
    total: Array,
    slopes: Array,
) -> None:
    """As `sum_lines`, and add the derivatives to ``slopes`` (parameter, n).

    ``columns`` (phase, m) are rows of `slopes` that a phase touches, -1 where unused; ``chain``
    (line, m, 4) the derivatives of amplitude, position, width and mixing of a line.
    """
    room = x.size
    shape, to_position = np.empty(room), np.empty(room)
    to_width, to_mixing = np.empty(room), np.empty(room)
    for k in range(position.size):
        h, eta, amp, p = width[k], mixing[k], amplitude[k], phase[k]
        a, b = first[k], last[k]
        for i in range(a, b):
            t = (x[i] - position[k]) / h
            tt = t * t
            bell = 1.0 / (1.0 + 4.0 * tt)
            lor = _LORENTZ_AREA / h * bell
            gau = 0.0
            if tt < _GAUSS_REACH * _GAUSS_REACH:
                gau = _GAUSS_AREA / h * np.exp(-_FOUR_LN2 * tt)
            w = weight[p, i]
            shape[i] = w * (eta * lor + (1.0 - eta) * gau)
            to_position[i] = (
                w * amp * t / h * (eta * lor * 8.0 * bell + (1.0 - eta) * gau * 2.0 * _FOUR_LN2)
            )
            to_width[i] = (
                w
                * amp
                / h
                * (
                    eta * lor * (8.0 * tt * bell - 1.0)
                    + (1.0 - eta) * gau * (2.0 * _FOUR_LN2 * tt - 1.0)
                )
            )
            to_mixing[i] = w * amp * (lor - gau)
            total[p, i] += amp * shape[i]
        for m in range(columns.shape[1]):
            row = columns[p, m]
            if row < 0:
                continue
            c0, c1, c2, c3 = chain[k, m, 0], chain[k, m, 1], chain[k, m, 2], chain[k, m, 3]
            for i in range(a, b):
                slopes[row, i] += (
                    c0 * shape[i] + c1 * to_position[i] + c2 * to_width[i] + c3 * to_mixing[i]
                )
