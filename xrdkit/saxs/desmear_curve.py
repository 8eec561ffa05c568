"""One smeared curve back to the curve before smearing: z = ln I as a spline, as smooth as allowed.

z is a natural cubic spline over ln q through the logarithms at its knots, straight beyond them: a
power law. Sought is the minimum of

    χ² + λ ∫ (d²z/d(ln q)²)² d ln q,    χ² = Σ (I_s - W e^z)²/σ²

with W the smearing. Power laws cost nothing, so that the steepest part and the tail beyond the data
are not flattened; I is positive. λ has the greatest marginal likelihood, the size of the errors
being free: generalised maximum likelihood (G. Wahba, Ann. Stat. 13 (1985) 1378). The covariance is
that of the posterior, which has the smoothing error in it (G. Wahba, J. R. Stat. Soc. B 45 (1983)
133): over a curve, 68 % of the points lie within one standard error.

Desmearing by iteration, without errors: J. A. Lake, Acta Cryst. 23 (1967) 191.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.ndimage import median_filter
from scipy.optimize import minimize_scalar

from xrdkit.errors import FitFailed
from xrdkit.saxs.smearing import Smearing

Array = NDArray[np.float64]

#: Most knots of the spline.
_MOST_KNOTS = 200
_STEPS = 60
_CONVERGED = 1e-7
#: Range of log10 λ that is searched, and how well.
_LOG_RANGE = (-8.0, 6.0)
_LOG_STEP = 1.0
_LOG_ACCURACY = 0.1
#: z is held within this of its start: a factor of 1e13.
_FARTHEST = 30.0
_SMOOTHED_POINTS = 7
_FLOOR = 1e-6


@dataclass(frozen=True, kw_only=True)
class Desmeared:
    """What one curve was before it was smeared."""

    intensity: Array
    """At every point of the smearing, shape (n,), units of the curve."""
    covariance: Array
    """Its covariance, shape (n, n), with the given errors as they are."""
    smeared: Array
    """The same smeared, to be compared with the measured curve, shape (n,)."""
    estimator: Array
    """d intensity / d measured, shape (n, number of points used)."""
    scale: float
    """√χ²r: what the given errors are to be multiplied by."""
    log_regularisation: float
    """log10 λ."""
    effective_parameters: float
    """Number of parameters that the data determined."""


@dataclass(frozen=True)
class _Minimum:
    """The curve of one λ."""

    z: Array
    jacobian: Array
    hessian: Array
    chi2: float
    roughness: float


class _Problem:
    def __init__(
        self, smearing: Smearing, where: NDArray[np.bool_], intensity: Array, sigma: Array
    ) -> None:
        self.rows = smearing.weights[where]
        self.intensity, self.sigma = intensity, sigma
        q = smearing.q[where]
        count = min(_MOST_KNOTS, q.size)
        # Half as the points lie, half evenly over ln q: near neighbours, of which curves measured
        # in even steps have many at large q, make the equations singular.
        x = np.log(q)
        place = np.linspace(0.0, 1.0, q.size) + (x - x[0]) / (x[-1] - x[0])
        self.knots = np.interp(np.linspace(0.0, 2.0, count), place, x)
        self.spread = _spline(self.knots, np.log(smearing.q_model))
        self.roughness = _roughness(self.knots)

    def model(self, z: Array) -> tuple[Array, Array]:
        """Return (W e^z - I)/σ and its derivative by the knots."""
        curve = np.exp(self.spread @ z)
        residual = (self.rows @ curve - self.intensity) / self.sigma
        jacobian = (self.rows @ (curve[:, None] * self.spread)) / self.sigma[:, None]
        return residual, jacobian

    def start(self, smearing: Smearing, where: NDArray[np.bool_]) -> Array:
        """Return z from the smoothed curve, made steeper by a few of Lake's iterations."""
        size = min(_SMOOTHED_POINTS, self.intensity.size)
        smooth = median_filter(self.intensity, size=size, mode="nearest")
        noise = median_filter(self.sigma, size=size, mode="nearest")
        seen = np.maximum(smooth, np.maximum(0.3 * noise, _FLOOR * float(smooth.max())))
        if not smooth.max() > 0:
            raise FitFailed("the intensity is nowhere above zero")
        x, model = np.log(smearing.q[where]), np.log(smearing.q_model)
        z = np.log(seen)
        for _ in range(8):
            curve = np.exp(_held(x, z, model))
            z = z + np.clip(np.log(seen) - np.log(self.rows @ curve), -2.0, 2.0)
        return np.interp(self.knots, x, z)

    def minimum(self, z: Array, weight: float) -> _Minimum:
        """Return the minimum for λ = `weight` from the start `z`, by damped Gauss-Newton steps."""
        penalty = weight * self.roughness
        first, damping = z, 1e-3
        residual, jacobian = self.model(z)
        value = float(residual @ residual + z @ penalty @ z)
        for _ in range(_STEPS):
            hessian = jacobian.T @ jacobian + penalty
            slope = jacobian.T @ residual + penalty @ z
            moved = False
            for _ in range(12):
                lifted = hessian + damping * np.diag(np.diag(hessian) + 1e-12)
                step = cho_solve(cho_factor(lifted), slope)
                trial = np.clip(z - np.clip(step, -3.0, 3.0), first - _FARTHEST, first + _FARTHEST)
                with np.errstate(over="ignore"):
                    there, slopes = self.model(trial)
                    new = float(there @ there + trial @ penalty @ trial)
                if np.isfinite(new) and new <= value:
                    moved = True
                    break
                damping = min(10.0 * damping, 1e8)
            if not moved:
                break
            gain, z, residual, jacobian = value - new, trial, there, slopes
            value, damping = new, max(0.2 * damping, 1e-9)
            if gain <= _CONVERGED * (1.0 + value):
                break
        hessian = jacobian.T @ jacobian + penalty
        return _Minimum(
            z=z,
            jacobian=jacobian,
            hessian=hessian,
            chi2=float(residual @ residual),
            roughness=float(z @ self.roughness @ z),
        )

    def likelihood(self, found: _Minimum, weight: float) -> float:
        """Return ln of the marginal likelihood of λ, up to a constant."""
        free = self.knots.size - 2
        total = found.chi2 + weight * found.roughness
        factor = cho_factor(found.hessian, lower=True)[0]
        determinant = 2.0 * float(np.sum(np.log(np.abs(np.diag(factor)))))
        points = self.intensity.size - 2
        return 0.5 * (free * np.log(weight) - determinant - points * np.log(max(total, 1e-300)))


