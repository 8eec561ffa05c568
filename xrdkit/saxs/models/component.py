"""What every component of a scattering model is: parameters, intensity with derivatives, starts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from xrdkit.saxs.quantity import Part

Array = NDArray[np.float64]
Values = Mapping[str, float]


@dataclass(frozen=True)
class Curve:
    """Intensity of a component."""

    value: Array
    """Intensity (n,)."""
    slopes: dict[str, Array]
    """Its derivative by every parameter of the component (n,)."""


@dataclass(frozen=True)
class Derived:
    """A number that follows from the parameters of a component."""

    value: float
    """The number."""
    gradient: dict[str, float]
    """Its derivative by each parameter; absent: 0."""
    unit: str
    """Its unit; ``"intensity"`` stands for that of the profile."""
    what: str
    """What it is."""
    extra: float = 0.0
    """Standard error that it has besides that of the parameters (of a contrast)."""


@dataclass(frozen=True, kw_only=True)
class Component(Part):
    """Base of the components."""

    name: str | None = field(default=None)
    """Name in results and ties; None: that of its kind, numbered where there are several."""

    numbered: ClassVar[bool] = False
    """Whether its name has a number even where it is the only one of its kind."""
    ordered_by: ClassVar[str | None] = None
    """Parameter that grows from one to the next of several of which nothing is stated."""

    measured: ClassVar[bool] = False
    """Whether it was measured as the curve was, so that bins and smearing are in it already."""

    @property
    def label(self) -> str:
        """Its name where the user gives none, without number."""
        return self.kind

    def curve(self, q: Array, values: Values) -> Curve:
        """Return the intensity at `q` (1/nm) and its derivatives by every parameter."""
        raise NotImplementedError

    def rough(self, q: Array, values: Values) -> Curve:
        """Return `curve` as well as a start needs it, with slopes by amplitudes at least."""
        return self.curve(q, values)

    def check(self, q: Array) -> None:
        """Raise SpecError where the component cannot be computed at these q (1/nm)."""

    def noise(self, q: Array, values: Values) -> Array | None:
        """Return the standard error (n,) that the component itself has; None: none."""
        return None

    def common(self, q: Array, values: Values) -> list[Array]:
        """Return what one standard error of each setting does to the intensity, (n,) each."""
        return []

    def candidates(self, q: Array) -> list[dict[str, float]]:
        """Return start values of the parameters that are no amplitudes, to be tried in turn."""
        return [{}]

    def possible(self, values: Values) -> bool:
        """Return whether a start from `values` makes sense."""
        return True

    def doubt(self, values: Values) -> str:
        """Return what speaks against the component as it was found, empty where nothing does."""
        return ""

    def derived(self, values: Values) -> dict[str, Derived]:
        """Return what follows from the parameters, by name."""
        return {}

    def default_ties(self, before: Sequence[tuple[str, "Component"]]) -> dict[str, str]:
        """Return ties that hold where the user says nothing, given the components `before`."""
        return {}


def length_grid(q: Array, *, low: float = 0.5, high: float = 3.0, per_decade: int = 8) -> Array:
    """Return lengths, nm, that `q` (1/nm) can tell: from low/q_max to high/q_min, equal in ln."""
    first, last = low / float(q.max()), high / float(q.min())
    count = max(int(np.ceil(per_decade * np.log10(last / first))), 2)
    result: Array = np.geomspace(first, last, count)
    return result
