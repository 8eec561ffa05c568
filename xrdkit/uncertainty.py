"""Where the error of a profile comes from: named sources, covariance between bins, common modes.

A profile stores one error for each source (counting, dark, flat, monitor, transmission ...). A
source is *independent* between bins (its errors scatter from bin to bin, and neighbours share them
only where pixels are split over both) or *common* to all bins (one wrong transmission moves every
bin by the same share). Averaging over bins shrinks the first kind and never the second:

    C = B + Σ_m e_m e_mᵀ

with B the banded covariance of the independent sources and e_m the signed error of each common one.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

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

    @property
    def independent(self) -> Array:
        """Standard error without the common sources, shape (n,): what weights a fit."""
        return np.sqrt(self.band[0])

    @property
    def sigma(self) -> Array:
        """Standard error from all sources, shape (n,)."""
        return np.sqrt(self.band[0] + np.sum(self.common**2, axis=0))

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
    data = profile
    if "frame" in data.dims:
        data = data.isel(frame=0 if frame is None else frame)
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
    names = np.asarray(data[SOURCE].values).astype(str)[shared]
    return ErrorModel(band=band, common=errors[shared], common_sources=tuple(names.tolist()))


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
