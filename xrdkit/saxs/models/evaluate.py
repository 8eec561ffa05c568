"""A model on the points of a curve: intensity and its derivatives by the free parameters."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from xrdkit.saxs.models.component import Component, Values
from xrdkit.saxs.models.model import Entry, Model
from xrdkit.saxs.models.points import Points

Array = NDArray[np.float64]

#: Lengths from 0.3/q_max, below which a component is flat, to 30/q_min; positions to 2 q_max.
_SMALLEST, _LARGEST, _OUTSIDE = 0.3, 30.0, 2.0


class ModelCurve:
    """Intensity of a model over all points, kept for the last parameters asked for.

    Values are those of the parameters themselves, derivatives by what the minimiser moves
    (`Entry.inner`) where it says so.
    """

    def __init__(self, model: Model, points: Points) -> None:
        self.model = model
        self.points = points
        self.by_name: dict[str, Entry] = {entry.name: entry for entry in model.entries}
        self.free = tuple(entry.name for entry in model.entries if entry.free)
        self.fixed = {
            entry.name: float(entry.value)
            for entry in model.entries
            if not entry.free and entry.stated.tie is None and entry.value is not None
        }
        self._local = [
            {item.name: f"{name}.{item.name}" for item in part.quantities}
            for name, part in zip(model.names, model.components, strict=True)
        ]
        self._kept: list[tuple[tuple[float, ...], Array, Array] | None] = [None] * len(self._local)

    def complete(self, free: Values) -> dict[str, float]:
        """Return the values of all parameters, ties followed."""
        values = self.fixed | dict(free)
        for name, expression in self.model.ties:
            values[name] = expression.at(values).value
        return values

    def tie_slopes(self, values: Values) -> dict[str, dict[str, float]]:
        """Return the derivatives of every tied parameter by free ones."""
        found: dict[str, dict[str, float]] = {}
        for name, expression in self.model.ties:
            total: dict[str, float] = {}
            for other, slope in expression.at(values).slopes.items():
                if other in found:
                    for free, by in found[other].items():
                        total[free] = total.get(free, 0.0) + slope * by
                elif self.by_name[other].free:
                    total[other] = total.get(other, 0.0) + slope
            found[name] = total
        return found

    def component(self, number: int, values: Values) -> tuple[Array, Array]:
        """Return intensity (n,) and slopes (n, p) of one component, p in order of its parameters.

        `values` are complete.
        """
        names = self._local[number]
        key = tuple(values[full] for full in names.values())
        kept = self._kept[number]
        if kept is not None and kept[0] == key:
            return kept[1], kept[2]
        part = self.model.components[number]
        with np.errstate(all="ignore"):
            curve = part.curve(self._where(part), self.local(number, values))
        seen = self._seen(part, np.stack([curve.value, *(curve.slopes[n] for n in names)], axis=1))
        self._kept[number] = (key, seen[:, 0], seen[:, 1:])
        return seen[:, 0], seen[:, 1:]

    def rough(self, number: int, values: Values, names: list[str]) -> Array:
        """Return slopes (n, k) of one component by the amplitudes `names`, as a start needs them.

        `names` are those in the component, `values` are complete.
        """
        part = self.model.components[number]
        with np.errstate(all="ignore"):
            curve = part.rough(self._where(part), self.local(number, values))
        return self._seen(part, np.stack([curve.slopes[name] for name in names], axis=1))

    def _where(self, part: Component) -> Array:
        return self.points.q if part.measured else self.points.q_model

    def _seen(self, part: Component, columns: Array) -> Array:
        return columns if part.measured else self.points.see(columns)

    def possible(self, number: int, values: Values) -> bool:
        """Return whether a start from the complete `values` makes sense to a component."""
        return self.model.components[number].possible(self.local(number, values))

    def noise(self, number: int, values: Values) -> Array | None:
        """Return the standard error (n,) that a component itself has at the complete `values`."""
        return self.model.components[number].noise(self.points.q, self.local(number, values))

    def common(self, values: Values) -> Array:
        """Return what one standard error of each setting does to the intensity, (n, settings)."""
        found = [np.zeros((self.points.q.size, 0))]
        for number, part in enumerate(self.model.components):
            rows = part.common(self._where(part), self.local(number, values))
            if rows:
                found.append(self._seen(part, np.stack(rows, axis=1)))
        return np.hstack(found)

    def local(self, number: int, values: Values) -> dict[str, float]:
        """Return the values of a component by their names in it."""
        return {name: values[full] for name, full in self._local[number].items()}

    def bounds(self, name: str) -> tuple[float, float]:
        """Return the bounds of a free parameter: sizes stay where these q can tell them."""
        entry = self.by_name[name]
        low, high = entry.bounds
        if entry.quantity.scale != "log":
            return low, high
        first, last = float(self.points.q.min()), float(self.points.q.max())
        reach = {
            "nm": (_SMALLEST / last, _LARGEST / first),
            "1/nm": (first / _LARGEST, last * _OUTSIDE),
        }.get(entry.quantity.unit, (low, high))
        if entry.stated.low is None and reach[0] < high:
            low = max(low, reach[0])
        if entry.stated.high is None and reach[1] > low:
            high = min(high, reach[1])
        return low, high

    def intensity(self, values: Values) -> Array:
        """Return the intensity (n,) at the complete `values`."""
        total = np.zeros_like(self.points.q)
        for number in range(len(self._local)):
            total = total + self.component(number, values)[0]
        return total

    def slopes(self, values: Values, names: tuple[str, ...]) -> Array:
        """Return its derivatives by the free parameters `names`, (n, len(names))."""
        place = {name: k for k, name in enumerate(names)}
        out = np.zeros((self.points.q.size, len(names)))
        through = self.tie_slopes(values)
        for number, local in enumerate(self._local):
            _, slopes = self.component(number, values)
            for k, full in enumerate(local.values()):
                if full in place:
                    out[:, place[full]] += slopes[:, k]
                for free, by in through.get(full, {}).items():
                    if free in place:
                        out[:, place[free]] += by * slopes[:, k]
        return out

    def outer(self, inner: Mapping[str, float], units: Mapping[str, float]) -> dict[str, float]:
        """Return the complete values of what the minimiser moves, in natural `units` (else 1)."""
        return self.complete(
            {n: self.by_name[n].outer(v, units.get(n, 1.0)) for n, v in inner.items()}
        )

    def inner_slopes(
        self, values: Values, names: tuple[str, ...], units: Mapping[str, float]
    ) -> Array:
        """Return the derivatives by what the minimiser moves."""
        scale = [self.by_name[n].outer_slope(values[n], units.get(n, 1.0)) for n in names]
        return self.slopes(values, names) * np.array(scale)

    def inner_gradient(
        self, gradient: Mapping[str, float], values: Values, units: Mapping[str, float]
    ) -> dict[str, float]:
        """Return derivatives by what the minimiser moves, of those by any parameters.

        Those by fixed parameters are dropped, those by tied ones follow the ties.
        """
        through = self.tie_slopes(values)
        total: dict[str, float] = {}
        for name, slope in gradient.items():
            for free, by in through.get(name, {name: 1.0}).items():
                entry = self.by_name[free]
                if entry.free:
                    step = slope * by * entry.outer_slope(values[free], units.get(free, 1.0))
                    total[free] = total.get(free, 0.0) + step
        return total
