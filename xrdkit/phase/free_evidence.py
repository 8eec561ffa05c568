"""Whether phases with free lines are there: what their lines tell beside those of other phases.

Free lines take whatever the other phases leave. Where a strong line of another phase is not quite
what the model says (its shape, grains), a free line under it or on its flank is significant and
means nothing. What others leave is therefore held against them: with D the excess over the other
phases and O these, both projected on a line at every angle, δ = median |D|/O, over angles where O
is certain, is the share by which the model misses, and the error of an area A is
√((GoF σ)² + (δ O)²).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from xrdkit.fitting import FitOutcome
from xrdkit.phase.effects import phase_key
from xrdkit.phase.evidence import free_phases
from xrdkit.phase.frame_fit import Frame
from xrdkit.phase.model import PatternModel, Values

Array = NDArray[np.float64]

#: Other phases are certain at an angle from this many standard errors.
_CERTAIN = 10.0
#: Median of the absolute value of normal deviates.
_MEDIAN = 0.6745
_TO_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))


def with_free_lines(
    found: Sequence[bool], model: PatternModel, values: Values, fit: FitOutcome, frame: Frame
) -> tuple[bool, ...]:
    """Return which phases are found, those with free lines judged by these.

    They are worth their k lines and shapes where Σ (A/error)² > k ln n, as in
    `evidence.is_evident`, errors as the module says; `model` is that with the lines by least
    squares, whose errors are the smallest.
    """
    result = [bool(here) for here in found]
    free = free_phases(model)
    if not free:
        return tuple(result)
    curves = model.phases(values)
    residual = frame.intensity - model.background(values) - curves.sum(axis=0)
    gof = max(fit.gof, 1.0)
    for p in free:
        areas, errors = model.line_areas(values, p)
        known = np.isfinite(areas) & (errors > 0)
        others = np.clip(curves.sum(axis=0) - curves[p], 0.0, None)
        missed = _missed(model, values, p, frame, residual + curves[p], others)
        gain = float(np.sum(areas[known] ** 2 / ((gof * errors) ** 2 + missed**2)[known]))
        number = int(known.sum()) + sum(name.startswith(phase_key(p, "")) for name in fit.seen)
        result[p] = bool(gain > number * np.log(max(fit.residual.size, 2)))
    return tuple(result)


def _missed(
    model: PatternModel, values: Values, phase: int, frame: Frame, excess: Array, others: Array
) -> Array:
    """Return δ O at each line of a phase (n,), intensity times degree."""
    centres = model.line_centres(values, phase)
    if not others.any():
        return np.zeros(centres.size)
    step = model.step
    wide = max(model.typical_width(values, phase) / _TO_SIGMA / step, 0.5)
    weight = 1.0 / frame.sigma**2
    # Σ w Ω² of a Gaussian of area 1, whose square is a Gaussian too.
    norm = gaussian_filter1d(weight, wide / np.sqrt(2.0)) / (2.0 * np.sqrt(np.pi) * wide * step**2)
    deviation = gaussian_filter1d(weight * excess, wide) / step / norm
    covered = gaussian_filter1d(weight * others, wide) / step / norm
    certain = covered > _CERTAIN / np.sqrt(norm)
    if not certain.any():
        return np.zeros(centres.size)
    share = float(np.median(np.abs(deviation[certain]) / covered[certain])) / _MEDIAN
    at = np.interp(np.nan_to_num(centres), frame.two_theta, covered)
    return np.asarray(share * at)
