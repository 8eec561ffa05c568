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


@dataclass(frozen=True, kw_only=True)
class Cumulants:
    """How far the errors of points are from normal."""

    orders: Array
    """Normed cumulants of each point of order 3, 4, 5 and 6, shape (4, K); 0 for normal errors."""
    weight: Array
    """Mean part of a pixel that is in the bin, shape (K,); 1 where none are split."""


def compare_shape(
    difference: Array,
    band: Array,
    *,
    modes: Array | None = None,
    direction: Array | None = None,
    cumulants: Cumulants | None = None,
) -> ShapeTest:
    """Test whether a `difference` d, shape (K,), is noise.

    `band` (b, K) is the covariance of d between points k and k + b, row 0 its variance V; `modes`
    (m, K) are errors common to the points. `direction` (K,), such as the curve itself, is taken out
    of d and of its errors: then a factor between the curves does not count. `cumulants` say how far
    the errors are from normal (few counts). Points that are NaN or of no variance are left out.

    The statistic weighs every point by its own variance and needs no inverse, which a covariance of
    pixels split over narrow bins may not have. With the correlation R, mean, variance and third
    cumulant are those of a quadratic form, tr R, 2 tr R² and 8 tr R³, and what counts add to them;
    its distribution is taken to be the gamma distribution (Pearson's type III) of these three. For
    independent points with many counts this is chi-square.
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
    cube = _trace_of_cube(rho)
    mean, size, once = float(count), 1.0, 0.0
    u = turned = np.zeros_like(z)
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
            cube -= once**3
    chi2 = float(z @ z)
    gram = shared @ shared.T
    mean += float(np.trace(gram))
    square += float(np.sum(gram**2)) + 2 * sum(float(e @ _apply(rho, e)) for e in shared)
    cube += float(np.trace(gram @ gram @ gram))
    variance, third = 2 * square, 8 * cube
    if cumulants is not None:
        k3, k4, k5, k6 = np.where(good, np.nan_to_num(cumulants.orders), 0.0)
        own, across = float(np.sum(k4)), 0.0
        size_of = np.sqrt(np.abs(k4))
        for b, row in enumerate(rho[1:], start=1):
            # Counts that two points share: with weights α, β their αβ is 0.22 at the mean.
            alike = np.minimum(0.22 / (cumulants.weight[:-b] * cumulants.weight[b:]), 1.0)
            sign = np.sign(k4[:-b] + k4[b:])
            across += 2 * float(np.sum(sign * row * size_of[:-b] * size_of[b:] * alike))
        variance += own + across
        # The factor is fitted: what of X goes with it (counts are skew) is no scatter of X.
        tied = float(k3 @ turned) / np.sqrt(once) if once > 0 else 0.0
        part = tied * u / np.sqrt(once) if once > 0 else np.zeros_like(z)
        variance -= tied**2
        extra = 12 * k4 + 10 * k3**2 + k6 - 3 * part * (k5 + 8 * k3)
        extra += 3 * part**2 * (k4 + 2) - part**3 * k3
        third += (1 + across / own if own != 0 else 1.0) * float(np.sum(extra))
    if not (mean > 1e-9 and variance > 1e-9):
        return ShapeTest(chi2=chi2, mean=mean, variance=variance, p_value=np.nan, change=np.nan)
    skew = third / variance**1.5
    p_value = float(stats.pearson3.sf((chi2 - mean) / np.sqrt(variance), skew))
    change = float(np.sqrt(max(chi2 - mean, 0.0))) / size if direction is not None else np.nan
    return ShapeTest(chi2=chi2, mean=mean, variance=variance, p_value=p_value, change=change)


def count_cumulants(jumps: Array, events: Array, total: Array, weight: Array) -> Cumulants:
    """Return how far Σ_f a_f n_f, mean 0, is from normal, for counts n_f of given sum.

    `jumps` a_f, what one count moves the difference by, and `events` μ_f, the counts expected, have
    shape (F, K); `total` V is the whole variance, other sources included, `weight` the mean part of
    a pixel that is in the bin, each (K,). Given their sum n the counts are multinomial: with
    x = Σ of n draws from jumps of moments m_j (mean 0, variance 1), E x⁶ =
    (m6 + (n - 1)(15 m4 + 10 m3² + 15 (n - 2)))/n², and so on. Zero where no counts are known.
    """
    number = np.sum(events, axis=0)
    good = np.isfinite(number) & (number > 0) & (total > 0)
    n = np.where(good, number, 1.0)
    mu = np.where(good, events, 0.0)
    jump = np.where(good & (events > 0), jumps, 0.0)
    second = np.sum(mu * jump**2, axis=0) / n
    good &= second > 0
    unit = np.sqrt(np.where(good, second, 1.0))
    m3, m4, m5, m6 = (np.sum(mu * (jump / unit) ** j, axis=0) / n for j in (3, 4, 5, 6))
    k3, k4, k5 = m3 / np.sqrt(n), (m4 - 3) / n, (m5 - 10 * m3) / n**1.5
    k6 = (m6 + (n - 1) * (15 * m4 + 10 * m3**2 + 15 * (n - 2))) / n**2
    k6 = k6 - 15 * k4 - 10 * k3**2 - 15
    part = np.where(good, np.sqrt(second * n / np.where(good, total, 1.0)), 0.0)
    return Cumulants(
        orders=np.stack([part**j * k for j, k in ((3, k3), (4, k4), (5, k5), (6, k6))]),
        weight=np.clip(np.nan_to_num(weight, nan=1.0), 1e-9, None),
    )


def _trace_of_cube(rho: list[Array]) -> float:
    """Return tr R³ for the band `rho` of correlations."""
    size = rho[0].size
    both = dict(enumerate(rho)) | {-b: row for b, row in enumerate(rho)}
    total = 0.0
    for b in range(len(rho)):
        # (R²) at (k, k + b): over the points k + c that both correlate with.
        square = np.zeros(size - b)
        for c in range(b - len(rho) + 1, len(rho)):
            low, high = max(0, -c), min(size - b, size - c)
            if high <= low or abs(b - c) >= len(rho):
                continue
            k = np.arange(low, high)
            first = both[c][np.minimum(k, k + c)]
            square[low:high] += first * both[b - c][np.minimum(k + b, k + c)]
        total += (1 if b == 0 else 2) * float(np.sum(square * rho[b][: size - b]))
    return total


def _apply(rho: list[Array], vector: Array) -> Array:
    """Return R v for the band `rho` of correlations."""
    out = rho[0] * vector
    for b, row in enumerate(rho[1:], start=1):
        out[:-b] += row * vector[b:]
        out[b:] += row * vector[:-b]
    return out
