"""Start values: every size, width and form on a grid, amplitudes and backgrounds solved for each.

With badly scaled amplitudes a fit of several populations ends in a side minimum. Here the linear
parameters are solved exactly, first freely for the whole grid at once, then without negative values
(C. L. Lawson, R. J. Hanson, Solving Least Squares Problems, 1974) for the best.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from xrdkit.saxs.background import EITHER_SIGN, EXPONENT, POSITIVE
from xrdkit.saxs.distribution import Array, lattice_weights
from xrdkit.saxs.kernel import Kernel
from xrdkit.saxs.population import Component

_WIDTHS: tuple[float, ...] = (0.05, 0.12, 0.25, 0.5)
#: Where the shape is looked for too, its form says more than a narrow width.
_FEW_WIDTHS: tuple[float, ...] = (0.1, 0.25, 0.5)
_NARROW_WIDTHS = (0.015, 0.03)
_REFINED = 8
_REFINED_SHAPES = 24
_TINY = 1e-300
#: Starts differ by more than this in the size, or the form, of a population (ln).
_APART = 0.4
_APART_NARROW = 0.03


@dataclass(frozen=True)
class Candidate:
    """One point of the grid for one population."""

    location: float
    """Location, ln nm."""
    width: float
    """Relative width."""
    form: dict[str, float]
    """Parameters of the shape by name."""


@dataclass(frozen=True)
class Grid:
    """All candidates for one kind of population."""

    candidates: tuple[Candidate, ...]
    """What was computed."""
    columns: Array
    """Its intensity, shape (q, candidates)."""


@dataclass(frozen=True)
class Start:
    """Start values of a fit."""

    candidates: tuple[Candidate, ...]
    """Size and form of each population."""
    amplitudes: tuple[float, ...]
    """Amount of each population: φΔρ², (1e10 1/cm²)²."""
    background: dict[str, float]
    """Background by name."""
    chi2: float
    """Weighted sum of squares."""


def location_range(q: Array) -> tuple[float, float]:
    """Return the locations, ln nm, in which a fit may look: ten times the range of π/q."""
    return float(np.log(0.1 * np.pi / q[-1])), float(np.log(10 * np.pi / q[0]))


def starts(
    components: Sequence[Component],
    kernels: Sequence[Kernel],
    valid: NDArray[np.bool_],
    intensity: Array,
    weight: Array,
    background: dict[str, Array],
    *,
    narrow: bool = False,
) -> list[Start]:
    """Return start values, best first, of clearly different sizes or forms.

    `kernels` of the `components` have all points of the profile, `valid` tells which of them
    `intensity` and `weight` (1/sigma) hold. `narrow` looks for sizes that are nearly all alike, on
    a grid as fine as their ripples. Always returns at least one.
    """
    target = intensity * weight
    sides = {name: column[valid] * weight for name, column in background.items()}
    kinds: list[tuple[str, Kernel]] = []
    grids: list[Grid] = []
    for component, kernel in zip(components, kernels, strict=True):
        kind = (component.family.name, kernel)
        if kind not in kinds:
            kinds.append(kind)
            grids.append(_grid(component, kernel, narrow=narrow))
    places = [kinds.index((c.family.name, k)) for c, k in zip(components, kernels, strict=True)]
    everything = [candidate for grid in grids for candidate in grid.candidates]
    kind_of = np.repeat(np.arange(len(grids)), [len(grid.candidates) for grid in grids])
    columns = np.concatenate([grid.columns for grid in grids], axis=1)[valid] * weight[:, None]
    refined = _REFINED_SHAPES if any(c.shape.free for c in components) else _REFINED
    picked: set[tuple[int, ...]] = set()
    for names in {tuple(sides), tuple(n for n in sides if n not in (*POSITIVE, EXPONENT))}:
        base = np.stack([sides[n] for n in names], axis=1) if names else None
        picked.update(_best(columns, target, base, kind_of, places, refined))
    found = [_solve(choice, columns, target, sides) for choice in sorted(picked)]
    found.sort(key=lambda item: item[1])
    result: list[Start] = []
    apart = _APART_NARROW if narrow else _APART
    for choice, chi2, linear, behind in found:
        candidates = tuple(everything[i] for i in choice)
        if all(_differ(candidates, start.candidates, apart) for start in result):
            result.append(
                Start(
                    candidates=candidates,
                    amplitudes=tuple(linear),
                    background=behind,
                    chi2=chi2,
                )
            )
    return result


def _differ(some: tuple[Candidate, ...], others: tuple[Candidate, ...], apart: float) -> bool:
    for one, other in zip(some, others, strict=True):
        if abs(one.location - other.location) > apart:
            return True
        for name, value in one.form.items():
            before = other.form[name]
            if value * before <= 0.0:
                if value != before:
                    return True
            elif abs(np.log(value / before)) > _APART:
                return True
    return False


def _best(
    columns: Array,
    target: Array,
    base: Array | None,
    kind_of: NDArray[np.intp],
    places: Sequence[int],
    refined: int,
) -> list[tuple[int, ...]]:
    """Return the best choices, one column of the kind `places[k]` for each population k."""
    if base is not None:
        orthogonal = np.linalg.qr(base)[0]
        columns = columns - orthogonal @ (orthogonal.T @ columns)
        target = target - orthogonal @ (orthogonal.T @ target)
    projection = columns.T @ target
    norm = np.maximum(np.einsum("ij,ij->j", columns, columns), _TINY)
    if len(places) == 1:
        gain = np.where(projection > 0, projection**2 / norm, 0.0)
        return [(int(i),) for i in np.argsort(-gain, kind="stable")[:refined]]
    gram = columns.T @ columns
    if places[0] == places[1]:
        own = np.flatnonzero(kind_of == places[0])
        i, j = (own[side] for side in np.triu_indices(own.size, k=1))
    else:
        sides = np.meshgrid(
            np.flatnonzero(kind_of == places[0]), np.flatnonzero(kind_of == places[1])
        )
        i, j = sides[0].ravel(), sides[1].ravel()
    determinant = norm[i] * norm[j] - gram[i, j] ** 2
    usable = determinant > 1e-8 * norm[i] * norm[j]
    safe = np.where(usable, determinant, 1.0)
    first = (projection[i] * norm[j] - projection[j] * gram[i, j]) / safe
    second = (projection[j] * norm[i] - projection[i] * gram[i, j]) / safe
    gain = np.where(
        usable & (first > 0) & (second > 0), first * projection[i] + second * projection[j], 0.0
    )
    order = np.argsort(-gain, kind="stable")[:refined]
    choices: list[tuple[int, ...]] = [(int(i[k]), int(j[k])) for k in order]
    for place in places[2:]:
        own = np.flatnonzero(kind_of == place)
        choices = [_extended(choice, columns, target, own) for choice in choices]
    if len(set(places)) == 1:
        return [tuple(sorted(choice)) for choice in choices]
    return choices


def _extended(
    choice: tuple[int, ...], columns: Array, target: Array, own: NDArray[np.intp]
) -> tuple[int, ...]:
    rest = [int(i) for i in own if i not in choice]
    misfit = [nnls(columns[:, [*choice, i]], target)[1] for i in rest]
    return (*choice, rest[int(np.argmin(misfit))])


def _solve(
    choice: tuple[int, ...], columns: Array, target: Array, sides: dict[str, Array]
) -> tuple[tuple[int, ...], float, list[float], dict[str, float]]:
    # A background that may be negative enters twice, with both signs.
    signed = [name for name in EITHER_SIGN if name in sides]
    parts = [columns[:, i] for i in choice] + list(sides.values())
    parts += [-sides[name] for name in signed]
    matrix = np.stack(parts, axis=1)
    length = np.maximum(np.linalg.norm(matrix, axis=0), _TINY)
    solution, misfit = nnls(matrix / length, target)
    solution = solution / length
    behind = dict(zip(sides, (float(v) for v in solution[len(choice) :]), strict=False))
    for name, value in zip(signed, solution[len(choice) + len(sides) :], strict=True):
        behind[name] -= float(value)
    return choice, float(misfit) ** 2, [float(v) for v in solution[: len(choice)]], behind


def _grid(component: Component, kernel: Kernel, *, narrow: bool) -> Grid:
    """Return the grid of a population, kept with its kernel."""
    key = f"{component.family.name}, narrow" if narrow else component.family.name
    kept = kernel.kept.get(key)
    if isinstance(kept, Grid):
        return kept
    family, shape, q = component.family, component.shape, kernel.q
    low, high = np.log(0.3 * np.pi / q[-1]), np.log(2 * np.pi / q[0])
    choices = {p.name: shape.starts(p.name, q) for p in shape.parameters}
    forms = [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]
    wanted = _FEW_WIDTHS if len(forms) > 1 else _WIDTHS
    if narrow:
        wanted = _NARROW_WIDTHS
    least, most = family.width_range
    widths = [s for s in wanted if least <= s <= most] if family.has_width else [least]
    candidates: list[Candidate] = []
    columns: list[Array] = []
    for s in widths:
        # Ripples of a narrow distribution move out of step within one width.
        places = np.arange(low, high, s if narrow else max(s, 0.08))
        rows = [
            lattice_weights(
                family, float(u), s, lowest_power=shape.lowest_power, power=shape.volume_power
            )
            for u in places
        ]
        first = min(row.first for row in rows)
        last = max(row.first + len(row.table) for row in rows)
        shares = np.zeros((last - first, len(rows)))
        for column, row in enumerate(rows):
            start = row.first - first
            shares[start : start + len(row.table), column] = row.table[:, 0]
        for form in forms:
            candidates += [Candidate(float(u), s, form) for u in places]
            columns.append(kernel.apply(rows[0].level, first, shares, form))
    grid = Grid(tuple(candidates), np.concatenate(columns, axis=1))
    kernel.kept[key] = grid
    return grid
