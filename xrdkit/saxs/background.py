"""Background under the particle scattering: flat, and B q⁻⁴ of much larger surfaces.

A part proportional to q is there for what rises with the angle, such as fluorescence. All are
fitted together with the particles; a background fitted beforehand in a window of its own biases
widths and volume fractions by up to tens of percent. q⁻⁴: G. Porod, Kolloid-Z. 124 (1951) 83.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from xrdkit.saxs.kernel import Smears

Array = NDArray[np.float64]

FLAT = "background_flat"
SLOPE = "background_slope"
POROD = "background_porod"
#: Backgrounds that may be negative where too much was subtracted.
EITHER_SIGN = (FLAT, SLOPE)


def background_columns(
    q: Array,
    *,
    flat: bool,
    porod: bool,
    slope: bool = False,
    spread: Array | None = None,
    smearing: Smears | None = None,
) -> dict[str, Array]:
    """Return the columns that the wanted backgrounds multiply: 1, q and q⁻⁴ with q in 1/nm.

    `spread` is the standard deviation of q within each point, over which q⁻⁴ is averaged;
    a `smearing` smears it, in place of `spread`.
    """
    columns: dict[str, Array] = {}
    if flat:
        columns[FLAT] = np.ones_like(q)
    if slope:
        columns[SLOPE] = q + 0.0 if smearing is None else smearing.apply(smearing.q_model)
    if porod and smearing is not None:
        columns[POROD] = smearing.apply(smearing.q_model**-4.0)
    elif porod:
        wide = 0.0 if spread is None else spread
        columns[POROD] = 0.5 * ((q + wide) ** -4.0 + (q - wide) ** -4.0)
    return columns


def background_chi2(columns: dict[str, Array], target: Array) -> float:
    """Return the least Σ(target - background)² that the background alone leaves, with B >= 0.

    `columns` and `target`, shape (n,), are divided by the standard errors.
    """
    parts = list(columns.values())
    parts += [-columns[name] for name in EITHER_SIGN if name in columns]
    if not parts:
        return float(target @ target)
    matrix = np.stack(parts, axis=1)
    return float(nnls(matrix / np.linalg.norm(matrix, axis=0), target)[1]) ** 2
