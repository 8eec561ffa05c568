"""From Fourier coefficients of several orders to columns: size, strain and their errors.

Every number is linear in the logarithms to first order, which are linear in the data, so that
errors go through exactly: see `xrdkit.phase.warren_averbach` for the equations.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.phase.size_strain_fourier import LineCoefficients

Array = NDArray[np.float64]
Pair = tuple[float, float]

#: The slope at L = 0 is that of a cubic through coefficients above this share.
_LEAST = 0.35
_FEWEST = 6
#: Half window of the curvature of A_S, in L_area.
_SMOOTH = 0.2


@dataclass(frozen=True, kw_only=True)
class Columns:
    """What the orders of a reflection tell."""

    curves: dict[str, tuple[Array, Array]]
    """Curves over L and their standard errors."""
    area: Pair
    """L_area, nm."""
    volume: Pair
    """L_vol, nm."""
    strain: Pair
    """Root mean square strain at L_area/2."""
    end: float
    """A_S where the coefficients end."""
    negative: float
    """Share of lengths at which the mean square strain is below 0 by its error."""

    def number(self, name: str) -> Pair:
        """Return ``area_size``, ``volume_size`` or ``rms_strain_half`` with its error."""
        return {
            "area_size": self.area,
            "volume_size": self.volume,
            "rms_strain_half": self.strain,
        }[name]


def columns_of(lengths: Array, lines: Sequence[LineCoefficients]) -> Columns:
    """Return size and strain from the coefficients of two or more orders at L (m,), L_0 = 0."""
    size, strain, size_errors, strain_errors = _orders(lengths, lines)
    size_error = np.sqrt(np.sum(size_errors**2, axis=1))
    strain_error = np.sqrt(np.sum(strain_errors**2, axis=1))
    below = strain[1:] < -strain_error[1:]
    step = float(lengths[1])
    base, slope = _tangent(lengths, size)
    value, top = float(slope @ size), float(base @ size)
    area = -top / value if value < 0 else np.nan
    moved = (-base / value + slope * top / value**2) @ size_errors
    weights = np.full(lengths.size, 2.0 * step)
    weights[[0, -1]] = step
    # Beyond the end A_S falls as it does there, between straight down and exponentially.
    rate = _rate(lengths, size)
    beyond = 2.0 / rate if rate > 0 else 0.0
    weights[-1] += 0.75 * beyond
    volume = float(weights @ size) / top
    unknown = 0.25 / np.sqrt(3.0) * beyond * float(size[-1]) / top
    wider = (weights / top - base * volume / top) @ size_errors
    fraction, fraction_error = _fraction(lengths, size / top, size_errors / top, area)
    rms = np.sqrt(np.where(strain > 0, strain, np.nan))
    half = 0.5 * area
    at = np.interp(half, lengths, np.arange(lengths.size)) if np.isfinite(half) else np.nan
    return Columns(
        curves={
            "size_coefficient": (size, size_error),
            "mean_square_strain": (_from_first(strain), _from_first(strain_error)),
            "rms_strain": (_from_first(rms), _from_first(strain_error / (2.0 * rms))),
            "column_fraction": (fraction, fraction_error),
        },
        area=(area, float(np.linalg.norm(moved))),
        volume=(volume, float(np.hypot(np.linalg.norm(wider), unknown))),
        strain=_strain_at(at, strain, strain_errors),
        end=float(size[-1]),
        negative=float(below.mean()),
    )


def _from_first(values: Array) -> Array:
    """Return values over L without that at L = 0, where there is no strain."""
    return np.concatenate([[np.nan], values[1:]])


def _orders(lengths: Array, lines: Sequence[LineCoefficients]) -> tuple[Array, Array, Array, Array]:
    """Return A_S (m,), ⟨ε²⟩ (m,) and the errors of both from each source (m, k).

    At each L a line over s² through the logarithms, weighted by their errors.
    """
    squared = np.array([line.place**2 for line in lines])
    logarithm = np.stack([line.logarithm for line in lines])
    sigma = np.maximum(np.stack([line.sigma for line in lines]), 1e-12)
    weight = sigma**-2.0
    total, first = weight.sum(axis=0), (weight * squared[:, None]).sum(axis=0)
    second = (weight * squared[:, None] ** 2).sum(axis=0)
    determinant = total * second - first**2
    intercept = weight * (second - first * squared[:, None]) / determinant
    slope = weight * (total * squared[:, None] - first) / determinant
    with np.errstate(divide="ignore", invalid="ignore"):
        to_strain = np.where(lengths > 0, -1.0 / (2.0 * np.pi**2 * lengths**2), 0.0)
    size = np.exp((intercept * logarithm).sum(axis=0))
    strain = to_strain * (slope * logarithm).sum(axis=0)
    size_errors = np.concatenate(
        [(size * c)[:, None] * line.errors for c, line in zip(intercept, lines, strict=True)],
        axis=1,
    )
    strain_errors = np.concatenate(
        [(to_strain * c)[:, None] * line.errors for c, line in zip(slope, lines, strict=True)],
        axis=1,
    )
    return size, strain, size_errors, strain_errors


def _tangent(lengths: Array, size: Array) -> tuple[Array, Array]:
    """Return the linear estimators (m,) of value and slope at L = 0 from a cubic."""
    use = np.flatnonzero(size < _LEAST)
    count = max(int(use[0]) if use.size else size.size, _FEWEST)
    count = min(count, size.size)
    reduced = lengths[:count] / lengths[count - 1]
    columns = np.vander(reduced, 4, increasing=True)
    estimator = np.linalg.pinv(columns)
    base, slope = np.zeros((2, lengths.size))
    base[:count] = estimator[0]
    slope[:count] = estimator[1] / lengths[count - 1]
    return base, slope


def _rate(lengths: Array, size: Array) -> float:
    """Return how fast A_S falls at its end, 1/nm."""
    tail = slice(max(size.size - max(size.size // 8, 3), 0), None)
    return float(-np.polyfit(lengths[tail], np.log(np.maximum(size[tail], 1e-6)), 1)[0])


def _fraction(lengths: Array, size: Array, errors: Array, area: float) -> tuple[Array, Array]:
    """Return L_area A_S'' from a cubic through ±0.2 L_area about each L, and its error."""
    value, sigma = np.full((2, lengths.size), np.nan)
    if not np.isfinite(area):
        return value, sigma
    half = max(round(_SMOOTH * area / float(lengths[1])), 3)
    for k in range(half, lengths.size - half):
        near = slice(k - half, k + half + 1)
        columns = np.vander(lengths[near] - lengths[k], 4, increasing=True)
        estimator = 2.0 * area * np.linalg.pinv(columns)[2]
        value[k] = float(estimator @ size[near])
        sigma[k] = float(np.linalg.norm(estimator @ errors[near]))
    return value, sigma


def _strain_at(at: float, strain: Array, errors: Array) -> Pair:
    if not np.isfinite(at) or at < 1:
        return np.nan, np.nan
    k = min(int(at), strain.size - 2)
    share = at - k
    squared = float((1.0 - share) * strain[k] + share * strain[k + 1])
    error = float(np.linalg.norm((1.0 - share) * errors[k] + share * errors[k + 1]))
    if not squared > 0:
        return np.nan, np.nan
    root = float(np.sqrt(squared))
    return root, error / (2.0 * root)
