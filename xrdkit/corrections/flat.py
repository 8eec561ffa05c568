"""Flat field: the relative response of each pixel, mean 1 over the good ones or any other scale."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.canonical import sha256_array
from xrdkit.corrections._step import CORRECTIONS, check_map, frame_shape, weighted
from xrdkit.errors import CorrectionFailed


@dataclass(frozen=True, kw_only=True)
class Flat:
    """Relative response of the pixels."""

    response: NDArray[Any]
    """Response (y, x); pixels at 0, below or NaN are left out by the integration."""

    def __post_init__(self) -> None:
        if not np.any(np.asarray(self.response) > 0):
            raise CorrectionFailed("the flat field has no pixel above 0")

    def apply(self, data: xr.Dataset) -> xr.Dataset:
        """Return the frames with the response in their ``pixel_weight``."""
        check_map("flat", self.response.shape, frame_shape(data, "Flat"))
        return weighted(data, xr.DataArray(self.response.astype(float), dims=("y", "x")))

    def record(self) -> dict[str, object]:
        """Return the settings."""
        return {"response": sha256_array(self.response)}


CORRECTIONS.add("flat", Flat)
