"""What a particle shape is: one file per shape, with formula, units, bounds and source.

The size that is distributed is R (nm): the radius, or half the thickness of a flat sheet. Sizes
are counted by the *reference volume* V_ref, which goes as R^`volume_power`: the volume of the whole
particle, but for core-shell particles that of the core. A shape gives the matrix

    G_ij = 0.1 <F²>(q_i, R_j) / V_ref(R_j)          1/cm, for amplitudes F in 1e10/cm² · nm³

so that I = Σ_j G_ij x_j with x_j the share of the sample's volume that the reference volumes of the
particles of node j have, < > the mean over orientations. Shapes of one contrast have F for a
contrast of 1 (1e10/cm²); the amount that is fitted is then φΔρ². Shapes with contrasts of their own
(`own_contrast`) have F as it is, and φ is fitted. 0.1 = 1e-21 cm³/nm³ · (1e10/cm²)².
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from xrdkit.errors import SpecError
from xrdkit.saxs.shapes.lattice import Array, Lattice

Values = Mapping[str, float]

#: 1e-21 cm³/nm³ times 1e20 1/cm⁴: contrast is given in 1e10 1/cm².
CONTRAST_UNIT = 0.1


@dataclass(frozen=True, kw_only=True)
class ShapeParameter:
    """A number that a shape has besides the distributed R."""

    name: str
    """Its name in results and, with the number of the population, among the parameters."""
    units: str
    """Its unit."""
    what: str
    """What it is, in words."""
    value: float | None
    """Value, where free the start; None: every reasonable start is tried."""
    free: bool
    """Whether it is fitted."""
    low: float
    """Smallest value of a fit."""
    high: float
    """Largest value of a fit."""


def check_value(
    name: str, value: float | None, free: bool, low: float, high: float, units: str
) -> None:
    """Raise SpecError for a value that is none from `low` to `high`, or missing and not fitted."""
    if not isinstance(free, bool):
        raise SpecError(f"fit_{name} is {free!r}, not true or false")
    if value is None:
        if not free:
            raise SpecError(f"{name} is not fitted and has no value", hint=f"give it, in {units}")
        return
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and low <= value <= high):
        raise SpecError(f"{name} {value!r} is not from {low:g} to {high:g} {units}")


class Shape(ABC):
    """A particle shape; the classes in this package are frozen dataclasses."""

    @property
    def volume_power(self) -> int:
        """Power of R that the reference volume goes with."""
        return 3

    @property
    def lowest_power(self) -> int:
        """Power of R that G goes with at least, over the reference volume."""
        return -1

    @property
    def radius_is(self) -> str:
        """What R is, in words."""
        return "radius"

    @property
    def is_sheet(self) -> bool:
        """Whether R is half of a thickness."""
        return False

    @property
    def is_quick(self) -> bool:
        """Whether the matrix of thousands of sizes takes no more than a second."""
        return False

    @property
    @abstractmethod
    def label(self) -> str:
        """Name of the shape."""

    @property
    def own_contrast(self) -> bool:
        """Whether the contrasts are among the settings of the shape."""
        return False

    def least_level(self, q: Array, radius: float) -> int:
        """Return the coarsest lattice level that will do for R near `radius` at these q.

        0 where ripples that a lattice does not resolve are faded.
        """
        return 0

    @property
    def parameters(self) -> tuple[ShapeParameter, ...]:
        """What it has besides R."""
        return ()

    @property
    def free(self) -> tuple[str, ...]:
        """Names of the parameters that are fitted."""
        return tuple(p.name for p in self.parameters if p.free)

    @property
    def stated(self) -> dict[str, float]:
        """Values of the parameters that have one."""
        return {p.name: p.value for p in self.parameters if p.value is not None}

    def guesses(self, name: str, q: Array) -> tuple[float, ...]:
        """Return values from which to start a fit of the parameter `name` at these q (1/nm)."""
        raise NotImplementedError(name)

    def starts(self, name: str, q: Array) -> tuple[float, ...]:
        """Return what a fit starts the parameter `name` from: what is stated, or guesses."""
        stated = self.stated.get(name)
        return self.guesses(name, q) if stated is None else (stated,)

    def bounds(self, name: str, q: Array) -> tuple[float, float]:
        """Return the smallest and largest value of the parameter `name` in a fit at these q."""
        (parameter,) = (p for p in self.parameters if p.name == name)
        low, high = parameter.low, parameter.high
        if parameter.units == "nm":
            # Twenty times what q can tell is as good as any length.
            high = min(high, max(20.0 * np.pi / float(q[0]), 10.0 * (parameter.value or 0.0)))
        return low, high

    @abstractmethod
    def matrix(self, q: Array, lattice: Lattice, values: Values) -> Array:
        """Return G, shape (q, nodes), with the parameters `values`; `q` > 0 in 1/nm."""

    def columns(self, q: Array, lattice: Lattice, weights: Array, values: Values) -> Array:
        """Return Σ_j G_ij w_j, shape (q,) or (q, m), of `weights` (nodes,) or (nodes, m)."""
        result: Array = self.matrix(q, lattice, values) @ weights
        return result

    def slopes(
        self, q: Array, lattice: Lattice, weights: Array, values: Values
    ) -> tuple[Array, dict[str, Array]]:
        """Return `columns` of `weights` (nodes, m), shape (q, m), and derivatives of the first.

        These are by every free parameter, shape (q,) each.
        """
        return self.columns(q, lattice, weights, values), {}

    def amplitude(self, q: Array, lattice: Lattice, values: Values) -> Array | None:
        """Return <F>/V_ref, shape (q, nodes), the mean over orientations; None where not known."""
        return None

    @abstractmethod
    def reference_volume(self, radius: Array, values: Values) -> Array:
        """Return V_ref at `radius` (nm), nm³; of sheets that of 1 nm² of them."""

    def volume(self, radius: Array, values: Values) -> Array:
        """Return the volume of the whole particle over V_ref."""
        return np.ones_like(radius)

    def square(self, radius: Array, values: Values) -> Array:
        """Return ∫Δρ²dV over V_ref, (1e10/cm²)²; for a contrast of 1 where it has none."""
        return np.ones_like(radius)

    def forward(self, radius: Array, values: Values) -> Array:
        """Return G at q = 0, 1/cm; of sheets what multiplies 1/q²."""
        return CONTRAST_UNIT * self.reference_volume(radius, values)

    @abstractmethod
    def gyration(self, radius: Array, values: Values) -> Array:
        """Return the square of the radius of gyration, nm²; NaN where it has none."""

    @abstractmethod
    def surface(self, radius: Array, values: Values) -> Array:
        """Return the outer surface of the particle over V_ref, 1/nm."""
