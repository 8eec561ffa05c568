"""Maximum entropy: the distribution that says least beyond what the curve demands.

Maximised is α S - χ²/2 with S = -Σ x [ln(x/m) - 1] over the nodes (Skilling & Bryan, Mon. Not. R.
Astron. Soc. 211 (1984) 111), x the volume per ln R and m its default, flat and small; α is the
largest with χ² <= max(N s², 1.02 χ²min). The backgrounds have no entropy.

At the maximum ln(x/m) = Aᵀ z with z = (I/σ - A x)/α: as many unknowns as the curve has independent
numbers (Bryan, Eur. Biophys. J. 18 (1990) 165). z is the maximum of the concave dual

    D(z) = z·t - α z²/2 - Σ m exp(Aᵀ z),

found by Newton steps that are halved until they climb (`xrdkit.saxs.maxent_dual`). It has no search
directions to be chosen, and what is left of the gradient tells convergence.
"""

import numpy as np
from numpy.typing import NDArray

from xrdkit.saxs.background import EXPONENT, POSITIVE
from xrdkit.saxs.maxent_dual import climb
from xrdkit.saxs.problem import Noise, Problem
from xrdkit.saxs.spec import SizeSpec
from xrdkit.saxs.tikhonov import allowed_chi2

Array = NDArray[np.float64]

#: Default of each node over the mean of the nodes: where data say nothing, hardly anything is.
_DEFAULT_SHARE = 1e-3
_WEAKEST, _STRONGEST = -8.0, 8.0
_BISECTIONS = 14
#: Gradient that may be left, over the largest it can be; and while α is looked for.
_CONVERGED, _ON_THE_WAY = 1e-8, 1e-6
_TINY = 1e-300
#: Smallest noise, over the root mean square of the curve, that is taken for real.
_SMALLEST_NOISE = 1e-6
#: Singular values below this share of the largest are noise of the arithmetic.
_INDEPENDENT = 1e-6


class MaxEnt:
    """The entropy maximum of one problem, α chosen for one curve."""

    #: The pull of the entropy is a bias larger than the noise: a second inversion tells it.
    corrects = True
    random = False
    replicates = 40
    steps = reduced_chi2 = float("nan")

    def __init__(self, problem: Problem, target: Array, noise: Noise, spec: SizeSpec) -> None:
        self._problem = problem
        self.positive = noise.positive
        self._worst = 0.0
        nodes = problem.nodes
        # In units of the noise, so that errors wrong by a factor change nothing.
        smallest = _SMALLEST_NOISE * float(np.sqrt(np.mean(target**2)))
        self._unit = max(noise.scale, smallest, _TINY)
        amount = float(noise.x[:nodes].sum()) / self._unit
        default = max(_DEFAULT_SHARE * amount / nodes, _TINY)
        names = problem.background
        # B and C are not negative: where one comes out so, it is 0 and the problem one without.
        self._duals = [_Dual(problem, default, list(range(len(names))))]
        if set(names) & set(POSITIVE):
            rest = [i for i, name in enumerate(names) if name not in (*POSITIVE, EXPONENT)]
            self._duals.append(_Dual(problem, default, rest))
        self._log_strength = _WEAKEST
        allowed = max(allowed_chi2(noise, target.size), target.size * self._unit**2)
        self._choose(target, allowed)

    @property
    def log_strength(self) -> float:
        """log10 α."""
        return self._log_strength

    @property
    def converged(self) -> bool:
        """Whether the gradient vanished at every maximum that was asked for."""
        return self._worst <= _CONVERGED

    @property
    def note(self) -> str:
        """What a reader should know of the search."""
        if self.converged:
            return ""
        return f"the entropy maximum was not reached: {self._worst:.1g} of the gradient is left"

    def fit(self, target: Array) -> Array:
        """Return the unknowns (unknowns,) of the measured curve."""
        found: Array = self.solve(target[None], 0)[0]
        return found

    def solve(self, targets: Array, first: int) -> Array:
        """Return the unknowns of `targets` (m, n) with the same α, shape (m, unknowns)."""
        return np.array([self._solve(row, self._log_strength, self._kept)[0] for row in targets])

    def _choose(self, target: Array, allowed: float) -> None:
        low, high = _WEAKEST, _STRONGEST
        kept: list[Array | None] = [None] * len(self._duals)
        self._kept = kept
        for _ in range(_BISECTIONS):
            middle = 0.5 * (low + high)
            x, kept = self._solve(target, middle, kept, _ON_THE_WAY)
            if self._problem.chi2(x, target) <= allowed:
                low, self._kept = middle, kept
            else:
                high = middle
        self._log_strength = low
        # Tries on the way to α do not count.
        self._worst = 0.0
        _, self._kept = self._solve(target, low, self._kept)

    def _solve(
        self,
        target: Array,
        log_strength: float,
        start: list[Array | None],
        enough: float = _CONVERGED,
    ) -> tuple[Array, list[Array | None]]:
        kept = list(start)
        x = np.zeros(self._problem.scale.size)
        for place, dual in enumerate(self._duals):
            x, kept[place], left = dual.solve(
                target / self._unit, 10.0**log_strength, start[place], enough
            )
            last = place + 1 == len(self._duals)
            if last or not dual.positive or x[dual.positive].min() >= 0:
                self._worst = max(self._worst, left)
                break
        return x * self._unit, kept


class _Dual:
    """Maxima of the dual with the given backgrounds eliminated."""

    def __init__(self, problem: Problem, default: float, backgrounds: list[int]) -> None:
        nodes = problem.nodes
        self._at = [nodes + i for i in backgrounds]
        #: Places of the backgrounds that cannot be negative.
        self.positive = [nodes + i for i in backgrounds if problem.background[i] in POSITIVE]
        self._default = default
        self._columns = problem.matrix[:, :nodes]
        behind = problem.matrix[:, self._at]
        self._inverse = np.linalg.pinv(behind)
        self._unknowns = problem.scale.size
        basis = np.linalg.qr(behind)[0]
        rest = self._columns - basis @ (basis.T @ self._columns)
        left, singular, right = np.linalg.svd(rest, full_matrices=False)
        rank = max(int((singular > _INDEPENDENT * singular[0]).sum()), 1)
        self._left = left[:, :rank]
        #: Singular vectors times values, a row for each node.
        self._reduced = np.ascontiguousarray((singular[:rank, None] * right[:rank]).T)
        self._root = np.zeros((rank, rank))
        self._strength = np.nan

    def solve(
        self, target: Array, strength: float, start: Array | None, enough: float
    ) -> tuple[Array, Array, float]:
        """Return unknowns, z, and the gradient that is left over the largest it can be."""
        seen = np.ascontiguousarray(self._left.T @ target)
        z = np.zeros(seen.size) if start is None else start.copy()
        x = np.empty(len(self._reduced))
        size = float(np.linalg.norm(seen))
        left = climb(
            self._reduced,
            seen,
            strength,
            self._default,
            enough * size,
            # An old curvature serves as long as steps with it make good way.
            strength == self._strength,
            self._root,
            z,
            x,
        )
        self._strength = strength
        out = np.zeros(self._unknowns)
        out[: x.size] = x
        if self._at:
            out[self._at] = self._inverse @ (target - self._columns @ x)
        return out, z, left / size if size > 0 else 0.0
