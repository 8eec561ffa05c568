"""Size and strain from the breadths of lines, by the methods in use.

With β* the integral breadth of a sample line in s* = 1/d, L = L_vol (Scherrer constant K = 1) and
e the apparent maximum strain Δd/d, size broadens by 1/L and strain by 2e s* (4e tan θ in 2θ):

scherrer                   β* = 1/L: every line alone, strain taken for size
williamson_hall            β* = 1/L + 2e s*, both Lorentzian (Acta Metall. 1 (1953) 22)
williamson_hall_quadratic  β*² = 1/L² + (2e s*)², both Gaussian
halder_wagner              β*² = β*/L + (2e s*)², size Lorentzian, strain Gaussian (Adv. X-Ray Anal.
                           9 (1966) 91)
double_voigt               Gaussian and Lorentzian parts each, β_G*² = g² + (2e_G s*)² and
                           β_L* = l + 2e_L s*; 1/L is the breadth of the Voigt (g, l), and
                           L_area = 1/(2l) (Langford, Natl Bur. Stand. Spec. Publ. 567 (1980) 255;
                           Balzar, J. Res. NIST 98 (1993) 321: Warren & Averbach for Voigt lines)
lognormal_spheres          the ⟨D⟩ and σ whose exact line has the pseudo-Voigt (g, l) as its fit

Each is a weighted fit of β*, not of a plot; errors are scaled by its goodness of fit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import lmfit
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares as scipy_least_squares

from xrdkit.errors import FitFailed
from xrdkit.fitting import FitOutcome, Verdict, least_squares
from xrdkit.phase.peak_shapes import height_factor, peak_curve
from xrdkit.phase.profile_function import combined_width
from xrdkit.phase.size_strain_breadths import Breadths, voigt_breadth
from xrdkit.phase.sphere_profile import column_lengths, sphere_line

Array = NDArray[np.float64]
Values = Mapping[str, float]

METHODS = (
    "scherrer",
    "williamson_hall",
    "williamson_hall_quadratic",
    "halder_wagner",
    "double_voigt",
    "lognormal_spheres",
)
_GAUSS_TOP, _LORENTZ_TOP = height_factor("gaussian", 0.0)[0], height_factor("lorentzian", 1.0)[0]
_FEWEST = 3
_STEP = 1e-4
#: Widths of distributions for which the pseudo-Voigt of the line is tabulated, and how far in FWHM.
_SIGMAS = np.linspace(0.0, 0.6, 25)
_REACH = 6.0


@dataclass(frozen=True, kw_only=True)
class MethodNumbers:
    """What one method says of one frame; NaN where it says nothing."""

    size: float = np.nan
    """L_vol, nm."""
    size_sigma: float = np.nan
    """Its standard error."""
    strain: float = np.nan
    """e."""
    strain_sigma: float = np.nan
    """Its standard error; NaN where the strain came out at 0 or is none of the method's numbers."""
    area_size: float = np.nan
    """L_area, nm, where the method tells it."""
    area_size_sigma: float = np.nan
    """Its standard error."""
    gof: float = np.nan
    """Goodness of fit: above 1 where lines differ more than their errors."""
    verdict: Verdict = Verdict.UNIDENTIFIABLE
    """What the numbers are worth."""


def apply(method: str, lines: Breadths) -> MethodNumbers:
    """Return the numbers of one of `METHODS` from the breadths of the lines of a frame."""
    fewest = 1 if method == "scherrer" else _FEWEST
    if lines.position.size < fewest:
        return MethodNumbers()
    try:
        if method == "scherrer":
            return _scherrer(lines)
        if method in ("double_voigt", "lognormal_spheres"):
            return _parts(method, lines)
        return _plot(_MODELS[method], lines)
    except FitFailed:
        return MethodNumbers(verdict=Verdict.NOT_CONVERGED)


