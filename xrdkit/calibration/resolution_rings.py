"""Width, shape and asymmetry of single rings of a calibrant in a profile.

Each ring that stands alone is fitted by a split pseudo-Voigt on a straight background,

    f(x) = b0 + b1 (x - x0) + h [η / (1 + 4t²) + (1 - η) exp(-4 ln 2 t²)],   t = (x - x0)/H±,

with H± = H (1 ± a) right and left of the top, averaged over each bin. H is the full width at half
maximum, η the Lorentzian share, a the asymmetry. η may leave 0 to 1 a little, so that noise does
not bias it.
"""

from dataclasses import dataclass

import lmfit
import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import FitFailed
from xrdkit.fitting import FitOutcome, Values, Verdict, least_squares

Array = NDArray[np.float64]
#: half width of what is fitted around a ring, and the least of it, in FWHM
_REACH, _LEAST_REACH = 8.0, 2.5
_FEWEST_BINS = 10
#: height over its error below which a ring says nothing about its shape
_WEAKEST = 8.0
#: how far from where it should be a ring may lie, in FWHM
_ASTRAY = 1.5
#: nodes and weights of the average over a bin
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(5)


@dataclass(frozen=True, kw_only=True)
class RingWidth:
    """One ring of a calibrant in a profile; errors are standard errors scaled by the misfit."""

    two_theta: float
    """Where it is, degree."""
    fwhm: float
    """Full width at half maximum H in 2θ, degree."""
    fwhm_sigma: float
    """Its standard error, degree."""
    lorentzian: float
    """Lorentzian share η."""
    lorentzian_sigma: float
    """Its standard error."""
    correlation: float
    """Correlation of the errors of H and η, -1 to 1."""
    asymmetry: float
    """(H₊ - H₋)/(H₊ + H₋): above 0 where the side of large angles is the wider one."""
    asymmetry_sigma: float
    """Its standard error."""
    gof: float
    """Goodness of fit √(χ²/dof)."""


@dataclass(frozen=True)
class AngularCurve:
    """A profile over 2θ in degree: bin centres, bin widths, intensity, independent error, (n,)."""

    angle: Array
    """Bin centres, ascending, degree."""
    width: Array
    """Bin widths, degree."""
    value: Array
    """Intensity, NaN where a bin is empty."""
    sigma: Array
    """Standard error of the intensity that scatters from bin to bin."""


