"""Monte Carlo: a few hundred single sizes that together scatter like the sample.

Each of `contributions` sizes is drawn at random; one at a time is replaced by another, kept where
χ² falls, until χ² <= 1.05 N s² (Bressler, Pauw & Thünemann, J. Appl. Cryst. 48 (2015) 962). This is
repeated from other starts and averaged. What is random is told by the seed: the same curve gives
the same bytes. The scatter of the repetitions is that of the search, not of the data: errors come
from curves with new noise, each treated as the measured one was.

The volume of a contribution goes as 1/R: with equal volumes the last of the largest particles would
scatter more than the noise allows, with equal scattering the small ones would take all volume.

Scale and backgrounds are those of least squares at every step: backgrounds are projected out of
columns c_j and curve t, and χ² = t·t - (Σc·t)²/(Σc·Σc). With all products c_j·c_k at hand a trial
costs a few additions, however many points the curve has; only a replacement costs a sum over nodes.
"""

import numpy as np
from numpy.typing import NDArray

from xrdkit.compiled import compiled
from xrdkit.saxs.background import EXPONENT, POSITIVE
from xrdkit.saxs.problem import Noise, Problem
from xrdkit.saxs.spec import SizeSpec

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

#: χ² over N s² at which a search ends.
STOP = 1.05
STEP_LIMIT = 400_000
_CHUNK = 8192
#: A search that gained less than this share of what is missing, in so many chunks, is given up.
_BLOCK, _HOPE = 5, 0.02
_VOLUME_POWER = -1.0 / 3.0
#: χ² may not be asked to fall below this multiple of the smallest there is.
_LEAST_SHARE = 1.02
#: A curve with less of the noise than this is one without noise.
_NOISELESS = 0.25
#: Share of searches that must reach the end for the others to be left out.
_ENOUGH = 0.5


class MonteCarlo:
    """Searches for contributions that describe the curves of one problem."""

    corrects = False
    random = True
    replicates = 60

    def __init__(self, problem: Problem, target: Array, noise: Noise, spec: SizeSpec) -> None:
        self._problem = problem
        self._spec = spec
        self._noise = noise
        self._allowed = max(STOP * target.size * noise.scale**2, _LEAST_SHARE * noise.least)
        self.positive = noise.positive
        share = problem.radius ** (3.0 * _VOLUME_POWER)
        self._share: Array = share / share.max()
        names = problem.background
        self._walks = [_Walk(problem, self._share, list(range(len(names))))]
        if set(names) & set(POSITIVE):
            rest = [i for i, name in enumerate(names) if name not in (*POSITIVE, EXPONENT)]
            self._walks.append(_Walk(problem, self._share, rest))
        self._limit = STEP_LIMIT
        self.steps = 0.0
        self.reduced_chi2 = 0.0

    @property
    def log_strength(self) -> float:
        """There is no strength of a regularisation."""
        return float("nan")

    @property
    def converged(self) -> bool:
        """Whether at least half of the searches reached the wanted χ²."""
        return self._reached >= _ENOUGH * self._spec.repetitions

    @property
    def note(self) -> str:
        """What a reader should know of the search."""
        total = self._spec.repetitions
        if self._reached == total:
            return ""
        return (
            f"{total - self._reached} of {total} searches stopped, after {self.steps:.0f} steps on"
            f" average, without reaching χ²r {STOP}"
        )

    def fit(self, target: Array) -> Array:
        """Return the unknowns (unknowns,) of the measured curve, and count its steps."""
        x, self._reached, self.steps, chi2 = self._average(target, self._allowed, 0)
        if not self.converged:
            # What cannot be described is not looked for as long in every replicate.
            self._limit = STEP_LIMIT // 40
        self.reduced_chi2 = chi2 / target.size
        return x

    def solve(self, targets: Array, first: int) -> Array:
        """Return the unknowns of `targets` (m, n), shape (m, unknowns).

        `first` is the number of the first of them among all curves of one fit: it seeds the draws.
        """
        found = []
        for number, target in enumerate(targets, start=first + 1):
            noise = self._problem.noise(target, None, self._noise.positive)
            if noise.least > _NOISELESS * self._noise.least:
                allowed = self._allowed * noise.least / self._noise.least
            else:
                allowed = self._allowed - self._noise.least
            found.append(self._average(target, allowed, number)[0])
        return np.array(found)

    def _average(
        self, target: Array, allowed: float, number: int
    ) -> tuple[Array, int, float, float]:
        """Return mean unknowns, how many searches reached the end, their mean steps and χ²."""
        runs = []
        for repetition in range(self._spec.repetitions):
            generator = np.random.default_rng([self._spec.seed, number, repetition])
            runs.append(self._search(target, allowed, generator))
        reached = sum(chi2 <= allowed for _, _, chi2 in runs)
        if reached >= _ENOUGH * len(runs):
            runs = [run for run in runs if run[2] <= allowed]
        x = np.mean([run[0] for run in runs], axis=0)
        steps, chi2 = (float(np.mean([run[i] for run in runs])) for i in (1, 2))
        return x, reached, steps, chi2

    def _search(
        self, target: Array, allowed: float, generator: np.random.Generator
    ) -> tuple[Array, int, float]:
        """Return unknowns, steps and χ² of one search."""
        for place, walk in enumerate(self._walks):
            found = walk.search(target, allowed, self._spec.contributions, generator, self._limit)
            last = place + 1 == len(self._walks)
            if last or not walk.positive or found[0][walk.positive].min() >= 0:
                break
        return found


