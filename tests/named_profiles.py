"""Profiles that name the sources of their errors, with covariance between bins known exactly."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.uncertainty import (
    BETWEEN_BINS,
    BETWEEN_FRAMES,
    COMMON,
    COVARIANCE,
    ERRORS,
    INDEPENDENT,
    OFFSET,
    SOURCE,
)

Array = NDArray[np.float64]


def named(
    profile: xr.Dataset,
    single: dict[str, Array],
    common: dict[str, Array] | None = None,
    band: Array | None = None,
) -> xr.Dataset:
    """Return `profile` with the errors of its sources, and sigma their sum in quadrature.

    `single` scatter from bin to bin, `common` are shared by all, each of the shape of the
    intensity; `band` (offset, bin) is the covariance of the single ones, for every frame the same.
    """
    common = common or {}
    intensity = profile["intensity"]
    frames = ("frame",) if "frame" in intensity.dims else ()
    radial = str(intensity.dims[-1])
    shape = intensity.shape
    rows = [np.broadcast_to(e, shape) for e in (*single.values(), *common.values())]
    errors = np.stack(rows, axis=-2)
    unit = intensity.attrs["units"]
    label = {"units": unit, "long_name": "error of each source"}
    out = profile.assign(
        sigma=(intensity.dims, np.sqrt((errors**2).sum(axis=-2)), profile["sigma"].attrs),
    )
    out[ERRORS] = ((*frames, SOURCE, radial), errors, label)
    kinds = [INDEPENDENT] * len(single) + [COMMON] * len(common)
    out = out.assign_coords(
        {
            SOURCE: [*single, *common],
            BETWEEN_BINS: (SOURCE, kinds),
            BETWEEN_FRAMES: (SOURCE, kinds),
        }
    )
    if band is not None:
        squared = {"count": "count2", "1/cm": "1/cm2", "1": "1"}[unit]
        label = {"units": squared, "long_name": "covariance of a bin and the next ones"}
        whole = np.broadcast_to(band, (*shape[:-1], *band.shape))
        out[COVARIANCE] = ((*frames, OFFSET, radial), whole, label)
    return out


class Smoothed:
    """Noise of bins that each average `width` bins' worth of fine points, `fine` to a bin."""

    def __init__(self, sigma: Array, *, width: float = 3.0, fine: int = 4) -> None:
        bins = sigma.size
        centre = np.arange(bins) + 0.5
        reach = int(np.ceil(width / 2)) + 1
        point = (np.arange(-reach * fine, (bins + reach) * fine) + 0.5) / fine
        inside = np.abs(centre[:, None] - point) < width / 2
        self.kernel = inside / inside.sum(axis=1)[:, None]
        # Scaled so that each bin keeps the error asked for.
        self.kernel *= (sigma / np.sqrt((self.kernel**2).sum(axis=1)))[:, None]
        self.matrix = self.kernel @ self.kernel.T
        most = int(np.ceil(width)) + 1
        self.band = np.stack(
            [np.pad(np.diagonal(self.matrix, b), (0, b)) for b in range(min(most, bins))]
        )

    def draw(self, generator: np.random.Generator, count: int) -> Array:
        return generator.standard_normal((count, self.kernel.shape[1])) @ self.kernel.T
