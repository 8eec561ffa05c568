"""Guinier's law with its next terms on one curve: the window, the fit, its error.

ln(q^a I) = ln A - v + k v² + l v³ with v = q²R²/(3 - a), a = 0 for bodies (R = Rg), 1 for the cross
section of rods (Rc), 2 for the thickness of sheets (Rt). To q Rg = 1.3 the law without k is wrong
for most bodies: Rg of a sphere by +1.9 %, of a thin shell by +2.8 %, of a thin rod or a chain by
-6 %. k is -0.071 for a sphere, -0.1 for a shell or a sheet, -0.083 for a disc, +0.25 for a Gaussian
chain, +0.22 for a rod, +0.31 for spheres of lognormal width 0.4; l is -0.011, -0.019 and -0.019 of
the first, -0.03, +0.06 and -0.24 of the last three. Both are fitted under priors of about these
widths (`xrdkit.saxs.guinier_prior`): exact data overrule them, poor data are not asked what they
cannot tell.

The curve itself is fitted, not its logarithm: the logarithm of few counts is biased. Where the
resolution smears it, the law is smeared by the same.
"""

import math
from dataclasses import dataclass

import numpy as np

from xrdkit.saxs.guinier_prior import curvature_prior
from xrdkit.saxs.model_free import Array, Curve, noise_scale
from xrdkit.saxs.relative_error import relative_error

#: Standard deviation of the prior of l at k = 0, what it grows by with k, and its mean over k.
PRIOR_L = (0.02, 0.25)
MEAN_L = -0.2
#: Standard deviation of the coefficient of v⁴ at k = 0 and, times k³, with it: the expansion of
#: sizes that spread goes on.
PRIOR_M = (0.003, 5.0)
#: The window begins below this v, q Rg = 1 for bodies.
LOWEST_V = 1.0 / 3.0
#: Fewest points of a window.
FEWEST = 8
#: Standard deviations of an excess at its low end from which a window is refused.
_UPTURN = 3.0
#: Excess of χ² over that of the noise, in standard deviations, from which a window is refused.
_MISFIT = 4.0
#: Largest k of a law that is still an expansion: spheres of lognormal width 0.5.
_LARGEST_K = 1.0
#: Start points at the low end for which an upturn is fitted beside the law.
_UPTURN_STARTS = 4
#: Share of the intensity at lower q from which a window may begin.
_FAINT = 0.1
#: Parts of the curve from which the law is looked for above an upturn.
_ABOVE_UPTURN = (8, 5, 4, 3)
#: Share of the window that is tried where the whole is refused.
_SHRINK = (1.0, 0.8, 0.64, 0.5)
_ITERATIONS = 10
_WINDOWS = 5
_TOLERANCE = 1e-7
_LARGEST_EXPONENT = 100.0
_FARTHEST = 20.0
#: The window begins below this share of the v of its end.
_WIDE = 0.6
#: Relative error that the law has by itself: no noise is taken for smaller.
_EXACT = 0.002
#: End over that of the window, in q², up to which rays meet the expansion.
_BEYOND = 1.5
#: Standard deviation of k beyond which it is not looked for.
_UNKNOWN_K = 10.0
#: Starts are tried one by one, then in steps of this share of their number.
_STEP = 0.1


