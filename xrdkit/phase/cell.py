"""The unit cell as a metric tensor: spacings, volume, and the freedom that symmetry leaves it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Cell = tuple[float, float, float, float, float, float]

LENGTHS = ("a", "b", "c")
ANGLES = ("alpha", "beta", "gamma")
CELL_NAMES = LENGTHS + ANGLES
#: (row, column) of the metric tensor that an angle sits in.
_ANGLE_PLACES = ((1, 2), (0, 2), (0, 1))
#: An anisotropic metric without accidental equalities, to read the ties of a group from.
_GENERIC = np.array([[1.3, 0.17, -0.11], [0.17, 1.9, 0.23], [-0.11, 0.23, 2.7]])


def metric(cell: Cell) -> Array:
    """Return the direct metric tensor G (3, 3) in nm² of a, b, c (nm), α, β, γ (degree)."""
    lengths = np.array(cell[:3])
    tensor = np.outer(lengths, lengths)
    for angle, (i, j) in zip(cell[3:], _ANGLE_PLACES, strict=True):
        tensor[i, j] *= np.cos(np.radians(angle))
        tensor[j, i] = tensor[i, j]
    return tensor


def metric_slope(cell: Cell, index: int) -> Array:
    """Return ∂G/∂(cell[index]) (3, 3): per nm for lengths, per degree for angles."""
    slope = np.zeros((3, 3))
    if index < 3:
        tensor = metric(cell)
        slope[index, :] = tensor[index, :] / cell[index]
        slope[:, index] += tensor[:, index] / cell[index]
        return slope
    i, j = _ANGLE_PLACES[index - 3]
    slope[i, j] = -cell[i] * cell[j] * np.sin(np.radians(cell[index])) * np.pi / 180.0
    slope[j, i] = slope[i, j]
    return slope


def volume(cell: Cell) -> float:
    """Return the cell volume in nm³, √det G; 0 where the angles close no cell."""
    return float(np.sqrt(max(np.linalg.det(metric(cell)), 0.0)))


def inverse_d_squared(hkl: NDArray[Any], cell: Cell) -> Array:
    """Return 1/d² (n,) in 1/nm² of reflections `hkl` (n, 3): h · G⁻¹ · h."""
    return np.asarray(np.einsum("ni,ij,nj->n", hkl, np.linalg.inv(metric(cell)), hkl))


def inverse_d_squared_slope(hkl: NDArray[Any], cell: Cell, index: int) -> Array:
    """Return ∂(1/d²)/∂(cell[index]) (n,): -(h G⁻¹) (∂G/∂p) (G⁻¹ h)."""
    rows = hkl @ np.linalg.inv(metric(cell))
    return np.asarray(-np.einsum("ni,ij,nj->n", rows, metric_slope(cell, index), rows))


@dataclass(frozen=True, kw_only=True)
class CellTies:
    """Which of a, b, c, α, β, γ are free, follow another one, or are fixed by symmetry."""

    master: tuple[int, ...]
    """For each of the six, the index of the one it equals (its own where it is independent)."""
    fixed: tuple[float | None, ...]
    """For each of the six, the angle in degree that symmetry demands, or None."""

    @property
    def free(self) -> tuple[int, ...]:
        """Indices of the independent cell parameters."""
        return tuple(k for k in range(6) if self.master[k] == k and self.fixed[k] is None)

    def complete(self, cell: Cell) -> Cell:
        """Return `cell` with the dependent values set from the independent ones."""
        a, b, c, alpha, beta, gamma = (
            cell[self.master[k]] if fixed is None else fixed for k, fixed in enumerate(self.fixed)
        )
        return (a, b, c, alpha, beta, gamma)


def cell_ties(rotations: NDArray[np.int64]) -> CellTies:
    """Return the ties that the rotations (n, 3, 3) of a space group put on its cell.

    A generic metric averaged over the group, ⟨Rᵀ G R⟩, keeps exactly the freedom that is left.
    """
    mean = np.mean([r.T @ _GENERIC @ r for r in rotations], axis=0)
    lengths = np.sqrt(np.diag(mean))
    master = list(range(6))
    fixed: list[float | None] = [None] * 6
    for k in range(3):
        master[k] = next(j for j in range(k + 1) if abs(lengths[j] / lengths[k] - 1) < 1e-9)
    cosines = [mean[i, j] / (lengths[i] * lengths[j]) for i, j in _ANGLE_PLACES]
    for k, cosine in enumerate(cosines):
        if abs(cosine) < 1e-9:
            fixed[3 + k] = 90.0
        elif abs(cosine + 0.5) < 1e-9:
            fixed[3 + k] = 120.0
        else:
            master[3 + k] = 3 + next(j for j in range(k + 1) if abs(cosines[j] - cosine) < 1e-9)
    return CellTies(master=tuple(master), fixed=tuple(fixed))
