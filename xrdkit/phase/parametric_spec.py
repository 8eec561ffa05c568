"""Parameters of a series that follow a curve over a coordinate of its frames."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from xrdkit.errors import SpecError
from xrdkit.phase.phase_spec import is_number, is_whole

Array = NDArray[np.float64]

CURVES = ("polynomial", "einstein")
_MOST_TERMS = 8


@dataclass(frozen=True, kw_only=True)
class ParametricTie:
    """One parameter of all frames as a curve; raises SpecError for impossible settings.

    ``"polynomial"``: p(t) = Σ c_k (t - t₀)^k, k = 0 to `degree`; degree 0: one value for all
    frames. ``"einstein"``: p(T) = c₀ + c₁ θ/(exp(θ/T) - 1), T in K, as a length of a cell does
    that expands with one Einstein frequency kθ/h.
    """

    parameter: str
    """Name as in `ParameterSpec.name`: ``"ZnO.a"``, ``"ZnO.O1.b"``, ``"zero"``."""
    along: str = "temperature"
    """Coordinate on ``frame`` that the curve goes over."""
    form: Literal["polynomial", "einstein"] = "polynomial"
    """The curve."""
    degree: int = 2
    """Degree of the polynomial, 0 to 8."""
    reference: float | None = None
    """t₀ of the polynomial, unit of the coordinate. None: the mean over the frames."""
    einstein_temperature: float = 300.0
    """Where θ starts, K, 1 to 10000."""

    def __post_init__(self) -> None:
        for field in ("parameter", "along"):
            value = getattr(self, field)
            if not isinstance(value, str) or not value:
                raise SpecError(f"a parametric tie needs {field}, a name, not {value!r}")
        if self.form not in CURVES:
            raise SpecError(f"form {self.form!r} is not one of: {', '.join(CURVES)}")
        if not is_whole(self.degree) or not 0 <= self.degree <= _MOST_TERMS:
            raise SpecError(f"degree = {self.degree!r} is no whole number from 0 to {_MOST_TERMS}")
        if self.reference is not None and not (
            is_number(self.reference) and math.isfinite(self.reference)
        ):
            raise SpecError(f"reference = {self.reference!r} is no finite number")
        theta = self.einstein_temperature
        if not is_number(theta) or not 1.0 <= theta <= 1e4:
            raise SpecError(f"einstein_temperature = {theta!r} is outside 1 to 10000 K")


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The curve of one tie over known values of its coordinate."""

    tie: ParametricTie
    """What it is of."""
    coordinate: Array
    """Values of the coordinate (frames,)."""
    reference: float
    """t₀."""
    reach: float
    """Scale of t - t₀: coefficients within a fit are those of ((t - t₀)/reach)^k."""

    @classmethod
    def of(cls, tie: ParametricTie, coordinate: Array) -> "Curve":
        """Return the curve of `tie` over `coordinate` (frames,).

        Raises SpecError for temperatures that are not above 0.
        """
        if tie.form == "einstein" and not np.all(coordinate > 0):
            raise SpecError(f"{tie.parameter}: an Einstein curve needs {tie.along} above 0 K")
        reference = float(np.mean(coordinate)) if tie.reference is None else tie.reference
        reach = float(np.max(np.abs(coordinate - reference), initial=0.0)) or 1.0
        return cls(tie=tie, coordinate=coordinate, reference=reference, reach=reach)

    @property
    def count(self) -> int:
        """Number of coefficients."""
        return 3 if self.tie.form == "einstein" else self.tie.degree + 1

    def terms(self) -> list[tuple[str, int]]:
        """Return name and power of the coordinate's unit in the unit of each coefficient.

        A power of 0 has the unit of the parameter; θ alone has that of the coordinate, 99.
        """
        if self.tie.form == "einstein":
            return [("c0", 0), ("c1", -1), ("theta", 99)]
        return [(f"c{k}", -k) for k in range(self.count)]

    def factors(self) -> Array:
        """Return what the coefficients within a fit are to be multiplied by."""
        if self.tie.form == "einstein":
            return np.array([1.0, 1.0 / self.reach, self.reach])
        return np.asarray(self.reach ** -np.arange(self.count, dtype=float))

    def at(self, coefficients: Array) -> tuple[Array, Array]:
        """Return p (frames,) and its derivatives (frames, count) for coefficients of a fit."""
        if self.tie.form == "einstein":
            return self._einstein(*coefficients)
        u = (self.coordinate - self.reference) / self.reach
        powers = u[:, np.newaxis] ** np.arange(self.count)
        return powers @ coefficients, powers

    def _einstein(self, c0: float, c1: float, theta: float) -> tuple[Array, Array]:
        t = self.coordinate / self.reach
        x = theta / t
        with np.errstate(over="ignore"):
            n = 1.0 / np.expm1(np.minimum(x, 700.0))
        energy = theta * n
        slope = n - x * n * (1.0 + n)
        return c0 + c1 * energy, np.stack([np.ones_like(t), energy, c1 * slope], axis=1)

    def start(self, values: Array, errors: Array) -> Array:
        """Return coefficients of a weighted fit to `values` (frames,) with `errors`; NaN: none.

        Raises SpecError for fewer values than coefficients.
        """
        known = np.isfinite(values) & np.isfinite(errors) & (errors > 0)
        if len(np.unique(self.coordinate[known])) < self.count:
            raise SpecError(
                f"{self.tie.parameter}: {self.count} coefficients over {self.tie.along} need as"
                f" many frames that tell it, there are {len(np.unique(self.coordinate[known]))}"
            )
        weight = 1.0 / errors[known]
        fixed = self.tie.form == "einstein"
        now = np.zeros(self.count)
        if fixed:
            now[1:] = 1.0, self.tie.einstein_temperature / self.reach
        design = self.at(now)[1][known]
        columns = slice(0, 2) if fixed else slice(0, self.count)
        found = np.linalg.lstsq(
            design[:, columns] * weight[:, np.newaxis], values[known] * weight, rcond=None
        )[0]
        now[columns] = found
        if not fixed:
            return now

        def residual(c: Array) -> Array:
            return np.asarray((self.at(c)[0][known] - values[known]) * weight)

        def slopes(c: Array) -> Array:
            return np.asarray(self.at(c)[1][known] * weight[:, np.newaxis])

        bounds = ([-np.inf, -np.inf, 1.0 / self.reach], np.inf)
        free = least_squares(residual, now, jac=slopes, bounds=bounds, x_scale="jac")
        return np.asarray(free.x)