def _scherrer(lines: Breadths) -> MethodNumbers:
    """The mean of 1/β*, weighted by its error."""
    size = 1.0 / lines.integral
    error = lines.integral_sigma * size**2
    weight = error**-2.0
    mean = float(np.sum(weight * size) / np.sum(weight))
    dof = size.size - 1
    gof = float(np.sqrt(np.sum(weight * (size - mean) ** 2) / dof)) if dof else np.nan
    sigma = float(np.sum(weight) ** -0.5) * (gof if dof else 1.0)
    return MethodNumbers(size=mean, size_sigma=sigma, gof=gof, verdict=Verdict.OK)


def _linear(size: float, strain: float, s: Array) -> Array:
    return size + strain * s


def _quadratic(size: float, strain: float, s: Array) -> Array:
    return np.asarray(np.sqrt(np.maximum(size**2 + np.sign(strain) * (strain * s) ** 2, 1e-300)))


def _halder_wagner(size: float, strain: float, s: Array) -> Array:
    root = np.maximum(0.25 * size**2 + np.sign(strain) * (strain * s) ** 2, 1e-300)
    return np.asarray(0.5 * size + np.sqrt(root))


_MODELS: dict[str, Callable[[float, float, Array], Array]] = {
    "williamson_hall": _linear,
    "williamson_hall_quadratic": _quadratic,
    "halder_wagner": _halder_wagner,
}


def _plot(model: Callable[[float, float, Array], Array], lines: Breadths) -> MethodNumbers:
    outcome, scale = _fit(model, lines.position, lines.integral, lines.integral_sigma)
    size = outcome.values["size"] * scale
    strain = outcome.values["strain"] * scale / lines.position.mean()
    sigma = outcome.sigma()
    size_sigma = sigma["size"] * scale
    verdict = outcome.verdict
    if not size > 0:
        # All breadth is strain: the size is beyond what these lines can tell.
        return MethodNumbers(gof=outcome.gof, verdict=Verdict.UNIDENTIFIABLE)
    return MethodNumbers(
        size=1.0 / size,
        size_sigma=size_sigma / size**2,
        strain=0.5 * strain,
        strain_sigma=0.5 * sigma["strain"] * scale / lines.position.mean(),
        gof=outcome.gof,
        verdict=verdict,
    )


def _fit(
    model: Callable[[float, float, Array], Array], s: Array, values: Array, sigma: Array
) -> tuple[FitOutcome, float]:
    """Fit `model` with size and strain terms as multiples of the mean breadth."""
    weight = sigma**-2.0
    scale = float(np.sum(weight * values) / np.sum(weight))
    scale = scale if scale > 0 else float(np.max(values)) or 1.0
    reduced = s / s.mean()
    table = lmfit.Parameters()
    table.add("size", value=0.8)
    table.add("strain", value=0.3)

    def residual(v: Values) -> Array:
        return (scale * model(v["size"], v["strain"], reduced) - values) / sigma

    return least_squares(residual, table), scale


def _parts(method: str, lines: Breadths) -> MethodNumbers:
    """Both Voigt parts against s*, and what the Voigt of their limits at s* = 0 means."""
    known = np.isfinite(lines.gauss_squared_sigma) & (lines.gauss_squared_sigma > 0)
    known &= np.isfinite(lines.lorentz_sigma) & (lines.lorentz_sigma > 0)
    if known.sum() < _FEWEST:
        return MethodNumbers()
    values, chi2, dof = _limits(lines, known)
    # Parts of one line are anticorrelated; the breadth of the whole is known better than either.
    # Errors by jackknife over lines take that in (Tukey, Ann. Math. Stat. 29 (1958) 614).
    numbers = _numbers(method, values)
    if numbers is None:
        return MethodNumbers(verdict=Verdict.UNIDENTIFIABLE)
    spread = _jackknife(method, lines, known)
    return MethodNumbers(
        size=numbers[0],
        size_sigma=spread[0],
        strain=numbers[1],
        strain_sigma=spread[1],
        area_size=numbers[2],
        area_size_sigma=spread[2],
        gof=float(np.sqrt(chi2 / max(dof, 1))),
        verdict=Verdict.OK,
    )


