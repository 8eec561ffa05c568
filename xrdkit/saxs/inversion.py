"""Form-free size distribution: Tikhonov regularisation with positivity.

Unknown is y = f R, the volume-weighted density per ln R times φΔρ², on nodes of ln R, with the
background as further unknowns. Minimised is |A y - I/σ|² + λ |L y|², L the second difference with
zero ends; λ is the largest that describes the data: χ² <= max(N s², 1.02 χ²min), s² = χ²min over
its degrees of freedom, so that errors wrong by a common factor do not matter (Tikhonov, Sov. Math.
Dokl. 4 (1963) 1035; discrepancy principle: Morozov, Sov. Math. Dokl. 7 (1966) 414).

Errors: the fitted curve plus noise of the size found is inverted again with the same λ. Noise is
never added to the data, which have theirs already. Where neighbouring points share errors, so do
those of the noise. An error common to all points is added to the data as it is: what then changes
is its share, signed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.saxs.background import FLAT
from xrdkit.saxs.kernel import Kernel
from xrdkit.saxs.nonnegative import Mask, nonnegative
from xrdkit.uncertainty import ErrorModel

Array = NDArray[np.float64]

LEVEL = 5
STEP = 2.0**-LEVEL
_WEAKEST, _STRONGEST = -6.0, 10.0
_TINY = 1e-300
_BISECTIONS = 14
_REPLICATES = 40
#: Radii from q_max R = π to where Guinier's law begins; larger ones look like B q⁻⁴.
_LOWEST, _HIGHEST, _WIDEST = np.pi, 1.3, np.pi
#: Fall of χ²r, or share of the volume at the upper end, from which the wider range is taken.
_BETTER = 0.9
_EDGE_SHARE = 0.01
_EDGE_NODES = 3


@dataclass(frozen=True, kw_only=True)
class Inversion:
    """A regularised distribution with replicates that tell its errors."""

    radius: Array
    """Nodes, nm, equidistant in ln R by `STEP`."""
    density: Array
    """φΔρ² per ln R at the nodes, (1e10 1/cm²)²."""
    background: dict[str, float]
    """Backgrounds by name."""
    replicates: Array
    """Densities of the replicates, shape (replicate, node)."""
    background_replicates: dict[str, Array]
    """Backgrounds of the replicates, shape (replicate,)."""
    log_regularisation: float
    """log10 λ for columns of unit mean length."""
    residual: Array
    """(calculated - observed)/sigma at the fitted points."""
    scale: float
    """s = √(χ²min / degrees of freedom)."""
    calculated: Array
    """Model at every q."""
    behind: Array
    """Its background."""
    response: Array
    """Change of (density, backgrounds) with each weighted point, shape (unknowns, n), as long as
    the same of them are positive; of no points where no errors are known but their size."""
    moved: Array
    """(density, backgrounds) with the error of each common source added to the data, shape (m,
    unknowns)."""


class _Problem:
    def __init__(
        self,
        kernel: Kernel,
        valid: NDArray[np.bool_],
        weight: Array,
        background: dict[str, Array],
        highest: float,
    ) -> None:
        q = kernel.q
        first = int(np.ceil(np.log(_LOWEST / q[-1]) / STEP))
        last = int(np.floor(np.log(highest / q[0]) / STEP))
        last = max(last, first + 2)
        self.radius: Array = np.exp(np.arange(first, last + 1) * STEP)
        self.nodes = self.radius.size
        columns = kernel.apply(LEVEL, first, np.eye(self.nodes)) * STEP
        self.full = np.concatenate([columns, *(c[:, None] for c in background.values())], axis=1)
        matrix = self.full[valid] * weight[:, None]
        length = np.linalg.norm(matrix, axis=0)
        # One scale for all radii keeps the penalty on y itself; backgrounds are free of it.
        self.scale = np.where(
            np.arange(length.size) < self.nodes, length[: self.nodes].mean(), length
        )
        self.matrix = matrix / self.scale
        self.gram = self.matrix.T @ self.matrix
        self.penalty = np.zeros_like(self.gram)
        rough = _second_difference(self.nodes)
        self.penalty[: self.nodes, : self.nodes] = rough.T @ rough
        self.free = np.zeros(length.size, dtype=bool)
        for place, name in enumerate(background):
            self.free[self.nodes + place] = name == FLAT

    def solve(
        self, target: Array, log_strength: float, start: Mask | None
    ) -> tuple[Array, Mask, float]:
        gram = self.gram + 10.0**log_strength * self.penalty
        x, positive = nonnegative(gram, self.matrix.T @ target, free=self.free, start=start)
        residual = self.matrix @ x - target
        return x, positive, float(residual @ residual)

    def response(self, positive: Mask, log_strength: float) -> Array:
        """Return the linear estimator of the positive unknowns, shape (unknowns, n)."""
        at = np.flatnonzero(positive)
        gram = self.gram + 10.0**log_strength * self.penalty
        out = np.zeros((self.scale.size, len(self.matrix)))
        out[at] = np.linalg.solve(gram[np.ix_(at, at)], self.matrix[:, at].T)
        return out

    def effective(self, positive: Mask, errors: ErrorModel | None) -> float:
        """Return what the weakest regularisation takes of χ², tr(H C): the number of parameters.

        H is the matrix from data to fit and C the covariance of the data, 1 without `errors`.
        """
        if errors is not None and errors.correlated:
            spread = errors.times(self.matrix)
            return float(np.sum(self.response(positive, _WEAKEST).T * spread))
        at = np.flatnonzero(positive)
        gram = self.gram[np.ix_(at, at)]
        penalty = 10.0**_WEAKEST * self.penalty[np.ix_(at, at)]
        return float(np.trace(np.linalg.solve(gram + penalty, gram)))


def invert(
    kernel: Kernel,
    valid: NDArray[np.bool_],
    intensity: Array,
    sigma: Array,
    background: dict[str, Array],
    errors: ErrorModel | None = None,
) -> Inversion:
    """Invert one curve; the result does not depend on any other.

    `kernel` has all points of the profile; `valid` ones carry `intensity` and `sigma` (shape of the
    valid ones); `errors` is the model of (intensity - truth)/sigma where more is known.
    Raises FitFailed where the distribution is not determined.
    """
    weight = 1.0 / sigma
    target = intensity * weight
    problem = _Problem(kernel, valid, weight, background, _HIGHEST)
    found = _balanced(problem, target, errors)
    share = found.x[: problem.nodes] / max(float(found.x[: problem.nodes].sum()), _TINY)
    wider = _Problem(kernel, valid, weight, background, _WIDEST)
    at_edge = float(share[-_EDGE_NODES:].sum()) > _EDGE_SHARE
    if at_edge or wider.solve(target, _WEAKEST, None)[2] < _BETTER * found.least:
        problem, found = wider, _balanced(wider, target, errors)
    x, positive, low, scale = found.x, found.positive, found.log_strength, found.scale
    fitted = problem.matrix @ x
    # Fixed seed: the same curve gives the same bytes, alone or in a series.
    generator = np.random.default_rng(0)
    if errors is not None and errors.correlated:
        noise = errors.draw(generator, _REPLICATES) * scale
    else:
        noise = generator.standard_normal((_REPLICATES, target.size)) * scale
    again = np.array([problem.solve(fitted + n, low, positive)[0] for n in noise]) / problem.scale
    solution = x / problem.scale
    shifts = np.zeros((0, target.size)) if errors is None else errors.common
    moved = [problem.solve(target + e, low, positive)[0] / problem.scale for e in shifts]
    response = np.zeros((x.size, 0))
    if errors is not None:
        response = problem.response(positive, low) / problem.scale[:, None]
    nodes = problem.nodes
    behind = problem.full[:, nodes:] @ solution[nodes:]
    return Inversion(
        radius=problem.radius,
        density=solution[:nodes],
        background=dict(zip(background, (float(v) for v in solution[nodes:]), strict=True)),
        replicates=again[:, :nodes],
        background_replicates={n: again[:, nodes + i] for i, n in enumerate(background)},
        log_regularisation=low,
        residual=fitted - target,
        scale=scale,
        calculated=problem.full @ solution,
        behind=behind,
        response=response,
        moved=np.array(moved).reshape(len(shifts), x.size),
    )


@dataclass(frozen=True)
class _Balanced:
    x: Array
    positive: Mask
    log_strength: float
    scale: float
    least: float


def _balanced(problem: _Problem, target: Array, errors: ErrorModel | None) -> _Balanced:
    x, positive, least = problem.solve(target, _WEAKEST, None)
    freedom = max(target.size - problem.effective(positive, errors), 1.0)
    scale = float(np.sqrt(least / freedom))
    allowed = max(target.size * scale**2, 1.02 * least)
    low, high = _WEAKEST, _STRONGEST
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        trial = problem.solve(target, middle, positive)
        if trial[2] <= allowed:
            low, x, positive = middle, trial[0], trial[1]
        else:
            high = middle
    return _Balanced(x, positive, low, scale, least)


def _second_difference(count: int) -> Array:
    rough = np.zeros((count + 2, count))
    at = np.arange(count)
    rough[at, at] = 1.0
    rough[at + 1, at] = -2.0
    rough[at + 2, at] = 1.0
    return rough