@dataclass(frozen=True, kw_only=True)
class GuinierFit:
    """A fit in one window."""

    first: int
    """Number of the first point."""
    stop: int
    """Number after the last point."""
    log_amplitude: float
    """ln A."""
    slope: float
    """b = R²/(3 - a), nm²."""
    k: float
    """Coefficient of v²."""
    parameters: Array
    """ln A, b, coefficients of q⁴ to q⁸, and B q₁⁻⁴ at the first point: those that are
    fitted."""
    calculated: Array
    """I of the model in the window."""
    chi2: float
    """Σ of the squared weighted residuals."""
    estimator: Array
    """Linear estimator of the parameters near the minimum, (p, points): ln A, b, coefficients of q⁴
    to q⁸, amplitude of q⁻⁴ over that at the first point."""
    prior: Array
    """Covariance of the same parameters that the prior alone leaves, (p, p)."""
    taken: float
    """Number of parameters that the data determine, the prior the rest."""
    noise: float
    """Standard deviation of the noise, over the stated errors."""
    upturn: float
    """Excess at the low end over the law, in standard deviations; negative for a lack."""
    porod: float = 0.0
    """Amplitude B of the q⁻⁴ that was fitted beside the law, (unit)/nm⁴."""
    k_alone: tuple[float, float] = (0.0, math.inf)
    """k that the data alone have, and its standard error by the noise."""

    @property
    def law(self) -> int:
        """Number of parameters of the law itself, an upturn not among them."""
        return 5 if self.parameters.size >= 5 else 2

    @property
    def dof(self) -> float:
        """Degrees of freedom of the residuals."""
        return max(1.0, self.stop - self.first - self.taken)

    def covariance(self, curve: Curve, scale: float) -> Array:
        """Return the covariance of (ln A, b, ...), data and prior."""
        whole = np.zeros((len(self.estimator), curve.q.size))
        whole[:, self.first : self.stop] = self.estimator
        return curve.covariance(whole, scale) + self.prior

    @property
    def misfit(self) -> float:
        """Excess of χ² over that of the noise, in its standard deviations."""
        expected = self.noise**2 * self.dof
        return (self.chi2 - expected) / (self.noise**2 * np.sqrt(2.0 * self.dof))


def guess_stop(curve: Curve, first: int, power: int, v_max: float) -> tuple[int, float]:
    """Return the longest window from `first` whose straight line ends at v = `v_max`, and b.

    (0, 0) where the curve does not fall anywhere.
    """
    q, y, s = curve.q[first:], curve.intensity[first:], curve.sigma[first:]
    good = y > 0
    x = q**2
    w = np.where(good, (y / s) ** 2, 0.0)
    z = np.log(np.where(good, y, 1.0)) + power * np.log(q)
    s0, s1, s2 = np.cumsum(w), np.cumsum(w * x), np.cumsum(w * x * x)
    t0, t1 = np.cumsum(w * z), np.cumsum(w * x * z)
    spread = s0 * s2 - s1**2
    fine = spread > 1e-12 * s0 * s2
    b = np.where(fine, -(s0 * t1 - s1 * t0) / np.where(fine, spread, 1.0), 0.0)
    b[: FEWEST - 1] = 0.0
    inside = np.flatnonzero((b > 0) & (b * x <= v_max))
    if inside.size == 0:
        return 0, 0.0
    last = int(inside[-1])
    return first + last + 1, float(b[last])


