"""Least-squares fits by one of three minimisers, with one judgement of what came out."""

import warnings
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Literal, Protocol, get_args

import lmfit
import numpy as np

from xrdkit.errors import FitFailed
from xrdkit.fitting.marquardt import check_start, levenberg_marquardt
from xrdkit.fitting.outcome import Array, FitOutcome, Table, Values, Verdict

#: Correlation matrices with a smaller eigenvalue than this cannot tell their parameters apart.
_SINGULAR = 1e-12

Solver = Literal["lm", "leastsq", "least_squares"]
SOLVERS: tuple[Solver, ...] = get_args(Solver)

Residual = Callable[[Values], Array]
Jacobian = Callable[[Values, tuple[str, ...]], Array]


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


def least_squares(
    residual: Residual,
    parameters: lmfit.Parameters | Table,
    *,
    jacobian: Jacobian | None = None,
    errors: ResidualErrors | None = None,
    max_evaluations: int = 2000,
    tolerance: float = 1e-9,
    solver: Solver = "leastsq",
    slopes: Array | None = None,
    precision: float = 1e-4,
) -> FitOutcome:
    """Minimise Σ residual² over the free `parameters`.

    `residual(values)` returns the weighted residual, shape (n,); `jacobian(values, names)` its
    derivatives, shape (n, len(names)), in the order of `names` (the free parameters; default:
    differences). `parameters` is not changed. `errors` are those of the residual where neighbours
    share them or some are common to all points; they do not change the minimum, only what is said
    of its errors: near it the fit is the linear estimator A = (JᵀJ)⁻¹Jᵀ of the data, and any
    covariance goes through A.

    `solver`: ``"leastsq"`` (Levenberg-Marquardt of MINPACK through lmfit; a start on a bound, where
    its bounded fit has no slope, is moved inside), ``"least_squares"`` (trust region of scipy
    through lmfit), both to a relative `tolerance` of χ² and parameters; or ``"lm"``
    (`levenberg_marquardt`), to `precision` standard errors, which takes no tied parameters, keeps
    those that end on a bound exactly there, and may start from the Jacobian `slopes` (n, p) of a
    neighbouring problem.

    Raises FitFailed where the residual is not finite, there are fewer points than parameters, or
    the solver cannot do what is asked.
    """
    if solver not in SOLVERS:
        raise FitFailed(f"unknown solver {solver!r}", hint=f"one of: {', '.join(SOLVERS)}")
    table = parameters if isinstance(parameters, Table) else Table.of(parameters)
    if not table.free:
        raise FitFailed("no parameter is free", hint="free at least one parameter")
    tied = isinstance(parameters, lmfit.Parameters) and any(p.expr for p in parameters.values())
    if solver == "lm":
        if tied:
            raise FitFailed("solver 'lm' takes no tied parameters", hint="use 'leastsq'")
        return _own(residual, table, jacobian, errors, max_evaluations, slopes, precision)
    start = parameters if isinstance(parameters, lmfit.Parameters) else table.lmfit()
    return _lmfit(residual, start, table, jacobian, errors, max_evaluations, tolerance, solver)


def without(
    outcome: FitOutcome, names: Collection[str], *, errors: ResidualErrors | None = None
) -> FitOutcome:
    """Return the outcome with the free parameters `names` held where they are.

    Right where they ended on a bound, which is the minimum of the others too. The Jacobian must not
    have been let go (raises FitFailed).
    """
    if outcome.slopes is None:
        raise FitFailed("the Jacobian of the fit was let go")
    kept = [k for k, name in enumerate(outcome.names) if name not in names]
    return _outcome(
        replace(outcome.table, free=tuple(outcome.names[k] for k in kept)),
        outcome.residual,
        outcome.slopes[:, kept],
        errors,
        outcome.evaluations,
        outcome.verdict is not Verdict.NOT_CONVERGED,
    )