class _Walk:
    """Searches with the given backgrounds projected out."""

    def __init__(self, problem: Problem, share: Array, backgrounds: list[int]) -> None:
        nodes = problem.nodes
        self._at = [nodes + i for i in backgrounds]
        #: Places of the backgrounds that cannot be negative.
        self.positive = [nodes + i for i in backgrounds if problem.background[i] in POSITIVE]
        self._share = share
        self._unknowns = problem.scale.size
        self._plain = problem.matrix[:, :nodes] * share
        self._behind = problem.matrix[:, self._at]
        self._basis = np.linalg.qr(self._behind)[0]
        self._columns = self._plain - self._basis @ (self._basis.T @ self._plain)
        self._gram: Array = self._columns.T @ self._columns

    def search(
        self,
        target: Array,
        allowed: float,
        contributions: int,
        generator: np.random.Generator,
        limit: int,
    ) -> tuple[Array, int, float]:
        """Return unknowns, steps and χ², after `limit` steps at the latest."""
        nodes = self._share.size
        seen = target - self._basis @ (self._basis.T @ target)
        product = self._columns.T @ seen
        power = float(seen @ seen)
        chosen = generator.integers(0, nodes, contributions)
        steps = 0
        chi2 = before = np.inf
        while steps < limit and not chi2 <= allowed:
            if steps % (_BLOCK * _CHUNK) == 0:
                if before - chi2 < _HOPE * (chi2 - allowed):
                    break
                before = chi2
            places = generator.integers(0, contributions, _CHUNK)
            draws = generator.integers(0, nodes, _CHUNK)
            chi2, done = _walk(self._gram, product, power, chosen, allowed, places, draws)
            steps += done
        counts = np.bincount(chosen, minlength=nodes).astype(np.float64)
        curve = self._columns @ counts
        amount = max(float(curve @ seen) / float(curve @ curve), 0.0)
        x = np.zeros(self._unknowns)
        x[:nodes] = amount * counts * self._share
        if self._at:
            rest = target - self._plain @ (amount * counts)
            x[self._at] = np.linalg.lstsq(self._behind, rest)[0]
        return x, steps, chi2


@compiled()
def _walk(
    gram: Array,
    product: Array,
    power: float,
    chosen: Whole,
    allowed: float,
    places: Whole,
    draws: Whole,
) -> tuple[float, int]:
    """Replace contributions in `chosen` until χ² <= `allowed`; return χ² and steps."""
    nodes = product.size
    row = np.zeros(nodes)
    along = 0.0
    for k in range(chosen.size):
        along += product[chosen[k]]
        for i in range(nodes):
            row[i] += gram[chosen[k], i]
    square = 0.0
    for k in range(chosen.size):
        square += row[chosen[k]]
    chi2 = power - along * along / square if along > 0.0 else power
    for step in range(places.size):
        if chi2 <= allowed:
            return chi2, step
        old, new = chosen[places[step]], draws[step]
        trial = along + product[new] - product[old]
        if trial <= 0.0:
            continue
        apart = gram[new, new] + gram[old, old] - 2.0 * gram[new, old]
        square_trial = square + 2.0 * (row[new] - row[old]) + apart
        chi2_trial = power - trial * trial / square_trial
        if chi2_trial < chi2:
            chi2, square, along = chi2_trial, square_trial, trial
            chosen[places[step]] = new
            for i in range(nodes):
                row[i] += gram[new, i] - gram[old, i]
    return chi2, places.size
