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
#: Gaussians are taken to this many of their widths, where they are below 1e-7.
_FAR = 2.5
#: The cheap test leaves what it puts below this part of a share.
_SAFETY = 0.5
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
    residual = -fit.outcome.residual
    slopes = fit.outcome.slopes
    if slopes is None:
        slopes = fit.model.slopes(fit.values, fit.outcome.names).T / sigma[:, np.newaxis]
    lines = _lines(x, fit.phases.sum(axis=0))
    free = x.size - slopes.shape[1] - lines.shape[1]
    chi2 = fit.outcome.chi2 / max(fit.outcome.dof, 1)
    if pieces < _FEWEST or free - pieces - _DEGREE < _FEWEST or not chi2 > 0:
        return None
    splines = _splines(x, pieces)
    columns = _Columns(np.hstack([slopes, np.hstack([lines, splines]) / sigma[:, np.newaxis]]))
    known = slice(0, slopes.shape[1] + lines.shape[1])
    without = residual - columns.fitted(known, residual)
    broad = residual - columns.fitted(slice(0, None), residual)
    left, left_by_splines = float(free), float(free - pieces - _DEGREE)
    if frame.errors is not None and frame.errors.correlated:
        left = x.size - columns.taken(known, frame.errors)
        left_by_splines = x.size - columns.taken(slice(0, None), frame.errors)
        if not left_by_splines > _FEWEST:
            return None
    fall = without @ without / left - broad @ broad / left_by_splines
    smooth = columns.fitted(slice(known.stop, None), without) * sigma
    return BroadResidual(share=float(fall / chi2), angle=float(x[int(np.argmax(smooth))]))


def may_be_broad(frame: Frame, fit: FrameFit, share: float) -> bool:
    """Whether more than `share` of the misfit can be broad: cheap, and right where it says no.

    Second differences of the residual r (n,) see white noise as it is, Σ(Δ²r)²/6 = Σr², and little
    of what varies over several points. Noise that neighbours share looks broad: then always true.
    """
    if frame.errors is not None and frame.errors.correlated:
        return True
    residual = fit.outcome.residual
    narrow = float(np.mean(np.diff(residual, 2) ** 2)) / 6.0
    return not narrow > (1.0 - _SAFETY * share) * float(np.mean(residual**2))


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
    columns = np.zeros((x.size, len(_LINE_WIDTHS) * peaks.size))
    for k, many in enumerate(_LINE_WIDTHS):
        for m, (centre, wide) in enumerate(zip(x[peaks], many * widths, strict=True)):
            first, last = np.searchsorted(x, [centre - _FAR * wide, centre + _FAR * wide])
            t = (x[first:last] - centre) / wide
            columns[first:last, k * peaks.size + m] = np.exp(-4.0 * np.log(2.0) * t**2)
    return columns


class _Columns:
    """Columns that least squares combine, with their normal matrix computed once."""

    def __init__(self, columns: Array) -> None:
        length = np.linalg.norm(columns, axis=0)
        self.unit = columns / np.where(length > 0, length, 1.0)
        self.normal = self.unit.T @ self.unit

    def _directions(self, which: slice) -> tuple[Array, Array]:
        """Return the directions that columns do not share, with their weights."""
        weights, vectors = np.linalg.eigh(self.normal[which, which])
        kept = weights > _DEPENDENT * weights[-1]
        return vectors[:, kept], weights[kept]

    def fitted(self, which: slice, target: Array) -> Array:
        """Return the least-squares approximation of a target (n,) by some columns."""
        basis = self.unit[:, which]
        vectors, weights = self._directions(which)
        return np.asarray(basis @ (vectors @ (vectors.T @ (basis.T @ target) / weights)))

    def taken(self, which: slice, errors: ErrorModel) -> float:
        """Return what columns take of the χ² of noise, tr(QᵀCQ); their number where C = 1."""
        vectors, weights = self._directions(which)
        orthogonal = self.unit[:, which] @ (vectors / np.sqrt(weights))
        return float(np.sum(orthogonal * errors.times(orthogonal)))
