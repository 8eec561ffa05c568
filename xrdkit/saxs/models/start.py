"""Start values: each component's own candidates in turn, amplitudes solved for each.

The intensity is linear in the amplitudes: for any other parameters the best of them, none below
its bound, are solved (C. L. Lawson, R. J. Hanson, Solving Least Squares Problems, 1974). Candidates
are exchanged component by component until none is better.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from xrdkit.saxs.models.component import Component
from xrdkit.saxs.models.evaluate import ModelCurve

Array = NDArray[np.float64]

_MOST_ROWS = 120
_SWEEPS = 3
_APART = 0.35
_LEAST_SHARE = 1e-3


@dataclass(frozen=True)
class Start:
    """Start values of the free parameters."""

    values: dict[str, float]
    """By name."""
    chi2: float
    """Weighted sum of squares with them, of the points looked at."""


def find_starts(
    curve: ModelCurve, valid: NDArray[np.intp], intensity: Array, weight: Array, *, count: int
) -> list[Start]:
    """Return at most `count` starts, best first, that clearly differ. Always at least one.

    `valid` are the numbers of the points that `intensity` and `weight` (1/sigma) hold.
    """
    return _Search(curve, valid, intensity, weight).run(count)


class _Search:
    def __init__(
        self, curve: ModelCurve, valid: NDArray[np.intp], intensity: Array, weight: Array
    ) -> None:
        self.curve = curve
        # Neighbours are averaged: what they tell of a smooth curve, they tell together.
        self._valid, self._square = valid, weight**2
        self._groups_at = np.arange(0, valid.size, -(-valid.size // _MOST_ROWS))
        self._norm = np.sqrt(np.add.reduceat(self._square, self._groups_at))
        self.target = self._averaged(intensity[:, None])[:, 0]
        entries = [curve.by_name[name] for name in curve.free]
        self.linear = tuple(e.name for e in entries if e.quantity.amplitude)
        self.low = np.array([curve.by_name[n].bounds[0] for n in self.linear])
        self.high = np.array([curve.by_name[n].bounds[1] for n in self.linear])
        self.groups = self._groups()
        self.choices = [self._candidates(k) for k in range(len(curve.model.components))]
        self._columns: dict[tuple[float, ...], Array] = {}
        self._solved: dict[tuple[int, ...], tuple[float, Array]] = {}

    def run(self, count: int) -> list[Start]:
        present: list[int] = []
        picked = [0] * len(self.choices)
        # Components join one after another, those with the fewest candidates first.
        for number in sorted(range(len(picked)), key=lambda k: len(self.choices[k])):
            present.append(number)
            picked = self._best(picked, number, present)
        everything = list(range(len(picked)))
        for _ in range(_SWEEPS):
            before = list(picked)
            for number in everything:
                picked = self._best(picked, number, everything)
            if picked == before:
                break
        self._best(picked, 0, everything)
        whole = [(chi2, key) for key, (chi2, _) in self._solved.items() if min(key) >= 0]
        found: list[Start] = []
        for chi2, key in sorted(whole):
            values = self._nonlinear(key)
            if all(self._differs(values, other.values) for other in found):
                found.append(Start(self._lifted(values, self._solved[key][1]), chi2))
            if len(found) == count:
                break
        return found

    def _averaged(self, rows: Array) -> Array:
        """Return weighted sums (g, k) of rows (n, k) in units of their errors."""
        total = np.add.reduceat(rows * self._square[:, None], self._groups_at, axis=0)
        result: Array = total / self._norm[:, None]
        return result

    def _candidates(self, number: int) -> list[dict[str, float]]:
        """Return the start values to try of what no one stated of a component."""
        name = self.curve.model.names[number]
        open_ = {
            e.quantity.name: e
            for e in self.curve.model.entries
            if e.component == number and e.free and e.value is None and not e.quantity.amplitude
        }
        found: list[dict[str, float]] = []
        for candidate in self.curve.model.components[number].candidates(self.curve.points.q):
            own = {}
            for local, value in candidate.items():
                if local in open_:
                    low, high = self.curve.bounds(f"{name}.{local}")
                    own[f"{name}.{local}"] = min(max(value, low), high)
            if own not in found:
                found.append(own)
        return found

    def _groups(self) -> list[tuple[str, list[int]]]:
        """Return components that could change places, with what they are ordered by."""
        found: dict[object, list[int]] = {}
        for number, part in enumerate(self.curve.model.components):
            if part.ordered_by is not None:
                found.setdefault(replace(part, name=None), []).append(number)
        return [
            (str(part.ordered_by), group)
            for part, group in found.items()
            if isinstance(part, Component) and len(group) > 1
        ]

    def _ordered(self, picked: list[int], present: list[int]) -> list[int]:
        picked = list(picked)
        for local, group in self.groups:
            here = [number for number in group if number in present]

            def size(number: int, local: str = local, picked: list[int] = picked) -> float:
                name = f"{self.curve.model.names[number]}.{local}"
                return self.choices[number][picked[number]].get(name, 0.0)

            kept = [picked[number] for number in sorted(here, key=size)]
            for number, at in zip(here, kept, strict=True):
                picked[number] = at
        return picked

    def _nonlinear(self, key: Sequence[int]) -> dict[str, float]:
        values: dict[str, float] = {}
        for name in self.curve.free:
            entry = self.curve.by_name[name]
            if not entry.quantity.amplitude and entry.value is not None:
                values[name] = entry.value
        for number, at in enumerate(key):
            values |= self.choices[number][max(at, 0)]
        return values

    def _best(self, picked: list[int], number: int, present: list[int]) -> list[int]:
        best, kept = np.inf, picked
        for at in range(len(self.choices[number])):
            trial = self._ordered([*picked[:number], at, *picked[number + 1 :]], present)
            key = tuple(c if k in present else -1 for k, c in enumerate(trial))
            if key not in self._solved:
                self._solved[key] = self._solve(key)
            if self._solved[key][0] < best:
                best, kept = self._solved[key][0], trial
        return kept

    def _solve(self, key: tuple[int, ...]) -> tuple[float, Array]:
        ones = dict.fromkeys(self.linear, 1.0)
        values = self.curve.complete(self._nonlinear(key) | ones)
        through = self.curve.tie_slopes(values)
        matrix = np.zeros((self.target.size, len(self.linear)))
        target = self.target.copy()
        for number, at in enumerate(key):
            if at < 0:
                continue
            if not self.curve.possible(number, values):
                return np.inf, np.ones(len(self.linear))
            columns, names = self._component(number, values)
            for column, full in zip(columns.T, names, strict=True):
                if full in self.linear:
                    matrix[:, self.linear.index(full)] += column
                    continue
                left = values[full]
                for free, by in through.get(full, {}).items():
                    if free in self.linear:
                        matrix[:, self.linear.index(free)] += by * column
                        left -= by
                target -= left * column
        if not (np.all(np.isfinite(matrix)) and np.all(np.isfinite(target))):
            return np.inf, np.ones(len(self.linear))
        return self._bounded(matrix, target)

    def _component(self, number: int, values: dict[str, float]) -> tuple[Array, list[str]]:
        """Return weighted columns of the amplitudes of a component (rows, k), with their names."""
        entries = [e for e in self.curve.model.entries if e.component == number]
        amplitudes = [e for e in entries if e.quantity.amplitude]
        key = (number, *(values[e.name] for e in entries if not e.quantity.amplitude))
        if key not in self._columns:
            found = np.zeros((self.target.size, 0))
            if amplitudes:
                local = [e.quantity.name for e in amplitudes]
                slopes = self.curve.rough(number, values, local)
                found = self._averaged(slopes[self._valid])
            self._columns[key] = found
        return self._columns[key], [e.name for e in amplitudes]

    def _bounded(self, matrix: Array, target: Array) -> tuple[float, Array]:
        bottom = np.where(np.isfinite(self.low), self.low, 0.0)
        target = target - matrix @ bottom
        length = np.linalg.norm(matrix, axis=0)
        length = np.where(length > 0, length, 1.0)
        both = np.flatnonzero(~np.isfinite(self.low))
        scaled = matrix / length
        if scaled.shape[1] == 0:
            return float(target @ target), bottom
        solution, misfit = nnls(np.hstack([scaled, -scaled[:, both]]), target)
        amplitude = solution[: length.size]
        amplitude[both] -= solution[length.size :]
        return float(misfit) ** 2, np.minimum(bottom + amplitude / length, self.high)

    def _lifted(self, values: dict[str, float], amplitudes: Array) -> dict[str, float]:
        """Return the start with amplitudes that are nothing lifted: from 0 nothing else moves."""
        found = values | dict(zip(self.linear, amplitudes.tolist(), strict=True))
        level = _LEAST_SHARE * float(np.linalg.norm(self.target))
        complete = self.curve.complete(found)
        for number in range(len(self.curve.model.components)):
            columns, names = self._component(number, complete)
            for column, name in zip(columns.T, names, strict=True):
                if name in self.linear and np.isfinite(self.curve.by_name[name].bounds[0]):
                    least = level / max(float(np.linalg.norm(column)), 1e-300)
                    high = self.curve.by_name[name].bounds[1]
                    found[name] = min(max(found[name], least), high)
        return found

    def _differs(self, one: dict[str, float], other: dict[str, float]) -> bool:
        for name, value in one.items():
            if self.curve.by_name[name].quantity.scale == "log":
                if abs(np.log(value / other[name])) > _APART:
                    return True
            elif abs(value - other[name]) > _APART * max(abs(value), abs(other[name])):
                return True
        return False
