"""Where the points of a profile lie."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.errors import SchemaError
from xrdkit.schema.fields import FRAME, RADIAL


def radial_dim(data: xr.Dataset) -> str:
    """Return the radial dimension of `data` (one of `RADIAL`); raise SchemaError if not one."""
    found = [name for name in RADIAL if name in data.dims]
    if len(found) != 1:
        raise SchemaError(
            f"needs one radial dimension of {', '.join(RADIAL)}, has {found or 'none'}"
        )
    return found[0]


def mean_positions(profile: xr.Dataset) -> NDArray[np.float64]:
    """Return where the points of each row of a profile lie, shape (rows, n), in stored units.

    After integration that is the mean position of the pixels of each bin (``<axis>_mean``), which
    differs from the centre of the bin where the bin is wide or its pixels few; elsewhere, and in
    bins without a pixel, the radial coordinate. A profile without ``frame`` is one row.
    """
    radial = radial_dim(profile)
    centre = np.asarray(profile[radial].values, dtype=np.float64)
    rows = profile.sizes.get(FRAME, 1)
    name = f"{radial}_mean"
    if name not in profile:
        return np.broadcast_to(centre, (rows, centre.size))
    mean = np.asarray(profile[name].values, dtype=np.float64).reshape(rows, centre.size)
    return np.where(np.isfinite(mean), mean, centre)


def position_spreads(profile: xr.Dataset) -> NDArray[np.float64]:
    """Return how far the pixels of each point lie apart, shape (rows, n), in stored units.

    It is the standard deviation within each bin (``<axis>_spread``), 0 where it is not known. A
    curve f seen through such bins is (f(x + s) + f(x - s))/2 at mean x and spread s, to second
    order: f(x) alone is too low by s² f''/2, which on steep slopes and wide bins is percents.
    """
    radial = radial_dim(profile)
    rows, size = profile.sizes.get(FRAME, 1), profile.sizes[radial]
    name = f"{radial}_spread"
    if name not in profile:
        return np.zeros((rows, size))
    spread = np.asarray(profile[name].values, dtype=np.float64).reshape(rows, size)
    return np.where(np.isfinite(spread), spread, 0.0)
