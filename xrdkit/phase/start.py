"""Where a fit starts: background and scales exactly, line width and cells by search.

Background and scales enter linearly: the background is projected out once and non-negative scales
are solved for each trial of width and cell, so that a trial costs one pattern.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from xrdkit.phase.cell import Cell, inverse_d_squared
from xrdkit.phase.effects import GAUSS_NODES, phase_key
from xrdkit.phase.model import PatternModel
from xrdkit.phase.positions import bragg_angle
from xrdkit.phase.widths import size_width

Array = NDArray[np.float64]

_WIDTH_RATIO = 1.5
_WIDEST = 4.0
_SEARCH_REACH = 6.0
_MOST_CELLS = 81


@dataclass(frozen=True, kw_only=True)
class Start:
    """Start values of a fit."""

    width: float
    """FWHM of the lines, degree (of the sample alone where the instrument is known)."""
    stretch: tuple[float, ...]
    """Factor on the cell lengths of each phase."""
    scales: tuple[float, ...]
    """Scale of each phase."""
    background: tuple[float, ...]
    """Chebyshev coefficients."""
    gain: float
    """How much the phases lower χ² at the start, in units of the χ² per point that is left."""


class LinearPart:
    """Solves for background and non-negative scales at fixed shapes of the phases."""

    def __init__(self, rows: Array, intensity: Array, sigma: Array) -> None:
        """`rows` (terms, n) of the background, `intensity` and `sigma` (n,)."""
        self.sigma = sigma
        self.weighted = intensity / sigma
        self.basis, self.upper = np.linalg.qr((rows / sigma).T)
        self.net = self._without_background(self.weighted)
        self.chi2_background = float(self.net @ self.net)
        """χ² of the best background without any phase."""

    def _without_background(self, weighted: Array) -> Array:
        return np.asarray(weighted - self.basis @ (self.basis.T @ weighted))

    def shape(self, contribution: Array) -> Array:
        """Return a phase contribution (n,) weighted and without its background part."""
        return self._without_background(contribution / self.sigma)

    def chi2(self, shapes: Sequence[Array]) -> tuple[float, Array]:
        """Return χ² and the scales (phase,) of weighted shapes."""
        matrix = np.stack(shapes)
        # Normal equations: as many rows as phases, whatever the number of points.
        gram, right = matrix @ matrix.T, matrix @ self.net
        norm = np.sqrt(np.diagonal(gram))
        norm = np.where(norm > 0, norm, 1.0)
        gram, right = gram / np.outer(norm, norm), right / norm
        root = np.linalg.cholesky(gram + 1e-10 * np.eye(len(gram)))
        solution, _ = nnls(root.T, np.linalg.solve(root, right))
        left = self.chi2_background - solution @ (2.0 * right - gram @ solution)
        # Rounding of the difference, where hardly anything is left.
        return max(float(left), 1e-14 * self.chi2_background), np.asarray(solution / norm)

    def background(self, contribution: Array) -> Array:
        """Return the background coefficients (terms,) beside a known contribution (n,)."""
        rest = self.weighted - contribution / self.sigma
        return np.asarray(np.linalg.solve(self.upper, self.basis.T @ rest))


def search(model: PatternModel, linear: LinearPart) -> Start:
    """Return where to start from: width and cells that leave the smallest χ²."""
    quick = replace(model.spec, profile_reach=_SEARCH_REACH)
    count = len(model.structures)
    stretch = [1.0] * count
    trial = _Trial(model.with_spec(quick))

    def shapes(width: float) -> list[Array]:
        return [linear.shape(trial.contribution(p, width, stretch[p])) for p in range(count)]

    def best_width(widths: Sequence[float]) -> float:
        scored: list[tuple[float, float]] = []
        for width in widths:
            scored.append((linear.chi2(shapes(width))[0], width))
            if len(scored) > 3 and min(scored[-3:])[0] > 1.02 * min(scored)[0]:
                break
        return min(scored)[1]

    width = best_width(_widths(model))
    if model.spec.lattice and model.spec.cell_search > 0:
        for p in range(count):
            fixed = shapes(width)
            scored = []
            for factor in _stretches(model, p, width):
                fixed[p] = linear.shape(trial.contribution(p, width, factor))
                scored.append((linear.chi2(fixed)[0], abs(factor - 1.0), factor))
            stretch[p] = min(scored)[2]
        width = best_width(_widths(model))
    unit = [trial.contribution(p, width, stretch[p]) for p in range(count)]
    chi2, scales = linear.chi2([linear.shape(u) for u in unit])
    scales = _no_zero(scales, [linear.shape(u) for u in unit], linear.net)
    together = np.sum([s * u for s, u in zip(scales, unit, strict=True)], axis=0)
    return Start(
        width=width,
        stretch=tuple(stretch),
        scales=tuple(float(s) for s in scales),
        background=tuple(float(b) for b in linear.background(together)),
        gain=(linear.chi2_background - chi2) * model.x.size / max(chi2, 1e-300),
    )


def stretched(cell: Cell, factor: float) -> Cell:
    """Return `cell` with its lengths times `factor`."""
    a, b, c, alpha, beta, gamma = cell
    return (a * factor, b * factor, c * factor, alpha, beta, gamma)


class _Trial:
    """Shapes of one phase at unit scale for trial widths and cells."""

    def __init__(self, model: PatternModel) -> None:
        self.model = model
        self._neutral = model.neutral_values()

    def contribution(self, phase: int, width: float, factor: float) -> Array:
        model, spec = self.model, self.model.spec
        values = dict(self._neutral)
        if spec.instrument is None or spec.refine_instrument:
            values |= dict.fromkeys(GAUSS_NODES, width**2)
        elif spec.size:
            inverse = width / size_width(model.wavelength)
            values[phase_key(phase, "inverse_size")] = inverse
        cell = stretched(model.structures[phase].cell, factor)
        values |= {phase_key(phase, n): v for n, v in zip("abc", cell, strict=False)}
        values[phase_key(phase, "scale")] = 1.0
        return np.asarray(model.phases(values, only=[phase])[phase])


def _widths(model: PatternModel) -> list[float]:
    spec = model.spec
    span = float(model.x[-1] - model.x[0])
    if spec.instrument is not None and not spec.refine_instrument and not spec.size:
        return [max(model.step, 1e-6)]
    narrowest = max(1.2 * model.step, 1e-4)
    widest = max(min(_WIDEST, span / 4.0), 2.0 * narrowest)
    number = int(np.ceil(np.log(widest / narrowest) / np.log(_WIDTH_RATIO))) + 1
    return [narrowest * _WIDTH_RATIO**k for k in range(number)]


def _stretches(model: PatternModel, phase: int, width: float) -> Array:
    """Return trial cell factors, half a line width apart at the strongest line."""
    lines, structure = model.lines[phase], model.structures[phase]
    if len(lines.hkl) == 0:
        return np.ones(1)
    angles = bragg_angle(inverse_d_squared(lines.hkl, structure.cell), model.wavelength)
    inside = (angles >= model.x[0]) & (angles <= model.x[-1])
    if not inside.any():
        return np.ones(1)
    weight = np.where(inside, model.amplitudes[phase], 0.0)
    strongest = float(angles[int(np.argmax(weight))])
    step = 0.5 * np.radians(width) / (2.0 * np.tan(np.radians(strongest) / 2.0))
    half = min(int(np.ceil(model.spec.cell_search / step)), _MOST_CELLS // 2)
    return np.asarray(1.0 + np.linspace(-1.0, 1.0, 2 * half + 1) * model.spec.cell_search)


def _no_zero(scales: Array, shapes: Sequence[Array], net: Array) -> Array:
    """Return scales with 1 % of the signal where a phase got none, so that it has a slope."""
    norm = np.array([np.linalg.norm(s) for s in shapes])
    least = 0.01 * np.linalg.norm(net) / np.where(norm > 0, norm, 1.0)
    return np.asarray(np.where(scales > 0, scales, least))
