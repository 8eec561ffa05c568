"""Levenberg-Marquardt steps on the normal equations, within bounds.

Each step solves (JᵀJ + λ D) δ = -Jᵀr with D the diagonal of JᵀJ (Marquardt, J. Soc. Indust. Appl.
Math. 11 (1963) 431); parameters that would pass a bound are set on it and the others solved again,
so that a minimum on a bound is found as it is. A Jacobian costs several times a residual. While
steps with that of an earlier point keep shortening it is kept (chord steps), even that of a
neighbouring problem; none is the last word: a fit ends where the Jacobian at the minimum agrees.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from xrdkit.errors import FitFailed

Array = NDArray[np.float64]

_FIRST_DAMPING = 1e-3
_LEAST_DAMPING = 1e-9
_MOST_DAMPING = 1e12
#: Added to the diagonal of 1 of the normal matrix: more than rounding, less than any information.
_RIDGE = 1e-13
#: A Jacobian belongs to a point that is within this many standard errors of where it was taken.
_SAME_PLACE = 5e-4
#: Standard errors are those of a minimum that is so many of them away.
_SAME_ERRORS = 0.01
#: Chord steps shorter than this many standard errors are not worth a residual.
_SHORT = 0.1
#: Chord steps go on while each is expected to gain less than this share of the one before.
_CHORD_FALL = 0.25
#: Share of the expected fall that a step must bring to be trusted, and to be well trusted.
_FAIR, _GOOD = 0.25, 0.75
#: A step that gains more than this many times what was expected had a poor Jacobian.
_SURPRISE = 1.5
#: A step whose gain is off by more than this share of what was expected is lengthened or
#: shortened to the vertex of the parabola that it tells, at most to this many times its length.
_BENT, _FURTHEST = 0.15, 5.0
#: Data without noise are fitted until χ² can fall by no more than this share of its first value.
_NO_FALL = 1e-20
#: A fall that is not there although it should be is none, where it is within this factor of it.
_BARELY = 100.0
#: A step as short as the model bears is the last one where it lowers χ² by less than this share.
_STALLED = 1e-7
#: No step is shorter than rounding, relative to the parameters.
_ROUNDING = 1e-14


@dataclass(frozen=True, kw_only=True)
class Minimum:
    """Where `levenberg_marquardt` ended."""

    x: Array
    """Parameters (p,)."""
    residual: Array
    """Weighted residual there (n,)."""
    slopes: Array
    """Its Jacobian there (n, p)."""
    evaluations: int
    """Residuals and Jacobians computed."""
    converged: bool
    """Whether no step promises more."""


def levenberg_marquardt(
    residual: Callable[[Array], Array],
    jacobian: Callable[[Array], Array],
    start: Array,
    *,
    low: Array,
    high: Array,
    slopes: Array | None = None,
    tolerance: float = 1e-4,
    max_evaluations: int = 2000,
) -> Minimum:
    """Minimise Σ residual(x)² over low <= x <= high.

    `residual` returns (n,), `jacobian` its derivatives (n, p); `start`, `low` and `high` are (p,),
    the start within the bounds and its residual finite. `slopes` is a Jacobian of a neighbouring
    problem, to start with. The fit has converged where a step is expected to be shorter than
    `tolerance` standard errors: gᵀ(JᵀJ)⁻¹g < tolerance² χ²/(n - p) with g = Jᵀr.

    Raises FitFailed where the residual at the start is not finite or has fewer points than
    parameters, or the Jacobian is not finite.
    """
    return _Descent(residual, jacobian, start, low, high, tolerance).run(slopes, max_evaluations)


def check_start(first: Array, number: int) -> None:
    """Raise FitFailed where the first residual (n,) cannot start a fit of `number` parameters."""
    if first.size < number:
        raise FitFailed(f"{first.size} points cannot determine {number} parameters")
    if not np.all(np.isfinite(first)):
        raise FitFailed("the model is not finite at the start values")


class _Descent:
    """A walk downhill; the Jacobian it holds may be that of an earlier point."""

    def __init__(
        self,
        residual: Callable[[Array], Array],
        jacobian: Callable[[Array], Array],
        start: Array,
        low: Array,
        high: Array,
        tolerance: float,
    ) -> None:
        self._compute, self._slopes_at = residual, jacobian
        self.low, self.high = low, high
        self.x = np.clip(start, low, high)
        self.residual = residual(self.x)
        check_start(self.residual, start.size)
        self.chi2 = float(self.residual @ self.residual)
        self.evaluations = 1
        self.damping = _FIRST_DAMPING
        self._least, self._nothing = tolerance**2, _NO_FALL * self.chi2
        self._dof = max(self.residual.size - start.size, 1)
        self._away = np.zeros(start.size)

    def run(self, slopes: Array | None, most: int) -> Minimum:
        if slopes is None:
            self._renew()
        else:
            self._take(slopes)
            self._away[:] = np.inf
        expected, before = np.inf, np.nan
        converged = False
        while self.evaluations < most:
            here = self._here()
            step, fall = self._step(self.damping if here else 0.0)
            whole = fall if self.damping == 0.0 or not here else self._step(0.0)[1]
            least = max(self._least * self.chi2 / self._dof, self._nothing)
            if here and (whole <= least or self._still(step)):
                converged = True
                break
            # The rest of a way is gone with the Jacobian of where it leads to.
            near = whole <= least or self._length2(step) < _SHORT**2
            if not here and (near or not fall < _CHORD_FALL * expected):
                self._renew()
                expected = np.inf
                continue
            # What the Jacobian promised at the point before tells what is left after this step.
            left = whole * min(whole / before, 1.0) if here and not self._away.any() else np.inf
            before = whole if np.isfinite(left) or np.isnan(left) else before
            gained = self._try(step, fall)
            if left <= least and _FAIR < gained < _SURPRISE:
                converged = True
                break
            trusted = self.damping <= _FIRST_DAMPING and _FAIR < gained < _SURPRISE
            expected = fall if trusted else 0.0
            if not here:
                continue
            if gained <= 0 and self._away.any():
                self._renew()
                continue
            if _BENT < abs(gained - 1.0) < 1.0:
                # Along the step χ² is a parabola of another curvature than that of the Jacobian.
                further = min(1.0 / (2.0 - gained), _FURTHEST) - 1.0
                self._try(further * step, further**2 * (2.0 - gained) * fall)
            # A Jacobian that is not quite that of the residual bears small steps alone.
            if self.damping > 1.0 and fall < _STALLED * self.chi2:
                converged = True
                break
            self._damp(gained)
            if gained <= 0 and (self.damping > _MOST_DAMPING or whole <= _BARELY * least):
                converged = whole <= _BARELY * least
                break
        if not self._length2(self._away) <= _SAME_ERRORS**2:
            self._renew()
        return Minimum(
            x=self.x,
            residual=self.residual,
            slopes=self.slopes,
            evaluations=self.evaluations,
            converged=converged,
        )

    def _here(self) -> bool:
        """Whether the Jacobian is that of the present point."""
        return bool(self._length2(self._away) <= _SAME_PLACE**2)

    def _length2(self, step: Array) -> float:
        """Return the square of a step in standard errors."""
        if not np.all(np.isfinite(step)):
            return np.inf
        return float(step @ self.normal @ step) * self._dof / max(self.chi2, 1e-300)

    def _still(self, step: Array) -> bool:
        return bool(np.all(np.abs(step) <= _ROUNDING * np.maximum(np.abs(self.x), 1e-300)))

    def _renew(self) -> None:
        self._take(self._slopes_at(self.x))
        self._away[:] = 0.0
        self.evaluations += 1

    def _take(self, slopes: Array) -> None:
        self.slopes = slopes
        self.normal = slopes.T @ slopes
        if not np.all(np.isfinite(self.normal)):
            raise FitFailed("the model left the range of finite numbers during the fit")
        diagonal = np.diagonal(self.normal)
        self._unit = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        self._scaled = self.normal / np.outer(self._unit, self._unit)

    def _step(self, damping: float) -> tuple[Array, float]:
        """Return the step within the bounds, and how much it should lower χ²."""
        gradient = (self.slopes.T @ self.residual) / self._unit
        down, up = (self.low - self.x) * self._unit, (self.high - self.x) * self._unit
        step = np.zeros(gradient.size)
        free = ~(((down >= 0) & (gradient > 0)) | ((up <= 0) & (gradient < 0)))
        for _ in range(gradient.size + 1):
            held = self._scaled @ np.where(free, 0.0, step)
            step[free] = self._solve(gradient + held, free, damping)
            out = free & ((step < down) | (step > up))
            if not out.any():
                break
            step = np.clip(step, down, up)
            free &= ~out
        fall = -float(2.0 * gradient @ step + step @ self._scaled @ step)
        return step / self._unit, fall

    def _solve(self, gradient: Array, free: NDArray[np.bool_], damping: float) -> Array:
        if not free.any():
            return np.zeros(0)
        matrix = self._scaled[np.ix_(free, free)] + 0.0
        ridge = _RIDGE + damping
        while True:
            matrix.flat[:: len(matrix) + 1] += ridge
            try:
                return np.asarray(-cho_solve(cho_factor(matrix, lower=True), gradient[free]))
            except LinAlgError:
                ridge = 10.0 * ridge

    def _try(self, step: Array, fall: float) -> float:
        """Go there where that lowers χ²; return the fall as a share of what was expected."""
        trial = np.clip(self.x + step, self.low, self.high)
        residual = self._compute(trial)
        self.evaluations += 1
        chi2 = float(residual @ residual)
        # Far below rounding of χ², whether it falls says nothing.
        lost = 4.0 * np.finfo(float).eps * self.chi2
        if not np.isfinite(chi2) or not chi2 <= self.chi2 + lost:
            return -1.0
        gained = (self.chi2 - chi2) / fall if fall > lost else 1.0
        self._away = self._away + (trial - self.x)
        self.x, self.residual, self.chi2 = trial, residual, chi2
        return gained

    def _damp(self, gained: float) -> None:
        if gained > _GOOD:
            self.damping *= 0.1
            if self.damping < _LEAST_DAMPING:
                self.damping = 0.0
        elif gained <= _FAIR:
            self.damping = max(4.0 * self.damping, _FIRST_DAMPING)
            if gained <= 0:
                self.damping *= 2.5
