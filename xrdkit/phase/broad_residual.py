"""Broad structure that a fit has left: what tells a missing broad phase from rough line shapes.

Wrong intensities and shapes of lines (texture, grains, tails) leave residuals at the lines. A phase
of small crystals, a glass or a background with too few terms leaves residuals that splines with
knots two line widths apart can follow, and that no change of the lines can.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline
from scipy.signal import find_peaks, peak_widths

from xrdkit.phase.fit import Frame, FrameFit
from xrdkit.uncertainty import ErrorModel

Array = NDArray[np.float64]

_DEGREE = 3
_KNOT_WIDTHS = 2.0
_KNOT_STEPS = 3.0
_FEWEST, _MOST = 3, 150
#: Lines whose intensity and tails are free beside the model: the strongest ones, from this share of
#: the strongest, with Gaussians of these many of their widths.
_LINE_SHARE = 1e-3
_MOST_LINES = 60
_LINE_WIDTHS = (1.0, 3.0)
#: Eigenvalues below this share of the largest are directions that the columns share.
_DEPENDENT = 1e-10


@dataclass(frozen=True, kw_only=True)
class BroadResidual:
    """What splines take away from a fit that no line can."""

    share: float
    """Part of the misfit, χ² per degree of freedom, that is due to broad structure, up to 1."""
    angle: float
    """Where that structure is highest above the fit, 2θ in degree."""


def broad_residual(frame: Frame, fit: FrameFit, width: float) -> BroadResidual | None:
    """Return how much of the misfit is broad structure; None where the pattern is too short.

    The residual r/σ is fitted, to first order, by J (the weighted Jacobian at the minimum) and L
    (Gaussians at the lines, of one and three times their widths), without and with B, cubic splines
    with knots two line widths apart (de Boor, A Practical Guide to Splines, 1978), `width` in
    degree, at most 150 of them. With reduced χ² the share is (χ²[J, L] - χ²[J, L, B])/χ². Where
    neighbours share errors, χ² is reduced by what such noise leaves, n - tr(QᵀCQ) with Q an
    orthogonal basis of the columns and C the covariance: splines follow smooth noise better.
    """
    x, sigma = frame.two_theta, frame.sigma
    apart = max(_KNOT_WIDTHS * width, _KNOT_STEPS * fit.model.step)
    pieces = min(int((x[-1] - x[0]) / apart), _MOST)
    residual = (frame.intensity - fit.model.pattern(fit.values)) / sigma
    slopes = fit.model.slopes(fit.values, fit.outcome.names).T
    lines = _lines(x, fit.model.phases(fit.values).sum(axis=0))
    free = x.size - slopes.shape[1] - lines.shape[1]
    chi2 = fit.outcome.chi2 / max(fit.outcome.dof, 1)
    if pieces < _FEWEST or free - pieces - _DEGREE < _FEWEST or not chi2 > 0:
        return None
    known = np.hstack([slopes, lines])
    splines = _splines(x, pieces)
    known = known / sigma[:, np.newaxis]
    everything = np.hstack([known, splines / sigma[:, np.newaxis]])
    without = residual - _fitted(known, residual)
    broad = residual - _fitted(everything, residual)
    left, left_by_splines = float(free), float(free - pieces - _DEGREE)
    if frame.errors is not None and frame.errors.correlated:
        left = x.size - _taken(known, frame.errors)
        left_by_splines = x.size - _taken(everything, frame.errors)
        if not left_by_splines > _FEWEST:
            return None
    fall = without @ without / left - broad @ broad / left_by_splines
    smooth = _fitted(splines / sigma[:, np.newaxis], without) * sigma
    return BroadResidual(share=float(fall / chi2), angle=float(x[int(np.argmax(smooth))]))


def _splines(x: Array, pieces: int) -> Array:
    ends = [x[0]] * _DEGREE, [x[-1]] * _DEGREE
    knots = np.concatenate([ends[0], np.linspace(x[0], x[-1], pieces + 1), ends[1]])
    design = BSpline.design_matrix(np.clip(x, x[0], x[-1]), knots, _DEGREE)
    return np.asarray(design.toarray(), dtype=float)


def _lines(x: Array, calculated: Array) -> Array:
    """Return Gaussians at the maxima of the calculated lines, (n, 2 * lines)."""
    top = float(calculated.max())
    peaks, found = find_peaks(calculated, prominence=_LINE_SHARE * top if top > 0 else np.inf)
    peaks = peaks[np.argsort(found["prominences"])[::-1][:_MOST_LINES]]
    if peaks.size == 0:
        return np.empty((x.size, 0))
    step = np.interp(peaks, np.arange(x.size), np.gradient(x))
    widths = peak_widths(calculated, peaks)[0] * step
    columns = [
        np.exp(-4.0 * np.log(2.0) * ((x[:, np.newaxis] - x[peaks]) / (many * widths)) ** 2)
        for many in _LINE_WIDTHS
    ]
    return np.hstack(columns)


def _fitted(columns: Array, target: Array) -> Array:
    """Return the least-squares approximation of the target, dependent columns allowed."""
    basis, vectors, weights = _basis(columns)
    return np.asarray(basis @ (vectors @ (vectors.T @ (basis.T @ target) / weights)))


def _taken(columns: Array, errors: ErrorModel) -> float:
    """Return what columns take of the χ² of noise, tr(QᵀCQ); their number where C = 1."""
    unit, vectors, weights = _basis(columns)
    orthogonal = unit @ (vectors / np.sqrt(weights))
    return float(np.sum(orthogonal * errors.times(orthogonal)))


def _basis(columns: Array) -> tuple[Array, Array, Array]:
    """Return columns of unit length and the directions that they do not share, with weights."""
    length = np.linalg.norm(columns, axis=0)
    unit = columns / np.where(length > 0, length, 1.0)
    weights, vectors = np.linalg.eigh(unit.T @ unit)
    kept = weights > _DEPENDENT * weights[-1]
    return unit, vectors[:, kept], weights[kept]
