"""Porod's law on one curve: its window, its constant, a flat background, its next term.

I = K q⁻⁴ (1 + c/q²) + b. The next term is 1/R² for spheres and -2/l² for a random two-phase system
of the same Porod length l = 4Q/(πK) (l = 4R/3): c is fitted under a normal prior of width 2/l².
Without it K is wrong by percents at the q where a curve still has signal. Oscillations of bodies of
like size die out towards high q; where they do not before the noise, they are averaged over windows
with soft ends. G. Porod, Kolloid-Z. 124 (1951) 83; R. Kirste, G. Porod, Kolloid-Z. 184 (1962) 1
(next term).
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from xrdkit.saxs.model_free import Array, Curve, noise_scale

FEWEST = 10
#: Standard deviation of the prior of c, over 1/l².
PRIOR_C = 2.0
#: q l below which no surface is seen by itself.
_LOWEST_QL = 4.0
#: Starts of windows are this factor apart; a window begins so far above the first that is flat.
_STEP = 1.06
_GUARD = 1.12
#: Excess of χ² over that of the noise, in its standard deviations, from which a window is refused.
_MISFIT = 3.0
_BLOCKS = 4
#: Difference of windows, in its standard deviations, that noise explains.
_EXPECTED = 2.0
#: Constant over its standard error from which there is a surface.
SIGNIFICANT = 4.0
#: Difference of the exponent from 4 that is told, and its standard deviations.
_OTHER_POWER = (0.2, 3.0)
#: Standard error of the exponent from which a window is too short to know its law.
_UNKNOWN_POWER = 0.35
#: Relative error that the law has by itself.
_EXACT = 0.002
_AVERAGED_STARTS = 5
#: q l up to which a curve must go for oscillations to be averaged.
_AVERAGED_QL = 12.0
#: Relative spread of averages in different windows that oscillations alone leave.
_DRIFT = 0.2
#: Intensity over its error from which waves are looked for, and their relative size, itself and
#: over that of the noise.
_CLEAR = 5.0
_WAVE = (0.05, 2.0)
#: Exponent of averages, less 4, that is another power, and its standard deviations.
_TILT = (0.3, 4.0)
#: End over start from which a window is long.
_LONG = 1.6


@dataclass(frozen=True, kw_only=True)
class PorodFit:
    """A fit in one window, which ends with the curve."""

    first: int
    """Number of the first point."""
    constant: float
    """K."""
    background: float
    """b."""
    next_term: float
    """K c."""
    estimator: Array
    """Linear estimator of (K, b, K c) from all points of the curve, (3, n)."""
    prior: Array
    """Covariance of the same from prior and windows, (3, 3)."""
    chi2: float
    """Σ of the squared weighted residuals."""
    dof: float
    """Degrees of freedom."""
    noise: float
    """Standard deviation of the noise, over the stated errors."""
    power: float
    """Exponent that the window itself has."""
    power_sigma: float
    """Its standard error."""
    edge: int
    """Number of the point above which the law stands for the curve."""
    averaged: bool = False
    """Whether oscillations were averaged."""

    def calculated(self, curve: Curve) -> Array:
        """Return the law with its background as the points of the window see it."""
        theta = np.array([self.constant, self.background, self.next_term])
        seen: Array = law_columns(curve, self.first) @ theta
        return seen

    @property
    def scale(self) -> float:
        """√χ²r."""
        return math.sqrt(self.chi2 / self.dof)

    def covariance(self, curve: Curve, scale: float) -> Array:
        """Return the covariance of (K, b, K c)."""
        return curve.covariance(self.estimator, scale) + self.prior


def law_columns(curve: Curve, first: int) -> Array:
    """Return q⁻⁴, 1 and q⁻⁶ as the points from number `first` on see them, (n, 3)."""
    rays = curve.rays(first)
    power = rays.apply(np.stack([rays.q**-4, rays.q**-6], axis=1))
    return np.column_stack([power[:, 0], np.ones(len(power)), power[:, 1]])


def rough_length(curve: Curve) -> float:
    """Return the Porod length, nm, to a factor of two or so: the scale of all that follows."""
    q, intensity = curve.q, np.maximum(curve.intensity, 0.0)
    # A flat background is at most what the curve comes down to.
    floor = float(np.median(intensity[-max(FEWEST, q.size // 10) :]))
    signal = np.maximum(intensity - floor, 0.0)
    invariant = float(np.trapezoid(q**3 * signal, np.log(q)))
    top = float(np.max(np.sort(q**4 * signal)[: max(1, int(0.8 * q.size))]))
    return 4.0 * invariant / (np.pi * top) if top > 0 else math.nan


def fit_from(curve: Curve, first: int, length: float, *, flat: bool) -> PorodFit | None:
    """Return the fit of all points from number `first` on."""
    q, sigma = curve.q[first:], curve.sigma[first:]
    columns = law_columns(curve, first)
    if not flat:
        columns[:, 1] = 0.0
    weighted = columns / sigma[:, None]
    size = np.linalg.norm(weighted, axis=0)
    size[size == 0] = 1.0
    design = weighted / size
    target = curve.intensity[first:] / sigma
    constant, noise = float("nan"), 1.0
    precision = np.zeros(3)
    for _ in range(4):
        information = design.T @ design
        inverse = np.linalg.pinv(information + np.diag(precision), hermitian=True)
        solution = inverse @ (design.T @ target)
        residual = target - design @ solution
        floor = _EXACT * float(np.sqrt(np.mean(target**2)))
        noise = max(noise_scale(residual), floor)
        constant = float(solution[0] / size[0])
        if not constant > 0:
            return None
        precision[2] = (noise * length**2 / (PRIOR_C * constant * size[2])) ** 2
    rows = np.zeros((3, curve.q.size))
    rows[:, first:] = (inverse @ design.T) / size[:, None] / sigma
    prior = noise**2 * inverse @ (precision[:, None] * inverse) / np.outer(size, size)
    taken = float(np.sum(inverse * information))
    law = constant * columns[:, 0] / sigma
    power, power_sigma = _power(q, law, design, residual, precision, noise)
    return PorodFit(
        first=first,
        edge=first,
        constant=constant,
        background=float(solution[1] / size[1]),
        next_term=float(solution[2] / size[2]),
        estimator=rows,
        prior=prior,
        chi2=float(residual @ residual),
        dof=max(1.0, q.size - taken),
        noise=noise,
        power=power,
        power_sigma=power_sigma,
    )


def _power(
    q: Array, law: Array, design: Array, residual: Array, precision: Array, noise: float
) -> tuple[float, float]:
    """Return the exponent of the window, were it free, and its standard error."""
    middle = np.exp(np.mean(np.log(q)))
    column = -law * np.log(q / middle)
    inverse = np.linalg.pinv(design.T @ design + np.diag(precision), hermitian=True)
    left = column - design @ (inverse @ (design.T @ column))
    strength = float(left @ column)
    if not strength > 0:
        return 4.0, math.inf
    return 4.0 + float(left @ residual) / strength, noise / math.sqrt(strength)


def flat_enough(fit: PorodFit, curve: Curve) -> bool:
    """Return whether the residuals of a window are those of noise, in the whole and in blocks."""
    if fit.chi2 > fit.noise**2 * (fit.dof + _MISFIT * math.sqrt(2.0 * fit.dof)):
        return False
    part = slice(fit.first, None)
    residual = (curve.intensity[part] - fit.calculated(curve)) / curve.sigma[part]
    blocks = np.array_split(residual / fit.noise, 2 * _BLOCKS)
    sums = np.array([block.sum() / math.sqrt(block.size) for block in blocks])
    return bool(np.sum(sums**2) < 2 * _BLOCKS + _MISFIT * math.sqrt(4.0 * _BLOCKS))


def other_power(fit: PorodFit) -> bool:
    """Return whether the window falls by another power of q than the fourth."""
    off = abs(fit.power - 4.0)
    return off > max(_OTHER_POWER[0], _OTHER_POWER[1] * fit.power_sigma)


def unknown_power(fit: PorodFit) -> bool:
    """Return whether a window is too short to tell the power by which it falls."""
    return not fit.averaged and fit.power_sigma > _UNKNOWN_POWER


def best_porod(curve: Curve, *, flat: bool) -> tuple[PorodFit | None, PorodFit | None]:
    """Return the fit in the best window, and the first that was refused for another power.

    Starts are tried upwards; the first that leaves noise alone, moved up a little, is taken, with
    the variance that a later start shows beyond noise. Where oscillations go on to the end of the
    curve, they are averaged.
    """
    length = rough_length(curve)
    if not (math.isfinite(length) and length > 0):
        return None, None
    refused = None
    start = _LOWEST_QL / length
    while start < curve.q[-1]:
        first = int(np.searchsorted(curve.q, start))
        if curve.q.size - first < FEWEST:
            break
        fit = fit_from(curve, first, length, flat=flat)
        if fit is not None and flat_enough(fit, curve):
            if other_power(fit):
                # The slope of an oscillation is none of the curve.
                if _long(fit, curve):
                    refused = refused or fit
            elif refused is not None and _same_power(fit, refused):
                return None, refused
            else:
                found = _guarded(curve, fit, length, flat=flat)
                if found is not None and other_power(found) and _long(found, curve):
                    return None, refused or found
                return _better(curve, found, length, flat=flat), refused
        start = max(start, float(curve.q[first])) * _STEP
    return (None if refused else _averaged(curve, length, flat=flat)), refused


def _long(fit: PorodFit, curve: Curve) -> bool:
    """Return whether a window is long enough to have a power of its own."""
    return float(curve.q[-1] / curve.q[fit.first]) > _LONG and not unknown_power(fit)


def _better(curve: Curve, fit: PorodFit | None, length: float, *, flat: bool) -> PorodFit | None:
    """Return the fit of a long window, else the mean over oscillations, else the fit."""
    fine = fit is not None and _significant(fit, curve) and not other_power(fit)
    found = fit if fine else None
    if found is not None and _long(found, curve):
        return found
    mean = _averaged(curve, length, flat=flat)
    if found is None or mean is None:
        return found or mean
    # A short window may sit on one oscillation, and an average may not have averaged all of it.
    apart = np.zeros((3, 3))
    apart[0, 0] = 0.25 * (found.constant - mean.constant) ** 2
    return replace(mean, prior=mean.prior + apart)


def _same_power(fit: PorodFit, refused: PorodFit) -> bool:
    """Return whether a window falls as one at lower q did, or is too short to tell."""
    return abs(fit.power - refused.power) < _EXPECTED * fit.power_sigma


def _significant(fit: PorodFit, curve: Curve) -> bool:
    error = math.sqrt(fit.covariance(curve, max(fit.noise, fit.scale))[0, 0])
    return fit.constant > SIGNIFICANT * error


def _guarded(curve: Curve, fit: PorodFit, length: float, *, flat: bool) -> PorodFit | None:
    """Return the fit a little above the first flat start, with the variance of later ones."""
    whole, covariance = fit, fit.covariance(curve, fit.noise)
    excess = np.zeros((3, 3))
    for k in range(1, 4):
        first = int(np.searchsorted(curve.q, curve.q[fit.first] * _GUARD**k))
        if curve.q.size - first < FEWEST:
            break
        later = fit_from(curve, first, length, flat=flat)
        if later is None:
            break
        if k == 1:
            whole, covariance = later, later.covariance(curve, later.noise)
            continue
        more = float((later.covariance(curve, later.noise) - covariance)[0, 0])
        step = np.array(
            [
                later.constant - whole.constant,
                later.background - whole.background,
                later.next_term - whole.next_term,
            ]
        )
        # What noise does not explain of the step of K; the others move with it.
        beyond = 1.0 - _EXPECTED**2 * max(more, 0.0) / max(float(step[0]) ** 2, 1e-300)
        if beyond * step[0] ** 2 > excess[0, 0]:
            excess = beyond * np.outer(step, step)
    excess[0, 0] += (_EXACT * whole.constant) ** 2
    return replace(whole, prior=whole.prior + excess)


def _oscillates(curve: Curve, first: int) -> bool:
    """Return whether the logarithm of a curve waves about a cubic in ln q, beyond its noise."""
    q, intensity, sigma = curve.q[first:], curve.intensity[first:], curve.sigma[first:]
    if curve.has_sigma:
        clear = intensity > _CLEAR * sigma
        q, intensity = q[clear], intensity[clear]
    else:
        q, intensity = q[intensity > 0], intensity[intensity > 0]
    if q.size < 2 * FEWEST:
        return False
    x, y = np.log(q / q[0]), np.log(intensity)
    design = np.vander(x, 4)
    residual = y - design @ (np.linalg.pinv(design) @ y)
    return float(np.std(residual)) > max(_WAVE[0], _WAVE[1] * noise_scale(residual))


def _averaged(curve: Curve, length: float, *, flat: bool) -> PorodFit | None:
    """Return K as the mean of q⁴I over oscillations, in windows with soft ends."""
    seen = curve.intensity > 2.0 * curve.sigma if curve.has_sigma else curve.intensity > 0
    if not seen.any():
        return None
    last = int(np.flatnonzero(seen)[-1]) + 1
    lowest = _LOWEST_QL / length
    if curve.q[last - 1] * length < _AVERAGED_QL:
        return None
    if not _oscillates(curve, int(np.searchsorted(curve.q, lowest))):
        return None
    fits, tilts = [], []
    seen_law = law_columns(curve, 0)[:last]
    for start in np.linspace(lowest, 0.3 * curve.q[last - 1] + 0.7 * lowest, _AVERAGED_STARTS):
        first = int(np.searchsorted(curve.q, start))
        if last - first < 2 * FEWEST:
            break
        q = curve.q[first:last]
        ramp = np.sin(np.pi * (q - q[0]) / (q[-1] - q[0])) ** 2
        root = np.sqrt(ramp * np.gradient(q))
        fourth, sixth = seen_law[first:, 0], seen_law[first:, 2]
        # The next term is taken as zero within its prior: averages cannot tell it.
        columns = np.stack([np.ones_like(q), 1.0 / fourth if flat else 0.0 * q], axis=1)
        design = columns * root[:, None]
        size = np.linalg.norm(design, axis=0)
        size[size == 0] = 1.0
        rows = np.linalg.pinv(design / size) * root / fourth / size[:, None]
        estimate = rows @ curve.intensity[first:last]
        moved = float((rows @ sixth)[0])
        tilted = np.column_stack([root, np.log(q / q[-1]) * root])
        above = (curve.intensity[first:last] - estimate[1]) / fourth
        tilts.append(float(np.linalg.pinv(tilted)[1] @ (root * above)) / float(estimate[0]))
        fits.append((first, rows, estimate, moved))
    if len(fits) < 3 or not all(f[2][0] > 0 for f in fits):
        return None
    constants = np.array([f[2] for f in fits])
    first, rows, estimate, moved = fits[len(fits) // 2]
    whole = np.zeros((3, curve.q.size))
    whole[:2, first:last] = rows
    spread = np.var(constants, axis=0, ddof=1)
    tilt = max(_TILT[0], _TILT[1] * float(np.std(tilts, ddof=1)))
    if spread[0] > (_DRIFT * estimate[0]) ** 2 or abs(np.mean(tilts)) > tilt:
        return None
    next_sigma = PRIOR_C * float(estimate[0]) / length**2
    prior = np.diag([spread[0], spread[1], next_sigma**2])
    prior[0, 0] += (moved * next_sigma) ** 2
    prior[0, 2] = prior[2, 0] = -moved * next_sigma**2
    fit = PorodFit(
        first=first,
        edge=last - 1,
        constant=float(estimate[0]),
        background=float(estimate[1]),
        next_term=0.0,
        estimator=whole,
        prior=prior,
        chi2=1.0,
        dof=1.0,
        noise=1.0,
        power=4.0,
        power_sigma=math.inf,
        averaged=True,
    )
    return fit if _significant(fit, curve) else None