def _own(
    residual: Residual,
    table: Table,
    jacobian: Jacobian | None,
    errors: ResidualErrors | None,
    most: int,
    slopes: Array | None,
    precision: float,
) -> FitOutcome:
    names, low_high = table.free, table.limits()
    start = np.clip(np.array([table.values[name] for name in names]), *low_high)

    def values_at(x: Array) -> dict[str, float]:
        return table.values | dict(zip(names, x.tolist(), strict=True))

    def slopes_at(x: Array) -> Array:
        values = values_at(x)
        if jacobian is None:
            return _differences(residual, values, names)
        return jacobian(values, names)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found = levenberg_marquardt(
            lambda x: residual(values_at(x)),
            slopes_at,
            start,
            low=low_high[0],
            high=low_high[1],
            slopes=slopes,
            tolerance=precision,
            max_evaluations=most,
        )
    ended = replace(table, values=values_at(found.x))
    return _outcome(ended, found.residual, found.slopes, errors, found.evaluations, found.converged)


def _lmfit(
    residual: Residual,
    parameters: lmfit.Parameters,
    table: Table,
    jacobian: Jacobian | None,
    errors: ResidualErrors | None,
    most: int,
    tolerance: float,
    solver: str,
) -> FitOutcome:
    start, names = parameters.copy(), table.free
    _move_inside(start)

    def evaluate(pars: lmfit.Parameters) -> Array:
        return residual(pars.valuesdict())

    check_start(evaluate(start), len(names))
    options: dict[str, object] = {"ftol": tolerance, "xtol": tolerance}
    if jacobian is not None:
        options["Dfun"] = lambda pars: jacobian(pars.valuesdict(), names)
    if solver == "least_squares":
        options |= {"gtol": tolerance, "x_scale": "jac"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        minimizer = lmfit.Minimizer(evaluate, start, calc_covar=False, nan_policy="raise")
        try:
            result = minimizer.minimize(method=solver, max_nfev=most, **options)
        except ValueError as exc:
            raise FitFailed("the model left the range of finite numbers during the fit") from exc
    values = {name: float(value) for name, value in result.params.valuesdict().items()}
    slope = _differences(residual, values, names) if jacobian is None else jacobian(values, names)
    converged = bool(result.success) and not getattr(result, "aborted", False)
    ended = replace(table, values=values)
    return _outcome(ended, residual(values), slope, errors, int(result.nfev), converged)


def _outcome(
    table: Table,
    final: Array,
    slopes: Array,
    errors: ResidualErrors | None,
    evaluations: int,
    converged: bool,
) -> FitOutcome:
    """Return what is to be said of a minimum with the Jacobian `slopes` (n, p)."""
    count = len(table.free)
    covariance, identifiable = _covariance(slopes)
    dof: float = final.size - count
    parts, common = np.zeros((0, count, count)), np.zeros((0, count))
    if errors is not None:
        estimator = covariance @ slopes.T
        parts, common = errors.parts(estimator), errors.shifts(estimator)
        if errors.correlated and identifiable:
            covariance = parts.sum(axis=0)
            # n - tr(A C Aᵀ JᵀJ), the trace of C less what the fit takes.
            dof = final.size - float(np.sum(covariance * (slopes.T @ slopes)))
    if not converged:
        verdict = Verdict.NOT_CONVERGED
    elif not identifiable:
        verdict = Verdict.UNIDENTIFIABLE
    else:
        verdict = Verdict.AT_BOUND if table.at_bound() else Verdict.OK
    return FitOutcome(
        table=table,
        covariance=covariance,
        residual=final,
        chi2=float(final @ final),
        dof=dof,
        evaluations=evaluations,
        verdict=verdict,
        parts=parts,
        common=common,
        slopes=slopes,
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


def _differences(residual: Residual, values: Values, names: tuple[str, ...]) -> Array:
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
    normal = slope.T @ slope
    length = np.sqrt(np.diagonal(normal))
    bad = np.full((n, n), np.nan)
    if not np.all(np.isfinite(length)) or np.any(length == 0):
        return bad, False
    weights, vectors = np.linalg.eigh(normal / np.outer(length, length))
    if weights[0] < _SINGULAR * n:
        return bad, False
    inverse = (vectors / weights) @ vectors.T
    return inverse / np.outer(length, length), True
