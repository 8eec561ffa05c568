"""Fit of even harmonics of azimuth to the cells of many rows at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_ITERATIONS = 8
#: Smallest reciprocal condition of the normal matrix, scaled to a unit diagonal.
_CONDITION = 1e-8


@dataclass(frozen=True, kw_only=True)
class Modulation:
    """I = c_0 + Σ_k (c_(2k-1) cos 2kχ + c_2k sin 2kχ) for every row; NaN where not determined."""

    value: Array
    """Coefficients c, shape (rows, 2H + 1)."""
    covariance: Array
    """Their covariance, shape (rows, 2H + 1, 2H + 1)."""
    p_isotropic: Array
    """Probability of such a second harmonic without any, shape (rows,)."""
    chi2_per_dof: Array
    """χ² of the fit over its degrees of freedom, shape (rows,)."""
    cells: NDArray[np.int64]
    """Number of cells that entered, shape (rows,)."""

    def sigma(self, gradient: Sequence[Array]) -> Array:
        """Return the standard error of a function of the first coefficients, by its gradient."""
        slope = np.stack(list(gradient), axis=1)
        size = slope.shape[1]
        part = self.covariance[:, :size, :size]
        return np.sqrt(np.einsum("ri,rij,rj->r", slope, part, slope))


def fit_modulation(
    azimuth: Array,
    width: float,
    cells: Array,
    variance: Array,
    harmonics: int,
    counting: tuple[Array, Array, Array] | None,
) -> Modulation:
    """Fit every row of `cells` (rows, A) at `azimuth` (A,), radian, of cells `width` wide.

    `variance` is that of each cell. `counting` are the raw counts behind a cell, their variance and
    the factor N g between counts and intensity: with it the part of the variance from counting is
    that of the counts which the fit expects.
    """
    basis = _basis(azimuth, width, harmonics)
    used = np.isfinite(cells) & np.isfinite(variance) & (variance > 0)
    numbers = used.sum(axis=1)
    data = np.where(used, cells, 0.0)
    value, covariance, weights = _fit(basis, data, used, variance, counting)
    residual = data - value @ basis.T
    freedom = numbers - basis.shape[1]
    known = freedom >= 1
    with np.errstate(invalid="ignore", divide="ignore"):
        chi2 = np.sum(weights * residual**2, axis=1) / freedom
    p_value = _isotropic(basis[:, :3], data, used, variance, counting)
    for array in (value, covariance, chi2, p_value):
        array[~known] = np.nan
    p_value[~np.isfinite(value[:, 0])] = np.nan
    chi2[~np.isfinite(value[:, 0])] = np.nan
    return Modulation(
        value=value,
        covariance=covariance,
        p_isotropic=p_value,
        chi2_per_dof=chi2,
        cells=numbers.astype(np.int64),
    )


def _basis(azimuth: Array, width: float, harmonics: int) -> Array:
    """Return 1, cos 2kχ, sin 2kχ averaged over the width of each cell, shape (A, 2H + 1)."""
    columns = [np.ones(azimuth.size)]
    for k in range(1, harmonics + 1):
        blur = np.sinc(k * width / np.pi)
        columns += [blur * np.cos(2 * k * azimuth), blur * np.sin(2 * k * azimuth)]
    return np.stack(columns, axis=1)


def _fit(
    basis: Array,
    data: Array,
    used: NDArray[np.bool_],
    variance: Array,
    counting: tuple[Array, Array, Array] | None,
) -> tuple[Array, Array, Array]:
    """Return coefficients, their covariance and the weights of the cells, by reweighting.

    For Poisson counts this is Fisher's scoring, whose end is the maximum of the likelihood.
    """
    model = np.where(used, data.sum(axis=1, keepdims=True) / np.maximum(used.sum(1), 1)[:, None], 0)
    if counting is not None:
        model = _pooled(data, used, counting)
    for _ in range(_ITERATIONS if counting is not None else 1):
        weights = _weights(model, data, used, variance, counting)
        normal = np.einsum("ci,rc,cj->rij", basis, weights, basis)
        scale = np.sqrt(np.einsum("rii->ri", normal))
        scaled = normal / np.where(scale > 0, scale, 1.0)[:, :, None]
        scaled = scaled / np.where(scale > 0, scale, 1.0)[:, None, :]
        smallest = np.linalg.eigvalsh(scaled)[:, 0]
        bad = ~(smallest > _CONDITION)
        normal[bad] = np.eye(basis.shape[1])
        covariance = np.linalg.inv(normal)
        value = np.einsum("rij,cj,rc->ri", covariance, basis, weights * data)
        value[bad], covariance[bad] = np.nan, np.nan
        model = np.nan_to_num(value) @ basis.T
    return value, covariance, weights


def _pooled(data: Array, used: NDArray[np.bool_], counting: tuple[Array, Array, Array]) -> Array:
    """Return the mean of each row over its cells, weighted by their N g, for every cell."""
    norm = np.where(used, counting[2], 0.0)
    total = norm.sum(axis=1, keepdims=True)
    mean = np.sum(norm * data, axis=1, keepdims=True) / np.where(total > 0, total, 1.0)
    return np.broadcast_to(mean, data.shape)


def _weights(
    model: Array,
    data: Array,
    used: NDArray[np.bool_],
    variance: Array,
    counting: tuple[Array, Array, Array] | None,
) -> Array:
    """Return one over the variance of each cell for the intensities `model`; 0 where unused."""
    if counting is None:
        return np.where(used, 1.0 / np.where(used, variance, 1.0), 0.0)
    counts, spread, norm = counting
    seen = used & (counts > 0)
    total = np.where(seen, counts, 0.0).sum(axis=1, keepdims=True)
    gain = np.where(seen, spread, 0.0).sum(axis=1, keepdims=True) / np.where(total > 0, total, 1.0)
    norm = np.where(used, norm, 1.0)
    expected = counts + (model - data) * norm
    # A fit that dips to zero or below somewhere leaves these cells a hundredth of the mean weight.
    mean = total / np.maximum(used.sum(axis=1, keepdims=True), 1)
    expected = np.maximum(expected, 0.01 * mean)
    rest = np.maximum(variance - spread / norm**2, 0.0)
    whole = gain * expected / norm**2 + rest
    return np.where(used & (whole > 0), 1.0 / np.where(whole > 0, whole, 1.0), 0.0)


def _isotropic(
    basis: Array,
    data: Array,
    used: NDArray[np.bool_],
    variance: Array,
    counting: tuple[Array, Array, Array] | None,
) -> Array:
    """Return the p-value of the score test of no second harmonic against any, shape (rows,)."""
    value, _, _ = _fit(basis[:, :1], data, used, variance, counting)
    mean = np.nan_to_num(value)
    weights = _weights(np.broadcast_to(mean, data.shape), data, used, variance, counting)
    waves = basis[None, :, 1:]
    total = weights.sum(axis=1)
    total = np.where(total > 0, total, 1.0)
    centred = waves - (np.einsum("rc,cj->rj", weights, basis[:, 1:]) / total[:, None])[:, None, :]
    score = np.einsum("rc,rcj->rj", weights * (data - mean), centred)
    information = np.einsum("rc,rci,rcj->rij", weights, centred, centred)
    sizes = np.einsum("rii->ri", information)
    bad = ~(np.linalg.det(information) > 1e-9 * sizes[:, 0] * sizes[:, 1])
    information[bad] = np.eye(2)
    chi2 = np.einsum("ri,rij,rj->r", score, np.linalg.inv(information), score)
    return np.where(bad, np.nan, np.exp(-0.5 * chi2))
