"""Start values: every size and width on a grid, amplitudes and backgrounds solved for each.

With badly scaled amplitudes a fit of several populations ends in a side minimum. Here the linear
parameters are solved exactly, first freely for the whole grid at once, then without negative values
(C. L. Lawson, R. J. Hanson, Solving Least Squares Problems, 1974) for the best.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from xrdkit.saxs.background import FLAT, POROD
from xrdkit.saxs.distribution import Array, Family, lattice_weights
from xrdkit.saxs.kernel import Smears, kernel
from xrdkit.saxs.spec import FAMILIES

_WIDTHS = (0.05, 0.12, 0.25, 0.5)
_REFINED = 8
_TINY = 1e-300


@dataclass(frozen=True)
class Start:
    """Start values of a fit."""

    locations: tuple[float, ...]
    """Location of each population, ln nm."""
    widths: tuple[float, ...]
    """Relative width of each population."""
    amplitudes: tuple[float, ...]
    """φΔρ² of each population, (1e10 1/cm²)²."""
    background: dict[str, float]
    """Background by name."""
    chi2: float
    """Weighted sum of squares."""


def location_range(q: Array) -> tuple[float, float]:
    """Return the locations, ln nm, in which a fit may look: ten times the range of π/q."""
    return float(np.log(0.1 * np.pi / q[-1])), float(np.log(10 * np.pi / q[0]))


def starts(
    family: Family,
    q: Array,
    valid: NDArray[np.bool_],
    intensity: Array,
    weight: Array,
    background: dict[str, Array],
    populations: int,
    smearing: Smears | None = None,
) -> list[Start]:
    """Return start values, best first, of clearly different sizes.

    `q` has all points of the profile, `valid` tells which of them `intensity` and `weight`
    (1/sigma) hold; `smearing` is that of the kernel. Always returns at least one.
    """
    locations, widths, table = _grid(q.tobytes(), family.name, smearing)
    columns = table[valid] * weight[:, None]
    target = intensity * weight
    sides = {name: column[valid] * weight for name, column in background.items()}
    picked: set[tuple[int, ...]] = set()
    for names in {tuple(sides), tuple(n for n in sides if n != POROD)}:
        base = np.stack([sides[n] for n in names], axis=1) if names else None
        picked.update(_best(columns, target, base, populations))
    found = [_solve(choice, columns, target, sides) for choice in sorted(picked)]
    found.sort(key=lambda item: item[1])
    result: list[Start] = []
    for choice, chi2, linear, behind in found:
        place = tuple(float(locations[i]) for i in choice)
        if all(np.max(np.abs(np.subtract(place, s.locations))) > 0.4 for s in result):
            result.append(
                Start(
                    locations=place,
                    widths=tuple(float(widths[i]) for i in choice),
                    amplitudes=tuple(linear),
                    background=behind,
                    chi2=chi2,
                )
            )
    return result


def _best(
    columns: Array, target: Array, base: Array | None, populations: int
) -> list[tuple[int, ...]]:
    if base is not None:
        orthogonal = np.linalg.qr(base)[0]
        columns = columns - orthogonal @ (orthogonal.T @ columns)
        target = target - orthogonal @ (orthogonal.T @ target)
    product = columns.T @ target
    gram = columns.T @ columns
    norm = np.maximum(np.diag(gram), _TINY)
    if populations == 1:
        gain = np.where(product > 0, product**2 / norm, 0.0)
        return [(int(i),) for i in np.argsort(-gain, kind="stable")[:_REFINED]]
    i, j = np.triu_indices(len(product), k=1)
    determinant = norm[i] * norm[j] - gram[i, j] ** 2
    usable = determinant > 1e-8 * norm[i] * norm[j]
    safe = np.where(usable, determinant, 1.0)
    first = (product[i] * norm[j] - product[j] * gram[i, j]) / safe
    second = (product[j] * norm[i] - product[i] * gram[i, j]) / safe
    gain = np.where(
        usable & (first > 0) & (second > 0), first * product[i] + second * product[j], 0.0
    )
    order = np.argsort(-gain, kind="stable")[:_REFINED]
    choices: list[tuple[int, ...]] = [(int(i[k]), int(j[k])) for k in order]
    for _ in range(populations - 2):
        choices = [_extended(choice, columns, target) for choice in choices]
    return [tuple(sorted(choice)) for choice in choices]


def _extended(choice: tuple[int, ...], columns: Array, target: Array) -> tuple[int, ...]:
    rest = [i for i in range(columns.shape[1]) if i not in choice]
    misfit = [nnls(columns[:, [*choice, i]], target)[1] for i in rest]
    return (*choice, rest[int(np.argmin(misfit))])


def _solve(
    choice: tuple[int, ...], columns: Array, target: Array, sides: dict[str, Array]
) -> tuple[tuple[int, ...], float, list[float], dict[str, float]]:
    # A flat background may be negative: it enters twice, with both signs.
    parts = [columns[:, i] for i in choice] + list(sides.values())
    if FLAT in sides:
        parts.append(-sides[FLAT])
    matrix = np.stack(parts, axis=1)
    length = np.maximum(np.linalg.norm(matrix, axis=0), _TINY)
    solution, misfit = nnls(matrix / length, target)
    solution = solution / length
    behind = dict(zip(sides, (float(v) for v in solution[len(choice) :]), strict=False))
    if FLAT in sides:
        behind[FLAT] -= float(solution[-1])
    return choice, float(misfit) ** 2, [float(v) for v in solution[: len(choice)]], behind


@lru_cache(maxsize=8)
def _grid(content: bytes, method: str, smearing: Smears | None) -> tuple[Array, Array, Array]:
    q = np.frombuffer(content, dtype=np.float64)
    family = FAMILIES[method]
    seen = kernel(q, smearing=smearing)
    low, high = np.log(0.3 * np.pi / q[-1]), np.log(2 * np.pi / q[0])
    places, widths, columns = [], [], []
    for s in _WIDTHS:
        if s > family.width_range[1]:
            continue
        # Ripples of a narrow distribution move out of step within one width.
        for location in np.arange(low, high, max(s, 0.08)):
            weights = lattice_weights(family, float(location), s, lowest_power=-1)
            places.append(float(location))
            widths.append(s)
            columns.append(seen.apply(weights.level, weights.first, weights.table[:, 0]))
    return np.array(places), np.array(widths), np.stack(columns, axis=1)
