"""The lattices of lyotropic mesophases and mesoporous solids, and their allowed reflections.

Lamellar, hexagonal (p6mm) and the cubic groups met in lipids, surfactants, block copolymers and
mesoporous silica (Hyde, in Handbook of Applied Surface and Colloid Chemistry, Wiley (2001) ch. 16).
Extinctions follow from the operations of the groups (International Tables A).
"""

from dataclasses import dataclass
from functools import cache

import gemmi
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LATTICES = ("lamellar", "p6mm", "Im3m", "Pn3m", "Ia3d", "Fd3m", "Fm3m", "Pm3n")
_GROUPS = {
    "Im3m": "I m -3 m",
    "Pn3m": "P n -3 m:2",
    "Ia3d": "I a -3 d",
    "Fd3m": "F d -3 m:2",
    "Fm3m": "F m -3 m",
    "Pm3n": "P m -3 n",
}
#: Largest order, and Miller index, that is tabulated.
_ORDERS, _INDEX = 12, 8


@dataclass(frozen=True, kw_only=True)
class Reflections:
    """Allowed reflections of one lattice, ascending."""

    ratio: Array
    """q a/2π of each (n,): with the cell length a (the repeat d of a lamellar phase)."""
    label: tuple[str, ...]
    """Indices of one of the equivalent reflections of each."""


@cache
def reflections(lattice: str) -> Reflections:
    """Return the allowed reflections of one of `LATTICES`.

    q = 2π n/d lamellar, (4π/√3 a) √(h² + hk + k²) hexagonal, (2π/a) √(h² + k² + l²) cubic.
    """
    found: dict[int, str] = {}
    if lattice == "lamellar":
        found = {n * n: f"{n}" for n in range(1, _ORDERS + 1)}
    elif lattice == "p6mm":
        for h in range(1, _INDEX + 1):
            for k in range(h + 1):
                found.setdefault(h * h + h * k + k * k, f"{h}{k}")
    else:
        operations = gemmi.SpaceGroup(_GROUPS[lattice]).operations()
        for h in range(1, _INDEX + 1):
            for k in range(h + 1):
                for m in range(k + 1):
                    if not operations.is_systematically_absent([h, k, m]):
                        found.setdefault(h * h + k * k + m * m, f"{h}{k}{m}")
    # Beyond the largest index the list would have holes.
    last = _ORDERS**2 if lattice == "lamellar" else _INDEX**2
    sums = sorted(n for n in found if n <= last)
    scale = 2.0 / np.sqrt(3.0) if lattice == "p6mm" else 1.0
    return Reflections(
        ratio=scale * np.sqrt(np.array(sums, dtype=float)),
        label=tuple(found[n] for n in sums),
    )