def fit_window(
    curve: Curve, first: int, power: int, v_max: float, *, curved: bool, upturn: bool = False
) -> GuinierFit | None:
    """Return the fit of the window that starts at point `first`, None where there is none."""
    starts = [first]
    if upturn:
        # An upturn steepens the curve: the end of the window is guessed from above it.
        starts += [first + (curve.q.size - first) // n for n in _ABOVE_UPTURN]
    stop, b = max(guess_stop(curve, start, power, v_max) for start in starts)
    if stop - first < FEWEST:
        return None
    fit = None
    for _ in range(_WINDOWS):
        fit = fit_points(curve, first, stop, power, b, curved=curved, upturn=upturn)
        if fit is None or not fit.slope > 0:
            return None
        b = fit.slope
        end = first + int(np.searchsorted(curve.q[first:] ** 2 * b, v_max, side="right"))
        if end - first < FEWEST:
            return None
        if end == stop:
            break
        stop = end
    return fit


def fit_points(
    curve: Curve,
    first: int,
    stop: int,
    power: int,
    b: float,
    *,
    curved: bool,
    upturn: bool = False,
) -> GuinierFit | None:
    """Return the fit of points `first` to `stop`; `b` (nm²) scales the priors at the start.

    With `upturn`, B q⁻⁴ is fitted beside the law.
    """
    part = slice(first, stop)
    q, intensity, sigma = curve.q[part], curve.intensity[part], curve.sigma[part]
    rays = curve.rays(first, stop)
    columns = _columns(rays.q, float(q[-1]), curved=curved)
    law = columns.shape[1]
    rise = rays.apply((rays.q / q[0]) ** -4.0)
    front = rays.q**-power
    parameters = _start(q, intensity, power, b, law, upturn=upturn)
    if parameters is None:
        return None
    p = parameters
    alone = (0.0, math.inf)
    for _ in range(_ITERATIONS):
        seen = np.exp(np.minimum(columns @ p[:law], _LARGEST_EXPONENT)) * front
        model = rays.apply(seen)
        jacobian = rays.apply(columns * seen[:, None]) / sigma[:, None]
        residual = (intensity - model) / sigma
        if upturn:
            jacobian = np.column_stack([jacobian, rise / sigma])
            residual = residual - p[law] * rise / sigma
        # Priors weigh against what the noise is, not against what it is said to be.
        noise = max(noise_scale(residual), _EXACT * float(np.sqrt(np.mean((model / sigma) ** 2))))
        information = jacobian.T @ jacobian
        mean, precision = np.zeros(p.size), np.zeros(p.size)
        if curved:
            size = abs(float(p[1])) or b
            mean[3], precision[3:5] = _next_terms(p, size, noise)
            pull = jacobian.T @ residual + precision * (mean - p)
            alone = _k_alone(information, pull, p, precision, noise, size)
            middle, variance = curvature_prior(*alone, power)
            mean[2] = middle * size**2
            precision[2] = noise**2 / (variance * size**4)
        normal = information + np.diag(precision)
        if not np.all(np.diag(normal) > 0):
            return None
        unit = 1.0 / np.sqrt(np.diag(normal))
        try:
            inverse = np.linalg.inv(normal * np.outer(unit, unit)) * np.outer(unit, unit)
        except np.linalg.LinAlgError:
            return None
        step = inverse @ (jacobian.T @ residual + precision * (mean - p))
        p = p + step
        if not _sane(p, parameters, float(q[-1]) ** 2):
            return None
        if float(step @ normal @ step) < _TOLERANCE:
            break
    left = residual - jacobian @ step
    excess = (
        p[law] / np.sqrt(inverse[law, law])
        if upturn
        else _excess(rise / sigma, left, jacobian, inverse)
    )
    return GuinierFit(
        first=first,
        stop=stop,
        log_amplitude=float(p[0]),
        slope=float(p[1]),
        k=float(p[2] / p[1] ** 2) if curved else 0.0,
        parameters=p,
        calculated=intensity - left * sigma,
        chi2=float(left @ left),
        estimator=inverse @ (jacobian / sigma[:, None]).T,
        # The error from the prior, H⁻¹ Λ H⁻¹, beside H⁻¹ JᵀJ H⁻¹ from the data.
        prior=inverse @ (precision[:, None] * inverse) * noise**2,
        taken=float(np.sum(inverse * information)),
        noise=noise,
        upturn=float(excess) / noise,
        porod=float(p[law]) * float(q[0]) ** 4 if upturn else 0.0,
        k_alone=alone,
    )


def _start(
    q: Array, intensity: Array, power: int, b: float, law: int, *, upturn: bool
) -> Array | None:
    """Return start values: the law through the mean of the curve, no upturn."""
    # Where there is an upturn the law holds at the far end.
    far = slice(q.size // 2, None) if upturn else slice(None)
    x, weighted = q[far] ** 2, np.maximum(intensity[far], 0.0) * q[far] ** power
    level = float(np.sum(weighted * x) / np.sum(x))
    if not level > 0:
        return None
    p = np.zeros(law + upturn)
    p[0], p[1] = np.log(level) + b * float(np.sum(x * x) / np.sum(x)), b
    return p


def _sane(p: Array, start: Array, x: float) -> bool:
    """Return whether the fit is still near its start, within e^±20; NaN is not."""
    return bool(abs(p[0] - start[0]) < _FARTHEST and abs(p[1]) * x < _FARTHEST)


def _columns(q: Array, last: float, *, curved: bool) -> Array:
    """Return the columns of ln A, b and the coefficients of q⁴ to q⁸, (m, 2 or 5).

    Rays beyond the window, which ends at `last`, meet the expansion held where it still is one.
    """
    x = q**2
    held = np.minimum(x, _BEYOND * last**2)
    terms = (2, 3, 4) if curved else ()
    return np.stack([np.ones_like(x), -x, *(held**n for n in terms)], axis=1)


def _next_terms(p: Array, size: float, noise: float) -> tuple[float, Array]:
    """Return the priors of the coefficients of q⁶ and q⁸: mean of one, precisions of both.

    Precisions are inverse variances times that of the noise.
    """
    k = float(np.clip(p[2] / size**2, 0.0, _LARGEST_K))
    width = np.array([PRIOR_L[0] + PRIOR_L[1] * k, PRIOR_M[0] + PRIOR_M[1] * k**3])
    return MEAN_L * k * size**3, (noise / (width * size ** np.array([3.0, 4.0]))) ** 2


def _k_alone(
    information: Array, pull: Array, p: Array, precision: Array, noise: float, size: float
) -> tuple[float, float]:
    """Return k and its standard error by the data alone, near the parameters `p`."""
    normal = information + np.diag(precision)
    # Data that do not tell k at all leave it to the prior.
    normal[2, 2] += (noise / (_UNKNOWN_K * size**2)) ** 2
    unit = 1.0 / np.sqrt(np.maximum(np.diag(normal), 1e-300))
    inverse = np.linalg.pinv(normal * np.outer(unit, unit), hermitian=True) * np.outer(unit, unit)
    moved = float(p[2] + (inverse @ pull)[2])
    return moved / size**2, noise * math.sqrt(max(float(inverse[2, 2]), 0.0)) / size**2


def _excess(column: Array, residual: Array, jacobian: Array, inverse: Array) -> float:
    """Return how much of `column` residuals hold beyond what the law itself can take up."""
    left = column - jacobian @ (inverse @ (jacobian.T @ column))
    size = float(column @ left)
    return float(left @ residual) / np.sqrt(size) if size > 0 else 0.0


def admissible(fit: GuinierFit) -> bool:
    """Return whether the residuals of a window are those of noise."""
    straight = fit.misfit < _MISFIT and fit.k < _LARGEST_K
    if fit.porod:
        return straight and fit.upturn > _UPTURN
    return straight and abs(fit.upturn) < _UPTURN


def best_window(
    curve: Curve, power: int, v_max: float, *, curved: bool
) -> tuple[GuinierFit | None, GuinierFit | None]:
    """Return the fit of the widest admissible window and the first fit that was refused.

    The window starts as low as it can; where no end makes it admissible, a q⁻⁴ is tried beside the
    law, then the start moves up, to where the curve has fallen to a tenth: what is left there may
    be anything.
    """
    refused: GuinierFit | None = None
    first = 0
    smooth = relative_error(curve.intensity)
    faint = smooth < _FAINT * np.maximum.accumulate(smooth)
    last = int(np.argmax(faint)) if faint.any() else curve.q.size
    while first <= min(curve.q.size - FEWEST, last):
        for upturn in (False, True) if first < _UPTURN_STARTS else (False,):
            for share in _SHRINK:
                fit = fit_window(curve, first, power, v_max * share, curved=curved, upturn=upturn)
                if fit is None or fit.slope * curve.q[first] ** 2 > min(
                    LOWEST_V, _WIDE * v_max * share
                ):
                    refused = refused or fit
                    break
                if admissible(fit):
                    return fit, refused
                refused = refused or fit
        first += max(1, int(_STEP * first))
    return None, refused
