"""A scattering model: a sum of components with named parameters, bounds and ties."""

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

from xrdkit.errors import SpecError
from xrdkit.saxs.models.component import Component
from xrdkit.saxs.models.expression import Expression, parse
from xrdkit.saxs.quantity import Parameter, Quantity, bounds_of

_NAME = re.compile(r"[A-Za-z_]\w*\Z")
MAX_COMPONENTS = 20


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One parameter of a model."""

    name: str
    """``component.parameter``."""
    component: int
    """Number of the component."""
    quantity: Quantity
    """The parameter as its component describes it."""
    stated: Parameter
    """What the user stated of it, ties by default included."""

    @property
    def free(self) -> bool:
        """Whether it is fitted."""
        if self.stated.tie is not None:
            return False
        return self.quantity.vary if self.stated.vary is None else self.stated.vary

    @property
    def value(self) -> float | None:
        """Start value, or value where fixed; None: to be found."""
        return self.quantity.start if self.stated.value is None else self.stated.value

    @property
    def bounds(self) -> tuple[float, float]:
        """Lower and upper bound; a logarithm of the value is never infinite."""
        low, high = bounds_of(self.quantity, self.stated)
        if self.quantity.scale == "log":
            return max(low, 1e-12), min(high, 1e12)
        return low, high

    def inner(self, value: float, unit: float = 1.0) -> float:
        """Return what the minimiser moves: the logarithm, or the value in natural units."""
        return math.log(value) if self.quantity.scale == "log" else value / unit

    def outer(self, inner: float, unit: float = 1.0) -> float:
        """Return the value, of what the minimiser moves."""
        return math.exp(inner) if self.quantity.scale == "log" else inner * unit

    def outer_slope(self, value: float, unit: float = 1.0) -> float:
        """Return the derivative of the value by what the minimiser moves."""
        return value if self.quantity.scale == "log" else unit


@dataclass(frozen=True, kw_only=True)
class Model:
    """A sum of components: ``Model(components=(UnifiedLevel(), Flat()))``.

    Parameters are named ``component.parameter``; components of the same kind are numbered, and
    levels of the unified equation always (``level_1``), from the smallest.
    """

    components: tuple[Component, ...] = field()
    """What adds up."""

    def __post_init__(self) -> None:
        if not isinstance(self.components, tuple) or not self.components:
            raise SpecError(
                f"components is {self.components!r:.80}, not a tuple of components",
                hint="Model(components=(UnifiedLevel(), Flat()))",
            )
        for part in self.components:
            if not isinstance(part, Component):
                raise SpecError(f"a {type(part).__name__} is no component of a model")
            if part.name is not None and not _NAME.match(part.name):
                raise SpecError(f"{part.name!r} is no name: letters, digits and _ only")
        if len(self.components) > MAX_COMPONENTS:
            raise SpecError(f"{len(self.components)} components, at most {MAX_COMPONENTS}")
        again = [name for name, n in Counter(self.names).items() if n > 1]
        if again:
            raise SpecError(f"two components are called {again[0]!r}")
        if not any(entry.free for entry in self.entries):
            raise SpecError("no parameter of the model is free")
        _ = self.ties

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Name of each component."""
        labels = [part.label for part in self.components]
        count = Counter(
            label for label, part in zip(labels, self.components, strict=True) if part.name is None
        )
        at: Counter[str] = Counter()
        found = []
        for label, part in zip(labels, self.components, strict=True):
            at[label] += part.name is None
            numbered = part.numbered or count[label] > 1
            found.append(part.name or (f"{label}_{at[label]}" if numbered else label))
        return tuple(found)

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """All parameters, component by component."""
        found = []
        for number, (name, part) in enumerate(zip(self.names, self.components, strict=True)):
            before = list(zip(self.names[:number], self.components[:number], strict=True))
            default = part.default_ties(before)
            for quantity in part.quantities:
                stated = part.stated(quantity.name)
                if stated == Parameter() and quantity.name in default:
                    stated = Parameter(tie=default[quantity.name])
                found.append(
                    Entry(
                        name=f"{name}.{quantity.name}",
                        component=number,
                        quantity=quantity,
                        stated=stated,
                    )
                )
        return tuple(found)

    @cached_property
    def ties(self) -> tuple[tuple[str, Expression], ...]:
        """Tied parameters with their expressions, those that others need first.

        Raises SpecError for unknown names and for ties in a circle.
        """
        waiting = {e.name: parse(e.stated.tie) for e in self.entries if e.stated.tie is not None}
        known = {entry.name for entry in self.entries}
        for name, expression in waiting.items():
            for other in expression.names:
                if other not in known:
                    raise SpecError(
                        f"the tie of {name} names {other!r}, which is no parameter of the model",
                        hint=f"its parameters: {', '.join(sorted(known))}",
                    )
        found: list[tuple[str, Expression]] = []
        while waiting:
            ready = [n for n, e in waiting.items() if not any(o in waiting for o in e.names)]
            if not ready:
                raise SpecError(f"ties in a circle: {', '.join(waiting)}")
            found.extend((name, waiting.pop(name)) for name in ready)
        return tuple(found)

    def __add__(self, other: object) -> "Model":
        """Return the sum with another model or component."""
        if isinstance(other, Model):
            return Model(components=(*self.components, *other.components))
        if isinstance(other, Component):
            return Model(components=(*self.components, other))
        return NotImplemented


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Several models of which the curve chooses by evidence."""

    models: tuple[Model, ...]
    """The models, simplest first."""

    def __post_init__(self) -> None:
        if not isinstance(self.models, tuple) or not self.models:
            raise SpecError("models is not a tuple of models")
        for model in self.models:
            if not isinstance(model, Model):
                raise SpecError(f"a {type(model).__name__} is no model")
