"""A model on the points of a curve: intensity and its derivatives by the free parameters."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from xrdkit.saxs.models.component import Values
from xrdkit.saxs.models.model import Entry, Model
from xrdkit.saxs.models.points import Points

Array = NDArray[np.float64]


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
            curve = part.curve(
                self.points.q_model, {local: values[full] for local, full in names.items()}
            )
            stacked = np.stack([curve.value, *(curve.slopes[local] for local in names)], axis=1)
            seen = self.points.see(stacked)
        self._kept[number] = (key, seen[:, 0], seen[:, 1:])
        return seen[:, 0], seen[:, 1:]

    def possible(self, number: int, values: Values) -> bool:
        """Return whether a start from the complete `values` makes sense to a component."""
        local = self._local[number]
        return self.model.components[number].possible(
            {name: values[full] for name, full in local.items()}
        )

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

    def outer(self, inner: Mapping[str, float]) -> dict[str, float]:
        """Return the complete values of what the minimiser moves."""
        return self.complete({n: self.by_name[n].outer(v) for n, v in inner.items()})

    def inner_slopes(self, values: Values, names: tuple[str, ...]) -> Array:
        """Return the derivatives by what the minimiser moves."""
        scale = np.array([self.by_name[n].outer_slope(values[n]) for n in names])
        return self.slopes(values, names) * scale

    def inner_gradient(self, gradient: Mapping[str, float], values: Values) -> dict[str, float]:
        """Return derivatives by what the minimiser moves, of those by any parameters.

        Those by fixed parameters are dropped, those by tied ones follow the ties.
        """
        through = self.tie_slopes(values)
        total: dict[str, float] = {}
        for name, slope in gradient.items():
            for free, by in through.get(name, {name: 1.0}).items():
                entry = self.by_name[free]
                if entry.free:
                    step = slope * by * entry.outer_slope(values[free])
                    total[free] = total.get(free, 0.0) + step
        return total
