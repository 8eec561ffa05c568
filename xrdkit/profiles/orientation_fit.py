"""One maximum and an isotropic part, fitted to the intensity of a band over azimuth."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares, nnls
from scipy.stats import chi2 as chi2_distribution

from xrdkit.profiles.harmonics import fit_modulation
from xrdkit.profiles.orientation_band import Band
from xrdkit.profiles.orientation_shapes import AzimuthShape

Array = NDArray[np.float64]

#: Nodes and weights within a cell of azimuth, from -1 to 1.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(4)
#: And over a quarter turn, for means over the sphere.
_QUARTER, _QUARTER_WEIGHTS = np.polynomial.legendre.leggauss(400)
_PHI = (_QUARTER + 1) * np.pi / 4
_ROUNDS = 3
_STARTS = 7
_STEP = 1e-5
#: Free parameters: level, share of the maximum, direction, logarithm of the width.
_LEVEL, _SHARE, _DIRECTION, _WIDTH = range(4)


@dataclass(frozen=True, kw_only=True)
class AzimuthFit:
    """I(χ) = M [1 - w + w p(χ - χ0; u)]."""

    shape: AzimuthShape
    """The form p."""
    values: Array
    """M, w, χ0 (radian), u."""
    covariance: Array
    """Their covariance, shape (4, 4); rows of 0 for what stands at a bound or is held."""
    calculated: Array
    """Fitted intensity of every cell, shape (azimuth,)."""
    chi2: float
    """χ² of the fit."""
    freedom: int
    """Degrees of freedom."""
    deviation: float
    """Root mean square of what no noise explains of the residual, of the mean intensity."""
    p_isotropic: float
    """Probability that an isotropic sample gives as strong a second harmonic."""
    noise: float
    """Standard error of the relative amplitude of that harmonic."""
    held: tuple[int, ...]
    """Parameters that stand at a bound."""

    @property
    def p_value(self) -> float:
        """Probability of so large a χ² where form and errors are right."""
        return float(chi2_distribution.sf(self.chi2, self.freedom))

    def error(self, function: Callable[[Array], float]) -> float:
        """Return the standard error of a function of the values, by its numerical gradient."""
        slopes = np.zeros(4)
        for k in range(4):
            width = math.sqrt(self.covariance[k, k])
            if not width > 0:
                continue
            # Steps stay small beside the error, so that far bounds do not matter.
            step = min(1e-3 * width, _STEP * max(abs(self.values[k]), 1.0))
            up, down = self.values.copy(), self.values.copy()
            up[k] += step
            down[k] -= step
            slopes[k] = (function(up) - function(down)) / (2 * step)
        return math.sqrt(max(float(slopes @ self.covariance @ slopes), 0.0))

    def density(self, values: Array, delta: Array) -> Array:
        """Return I/M at the distance δ from the maximum, radian."""
        share = values[_SHARE]
        return np.asarray(1 - share + share * self.shape.density(delta, float(values[_WIDTH])))


def fit_azimuth(
    azimuth: Array, width: float, band: Band, shape: AzimuthShape, *, isotropic: bool
) -> AzimuthFit | None:
    """Return the fit to `band` at `azimuth` (A,), radian, of cells `width` wide.

    None where fewer than 8 cells have pixels or the intensity is not positive.
    """
    good = np.isfinite(band.intensity) & (band.variance > 0)
    if good.sum() < 8 or not band.intensity[good].mean() > 0:
        return None
    level = float(band.intensity[good].mean())
    narrow = shape.narrow(0.5 * width)
    low = np.array([1e-6 * level, 0.0, -np.inf, min(shape.wide, narrow)])
    high = np.array([np.inf, 1.0, np.inf, max(shape.wide, narrow)])
    free = [k for k in range(4) if isotropic or k != _SHARE]
    values = _start(azimuth, width, band, shape, good, isotropic=isotropic)
    for _ in range(_ROUNDS):
        model = _model(azimuth, width, shape, values)
        turn = _slopes(azimuth, width, shape, values, [_DIRECTION])[:, 0]
        sigma = np.sqrt((band.variance_at(model) + band.placement(turn, width))[good])
        values = _descend(azimuth, width, band, shape, good, sigma, values, free, low, high)
    residual = (band.intensity[good] - _model(azimuth, width, shape, values)[good]) / sigma
    room = np.where(np.isfinite(high - low), 1e-5 * (high - low), 0.0)
    held = tuple(k for k in free if values[k] <= low[k] + room[k] or values[k] >= high[k] - room[k])
    moving = [k for k in free if k not in held]
    slopes = _slopes(azimuth, width, shape, values, moving)[good] / sigma[:, None]
    covariance = np.zeros((4, 4))
    covariance[np.ix_(moving, moving)] = _inverse(slopes.T @ slopes)
    p_isotropic, noise = _isotropy(azimuth, width, band)
    return AzimuthFit(
        shape=shape,
        values=values,
        covariance=covariance,
        calculated=_model(azimuth, width, shape, values),
        chi2=float(residual @ residual),
        freedom=int(good.sum()) - len(free),
        deviation=math.sqrt(max(float(np.mean(residual**2 - 1) * np.mean(sigma**2)), 0.0)) / level,
        p_isotropic=p_isotropic,
        noise=noise,
        held=held,
    )


def hermans(fit: AzimuthFit, values: Array, turn: float, *, oriented: bool) -> float:
    """Return Hermans' factor of the scattering about an axis that lies at `turn` from the maximum.

    f = (3⟨cos²φ⟩ - 1)/2, ⟨cos²φ⟩ = ∫ I cos²φ sin φ dφ / ∫ I sin φ dφ over 0 to 90°, φ counted from
    the axis and both of its sides taken together; `oriented` leaves the isotropic part out.
    """
    own = values.copy()
    if oriented:
        own[_SHARE] = 1.0
    density = fit.density(own, _PHI - turn) + fit.density(own, _PHI + turn)
    weight = _QUARTER_WEIGHTS * np.sin(_PHI) * density
    return float(1.5 * (weight @ np.cos(_PHI) ** 2) / weight.sum() - 0.5)


def order_in_plane(fit: AzimuthFit, values: Array) -> float:
    """Return ⟨cos 2(χ - χ0)⟩ over the azimuth, without assumptions on the third dimension."""
    density = fit.density(values, _PHI)
    return float(
        (_QUARTER_WEIGHTS * density) @ np.cos(2 * _PHI) / (_QUARTER_WEIGHTS * density).sum()
    )


def _model(azimuth: Array, width: float, shape: AzimuthShape, values: Array) -> Array:
    nodes = azimuth[:, None] + 0.5 * width * _NODES
    peak = shape.density(nodes - values[_DIRECTION], float(values[_WIDTH])) @ _WEIGHTS / 2
    return np.asarray(values[_LEVEL] * (1 + values[_SHARE] * (peak - 1)))


def _slopes(
    azimuth: Array, width: float, shape: AzimuthShape, values: Array, free: list[int]
) -> Array:
    columns = []
    for k in free:
        step = _STEP * max(abs(values[k]), 1e-2)
        up, down = values.copy(), values.copy()
        up[k] += step
        down[k] -= step
        up_model, down_model = (_model(azimuth, width, shape, v) for v in (up, down))
        columns.append((up_model - down_model) / (2 * step))
    return np.stack(columns, axis=1)


def _descend(
    azimuth: Array,
    width: float,
    band: Band,
    shape: AzimuthShape,
    good: NDArray[np.bool_],
    sigma: Array,
    values: Array,
    free: list[int],
    low: Array,
    high: Array,
) -> Array:
    def whole(part: Array) -> Array:
        out = values.copy()
        out[free] = part
        return out

    def residual(part: Array) -> Array:
        return np.asarray(
            (_model(azimuth, width, shape, whole(part)) - band.intensity)[good] / sigma
        )

    def jacobian(part: Array) -> Array:
        return np.asarray(_slopes(azimuth, width, shape, whole(part), free)[good] / sigma[:, None])

    inside = values.copy()
    inside[_LEVEL] = max(values[_LEVEL], 2 * low[_LEVEL])
    inside[_WIDTH] = np.clip(values[_WIDTH], low[_WIDTH] + 1e-6, high[_WIDTH] - 1e-6)
    inside[_SHARE] = np.clip(inside[_SHARE], 1e-4, 1 - 1e-9) if _SHARE in free else 1.0
    found = least_squares(
        residual,
        inside[free],
        jac=jacobian,
        bounds=(low[free], high[free]),
        x_scale="jac",
        xtol=1e-10,
        ftol=1e-12,
        gtol=1e-10,
        max_nfev=200,
    )
    return whole(found.x)


def _start(
    azimuth: Array,
    width: float,
    band: Band,
    shape: AzimuthShape,
    good: NDArray[np.bool_],
    *,
    isotropic: bool,
) -> Array:
    """Return the best of a grid of directions and widths, with both amounts solved for each."""
    level = float(band.intensity[good].mean())
    sigma = np.sqrt(band.variance_at(np.full(azimuth.size, level))[good])
    target = band.intensity[good] / sigma
    ends = shape.wide, shape.narrow(2 * width)
    best: tuple[float, Array] = (np.inf, np.array([level, 0.5, 0.0, ends[0]]))
    for log_width in np.linspace(*ends, _STARTS + 2)[1:]:
        for direction in np.arange(0.0, np.pi, np.pi / 36):
            values = np.array([1.0, 1.0, direction, float(log_width)])
            peak = _model(azimuth, width, shape, values)[good] / sigma
            columns = np.stack([peak, 1 / sigma], axis=1) if isotropic else peak[:, None]
            amounts, misfit = nnls(columns, target)
            total = float(amounts.sum())
            if misfit < best[0] and total > 0:
                best = misfit, np.array([total, float(amounts[0]) / total, direction, log_width])
    return best[1]


def _inverse(normal: Array) -> Array:
    """Return the inverse of a normal matrix by its scaled eigenvalues."""
    scale = np.sqrt(np.maximum(np.diag(normal), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(normal / np.outer(scale, scale))
    kept = np.maximum(values, 1e-12)
    return np.asarray((vectors / kept) @ vectors.T / np.outer(scale, scale))


def _isotropy(azimuth: Array, width: float, band: Band) -> tuple[float, float]:
    counting = None
    if band.counts is not None and band.count_variance is not None:
        counting = (band.counts[None], band.count_variance[None], band.exposure[None])
    found = fit_modulation(azimuth, width, band.intensity[None], band.variance[None], 1, counting)
    spread = math.sqrt(0.5 * float(found.covariance[0, 1, 1] + found.covariance[0, 2, 2]))
    return float(found.p_isotropic[0]), spread / abs(float(found.value[0, 0]))
