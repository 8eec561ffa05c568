"""A chi-square test of a difference of curves whose errors are correlated, or few counts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ShapeTest:
    """Outcome of one test."""

    chi2: float
    """X = Σ d²/V over the points, what is along the direction taken out."""
    mean: float
    """Expectation of X where there is no difference: the degrees of freedom."""
    variance: float
    """Variance of X where there is no difference; 2 `mean` for many counts and no correlation."""
    p_value: float
    """Probability of an X as large as this by chance; NaN where no point can be compared."""
    change: float
    """Relative difference, root of its mean square over the points, noise taken out."""


def compare_shape(
    difference: Array,
    band: Array,
    *,
    modes: Array | None = None,
    direction: Array | None = None,
    excess: Array | None = None,
) -> ShapeTest:
    """Test whether a `difference` d, shape (K,), is noise.

    `band` (b, K) is the covariance of d between points k and k + b, row 0 its variance V; `modes`
    (m, K) are errors common to the points. `direction` (K,), such as the curve itself, is taken out
    of d and of its errors: then a factor between the curves does not count. `excess` is the excess
    kurtosis of each point (Poisson counts have some). Points that are NaN or of no variance are
    left out.

    The statistic weighs every point by its own variance and needs no inverse, which a covariance of
    pixels split over narrow bins may not have. With the correlation R, mean and variance are those
    of a quadratic form, tr R and 2 tr R² + Σ excess, and its distribution is taken to be the gamma
    distribution of that mean and variance: chi-square for independent points with many counts.
    Source: F. E. Satterthwaite, Biometrics Bulletin 2 (1946) 110.
    """
    good = np.isfinite(difference) & np.isfinite(band[0]) & (band[0] > 0)
    count = int(np.sum(good))
    root = np.where(good, np.sqrt(np.where(good, band[0], 1.0)), 1.0)
    z = np.where(good, difference, 0.0) / root
    rho = [np.where(good, 1.0, 0.0)]
    for b in range(1, min(band.shape[0], z.size)):
        both = good[:-b] & good[b:]
        value = np.where(both, band[b, :-b], 0.0) / (root[:-b] * root[b:])
        rho.append(np.nan_to_num(value))
    shared = np.zeros((0, z.size)) if modes is None else np.where(good, modes, 0.0) / root
    shared = np.nan_to_num(shared)
    square = float(np.sum(rho[0]) + 2 * sum(float(np.sum(r**2)) for r in rho[1:]))
    mean, size = float(count), 1.0
    if direction is not None:
        along = np.where(good, np.nan_to_num(direction), 0.0) / root
        size = float(np.sqrt(np.sum(along**2)))
        if size > 0:
            u = along / size
            z = z - u * (u @ z)
            shared = shared - (shared @ u)[:, None] * u
            turned = _apply(rho, u)
            once = float(u @ turned)
            mean -= once
            square += once**2 - 2 * float(turned @ turned)
    chi2 = float(z @ z)
    gram = shared @ shared.T
    mean += float(np.trace(gram))
    square += float(np.sum(gram**2))
    square += 2 * sum(float(e @ _apply(rho, e)) for e in shared)
    variance = 2 * square
    if excess is not None:
        variance += float(np.sum(np.where(good, np.nan_to_num(excess), 0.0)))
    if not (mean > 1e-9 and variance > 1e-9):
        return ShapeTest(chi2=chi2, mean=mean, variance=variance, p_value=np.nan, change=np.nan)
    p_value = float(stats.gamma.sf(chi2, mean**2 / variance, scale=variance / mean))
    change = float(np.sqrt(max(chi2 - mean, 0.0))) / size if direction is not None else np.nan
    return ShapeTest(chi2=chi2, mean=mean, variance=variance, p_value=p_value, change=change)


def count_excess(variances: list[Array], events: list[Array], total: Array) -> Array:
    """Return the excess kurtosis of Σ c_f n_f for counts n_f of given sum and mean 0, shape (K,).

    `variances` c_f² V_f and `events` μ_f (expected counts) are those of each part, each (K,), and
    `total` the whole variance. Given their sum n, the counts are multinomial, and the fourth moment
    of the difference is that of n draws: (Σ v_f²/μ_f)/V² - 3/n. 0 where no counts are known.
    """
    number = np.sum(events, axis=0)
    counted = np.sum(variances, axis=0)
    known = np.isfinite(number) & (number > 0) & (counted > 0) & (total > 0)
    fourth = np.zeros(total.size)
    for variance, mu in zip(variances, events, strict=True):
        fourth += np.where(known & (mu > 0), variance**2 / np.where(mu > 0, mu, 1.0), 0.0)
    safe = np.where(known, total, 1.0)
    out = (fourth - 3 * counted**2 / np.where(known, number, 1.0)) / safe**2
    return np.asarray(np.where(known, out, 0.0))


def _apply(rho: list[Array], vector: Array) -> Array:
    """Return R v for the band `rho` of correlations."""
    out = rho[0] * vector
    for b, row in enumerate(rho[1:], start=1):
        out[:-b] += row * vector[b:]
        out[b:] += row * vector[:-b]
    return out
