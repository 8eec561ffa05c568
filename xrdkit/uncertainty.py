"""Where the error of a profile comes from: named sources, covariance between bins, common modes.

A profile stores one error for each source (counting, dark, flat, monitor, transmission ...). A
source is *independent* between bins (its errors scatter from bin to bin, and neighbours share them
only where pixels are split over both) or *common* to all bins (one wrong transmission moves every
bin by the same share). Averaging over bins shrinks the first kind and never the second:

    C = B + Σ_m e_m e_mᵀ

with B the banded covariance of the independent sources and e_m the signed error of each common one.
"""

from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cholesky_banded

from xrdkit.errors import SchemaError

Array = NDArray[np.float64]

INDEPENDENT = "independent"
COMMON = "common"
#: Variable of a profile with the error from each source, and the dimension of the sources.
ERRORS = "errors"
SOURCE = "source"
#: Coordinates on ``source``: how its errors hang together between bins, and between frames.
BETWEEN_BINS = "source_bins"
BETWEEN_FRAMES = "source_frames"
#: Variable of a profile with the covariance between bin k and bin k + offset, and its dimension.
COVARIANCE = "covariance"
OFFSET = "offset"
#: Added to variances, relative to them, where a band is too near to singular to be factored.
_SMALLEST_JITTER = 1e-10
#: Mean correlation of neighbouring points from which a reader should be told.
NOTABLE_CORRELATION = 0.2


def _none() -> Array:
    return np.zeros((0, 0))


