"""What points see of a law where resolution smears it, and what of it is taken off sums."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.sparse import csr_array

from xrdkit.saxs.smearing import Smearing

Array = NDArray[np.float64]

#: Terms of the series of the inverse of a smearing, beyond the first.
_TERMS = 3
#: Standard deviation of q over q, at the lowest point, from which it sees too much below.
_LARGEST_SPREAD = 0.15


@dataclass(frozen=True, kw_only=True)
class Rays:
    """Where the rays to some points come from, and with which weight."""

    q: Array
    """q at which a law is computed, 1/nm, (m,)."""
    matrix: csr_array | None
    """Weights, (n, m); None where every point sees its own q alone."""

    @classmethod
    def of(cls, q: Array, smearing: Smearing | None, used: NDArray[np.intp]) -> "Rays":
        """Return the rays to the points `q` (n,), which are those of number `used` of a smearing.

        Without a smearing each point sees itself.
        """
        if smearing is None:
            return cls(q=q, matrix=None)
        rows = smearing.weights[used]
        seen = np.unique(rows.indices)
        if seen.size == 0:
            return cls(q=q, matrix=None)
        reach = slice(int(seen[0]), int(seen[-1]) + 1)
        return cls(q=smearing.q_model[reach], matrix=csr_array(rows[:, reach]))

    def apply(self, values: Array) -> Array:
        """Return what the points see, (n,) or (n, k), of `values` at `q`, (m,) or (m, k)."""
        if self.matrix is None:
            return values
        seen: Array = self.matrix @ values
        return seen


def reaches_below(q: Array, smearing: Smearing | None, used: NDArray[np.intp]) -> bool:
    """Tell whether the lowest point of `q` sees much of a curve below it, where there are no data.

    There the inverse of the smearing is that of a curve which nobody knows: of steep curves it
    makes worse what it should mend.
    """
    if smearing is None:
        return False
    row = smearing.weights[used[:1]].toarray()[0]
    spread = float(np.sqrt(row @ (smearing.q_model - q[0]) ** 2))
    return spread > _LARGEST_SPREAD * float(q[0])


def unsmeared(
    rows: Array, q: Array, smearing: Smearing | None, used: NDArray[np.intp]
) -> tuple[Array, Array]:
    """Return linear estimates from a smeared curve that hold for the curve before smearing.

    `rows` (p, n) are estimates from the unsmeared curve at its points `q` (n,), those of number
    `used` of the smearing. With A the matrix that smears the curve which is interpolated between
    the points, the result is rows (1 + (1 - A) + (1 - A)² ...), the first terms of A⁻¹ (P. H. van
    Cittert, Z. Phys. 69 (1931) 298): what smearing does to an area under a curve is small. The
    second result is the last term, (p, n): what is left out is smaller.
    """
    if smearing is None:
        return rows, np.zeros_like(rows)
    onto = CubicSpline(q, np.eye(q.size))(np.clip(smearing.q_model, q[0], q[-1]))
    weights = smearing.weights[used]
    step, total = rows, rows
    for _ in range(_TERMS):
        step = step - (weights.T @ step.T).T @ onto
        total = total + step
    return total, step
