"""What the errors of a profile come from, and what each correction did to it, in numbers.

Everything here is a median over the bins and frames that hold data: one number that says which
source matters, where the result file has all of them.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.schema import FRAME, radial_dim
from xrdkit.uncertainty import BETWEEN_BINS, BETWEEN_FRAMES, COVARIANCE, ERRORS, OFFSET, SOURCE

Array = NDArray[np.float64]
LEDGER, CORRECTION = "ledger", "correction"


@dataclass(frozen=True, kw_only=True)
class Share:
    """One source of error."""

    name: str
    """Name of the source; ``"total"`` for all of them in quadrature."""
    relative: float
    """Median of |error| / |intensity|; NaN where there is none."""
    between_bins: str
    """``"independent"`` or ``"common"``; empty for the total."""
    between_frames: str
    """The same between frames."""


@dataclass(frozen=True, kw_only=True)
class Factor:
    """What one correction did."""

    name: str
    """Name of the correction."""
    median: float
    """Median of the factor on the intensity."""
    low: float
    """Smallest factor."""
    high: float
    """Largest factor."""


def shares(profile: xr.Dataset) -> list[Share]:
    """Return the sources of error of a PROFILE Dataset, the total last; none where not told."""
    if ERRORS not in profile or "sigma" not in profile:
        return []
    radial = radial_dim(profile)
    intensity = _rows(profile["intensity"], radial)
    found = []
    for place, name in enumerate(profile[SOURCE].values.tolist()):
        found.append(
            Share(
                name=str(name),
                relative=_relative(_rows(profile[ERRORS].isel({SOURCE: place}), radial), intensity),
                between_bins=_label(profile, BETWEEN_BINS, place),
                between_frames=_label(profile, BETWEEN_FRAMES, place),
            )
        )
    total = _relative(_rows(profile["sigma"], radial), intensity)
    return [*found, Share(name="total", relative=total, between_bins="", between_frames="")]


def factors(profile: xr.Dataset) -> list[Factor]:
    """Return what each correction in the ledger of a PROFILE Dataset did, in their order."""
    if LEDGER not in profile:
        return []
    radial = radial_dim(profile)
    out = []
    for place, name in enumerate(profile[CORRECTION].values.tolist()):
        values = _rows(profile[LEDGER].isel({CORRECTION: place}), radial)
        values = values[np.isfinite(values)]
        if values.size:
            low, middle, high = (float(v) for v in np.percentile(values, (0, 50, 100)))
            out.append(Factor(name=str(name), median=middle, low=low, high=high))
    return out


def axis_error(profile: xr.Dataset) -> tuple[float, float] | None:
    """Return the median error of the radial coordinate, and the same relative to it.

    The first is in the unit of the coordinate. None where the calibration does not know its own.
    """
    radial = radial_dim(profile)
    if f"{radial}_sigma" not in profile:
        return None
    sigma = np.asarray(profile[f"{radial}_sigma"].values, dtype=np.float64)
    place = np.broadcast_to(np.asarray(profile[radial].values, dtype=np.float64), sigma.shape)
    return _median(sigma), _relative(sigma, place)


def neighbour_correlation(profile: xr.Dataset) -> float | None:
    """Return the mean correlation of the errors of neighbouring bins; None where they have none."""
    if COVARIANCE not in profile or profile.sizes[OFFSET] < 2:
        return None
    radial = radial_dim(profile)
    variance = _rows(profile[COVARIANCE].isel({OFFSET: 0}), radial)
    beside = _rows(profile[COVARIANCE].isel({OFFSET: 1}), radial)[..., :-1]
    size = np.sqrt(variance[..., :-1] * variance[..., 1:])
    good = np.isfinite(beside) & (size > 0)
    return float(np.mean(beside[good] / size[good])) if good.any() else None


def _rows(array: xr.DataArray, radial: str) -> Array:
    """Return an array over ``([frame,] radial)`` in this order of its dimensions."""
    lead = [FRAME] if FRAME in array.dims else []
    return np.asarray(array.transpose(*lead, radial).values, dtype=np.float64)


def _label(profile: xr.Dataset, name: str, place: int) -> str:
    return str(profile[name].values[place]) if name in profile.coords else ""


def _relative(error: Array, value: Array) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.abs(error) / np.abs(value)
    return _median(np.where(np.isfinite(ratio), ratio, np.nan))


def _median(values: Array) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # nothing but NaN is NaN
        return float(np.nanmedian(values)) if values.size else float("nan")