def desmear_curve(
    smearing: Smearing, where: NDArray[np.bool_], intensity: Array, sigma: Array
) -> Desmeared:
    """Return the curve before smearing, at all points of `smearing`.

    `where` (n,) tells which points `intensity` and `sigma` hold (shape of these); errors are taken
    to be independent. Raises FitFailed where the curve is nowhere positive or not determined.
    """
    problem = _Problem(smearing, where, intensity, sigma)
    try:
        weight, best = _search(problem, problem.start(smearing, where))
        factor = cho_factor(best.hessian)
        inverse = cho_solve(factor, np.eye(best.z.size))
    except LinAlgError as exc:
        raise FitFailed("the curve before smearing is not determined by these points") from exc
    curve = np.exp(problem.spread @ best.z)
    inside = _spline(problem.knots, np.log(smearing.q))
    values = np.exp(inside @ best.z)
    slopes = values[:, None] * inside
    effective = float(np.sum(inverse * (best.jacobian.T @ best.jacobian)))
    free = max(intensity.size - effective, 1.0)
    return Desmeared(
        intensity=values,
        covariance=slopes @ inverse @ slopes.T,
        smeared=smearing.apply(curve),
        estimator=slopes @ inverse @ best.jacobian.T / sigma,
        scale=float(np.sqrt(best.chi2 / free)),
        log_regularisation=float(np.log10(weight)),
        effective_parameters=effective,
    )


def _search(problem: _Problem, z: Array) -> tuple[float, _Minimum]:
    """Return the λ of the greatest likelihood and its curve, coming from the smooth side."""
    known: dict[float, _Minimum] = {}
    values: dict[float, float] = {}

    def cost(log: float) -> float:
        near = min(known, key=lambda other: abs(other - log)) if known else None
        try:
            found = problem.minimum(z if near is None else known[near].z, 10.0**log)
            value = -problem.likelihood(found, 10.0**log)
        except LinAlgError:
            # Singular to rounding: far too smooth, or not smoothed at all.
            return math.inf
        known[log], values[log] = found, value
        return value

    low, high = _LOG_RANGE
    grid = np.arange(high, low, -_LOG_STEP)
    costs: list[float] = []
    for log in grid:
        costs.append(cost(float(log)))
        # Past the best by three decades it does not come back.
        if np.isfinite(min(costs)) and len(costs) - int(np.argmin(costs)) > 4:
            break
    if not known:
        raise LinAlgError("singular for every regularisation")
    at = float(grid[int(np.argmin(costs))])
    minimize_scalar(
        cost,
        bounds=(at - _LOG_STEP, at + _LOG_STEP),
        method="bounded",
        options={"xatol": _LOG_ACCURACY},
    )
    best = min(values, key=lambda log: values[log])
    return 10.0**best, known[best]


def _held(x: Array, z: Array, at: Array) -> Array:
    """Return z between the points, and beyond them along the line through the outer ones."""
    few = max(3, x.size // 20)
    inside = np.interp(at, x, z)
    for ends, outside in ((slice(None, few), at < x[0]), (slice(-few, None), at > x[-1])):
        slope, offset = np.polyfit(x[ends], z[ends], 1)
        inside[outside] = offset + np.clip(slope, -6.0, 0.0) * at[outside]
        edge = x[ends][0 if outside[0] else -1]
        inside[outside] += (slope - np.clip(slope, -6.0, 0.0)) * edge
    return inside


def _spline(knots: Array, at: Array) -> Array:
    """Return the matrix from values at the knots to the natural spline, straight beyond them."""
    spline = CubicSpline(knots, np.eye(knots.size), bc_type="natural", axis=0)
    matrix = np.asarray(spline(np.clip(at, knots[0], knots[-1])))
    for end, outside in ((knots[0], at < knots[0]), (knots[-1], at > knots[-1])):
        if outside.any():
            matrix[outside] += (at[outside] - end)[:, None] * np.asarray(spline(end, 1))[None]
    return matrix


def _roughness(knots: Array) -> Array:
    """Return the matrix P with zᵀ P z = ∫ z''² of the natural spline."""
    spline = CubicSpline(knots, np.eye(knots.size), bc_type="natural", axis=0)
    bends = np.asarray(spline(knots, 2))
    width = np.diff(knots)
    mass = np.zeros((knots.size, knots.size))
    k = np.arange(width.size)
    mass[k, k] += width / 3.0
    mass[k + 1, k + 1] += width / 3.0
    mass[k, k + 1] += width / 6.0
    mass[k + 1, k] += width / 6.0
    roughness: Array = bends.T @ mass @ bends
    return 0.5 * (roughness + roughness.T)
