"""Standard errors by lines: what the scatter of whole lines about the model says.

Grains that are few, an orientation and wrong shapes make each line stronger or weaker than its
structure says, all points of it together. A fit that takes points for independent then knows scales
and fractions far too well: by 12 to 16 times in simulated mixtures whose lines scatter by 5 to 20 %
(`tests/phase/test_line_errors.py`), of which neighbouring residuals tell a third. So the pattern is
cut between its lines, and each piece c is left out once (jackknife):

    V = (G - 1)/G Σ_c δ_c δ_cᵀ,    δ_c = (JᵀJ - J_cᵀJ_c)⁻¹ J_cᵀ r_c

with G pieces, J the weighted Jacobian at the minimum and r its residual (Efron & Stein, Ann. Stat.
9 (1981) 586, to first order). Where pieces are few or one alone tells a parameter this says little:
V is nowhere taken for less than the covariance with the goodness of fit.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.signal import find_peaks

from xrdkit.fitting import FitOutcome

Array = NDArray[np.float64]
Index = NDArray[np.intp]

#: Lines from this share of the strongest make pieces of their own.
_SHARE = 1e-3
#: A piece counts as less than all that is known of any parameter.
_WHOLE = 0.95
#: Fewest pieces whose scatter tells anything.
_FEWEST = 5


def pieces(calculated: Array) -> Index:
    """Return where the pieces of a pattern start, cut between the lines of `calculated` (n,)."""
    top = float(calculated.max(initial=0.0))
    if not top > 0:
        return np.zeros(1, dtype=np.intp)
    peaks, _ = find_peaks(calculated, prominence=_SHARE * top)
    cuts = [int(p + np.argmin(calculated[p:q])) for p, q in pairwise(peaks)]
    return np.unique(np.array([0, *cuts], dtype=np.intp))


def quick_covariance(outcome: FitOutcome, starts: Index) -> Array | None:
    """Return V (p, p) of the parameters that the fit saw, δ_c = (JᵀJ)⁻¹ J_cᵀ r_c; None: unknown."""
    ready = _ready(outcome, starts)
    if ready is None:
        return None
    slopes, own = ready
    scores = np.add.reduceat(slopes * outcome.residual[:, np.newaxis], starts, axis=0)
    steps = scores @ own
    return np.asarray(steps.T @ steps * len(starts) / (len(starts) - 1.0))


def with_line_errors(outcome: FitOutcome, starts: Index) -> FitOutcome:
    """Return the outcome with errors by the pieces at `starts`, those of tied parameters too."""
    ready = _ready(outcome, starts)
    if ready is None or not outcome.scale > 0:
        return outcome
    slopes, _ = ready
    unit = np.sqrt(np.diagonal(slopes.T @ slopes))
    scaled = slopes / unit
    normal, count = scaled.T @ scaled, len(starts)
    steps = []
    for first, last in zip(starts, [*starts[1:], len(slopes)], strict=True):
        part = scaled[first:last]
        without = normal - _WHOLE * (part.T @ part)
        steps.append(np.linalg.solve(without, part.T @ outcome.residual[first:last]) / unit)
    scatter = np.array(steps)
    jackknife = scatter.T @ scatter * (count - 1.0) / count
    own = outcome.covariance[: len(unit), : len(unit)]
    more = _at_least(jackknife / outcome.scale**2, own) - own
    if outcome.tied:
        follow = outcome.covariance[:, : len(unit)] @ np.linalg.pinv(own, hermitian=True)
        more = follow @ more @ follow.T
    parts = outcome.parts
    if parts.size:
        parts = parts.copy()
        parts[0] += more
    return replace(outcome, covariance=outcome.covariance + more, parts=parts)


def _ready(outcome: FitOutcome, starts: Index) -> tuple[Array, Array] | None:
    """Return the Jacobian and (JᵀJ)⁻¹, where there are pieces enough and all is determined."""
    slopes = outcome.slopes
    if slopes is None or len(starts) < _FEWEST or slopes.shape[1] == 0:
        return None
    if not np.all(np.isfinite(outcome.covariance)):
        return None
    normal = slopes.T @ slopes
    unit = np.sqrt(np.diagonal(normal))
    if not np.all(unit > 0):
        return None
    inverse = np.linalg.pinv(normal / np.outer(unit, unit), rcond=1e-12, hermitian=True)
    return slopes, inverse / np.outer(unit, unit)


def _at_least(found: Array, least: Array) -> Array:
    """Return the smallest covariance that is nowhere below `least` and, where it is, `found`."""
    weights, vectors = np.linalg.eigh(least / np.sqrt(np.outer(np.diag(least), np.diag(least))))
    size = np.sqrt(np.diag(least))
    root = size[:, np.newaxis] * vectors * np.sqrt(np.maximum(weights, 1e-14 * weights[-1]))
    back = np.linalg.pinv(root)
    ratios, axes = np.linalg.eigh(back @ found @ back.T)
    whole = root @ axes
    return np.asarray((whole * np.maximum(ratios, 1.0)) @ whole.T)
