"""The terms that symmetry leaves to anisotropic strain.

Stephens (J. Appl. Cryst. 32 (1999) 281): metric parameters that differ from crystal to crystal
spread M = 1/d² with a variance of fourth order in the indices,

    σ²(M) = Σ S_HKL m_HKL h^H k^K l^L,    H + K + L = 4,

m = 1 for S400 ..., 3 for S220 ..., 2 for S310 ..., 4 for S211 ... . Equivalent reflections have
equal variances. What that leaves is found here from the rotations of the group, whatever its
setting: each invariant is named after its first term, in which S is 1, so that a cubic crystal has
S400 (h⁴ + k⁴ + l⁴) + 3 S220 (h²k² + h²l² + k²l²) and a hexagonal one
S400 (h² + hk + k²)² + 3 S202 (h² + hk + k²) l² + S004 l⁴.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdkit.phase.reflections import laue_rotations
from xrdkit.phase.site_freedom import echelon

Array = NDArray[np.float64]

#: Powers of h, k, l in the order in which terms name invariants.
_POWERS = (
    (4, 0, 0),
    (0, 4, 0),
    (0, 0, 4),
    (2, 2, 0),
    (2, 0, 2),
    (0, 2, 2),
    (3, 0, 1),
    (3, 1, 0),
    (1, 0, 3),
    (1, 3, 0),
    (0, 3, 1),
    (0, 1, 3),
    (2, 1, 1),
    (1, 2, 1),
    (1, 1, 2),
)
#: m of a term by its largest power, and by its smallest where that is 2.
_FACTORS = {4: 1.0, 3: 2.0}


@dataclass(frozen=True, kw_only=True)
class StrainTerms:
    """The independent S_HKL of a crystal."""

    names: tuple[str, ...]
    """``"S400"`` and such (k,)."""
    powers: tuple[tuple[int, int, int], ...]
    """H, K, L of the term that each is named after (k,)."""
    mixtures: Array
    """Share of every term in each invariant (k, 15); 1 for its own."""

    def values(self, hkl: NDArray[Any]) -> Array:
        """Return each invariant (k, n) at reflections `hkl` (n, 3): σ² per unit of its S."""
        return np.asarray(self.mixtures @ _monomials(hkl).T)

    def isotropic(self, reciprocal: Array) -> Array:
        """Return the S (k,) of σ²(M) = M², M = h G* h with `reciprocal` G* (3, 3) in 1/nm²."""
        points: Array = np.random.default_rng(0).normal(size=(60, 3))
        squares = np.einsum("ni,ij,nj->n", points, reciprocal, points) ** 2
        found = np.linalg.lstsq(self.values(points).T, squares, rcond=None)[0]
        return np.asarray(found, dtype=np.float64)


@lru_cache(maxsize=64)
def strain_terms(triplets: tuple[str, ...]) -> StrainTerms:
    """Return the terms that a group, given by all its operators, leaves."""
    points: Array = np.random.default_rng(0).normal(size=(60, 3))
    rotations = laue_rotations(triplets)
    mean = np.mean([_monomials(points @ rotation) for rotation in rotations], axis=0)
    # The mean over the group as a matrix that acts on the terms: a projector on invariants.
    projector: Array = np.asarray(np.linalg.lstsq(_monomials(points), mean, rcond=None)[0], float)
    rows: Array = np.round(echelon(projector.T), 9)
    leading = [int(np.argmax(np.abs(row) > 1e-9)) for row in rows]
    powers = tuple(_POWERS[k] for k in leading)
    return StrainTerms(
        names=tuple("S{}{}{}".format(*p) for p in powers), powers=powers, mixtures=rows
    )


def _monomials(hkl: NDArray[Any]) -> Array:
    """Return m h^H k^K l^L (n, 15)."""
    h = np.asarray(hkl, dtype=float)
    columns = [
        _FACTORS.get(max(p), 3.0 if sorted(p)[1] == 2 else 4.0) * np.prod(h ** np.array(p), axis=1)
        for p in _POWERS
    ]
    return np.stack(columns, axis=1)