@dataclass(frozen=True, kw_only=True)
class ErrorModel:
    """Everything that is known about the errors of the n points of one curve."""

    band: Array
    """Covariance of point k and k + b from the sources independent between bins, shape (b, n); row
    0 is the variance. In squared units of the curve; 0 past the end, NaN where a bin is empty."""
    common: Array
    """Signed error from each source common to all points, shape (m, n), units of the curve."""
    common_sources: tuple[str, ...]
    """Names of these sources, m of them."""
    single: Array = field(default_factory=_none)
    """Error from each source independent between points, shape (s, n), units of the curve; empty
    where the curve does not tell them apart."""
    single_sources: tuple[str, ...] = ()
    """Names of these sources, s of them."""

    @property
    def independent(self) -> Array:
        """Standard error without the common sources, shape (n,): what weights a fit."""
        return np.sqrt(self.band[0])

    @property
    def sigma(self) -> Array:
        """Standard error from all sources, shape (n,)."""
        return np.sqrt(self.band[0] + np.sum(self.common**2, axis=0))

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of all sources told apart, the independent ones first."""
        return (*self.single_sources, *self.common_sources)

    @property
    def correlated(self) -> bool:
        """Whether neighbouring points share errors of the independent sources."""
        return bool(np.any(self.band[1:] != 0))

    def propagate(self, estimator: Array, where: NDArray[np.bool_] | None = None) -> Array:
        """Return the covariance A C Aᵀ of linear estimates A y, shape (p, p).

        `estimator` A has shape (p, n), or (p, number of True in `where`) where only those points
        of the curve entered. Points with no error (NaN) must not be among them.
        """
        whole = estimator
        if where is not None:
            whole = np.zeros((estimator.shape[0], self.band.shape[1]))
            whole[:, where] = estimator
        used = np.any(whole != 0, axis=0)
        n = self.band.shape[1]
        out = np.zeros((whole.shape[0], whole.shape[0]))
        for offset in range(min(self.band.shape[0], n)):
            both = used[: n - offset] & used[offset:]
            band = np.where(both, self.band[offset, : n - offset], 0.0)
            part = (whole[:, : n - offset] * band) @ whole[:, offset:].T
            out += part if offset == 0 else part + part.T
        modes = whole @ np.where(used, self.common, 0.0).T
        return out + modes @ modes.T

    def select(self, at: NDArray[np.intp]) -> "ErrorModel":
        """Return the model of the points with numbers `at`, ascending or descending."""
        rows = [self.band[0, at]]
        for step in range(1, min(self.band.shape[0], at.size)):
            apart = np.abs(at[step:] - at[:-step])
            inside = apart < self.band.shape[0]
            first = np.minimum(at[step:], at[:-step])
            row = np.zeros(at.size)
            row[:-step] = np.where(inside, self.band[np.where(inside, apart, 0), first], 0.0)
            rows.append(row)
        return ErrorModel(
            band=np.stack(rows),
            common=self.common[:, at],
            common_sources=self.common_sources,
            single=self.single[:, at] if self.single_sources else _none(),
            single_sources=self.single_sources,
        )

    def over(self, sigma: Array) -> "ErrorModel":
        """Return the model of the curve divided by `sigma` (n,), such as weighted residuals.

        A point without an independent error of its own counts with that of its weight, 1.
        """
        rows = [np.where(self.band[0] > 0, self.band[0] / sigma**2, 1.0)]
        for step in range(1, min(self.band.shape[0], sigma.size)):
            row = np.zeros(sigma.size)
            row[:-step] = self.band[step, :-step] / (sigma[:-step] * sigma[step:])
            rows.append(row)
        return ErrorModel(
            band=np.stack(rows),
            common=self.common / sigma,
            common_sources=self.common_sources,
            single=self.single / sigma if self.single_sources else _none(),
            single_sources=self.single_sources,
        )

    def times(self, columns: Array) -> Array:
        """Return B C for columns C, shape (n, k); every point must have an error."""
        n = self.band.shape[1]
        out = self.band[0][:, None] * columns
        for step in range(1, min(self.band.shape[0], n)):
            row = self.band[step, : n - step, None]
            out[: n - step] += row * columns[step:]
            out[step:] += row * columns[: n - step]
        return out

    def parts(self, estimator: Array) -> Array:
        """Return the covariance of linear estimates from each independent source, (s, p, p).

        `estimator` A has shape (p, n). They add up to A B Aᵀ: between two points each source has
        the share of the covariance that it has, on average, of their variances. One part (s = 1)
        where the sources are not told apart.
        """
        if not self.single_sources:
            return (estimator @ self.times(estimator.T))[None]
        squared = self.single**2
        total = squared.sum(axis=0)
        known = total > 0
        share = np.where(known, squared / np.where(known, total, 1.0), 1.0 / len(squared))
        spread = self.times(estimator.T)
        halves = [(estimator * row) @ spread for row in share]
        return np.stack([0.5 * (half + half.T) for half in halves])

    def shifts(self, estimator: Array) -> Array:
        """Return the signed errors A e of linear estimates from each common source, (m, p)."""
        return self.common @ estimator.T

    def draw(self, generator: np.random.Generator, count: int) -> Array:
        """Return `count` draws of the independent errors, shape (count, n).

        Raises SchemaError for correlated errors with a variance that is not positive.
        """
        n = self.band.shape[1]
        noise = generator.standard_normal((count, n))
        if not self.correlated:
            return noise * self.independent
        root = _root(self.band[: min(self.band.shape[0], n)])
        out = np.zeros_like(noise)
        for step, row in enumerate(root):
            out[:, step:] += row[: n - step] * noise[:, : n - step]
        return out

    def matrix(self, where: NDArray[np.bool_] | None = None) -> Array:
        """Return the covariance matrix C of the points (of those in `where`), shape (n, n)."""
        n = self.band.shape[1]
        out = np.zeros((n, n))
        for offset in range(min(self.band.shape[0], n)):
            k = np.arange(n - offset)
            out[k, k + offset] = out[k + offset, k] = self.band[offset, : n - offset]
        out += self.common.T @ self.common
        return out if where is None else out[np.ix_(where, where)]


def error_model(profile: xr.Dataset, frame: int | None = None) -> ErrorModel | None:
    """Return the error model of a profile, of frame number `frame` (position) where it has many.

    Profiles without ``errors`` (curves read from files, say) have ``sigma`` alone: independent
    errors. None where there is no sigma either. Raises SchemaError for errors without their flags.
    """
    if not isinstance(profile, xr.Dataset):
        raise SchemaError(f"a {type(profile).__name__} is no profile")
    data = profile
    if "frame" in data.dims:
        number = 0 if frame is None else frame
        if not -data.sizes["frame"] <= number < data.sizes["frame"]:
            raise SchemaError(f"there is no frame {number}: the profile has {data.sizes['frame']}")
        data = data.isel(frame=number)
    if ERRORS not in data:
        if "sigma" not in data:
            return None
        sigma = np.asarray(data["sigma"].values, dtype=np.float64).ravel()
        return ErrorModel(
            band=sigma[None] ** 2, common=np.zeros((0, sigma.size)), common_sources=()
        )
    if BETWEEN_BINS not in data.coords:
        raise SchemaError(f"{ERRORS!r} has no coordinate {BETWEEN_BINS!r}")
    errors = np.asarray(data[ERRORS].transpose(SOURCE, ...).values, dtype=np.float64)
    errors = errors.reshape(errors.shape[0], -1)
    shared = np.asarray(data[BETWEEN_BINS].values).astype(str) == COMMON
    if COVARIANCE in data:
        band = np.asarray(data[COVARIANCE].transpose(OFFSET, ...).values, dtype=np.float64)
        band = band.reshape(band.shape[0], -1)
    else:
        band = np.sum(errors[~shared] ** 2, axis=0)[None]
    names = np.asarray(data[SOURCE].values).astype(str)
    return ErrorModel(
        band=band,
        common=errors[shared],
        common_sources=tuple(names[shared].tolist()),
        single=errors[~shared],
        single_sources=tuple(names[~shared].tolist()),
    )


def independent_sigma(profile: xr.Dataset) -> xr.DataArray:
    """Return the standard error without the sources common to all bins, shape of ``sigma``.

    Equal to ``sigma`` where a profile has no such sources; raises SchemaError without ``sigma``.
    """
    if "sigma" not in profile:
        raise SchemaError("the profile has no 'sigma'")
    if ERRORS not in profile or BETWEEN_BINS not in profile.coords:
        return profile["sigma"]
    single = profile[BETWEEN_BINS].values.astype(str) != COMMON
    errors = profile[ERRORS].isel({SOURCE: np.flatnonzero(single)})
    total = ((errors**2).sum(SOURCE) ** 0.5).where(profile["sigma"].notnull())
    return total.transpose(*profile["sigma"].dims).assign_attrs(profile["sigma"].attrs)


def weighted_mean(values: Array, model: ErrorModel) -> tuple[float, float]:
    """Return the mean of a flat curve, weighted by 1/σ², and its standard error from all sources.

    `values` (n,) in the unit of the curve; points that are not finite, or have no independent error
    above 0, are left out. σ is the independent part alone: a common error neither makes a point
    better nor averages out. Both numbers are NaN where no point is left.
    """
    sigma = model.independent
    good = np.isfinite(values) & np.isfinite(sigma) & (sigma > 0)
    if not good.any():
        return float("nan"), float("nan")
    weight = sigma[good] ** -2.0
    estimator = (weight / weight.sum())[None]
    variance = model.propagate(estimator, good)[0, 0]
    return float(estimator[0] @ values[good]), float(np.sqrt(variance))


def neighbour_correlation(model: ErrorModel) -> float:
    """Return the mean correlation of the independent errors of neighbouring points, 0 to 1."""
    if not model.correlated:
        return 0.0
    variance = model.band[0]
    scale = np.sqrt(variance[:-1] * variance[1:])
    good = scale > 0
    return float(np.mean(model.band[1, :-1][good] / scale[good])) if good.any() else 0.0


def effective_points(model: ErrorModel) -> float:
    """Return how many uncorrelated points tell as much of a smooth curve as the n of the model.

    n²/Σ ρ over all pairs of points, ρ the correlation of their independent errors: the error of a
    mean, or of anything that varies slowly from point to point, falls as one over its root.
    """
    n = model.band.shape[1]
    if not model.correlated:
        return float(n)
    unit = model.over(model.independent)
    total = float(unit.band[0].sum() + 2.0 * unit.band[1:].sum())
    return n * n / total if total > 0 else float(n)


def _root(band: Array) -> Array:
    """Return the lower Cholesky factor of a banded covariance, in the same form."""
    for jitter in (0.0, *np.geomspace(_SMALLEST_JITTER, 1e3, 14)):
        lifted = band.copy()
        lifted[0] *= 1.0 + jitter
        try:
            root: Array = cholesky_banded(lifted, lower=True)
        except LinAlgError:
            # A band cut off before the correlation ends need not be positive.
            continue
        return root / np.sqrt(1.0 + jitter)
    raise SchemaError("the covariance between bins has a variance that is not positive")
