"""The linear problem behind a form-free distribution: nodes, weighted columns, noise level.

Unknown is y = f R, the volume-weighted density per ln R times φΔρ², on nodes of ln R, with the
background as further unknowns: A y = I/σ.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.saxs.background import POSITIVE
from xrdkit.saxs.kernel import Kernel
from xrdkit.saxs.nonnegative import Mask, nonnegative
from xrdkit.saxs.shapes.lattice import Lattice
from xrdkit.uncertainty import ErrorModel

Array = NDArray[np.float64]

#: The nodes are 2^-COARSEST apart in ln R, 2^-FINEST where the distribution is narrow.
COARSEST, FINEST = 5, 7
#: log10 of the λ that hardly smooths: below, normal equations lose their digits.
WEAKEST = -6.0
#: Radii from q_max R = π to where Guinier's law begins; larger ones look like B q⁻⁴.
LOWEST, HIGHEST, WIDEST = np.pi, 1.3, np.pi


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One curve that is to be inverted."""

    kernel: Kernel
    """Scattering of the particles, at all points of the profile."""
    valid: Mask
    """Which of them were measured, shape (q,)."""
    intensity: Array
    """Intensity of these, shape (n,)."""
    sigma: Array
    """Their standard errors, shape (n,)."""
    background: dict[str, Array]
    """Columns of the backgrounds at all points, by name."""
    errors: ErrorModel | None = None
    """Model of (intensity - truth)/sigma, where more is known than that it scatters."""

    @property
    def target(self) -> Array:
        """Intensity in units of its errors, shape (n,)."""
        result: Array = self.intensity / self.sigma
        return result


@dataclass(frozen=True, kw_only=True)
class Noise:
    """What the inversion that hardly smooths tells of the noise."""

    least: float
    """Smallest χ² that positive distributions leave."""
    freedom: float
    """Degrees of freedom that are left to the noise: points less effective parameters."""
    x: Array
    """The unknowns that leave it, for columns of mean length 1."""
    positive: Mask
    """Which unknowns were positive."""

    @property
    def scale(self) -> float:
        """Size of the noise in units of the stated errors."""
        return float(np.sqrt(self.least / self.freedom))


class Problem:
    """Weighted columns of one curve on nodes of ln R, for columns of mean length 1."""

    def __init__(self, curve: Curve, highest: float, level: int = COARSEST) -> None:
        kernel = curve.kernel
        self.background = list(curve.background)
        self.level = level
        self.step = 2.0**-level
        first = int(np.ceil(np.log(LOWEST / kernel.q[-1]) / self.step))
        last = int(np.floor(np.log(highest / kernel.q[0]) / self.step))
        last = max(last, first + 2)
        self.nodes = last - first + 1
        lattice = Lattice(level, first, self.nodes)
        self.radius = lattice.radius
        columns = kernel.apply(level, first, np.eye(self.nodes)) * self.step
        behind = [c[:, None] for c in curve.background.values()]
        self.full = np.concatenate([columns, *behind], axis=1)
        matrix = self.full[curve.valid] / curve.sigma[:, None]
        length = np.linalg.norm(matrix, axis=0)
        # One scale for all radii keeps the penalty on y itself; backgrounds are free of it.
        inside = np.arange(length.size) < self.nodes
        self.scale: Array = np.where(inside, length[: self.nodes].mean(), length)
        self.matrix: Array = matrix / self.scale
        self.gram: Array = self.matrix.T @ self.matrix
        self.penalty = np.zeros_like(self.gram)
        rough = second_difference(self.nodes)
        self.penalty[: self.nodes, : self.nodes] = rough.T @ rough
        self.free = np.array(
            [False] * self.nodes + [name not in POSITIVE for name in curve.background]
        )

    def chi2(self, x: Array, target: Array) -> float:
        """Return what `x` (unknowns,) leaves of `target` (n,)."""
        residual = self.matrix @ x - target
        return float(residual @ residual)

    def smoothed(self, log_strength: float) -> Array:
        """Return AᵀA + λ LᵀL with λ = 10^`log_strength`."""
        result: Array = self.gram + 10.0**log_strength * self.penalty
        return result

    def response(self, positive: Mask, log_strength: float) -> Array:
        """Return the linear estimator of the positive unknowns, shape (unknowns, n)."""
        at = np.flatnonzero(positive)
        gram = self.smoothed(log_strength)
        out = np.zeros((self.scale.size, len(self.matrix)))
        out[at] = np.linalg.solve(gram[np.ix_(at, at)], self.matrix[:, at].T)
        return out

    def noise(self, target: Array, errors: ErrorModel | None, start: Mask | None = None) -> Noise:
        """Return how large the noise of `target` is, told by the inversion that hardly smooths."""
        gram = self.smoothed(WEAKEST)
        x, positive = nonnegative(gram, self.matrix.T @ target, free=self.free, start=start)
        taken = self._effective(positive, errors)
        return Noise(
            least=self.chi2(x, target),
            freedom=max(target.size - taken, 1.0),
            x=x,
            positive=positive,
        )

    def _effective(self, positive: Mask, errors: ErrorModel | None) -> float:
        """Return what the weakest regularisation takes of χ², tr(H C): the number of parameters.

        H is the matrix from data to fit and C the covariance of the data, 1 without `errors`.
        """
        if errors is not None and errors.correlated:
            spread = errors.times(self.matrix)
            return float(np.sum(self.response(positive, WEAKEST).T * spread))
        at = np.flatnonzero(positive)
        gram = self.gram[np.ix_(at, at)]
        smoothed = self.smoothed(WEAKEST)[np.ix_(at, at)]
        return float(np.trace(np.linalg.solve(smoothed, gram)))


def second_difference(count: int) -> Array:
    """Return L, shape (count + 2, count), for which L y is the second difference, ends zero."""
    rough = np.zeros((count + 2, count))
    at = np.arange(count)
    rough[at, at] = 1.0
    rough[at + 1, at] = -2.0
    rough[at + 2, at] = 1.0
    return rough
