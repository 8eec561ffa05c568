"""Atomic scattering: f0 of neutral atoms and the dispersion terms f', f''."""

from functools import lru_cache

import gemmi
import numpy as np
from numpy.typing import NDArray

from xrdkit.constants import HC_KEV_ANGSTROM
from xrdkit.errors import SpecError, StructureError

Array = NDArray[np.float64]

#: sinθ/λ in 1/Å up to which the nine-parameter f0 of International Tables hold.
S_MAX = 2.0
_LAST_WITH_DISPERSION = 92


def form_factor(element: str, s: Array) -> Array:
    """Return f0 in electrons at s = sinθ/λ in 1/Å.

    Σ aᵢ exp(-bᵢ s²) + c, International Tables for Crystallography C (1992), table 6.1.1.4, as
    gemmi tabulates it. Raises SpecError beyond 2 1/Å and StructureError for elements that the
    table does not have (beyond Cf).
    """
    if np.max(s, initial=0.0) > S_MAX:
        raise SpecError(
            f"sinθ/λ up to {np.max(s):.2f} 1/Å: atomic form factors are tabulated to {S_MAX} 1/Å",
            hint="narrow the range",
        )
    table = gemmi.Element(element).it92
    if table is None:
        raise StructureError(f"no form factor of {element} is tabulated")
    a, b = np.array(table.a), np.array(table.b)
    return np.asarray(np.exp(-np.multiply.outer(s**2, b)) @ a + table.c)


@lru_cache(maxsize=4096)
def dispersion(element: str, wavelength: float) -> tuple[float, float]:
    """Return f', f'' in electrons for a wavelength in ångström (Cromer & Liberman 1981, gemmi).

    Both are 0 for H, D and He. Raises StructureError for elements beyond U, which the table lacks.
    """
    number = gemmi.Element(element).atomic_number
    if number > _LAST_WITH_DISPERSION:
        raise StructureError(f"no f', f'' of {element} are tabulated")
    energy = 1000.0 * HC_KEV_ANGSTROM / wavelength
    real, imaginary = gemmi.cromer_liberman(z=number, energy=energy)
    return float(real), float(imaginary)
