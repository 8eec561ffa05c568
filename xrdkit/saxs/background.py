"""Background under the particle scattering: flat, and B q⁻⁴ of much larger surfaces.

Both are fitted together with the particles; a background fitted beforehand in a window of its own
biases widths and volume fractions by up to tens of percent. q⁻⁴: G. Porod, Kolloid-Z. 124 (1951)
83.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FLAT = "background_flat"
POROD = "background_porod"


def background_columns(q: Array, *, flat: bool, porod: bool) -> dict[str, Array]:
    """Return the columns that the wanted backgrounds multiply: 1, and q⁻⁴ with q in 1/nm."""
    columns: dict[str, Array] = {}
    if flat:
        columns[FLAT] = np.ones_like(q)
    if porod:
        columns[POROD] = q**-4.0
    return columns
