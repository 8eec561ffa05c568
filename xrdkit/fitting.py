"""Least-squares fits: lmfit as the face, an honest covariance and our own verdict behind it."""

import copy
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import lmfit
import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import FitFailed

Array = NDArray[np.float64]
Values = Mapping[str, float]

#: Correlation matrices with a smaller eigenvalue than this cannot tell their parameters apart.
_SINGULAR = 1e-12
#: Nearer to a bound than this share of the room (or of the value) is at it.
_AT_BOUND = 1e-6


class Verdict(StrEnum):
    """What a fit is worth, in the order in which a fault is reported."""

    NOT_CONVERGED = "not_converged"
    UNIDENTIFIABLE = "unidentifiable"
    AT_BOUND = "at_bound"
    MISFIT = "misfit"
    OK = "ok"


class ResidualErrors(Protocol):
    """What is known of the errors of the weighted residual, where they are not plain noise of 1.

    `xrdkit.uncertainty.ErrorModel` is one. Estimators have shape (p, n).
    """

    @property
    def correlated(self) -> bool:
        """Whether the errors that scatter from point to point are shared by neighbours."""

    def parts(self, estimator: Array) -> Array:
        """Return the covariance of the estimates from each source of scatter, (s, p, p)."""

    def shifts(self, estimator: Array) -> Array:
        """Return the signed errors from each source common to all points, (m, p)."""


def _no_rows() -> Array:
    return np.zeros((0, 0))


@dataclass(frozen=True, kw_only=True)
class FitOutcome:
    """Result of `least_squares`, with values in the units of the parameters."""

    parameters: lmfit.Parameters
    """All parameters at the minimum, as lmfit holds them."""
    names: tuple[str, ...]
    """Names of the free parameters, the order of `covariance`."""
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

    @property
    def gof(self) -> float:
        """Goodness of fit √(χ²/dof)."""
        return float(np.sqrt(self.chi2 / self.dof)) if self.dof > 0 else float("nan")

    @property
    def values(self) -> dict[str, float]:
        """Value of every parameter, fixed and tied ones included."""
        return {name: float(p.value) for name, p in self.parameters.items()}

    @property
    def at_bound(self) -> tuple[str, ...]:
        """Names of the free parameters that stopped at a bound."""
        return _at_bound(self.parameters, self.names)

    def sigma(self, *, scaled: bool = True, common: bool = True) -> dict[str, float]:
        """Standard error of each free parameter.

        `scaled` multiplies the part that scatters from point to point by the goodness of fit;
        `common` adds what is common to all points, which no goodness of fit can judge.
        """
        return {n: self.sigma_of({n: 1.0}, scaled=scaled, common=common) for n in self.names}

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
        error = float(np.sqrt(variance)) * (self.gof if scaled else 1.0)
        if common and self.common.size:
            error = float(np.hypot(error, np.linalg.norm(self.common @ g)))
        return error

    def sources_of(self, gradient: Mapping[str, float], *, scaled: bool = True) -> Array:
        """Error of a derived number from each source: (s,) that scatter, then (m,) signed ones."""
        g = self._gradient(gradient)
        with np.errstate(invalid="ignore"):
            single = np.sqrt(np.maximum(np.einsum("i,kij,j->k", g, self.parts, g), 0.0))
        return np.concatenate([single * (self.gof if scaled else 1.0), self.common @ g])

    def full_covariance(self, *, scaled: bool = True) -> Array:
        """Covariance of the free parameters from all sources, shape (p, p)."""
        own = self.covariance * (self.gof**2 if scaled else 1.0)
        return own + self.common.T @ self.common if self.common.size else own

    def _gradient(self, gradient: Mapping[str, float]) -> Array:
        return np.array([gradient.get(name, 0.0) for name in self.names])


