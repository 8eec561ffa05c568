"""Compiled sums of the peaks of `xrdkit.phase.peak_shapes`, all shapes but pearson7."""

import numpy as np
from numpy.typing import NDArray

from xrdkit.compiled import compiled

Array = NDArray[np.float64]

_GAUSS, _LORENTZ = 2.0 * np.sqrt(np.log(2.0) / np.pi), 2.0 / np.pi
_FOUR_LN2 = 4.0 * np.log(2.0)


@compiled(fastmath=True)
def add_peak(
    x: Array,
    centre: float,
    fwhm: float,
    form: float,
    asymmetry: float,
    area: float,
    total: Array,
) -> None:
    """Add a peak to `total` (n,): `area` times the shape with η = `form` at x (n,)."""
    for i in range(x.size):
        offset = x[i] - centre
        side = fwhm * (1.0 + asymmetry) if offset < 0.0 else fwhm * (1.0 - asymmetry)
        t = offset / side
        square = t * t
        k = form * _LORENTZ / (1.0 + 4.0 * square)
        if form < 1.0:
            k += (1.0 - form) * _GAUSS * np.exp(-_FOUR_LN2 * square)
        total[i] += area * k / fwhm


@compiled(fastmath=True)
def add_slopes(
    x: Array,
    centre: float,
    fwhm: float,
    form: float,
    asymmetry: float,
    factors: Array,
    rows: NDArray[np.int64],
    out: Array,
) -> None:
    """Add the derivatives of a peak of area 1, each times its factor, to rows of `out` (m, n).

    `factors` and `rows` (5,) are for the value itself, and for the derivatives by offset, FWHM,
    form and asymmetry; a row below 0 is left out.
    """
    for i in range(x.size):
        offset = x[i] - centre
        sign = 1.0 if offset < 0.0 else -1.0
        side = fwhm * (1.0 + asymmetry * sign)
        t = offset / side
        bell = 1.0 / (1.0 + 4.0 * t * t)
        lorentz = _LORENTZ * bell
        gauss = _GAUSS * np.exp(-_FOUR_LN2 * t * t)
        k = form * lorentz + (1.0 - form) * gauss
        dk = -8.0 * t * form * lorentz * bell - 2.0 * _FOUR_LN2 * t * (1.0 - form) * gauss
        if rows[0] >= 0:
            out[rows[0], i] += factors[0] * k / fwhm
        if rows[1] >= 0:
            out[rows[1], i] += factors[1] * dk / (fwhm * side)
        if rows[2] >= 0:
            out[rows[2], i] -= factors[2] * (k + t * dk) / fwhm**2
        if rows[3] >= 0:
            out[rows[3], i] += factors[3] * (lorentz - gauss) / fwhm
        if rows[4] >= 0:
            out[rows[4], i] -= factors[4] * sign * t * dk / side
