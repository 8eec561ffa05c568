"""Form-free size distribution with what tells its errors, by any of the methods.

Errors: the fitted curve plus noise of the size found is inverted again in the same way. Noise is
never added to the data, which have theirs already. Where neighbouring points share errors, so do
those of the noise. An error common to all points is added to the data as it is: what then changes
is its share, signed.

Smoothing: the fitted curve without noise is inverted again. What that changes is what smoothing
changed the first time, as far as one can know.

Resolution: a curve of single sizes, one for each mode, is inverted in the same way. The width that
comes out is the smallest that could have been seen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from xrdkit.saxs.background import POWER
from xrdkit.saxs.maxent import MaxEnt
from xrdkit.saxs.montecarlo import MonteCarlo
from xrdkit.saxs.nonnegative import Mask, nonnegative
from xrdkit.saxs.problem import COARSEST, FINEST, HIGHEST, WEAKEST, WIDEST, Curve, Noise, Problem
from xrdkit.saxs.spec import MAXENT, MONTECARLO, TIKHONOV, SizeSpec
from xrdkit.saxs.tikhonov import Tikhonov

Array = NDArray[np.float64]

_TINY = 1e-300
#: Numbers of the curves that are inverted besides the replicates.
_AGAIN, _THIRD, _SINGLE, _COMMON = 1000, 1001, 1002, 2000
#: Fall of χ²r, or share of the volume at the upper end, from which the wider range is taken.
_BETTER = 0.9
_EDGE_SHARE = 0.01
_EDGE_NODES = 3
#: A distribution narrower than so many steps of ln R (standard deviation) needs finer ones.
_NARROW = 3.0


class Solver(Protocol):
    """A method applied to one problem, with its strength chosen for one curve."""

    @property
    def corrects(self) -> bool:
        """Whether numbers are corrected by what a second inversion changes."""

    @property
    def replicates(self) -> int:
        """Number of curves with new noise that tell the errors."""

    @property
    def random(self) -> bool:
        """Whether the search is a random one."""

    @property
    def converged(self) -> bool:
        """Whether the search ended where it should."""

    @property
    def note(self) -> str:
        """What a reader should know of the search; empty where all is well."""

    @property
    def log_strength(self) -> float:
        """log10 of the strength of the regularisation; NaN where there is none."""

    @property
    def steps(self) -> float:
        """Mean number of steps of a random search; NaN of others."""

    @property
    def reduced_chi2(self) -> float:
        """Mean χ²/N at which random searches ended; NaN of others."""

    @property
    def positive(self) -> Mask:
        """Which unknowns of the measured curve are positive."""

    def fit(self, target: Array) -> Array:
        """Return the unknowns (unknowns,) of the measured curve."""

    def solve(self, targets: Array, first: int) -> Array:
        """Return the unknowns (m, unknowns) of curves (m, n), numbered from `first` on."""


SOLVERS: dict[str, Callable[[Problem, Array, Noise, SizeSpec], Solver]] = {
    TIKHONOV: Tikhonov,
    MAXENT: MaxEnt,
    MONTECARLO: MonteCarlo,
}


@dataclass(frozen=True, kw_only=True)
class Inversion:
    """A form-free distribution and others like it that tell its errors.

    Unknowns are φΔρ² per ln R at the nodes, (1e10 1/cm²)², and the backgrounds after them.
    """

    problem: Problem
    """Nodes and columns."""
    solver: Solver
    """What found it."""
    x: Array
    """The unknowns, shape (unknowns,)."""
    again: Array
    """Those of its own curve, shape (unknowns,); of a random search the mean of the replicates."""
    third: Array
    """Those of the curve of `again`, shape (unknowns,)."""
    replicates: Array
    """Those of its curve with new noise, shape (replicate, unknowns)."""
    replicates_again: Array
    """Those of the curves of the replicates; as `replicates` where the solver does not correct."""
    moved: Array
    """Those of the data with the error of each common source added, shape (m, unknowns)."""
    response: Array
    """Change of the unknowns with each weighted point, shape (unknowns, n), as long as the same of
    them are positive; of no points where no errors are known but their size."""
    residual: Array
    """(calculated - observed)/sigma at the fitted points."""
    noise: Noise
    """How large the noise is."""
    calculated: Array
    """Model at every q."""
    behind: Array
    """Its background."""

    @property
    def radius(self) -> Array:
        """Nodes, nm, equidistant in ln R."""
        return self.problem.radius

    @property
    def density(self) -> Array:
        """φΔρ² per ln R at the nodes, (1e10 1/cm²)²."""
        return self.x[: self.problem.nodes]

    def singles(self, nodes: list[int], amounts: list[float]) -> Array:
        """Return the density, shape (nodes,), that the inversion makes of single sizes.

        `nodes` are their places, `amounts` their φΔρ² (1e10 1/cm²)²; backgrounds are those found.
        """
        problem = self.problem
        x = self.x.copy()
        x[: problem.nodes] = 0.0
        x[nodes] = np.array(amounts) / problem.step
        curve = problem.matrix @ (x * problem.scale)
        found = self.solver.solve(curve[None], _SINGLE)[0] / problem.scale
        return np.asarray(found[: problem.nodes])


def invert(curve: Curve, spec: SizeSpec) -> Inversion:
    """Invert one curve by the method of `spec`; the result does not depend on any other.

    Raises FitFailed where the distribution is not determined.
    """
    target = curve.target
    problem, noise, solver, x = _fitted(curve, spec)
    fitted = problem.matrix @ x
    # Fixed seed: the same curve gives the same bytes, alone or in a series.
    generator = np.random.default_rng(spec.seed)
    errors = curve.errors
    if errors is not None and errors.correlated:
        draws = errors.draw(generator, solver.replicates) * noise.scale
    else:
        draws = generator.standard_normal((solver.replicates, target.size)) * noise.scale
    replicates = solver.solve(fitted + draws, 0)
    # Of a random search the mean over many is steadier than one more.
    again = replicates.mean(axis=0) if solver.random else solver.solve(fitted[None], _AGAIN)[0]
    third, replicates_again = again, replicates
    if solver.corrects:
        third = solver.solve((problem.matrix @ again)[None], _THIRD)[0]
        replicates_again = solver.solve(replicates @ problem.matrix.T, _COMMON)
    response = np.zeros((x.size, 0))
    moved = np.zeros((0, x.size))
    if errors is not None:
        # Of a random search the linear response is that of the smoothest solution.
        linear = solver if isinstance(solver, Tikhonov) else Tikhonov(problem, target, noise, spec)
        response = problem.response(linear.positive, linear.log_strength)
        moved = x + errors.common @ response.T
        if isinstance(solver, Tikhonov) and len(errors.common):
            moved = solver.solve(target + errors.common, _COMMON)
    solution = x / problem.scale
    return Inversion(
        problem=problem,
        solver=solver,
        x=solution,
        again=again / problem.scale,
        third=third / problem.scale,
        replicates=replicates / problem.scale,
        replicates_again=replicates_again / problem.scale,
        moved=moved / problem.scale,
        response=response / problem.scale[:, None],
        residual=fitted - target,
        noise=noise,
        calculated=problem.full @ solution,
        behind=problem.full[:, problem.nodes :] @ solution[problem.nodes :],
    )


def _fitted(curve: Curve, spec: SizeSpec) -> tuple[Problem, Noise, Solver, Array]:
    """Return what inverts the curve, on as many nodes as it needs, with what it finds."""
    target = curve.target
    problem, noise, solver, x = _on_nodes(curve, spec, HIGHEST, COARSEST)
    highest = HIGHEST
    share = x[: problem.nodes] / max(float(x[: problem.nodes].sum()), _TINY)
    at_edge = float(share[-_EDGE_NODES:].sum()) > _EDGE_SHARE
    # A power law is there for what these q do not tell: larger sizes would only compete with it.
    narrow = POWER in curve.background
    if not narrow and (at_edge or _wide(curve, target) < _BETTER * noise.least):
        highest = WIDEST
        problem, noise, solver, x = _on_nodes(curve, spec, highest, COARSEST)
    while problem.level < FINEST and _too_narrow(problem, x):
        problem, noise, solver, x = _on_nodes(curve, spec, highest, problem.level + 1)
    return problem, noise, solver, x


def _on_nodes(
    curve: Curve, spec: SizeSpec, highest: float, level: int
) -> tuple[Problem, Noise, Solver, Array]:
    target = curve.target
    problem = Problem(curve, highest, level)
    noise = problem.noise(target, curve.errors)
    solver = SOLVERS[spec.method](problem, target, noise, spec)
    return problem, noise, solver, solver.fit(target)


def _wide(curve: Curve, target: Array) -> float:
    problem = Problem(curve, WIDEST)
    x, _ = nonnegative(
        problem.smoothed(WEAKEST), problem.matrix.T @ target, free=problem.free, start=None
    )
    return problem.chi2(x, target)


def _too_narrow(problem: Problem, x: Array) -> bool:
    """Tell whether what scatters is hardly wider than the steps between nodes."""
    share = x[: problem.nodes] * problem.radius**3
    total = float(share.sum())
    if not total > 0:
        return False
    log = np.log(problem.radius)
    mean = float(share @ log) / total
    width = float(np.sqrt(max(float(share @ (log - mean) ** 2) / total, 0.0)))
    return width < _NARROW * problem.step
