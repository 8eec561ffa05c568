"""Correlation functions of one curve as linear estimates from its points.

γ1(z) = ∫q²I cos(qz) dq / Q, γ0(r) = ∫q²I sin(qr)/(qr) dq / Q, Q = ∫q²I dq. Below the data I goes
on as A exp(-Bq²) through the first points, above the start of Porod's window as K q⁻⁴ + Kc q⁻⁶,
without the flat background. P. Debye, H. R. Anderson, H. Brumberger, J. Appl. Phys. 28 (1957) 679;
G. R. Strobl, M. Schneider, J. Polym. Sci. Polym. Phys. Ed. 18 (1980) 1343.
"""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import sici

from xrdkit.saxs.model_free import Array, Curve
from xrdkit.saxs.porod_fit import PorodFit
from xrdkit.saxs.rays import reaches_below, unsmeared

_LOW_POINTS = 8
#: Phase q z between points of the fine grid at the largest distance.
_PHASE = 0.4
_MOST_POINTS = 6000


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Numerators of γ1 and γ0 at all distances; the first distance is 0."""

    lamellar: Array
    """∫q²I cos(qz) dq, (distances,)."""
    lamellar_rows: Array
    """Its linear estimator from the points, (distances, n)."""
    lamellar_tail: Array
    """Its derivatives by (K, b, Kc), (distances, 3)."""
    lamellar_low: Array
    """Share of it from below the data, (distances,)."""
    isotropic: Array
    """∫q²I sin(qr)/(qr) dq, (distances,)."""
    isotropic_rows: Array
    """Its linear estimator, (distances, n)."""
    isotropic_tail: Array
    """Its derivatives by (K, b, Kc), (distances, 3)."""
    isotropic_low: Array
    """Share of it from below the data, (distances,)."""


def estimate(curve: Curve, fit: PorodFit, distance: Array) -> Estimate:
    """Return the numerators of both correlation functions at `distance`, nm."""
    edge = float(curve.q[fit.edge])
    step = min(_PHASE / max(float(distance[-1]), 1e-9), edge / 200.0)
    count = int(np.clip(np.ceil(edge / step), 200, _MOST_POINTS)) + 1
    fine = np.linspace(0.0, edge, count)
    weights = np.full(count, fine[1])
    weights[[0, -1]] *= 0.5
    inside = curve.q <= edge
    onto = _interpolation(fine, curve.q[inside])
    low = fine < curve.q[0]
    onto[low] = 0.0
    below, below_rows = _below(curve, fine[low])
    flat = fine**2
    phase = np.outer(distance, fine)
    out = []
    blurred = reaches_below(curve.q, curve.smearing, curve.used)
    for kernel, tail in (
        (np.cos(phase), _lamellar_tail(distance, edge)),
        (np.sinc(phase / np.pi), _isotropic_tail(distance, edge)),
    ):
        weighted = kernel * (weights * fine**2)
        rows = np.zeros((distance.size, curve.q.size))
        rows[:, inside] = weighted @ onto
        rows += weighted[:, low] @ below_rows
        curvature = weighted[:, low] @ (below - below_rows @ curve.intensity)
        if not blurred:
            rows = unsmeared(rows, curve.q, curve.smearing, curve.used)[0]
        derivative = np.stack([tail[0], -(kernel * weights) @ flat, tail[1]], axis=1)
        theta = np.array([fit.constant, fit.background, fit.next_term])
        value = rows @ curve.intensity + curvature + derivative @ theta
        out.append((value, rows + derivative @ fit.estimator, derivative, weighted[:, low] @ below))
    return Estimate(
        lamellar=out[0][0],
        lamellar_rows=out[0][1],
        lamellar_tail=out[0][2],
        lamellar_low=out[0][3],
        isotropic=out[1][0],
        isotropic_rows=out[1][1],
        isotropic_tail=out[1][2],
        isotropic_low=out[1][3],
    )


def _interpolation(fine: Array, q: Array) -> Array:
    """Return the matrix that interpolates I by cubic splines from q to `fine`."""
    matrix: Array = CubicSpline(q, np.eye(q.size))(fine)
    return matrix


def _below(curve: Curve, q: Array) -> tuple[Array, Array]:
    """Return A exp(-Bq²) at `q` below the data and its linear estimator, (q, n).

    Where the first points rise, B is 0: a curve below an interference peak goes down to 0 anyway
    with q².
    """
    first = slice(0, min(_LOW_POINTS, curve.q.size))
    x, y = curve.q[first] ** 2, curve.intensity[first]
    level = max(float(np.mean(y)), 1e-300)
    design = np.stack([np.ones_like(x), -(x - x.mean())], axis=1)
    rows = np.linalg.pinv(design) / level
    # ln I about its mean: a straight line in the relative deviation, to first order.
    slope = float(np.clip((rows @ (y - level))[1], 0.0, 2.0 / float(x[-1])))
    value = level * np.exp(-slope * (q**2 - x.mean()))
    estimator = np.zeros((q.size, curve.q.size))
    estimator[:, first] = value[:, None] / level / y.size
    if slope > 0:
        estimator[:, first] -= (value * (q**2 - x.mean()))[:, None] * rows[1]
    return value, estimator


def _lamellar_tail(z: Array, edge: float) -> tuple[Array, Array]:
    """Return ∫q⁻² cos(qz) dq and ∫q⁻⁴ cos(qz) dq from `edge` to infinity."""
    x = edge * z
    second = np.cos(x) / edge - z * (np.pi / 2.0 - sici(x)[0])
    fourth = np.cos(x) / (3.0 * edge**3) - z * np.sin(x) / (6.0 * edge**2) - z**2 * second / 6.0
    return second, fourth


def _isotropic_tail(r: Array, edge: float) -> tuple[Array, Array]:
    """Return ∫q⁻² sin(qr)/(qr) dq and ∫q⁻⁴ sin(qr)/(qr) dq from `edge` to infinity."""
    x = edge * r
    sinc = np.sinc(x / np.pi)
    second, fourth = _lamellar_tail(r, edge)
    return sinc / (2.0 * edge) + second / 2.0, sinc / (4.0 * edge**3) + fourth / 4.0
