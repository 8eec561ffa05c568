"""The part of a profile that an analysis asks for."""

import numpy as np
import xarray as xr

from xrdkit.errors import EmptyResult, SchemaError, SpecError
from xrdkit.schema import PROFILE, radial_dim, validate

MIN_POINTS = 10


def select(
    profile: xr.Dataset,
    limits: tuple[float, float] | None,
    subject: str,
    fewest: int = MIN_POINTS,
) -> xr.Dataset:
    """Return the part of a profile over q within `limits`, 1/nm, sorted by q and checked.

    `subject` begins the message where the axis is another one. Raises SchemaError for what is no
    profile over q, EmptyResult where fewer than `fewest` points are left, SpecError where q is not
    positive.
    """
    validate(profile, PROFILE)
    if radial_dim(profile) != "q":
        raise SchemaError(
            f"the profile is over {radial_dim(profile)}, {subject} over q",
            hint="integrate with unit='q'",
        )
    data = profile.sortby("q")
    q = data["q"].values
    low, high = limits or (0.0, np.inf)
    data = data.isel(q=(q >= low) & (q <= high))
    if data.sizes["q"] < fewest:
        raise EmptyResult(
            f"{data.sizes['q']} points of the profile lie in {low:g} to {high:g} 1/nm, at least"
            f" {fewest} are needed",
            hint=f"its q run from {q[0]:.4g} to {q[-1]:.4g} 1/nm",
        )
    if data["q"].values[0] <= 0:
        raise SpecError("q must be positive", hint="range=(low, high) leaves points out")
    return data