def least_squares(
    residual: Callable[[Values], Array],
    parameters: lmfit.Parameters,
    *,
    jacobian: Callable[[Values, tuple[str, ...]], Array] | None = None,
    errors: ResidualErrors | None = None,
    max_evaluations: int = 2000,
    tolerance: float = 1e-9,
) -> FitOutcome:
    """Minimise Σ residual² over the free `parameters` (Levenberg-Marquardt through lmfit).

    `residual(values)` returns the weighted residual, shape (n,); `jacobian(values, names)` its
    derivatives, shape (n, len(names)), in the order of `names` (the free parameters; default:
    differences). `parameters` is not changed. A start on a bound, where a bounded fit has no
    slope, is moved inside. `errors` are those of the residual where neighbours share them or some
    are common to all points; they do not change the minimum, only what is said of its errors: near
    it the fit is the linear estimator A = (JᵀJ)⁻¹Jᵀ of the data, and any covariance goes through A.

    Raises FitFailed where the residual is not finite, or there are fewer points than parameters.
    """
    start = copy.deepcopy(parameters)
    names = tuple(name for name, p in start.items() if p.vary)
    if not names:
        raise FitFailed("no parameter is free", hint="free at least one parameter")
    _move_inside(start)

    def evaluate(pars: lmfit.Parameters) -> Array:
        return residual(pars.valuesdict())

    first = evaluate(start)
    if first.size < len(names):
        raise FitFailed(f"{first.size} points cannot determine {len(names)} parameters")
    if not np.all(np.isfinite(first)):
        raise FitFailed("the model is not finite at the start values")
    options: dict[str, object] = {"ftol": tolerance, "xtol": tolerance}
    if jacobian is not None:
        options["Dfun"] = lambda pars: jacobian(pars.valuesdict(), names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        minimizer = lmfit.Minimizer(evaluate, start, calc_covar=False, nan_policy="raise")
        try:
            result = minimizer.minimize(method="leastsq", max_nfev=max_evaluations, **options)
        except ValueError as exc:
            raise FitFailed("the model left the range of finite numbers during the fit") from exc
    values = result.params.valuesdict()
    final = residual(values)
    slope = _differences(residual, values, names) if jacobian is None else jacobian(values, names)
    covariance, identifiable = _covariance(slope)
    dof: float = final.size - len(names)
    parts, common = np.zeros((0, len(names), len(names))), np.zeros((0, len(names)))
    if errors is not None:
        estimator = covariance @ slope.T
        parts, common = errors.parts(estimator), errors.shifts(estimator)
        if errors.correlated and identifiable:
            covariance = parts.sum(axis=0)
            # n - tr(A C Aᵀ JᵀJ), the trace of C less what the fit takes.
            dof = final.size - float(np.sum(covariance * (slope.T @ slope)))
    return FitOutcome(
        parameters=result.params,
        names=names,
        covariance=covariance,
        residual=final,
        chi2=float(final @ final),
        dof=dof,
        evaluations=int(result.nfev),
        verdict=_verdict(result, names, identifiable),
        parts=parts,
        common=common,
    )


def _move_inside(parameters: lmfit.Parameters) -> None:
    for p in parameters.values():
        if not p.vary:
            continue
        width = p.max - p.min
        step = 1e-3 * width if np.isfinite(width) else 1e-3 * max(abs(p.value), 1.0)
        if np.isfinite(p.min) and p.value <= p.min + 1e-3 * step:
            p.value = p.min + step
        elif np.isfinite(p.max) and p.value >= p.max - 1e-3 * step:
            p.value = p.max - step


def _differences(
    residual: Callable[[Values], Array], values: Values, names: tuple[str, ...]
) -> Array:
    columns = []
    for name in names:
        step = 1e-5 * max(abs(values[name]), 1e-6)
        up = residual({**values, name: values[name] + step})
        down = residual({**values, name: values[name] - step})
        columns.append((up - down) / (2 * step))
    return np.stack(columns, axis=1)


def _covariance(slope: Array) -> tuple[Array, bool]:
    """Return (JᵀJ)⁻¹ after scaling the columns to unit length, and whether it can be trusted."""
    n = slope.shape[1]
    length = np.sqrt(np.einsum("ij,ij->j", slope, slope))
    bad = np.full((n, n), np.nan)
    if not np.all(np.isfinite(length)) or np.any(length == 0):
        return bad, False
    scaled = slope / length
    weights, vectors = np.linalg.eigh(scaled.T @ scaled)
    if weights[0] < _SINGULAR * n:
        return bad, False
    inverse = (vectors / weights) @ vectors.T
    return inverse / np.outer(length, length), True


def _verdict(
    result: lmfit.minimizer.MinimizerResult, names: tuple[str, ...], identifiable: bool
) -> Verdict:
    if not result.success or getattr(result, "aborted", False):
        return Verdict.NOT_CONVERGED
    if not identifiable:
        return Verdict.UNIDENTIFIABLE
    return Verdict.AT_BOUND if _at_bound(result.params, names) else Verdict.OK


def _at_bound(parameters: lmfit.Parameters, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return which of the parameters `names` stopped at a bound."""
    stuck = []
    for name in names:
        p = parameters[name]
        scale = p.max - p.min if np.isfinite(p.max - p.min) else max(abs(p.value), 1.0)
        if min(p.value - p.min, p.max - p.value) < _AT_BOUND * scale:
            stuck.append(name)
    return tuple(stuck)
