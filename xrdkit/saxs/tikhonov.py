"""Tikhonov regularisation with positivity, and how strongly to smooth.

Minimised is |A y - I/σ|² + λ |L y|² with y >= 0, L the second difference with zero ends (Tikhonov,
Sov. Math. Dokl. 4 (1963) 1035). λ is one of

- discrepancy: the largest that describes the data, χ² <= max(N s², 1.02 χ²min), s² = χ²min over its
  degrees of freedom, so that errors wrong by a common factor do not matter (Morozov, Sov. Math.
  Dokl. 7 (1966) 414);
- l_curve: the corner of ln|L y|² over ln χ² (Hansen, SIAM Rev. 34 (1992) 561);
- evidence: the most probable for Gaussian noise of unknown size (MacKay, Neural Comput. 4 (1992)
  415; Hansen, J. Appl. Cryst. 33 (2000) 1415), on the set of positive unknowns.
"""

import numpy as np
from numpy.typing import NDArray

from xrdkit.saxs.nonnegative import Mask, nonnegative, nonnegative_rows
from xrdkit.saxs.problem import WEAKEST, Noise, Problem
from xrdkit.saxs.spec import SizeSpec

Array = NDArray[np.float64]

_STRONGEST = 10.0
_BISECTIONS = 14
_LEAST_SHARE = 1.02
#: Grid of log10 λ on which corner and evidence are looked for.
_GRID_STEP = 0.25
_GRID_SPAN = 4.0
_TINY = 1e-300


def allowed_chi2(noise: Noise, points: int) -> float:
    """Return the χ² of a description that leaves what noise leaves: max(N s², 1.02 χ²min)."""
    return max(points * noise.scale**2, _LEAST_SHARE * noise.least)


class Tikhonov:
    """The regularised least squares of one problem, λ chosen for one curve."""

    corrects = False
    random = False
    replicates = 60
    converged = True
    note = ""
    steps = reduced_chi2 = float("nan")

    def __init__(self, problem: Problem, target: Array, noise: Noise, spec: SizeSpec) -> None:
        self._problem = problem
        self.positive: Mask = noise.positive
        self._discrepancy(target, noise)
        if spec.regularisation != "discrepancy":
            self._scan(target, spec.regularisation)

    @property
    def log_strength(self) -> float:
        """log10 λ."""
        return self._log_strength

    def hold(self, log_strength: float, target: Array) -> None:
        """Take 10^`log_strength` for λ, and the positive unknowns that it leaves of `target`."""
        _, self.positive = self._solve(target, log_strength, self.positive)
        self._log_strength = log_strength

    def fit(self, target: Array) -> Array:
        """Return the unknowns (unknowns,) of the measured curve."""
        found: Array = self.solve(target[None], 0)[0]
        return found

    def solve(self, targets: Array, first: int) -> Array:
        """Return the unknowns of `targets` (m, n) with the same λ, shape (m, unknowns)."""
        problem = self._problem
        products = targets @ problem.matrix
        found, _ = nonnegative_rows(
            problem.smoothed(self._log_strength), products, free=problem.free, start=self.positive
        )
        return found

    def _solve(self, target: Array, log_strength: float, start: Mask) -> tuple[Array, Mask]:
        problem = self._problem
        return nonnegative(
            problem.smoothed(log_strength),
            problem.matrix.T @ target,
            free=problem.free,
            start=start,
        )

    def _discrepancy(self, target: Array, noise: Noise) -> None:
        allowed = allowed_chi2(noise, target.size)
        low, high = WEAKEST, _STRONGEST
        for _ in range(_BISECTIONS):
            middle = 0.5 * (low + high)
            x, positive = self._solve(target, middle, self.positive)
            if self._problem.chi2(x, target) <= allowed:
                low, self.positive = middle, positive
            else:
                high = middle
        self._log_strength = low

    def _scan(self, target: Array, rule: str) -> None:
        centre, positive = self._log_strength, self.positive
        grid = np.arange(centre - _GRID_SPAN, centre + _GRID_SPAN, _GRID_STEP)
        grid = grid[grid >= WEAKEST]
        misfit, rough, evidence, sets = [], [], [], []
        for log_strength in grid:
            x, positive = self._solve(target, float(log_strength), positive)
            misfit.append(max(self._problem.chi2(x, target), _TINY))
            rough.append(max(float(x @ self._problem.penalty @ x), _TINY))
            evidence.append(self._evidence(float(log_strength), positive, misfit[-1], rough[-1]))
            sets.append(positive)
        if rule == "evidence":
            best = int(np.argmax(evidence))
        else:
            best = _corner(np.log(misfit), np.log(rough))
        self._log_strength, self.positive = float(grid[best]), sets[best]

    def _evidence(self, log_strength: float, positive: Mask, misfit: float, rough: float) -> float:
        """Return ln of the evidence of λ, the size of the noise integrated out, but for a constant.

        The prior is a Gaussian on the positive nodes, with |L y|² as exponent.
        """
        problem = self._problem
        at = np.flatnonzero(positive)
        inside = at[at < problem.nodes]
        posterior = problem.smoothed(log_strength)[np.ix_(at, at)]
        prior = 10.0**log_strength * problem.penalty[np.ix_(inside, inside)]
        points = len(problem.matrix)
        cost = misfit + 10.0**log_strength * rough
        volume = np.linalg.slogdet(prior)[1] - np.linalg.slogdet(posterior)[1]
        return float(0.5 * volume - 0.5 * points * np.log(cost))


def _corner(x: Array, y: Array) -> int:
    """Return the place of the largest curvature of a curve that bends towards the origin."""
    dx, dy = np.gradient(x), np.gradient(y)
    curvature = (dx * np.gradient(dy) - dy * np.gradient(dx)) / (dx**2 + dy**2 + _TINY) ** 1.5
    return int(np.argmax(curvature[1:-1])) + 1