def _limits(lines: Breadths, use: NDArray[np.bool_]) -> tuple[Array, float, float]:
    """Return g, l, 2e_G and 2e_L of weighted straight lines, χ² and degrees of freedom.

    g² and (2e_G)² are those of a line through β_G*² over s*²; what comes out negative is 0.
    """
    s = lines.position[use]
    gauss, first = _line(s**2, lines.gauss_squared[use], lines.gauss_squared_sigma[use])
    lorentz, second = _line(s, lines.lorentz[use], lines.lorentz_sigma[use])
    root = np.sqrt(np.maximum(gauss, 0.0))
    limits = np.array([root[0], max(lorentz[0], 0.0), root[1], max(lorentz[1], 0.0)])
    return limits, first + second, 2.0 * (s.size - 2)


def _line(x: Array, y: Array, sigma: Array) -> tuple[Array, float]:
    """Return intercept and slope of a weighted line, and χ²."""
    columns = np.stack([np.ones_like(x), x], axis=1) / sigma[:, None]
    found = np.asarray(np.linalg.lstsq(columns, y / sigma, rcond=None)[0], dtype=np.float64)
    return found, float(np.sum((columns @ found - y / sigma) ** 2))


def _jackknife(method: str, lines: Breadths, known: NDArray[np.bool_]) -> Array:
    count = int(known.sum())
    if count <= _FEWEST:
        return np.full(3, np.nan)
    found = []
    for left_out in np.flatnonzero(known):
        use = known.copy()
        use[left_out] = False
        numbers = _numbers(method, _limits(lines, use)[0])
        if numbers is None:
            return np.full(3, np.nan)
        found.append(numbers)
    table = np.array(found)
    return np.asarray(np.sqrt((count - 1) / count * np.sum((table - table.mean(axis=0)) ** 2, 0)))


def _numbers(method: str, values: Array) -> tuple[float, float, float] | None:
    """Return L_vol, e and L_area of the limits at s* = 0 and the slopes; None without a size."""
    gauss, lorentz = max(values[0], 0.0) * _GAUSS_TOP, max(values[1], 0.0) * _LORENTZ_TOP
    breadth = voigt_breadth(gauss, lorentz)
    if not breadth > 0:
        return None
    strain = 0.5 * voigt_breadth(
        max(values[2], 0.0) * _GAUSS_TOP, max(values[3], 0.0) * _LORENTZ_TOP
    )
    if method == "double_voigt":
        area = 0.5 / values[1] if values[1] > 0 else np.nan
        return 1.0 / breadth, strain, area
    h, eta = (float(v) for v in combined_width(np.array(gauss), np.array(lorentz)))
    table = _sphere_table()
    sigma = float(np.interp(eta, table[0], _SIGMAS))
    mean = float(np.interp(sigma, _SIGMAS, table[1])) / h
    volume, area = column_lengths(mean, sigma)
    return volume, strain, area


@cache
def _sphere_table() -> Array:
    """Return η and FWHM times ⟨D⟩ of the pseudo-Voigt fitted to lognormal spheres, (2, sigmas).

    Fitted to six FWHM on both sides on a linear background with the errors of counts.
    """
    rows = []
    for sigma in _SIGMAS:
        line = sphere_line(float(sigma))
        width = 0.9 / column_lengths(1.0, float(sigma))[0]
        x = np.linspace(-_REACH * width, _REACH * width, 601)
        y = line.density(x, 1.0)
        error = np.sqrt(y + 0.01 * y.max())

        def residual(p: Array, x: Array = x, y: Array = y, error: Array = error) -> Array:
            curve = peak_curve("pseudo_voigt", x, p[1], p[2])[0]
            return np.asarray((p[0] * curve + p[3] - y) / error)

        start = np.array([1.0, width, 0.3, 0.0])
        p = scipy_least_squares(residual, start, x_scale=np.array([1.0, width, 0.1, 0.01])).x
        rows.append((p[2], p[1]))
    return np.array(rows).T