def typical_width(curve: AngularCurve, expected: Array) -> float:
    """Return the median full width at half height of the rings near `expected` (degree), degree.

    Raises FitFailed where no ring stands out.
    """
    gaps = np.diff(expected, prepend=expected[0] - 5.0, append=expected[-1] + 5.0)
    found = []
    for at, left, right in zip(expected, gaps[:-1], gaps[1:], strict=True):
        low, high = np.searchsorted(curve.angle, (at - left / 2, at + right / 2))
        y = curve.value[low:high]
        if y.size < _FEWEST_BINS or not np.isfinite(y).all():
            continue
        floor, top = float(np.median(np.sort(y)[: y.size // 2])), int(np.argmax(y))
        height = float(y[top]) - floor
        if height < _WEAKEST * curve.sigma[low + top]:
            continue
        above = y > floor + 0.5 * height
        first = top - int(np.argmin(above[: top + 1][::-1])) if not above[: top + 1].all() else 0
        last = top + int(np.argmin(above[top:])) if not above[top:].all() else y.size - 1
        found.append((height, float(curve.angle[low + last] - curve.angle[low + first + 1])))
    if not found:
        raise FitFailed("no ring of the calibrant stands out", hint="is it this calibrant?")
    strong = sorted(found, reverse=True)[:8]
    return max(float(np.median([w for _, w in strong])), 2.0 * float(np.median(curve.width)))


def ring_widths(curve: AngularCurve, expected: Array) -> tuple[tuple[RingWidth, ...], int]:
    """Return the rings that stand alone, by angle, and how many more were expected in range.

    `expected` are the angles of the rings in degree, ascending. Left out are rings too near to
    another, too weak, away from where they should be, or whose fit did not converge. Raises
    FitFailed where no ring stands out at all.
    """
    inside = (expected > curve.angle[0]) & (expected < curve.angle[-1])
    if not inside.any():
        raise FitFailed("no ring of the calibrant is within the profile")
    scale = typical_width(curve, expected[inside])
    gaps = np.diff(expected, prepend=-np.inf, append=np.inf)
    rings = []
    for k in np.flatnonzero(inside):
        reach = min(_REACH * scale, 0.5 * gaps[k], 0.5 * gaps[k + 1])
        if reach >= _LEAST_REACH * scale:
            found = _ring(curve, float(expected[k]), float(reach), scale)
            rings += [] if found is None else [found]
    return tuple(rings), int(inside.sum()) - len(rings)


def _ring(curve: AngularCurve, at: float, reach: float, scale: float) -> RingWidth | None:
    low, high = np.searchsorted(curve.angle, (at - reach, at + reach))
    good = np.isfinite(curve.value[low:high]) & (curve.sigma[low:high] > 0)
    x, y = curve.angle[low:high][good], curve.value[low:high][good]
    sigma, half = curve.sigma[low:high][good], 0.5 * curve.width[low:high][good]
    # A ring cut by the edge of the profile or by empty bins has no width.
    if x.size < _FEWEST_BINS or good.mean() < 0.95 or low == 0 or high == curve.angle.size:
        return None
    floor = float(np.median(np.sort(y)[: max(y.size // 3, 1)]))
    top = int(np.argmax(y))
    start = lmfit.Parameters()
    start.add("position", float(x[top]), min=at - reach, max=at + reach)
    start.add("height", max(float(y[top]) - floor, float(sigma[top])))
    start.add("fwhm", scale, min=0.1 * scale, max=10.0 * scale)
    start.add("share", 0.3, min=-1.0, max=2.0)
    start.add("skew", 0.0, min=-0.8, max=0.8)
    start.add("level", floor)
    start.add("slope", 0.0)
    nodes = x[:, None] + half[:, None] * _NODES

    def residual(values: Values) -> Array:
        return (_split_voigt(nodes, values) @ (0.5 * _WEIGHTS) - y) / sigma

    try:
        fit = least_squares(residual, start)
    except FitFailed:
        return None
    return _judged(fit, at, scale)


def _split_voigt(x: Array, values: Values) -> Array:
    apart = x - values["position"]
    side = np.where(apart > 0, 1.0 + values["skew"], 1.0 - values["skew"])
    t = apart / (values["fwhm"] * side)
    shape = values["share"] / (1.0 + 4.0 * t * t)
    shape += (1.0 - values["share"]) * np.exp(-4.0 * np.log(2.0) * t * t)
    return np.asarray(values["level"] + values["slope"] * apart + values["height"] * shape)


def _judged(fit: FitOutcome, at: float, scale: float) -> RingWidth | None:
    if fit.verdict is not Verdict.OK:
        return None
    values = fit.values
    spread = max(fit.gof, 1.0)
    error = {n: spread * s for n, s in fit.sigma(scaled=False).items()}
    if not all(np.isfinite(s) and s > 0 for s in error.values()):
        return None
    if values["height"] < _WEAKEST * error["height"] or error["fwhm"] > 0.3 * values["fwhm"]:
        return None
    if abs(values["position"] - at) > _ASTRAY * scale:
        return None
    i, j = fit.names.index("fwhm"), fit.names.index("share")
    return RingWidth(
        two_theta=values["position"],
        fwhm=values["fwhm"],
        fwhm_sigma=error["fwhm"],
        lorentzian=values["share"],
        lorentzian_sigma=error["share"],
        correlation=float(fit.covariance[i, j] * spread**2 / error["fwhm"] / error["share"]),
        asymmetry=values["skew"],
        asymmetry_sigma=error["skew"],
        gof=fit.gof,
    )
