"""What a fit starts from and what it ends with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import lmfit
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Values = Mapping[str, float]

#: Residuals below this share of their errors are rounding: a fit is no better than that.
LEAST_GOF = 1e-3

#: Nearer to a bound than this share of the room (or of the value) is at it.
_AT_BOUND = 1e-6


class Verdict(StrEnum):
    """What a fit is worth, in the order in which a fault is reported."""

    NOT_CONVERGED = "not_converged"
    UNIDENTIFIABLE = "unidentifiable"
    AT_BOUND = "at_bound"
    MISFIT = "misfit"
    OK = "ok"


@dataclass(frozen=True, kw_only=True)
class Table:
    """Start values and bounds of parameters: what `lmfit.Parameters` say, without their weight."""

    values: dict[str, float]
    """Value of every parameter."""
    free: tuple[str, ...]
    """Names of the free ones."""
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Lower and upper bound; absent: none."""

    @classmethod
    def of(cls, parameters: lmfit.Parameters) -> "Table":
        """Return the table that lmfit's parameters stand for."""
        return cls(
            values={name: float(value) for name, value in parameters.valuesdict().items()},
            free=tuple(name for name, p in parameters.items() if p.vary),
            bounds={
                name: (float(p.min), float(p.max))
                for name, p in parameters.items()
                if np.isfinite(p.min) or np.isfinite(p.max)
            },
        )

    def lmfit(self) -> lmfit.Parameters:
        """Return the parameters as lmfit holds them."""
        table = lmfit.Parameters()
        for name, value in self.values.items():
            low, high = self.bounds.get(name, (-np.inf, np.inf))
            table.add(
                name, value=min(max(value, low), high), vary=name in self.free, min=low, max=high
            )
        return table

    def limits(self) -> tuple[Array, Array]:
        """Return lower and upper bounds of the free parameters, (p,) each."""
        pairs = [self.bounds.get(name, (-np.inf, np.inf)) for name in self.free]
        return np.array([low for low, _ in pairs]), np.array([high for _, high in pairs])

    def at_bound(self) -> tuple[str, ...]:
        """Return which of the free parameters are at a bound."""
        stuck = []
        for name in self.free:
            low, high = self.bounds.get(name, (-np.inf, np.inf))
            value = self.values[name]
            scale = high - low if np.isfinite(high - low) else max(abs(value), 1.0)
            if min(value - low, high - value) < _AT_BOUND * scale:
                stuck.append(name)
        return tuple(stuck)


def _no_rows() -> Array:
    return np.zeros((0, 0))


@dataclass(frozen=True, kw_only=True)
class FitOutcome:
    """Result of `least_squares`, with values in the units of the parameters."""

    table: Table
    """Values at the minimum, of fixed and tied parameters too, and bounds."""
    covariance: Array
    """Covariance from the errors that scatter from point to point, not scaled; NaN where singular.

    (JᵀJ)⁻¹ of the weighted residual at the minimum, A C Aᵀ with A = (JᵀJ)⁻¹Jᵀ where neighbouring
    residuals have the covariance C."""
    residual: Array
    """Weighted residual (calculated - observed)/sigma at the minimum."""
    chi2: float
    """Sum of squares of `residual`."""
    dof: float
    """χ² that errors of the stated size leave: points minus free parameters, or
    n - tr(A C Aᵀ JᵀJ) where neighbours are correlated: a fit takes more of noise that is smooth."""
    evaluations: int
    """Calls of the residual and Jacobian together."""
    verdict: Verdict
    """Verdict on convergence, identifiability and bounds; `OK` otherwise."""
    parts: Array = field(default_factory=_no_rows)
    """Share of each source in `covariance`, shape (s, p, p); empty where they are not known."""
    common: Array = field(default_factory=_no_rows)
    """Signed error of each parameter from each source common to all points, shape (m, p)."""
    slopes: Array | None = None
    """Jacobian of the weighted residual at the minimum, shape (n, p); None where it was let go."""
    tied: tuple[str, ...] = ()
    """The last of `names` where they follow from the others, without a column in `slopes`."""
    error_scale: float | None = None
    """What scaled errors are multiplied by; None: the goodness of fit."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the free parameters, the order of `covariance`."""
        return self.table.free

    @property
    def seen(self) -> tuple[str, ...]:
        """Names of the parameters that were fitted, without the tied ones."""
        return self.names[: len(self.names) - len(self.tied)]

    @property
    def scale(self) -> float:
        """What scaled errors are multiplied by."""
        return self.gof if self.error_scale is None else self.error_scale

    @property
    def values(self) -> dict[str, float]:
        """Value of every parameter, fixed and tied ones included."""
        return self.table.values

    @property
    def parameters(self) -> lmfit.Parameters:
        """All parameters at the minimum, as lmfit holds them."""
        return self.table.lmfit()

    @property
    def gof(self) -> float:
        """Goodness of fit √(χ²/dof)."""
        return float(np.sqrt(self.chi2 / self.dof)) if self.dof > 0 else float("nan")

    @property
    def noise(self) -> float:
        """What a gain in χ² is held against: √(χ²/dof), but 1/1000 where a fit is exact."""
        return max(float(np.sqrt(self.chi2 / max(self.dof, 1.0))), LEAST_GOF)

    @property
    def at_bound(self) -> tuple[str, ...]:
        """Names of the free parameters that stopped at a bound."""
        return self.table.at_bound()

    def sigma(self, *, scaled: bool = True, common: bool = True) -> dict[str, float]:
        """Standard error of each free parameter.

        `scaled` multiplies the part that scatters from point to point by the goodness of fit;
        `common` adds what is common to all points, which no goodness of fit can judge.
        """
        with np.errstate(invalid="ignore"):
            error = np.sqrt(np.diagonal(self.covariance)) * (self.scale if scaled else 1.0)
        if common and self.common.size:
            error = np.hypot(error, np.linalg.norm(self.common, axis=0))
        return dict(zip(self.names, error.tolist(), strict=True))

    def sigma_of(
        self, gradient: Mapping[str, float], *, scaled: bool = True, common: bool = True
    ) -> float:
        """Standard error of a derived number by the delta method, √(gᵀ C g + Σ (gᵀ e)²).

        `gradient` maps names of free parameters to the derivative of the number; absent names
        count as 0.
        """
        g = self._gradient(gradient)
        variance = float(g @ self.covariance @ g)
        if not variance >= 0:
            return float("nan")
        error = float(np.sqrt(variance)) * (self.scale if scaled else 1.0)
        if common and self.common.size:
            error = float(np.hypot(error, np.linalg.norm(self.common @ g)))
        return error

    def sources_of(self, gradient: Mapping[str, float], *, scaled: bool = True) -> Array:
        """Error of a derived number from each source: (s,) that scatter, then (m,) signed ones."""
        g = self._gradient(gradient)
        with np.errstate(invalid="ignore"):
            single = np.sqrt(np.maximum(np.einsum("i,kij,j->k", g, self.parts, g), 0.0))
        return np.concatenate([single * (self.scale if scaled else 1.0), self.common @ g])

    def full_covariance(self, *, scaled: bool = True) -> Array:
        """Covariance of the free parameters from all sources, shape (p, p)."""
        own = self.covariance * (self.scale**2 if scaled else 1.0)
        return own + self.common.T @ self.common if self.common.size else own

    def _gradient(self, gradient: Mapping[str, float]) -> Array:
        return np.array([gradient.get(name, 0.0) for name in self.names])
