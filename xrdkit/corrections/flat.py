"""Flat field: the relative response of each pixel, mean 1 over the good ones or any other scale."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.canonical import sha256_array
from xrdkit.corrections._step import CORRECTIONS, check_map, frame_shape, with_factor
from xrdkit.errors import CorrectionFailed


@dataclass(frozen=True, kw_only=True)
class Flat:
    """Relative response of the pixels."""

    response: NDArray[Any]
    """Response (y, x); pixels at 0, below or NaN are left out by the integration."""
    sigma: NDArray[Any] | None = None
    """Standard error of `response`, (y, x), independent between pixels; None: not known."""

    def __post_init__(self) -> None:
        for values in (self.response, self.sigma):
            if values is not None and np.asarray(values).dtype.kind not in "biuf":
                raise CorrectionFailed(
                    f"the flat field of {np.asarray(values).dtype} holds no real numbers",
                    hint="give its values: open_frames(...)['counts'].mean('frame').values",
                )
        if not np.any(np.asarray(self.response) > 0):
            raise CorrectionFailed("the flat field has no pixel above 0")
        if self.sigma is None:
            return
        if np.shape(self.sigma) != np.shape(self.response):
            raise CorrectionFailed(
                f"the error of the flat field has {np.shape(self.sigma)} pixels, the flat field "
                f"{np.shape(self.response)}"
            )
        good = np.asarray(self.response) > 0
        if not np.all(np.asarray(self.sigma)[good] >= 0):
            raise CorrectionFailed("the error of the flat field is negative or NaN at a good pixel")

    def apply(self, data: xr.Dataset) -> xr.Dataset:
        """Return the frames with ``factor_flat``, and ``factor_flat_sigma`` where it is known."""
        check_map("flat", np.shape(self.response), frame_shape(data, "Flat"))
        return with_factor(data, "flat", self.response, "response of the pixel", self.sigma)

    def record(self) -> dict[str, object]:
        """Return the settings."""
        sigma = None if self.sigma is None else sha256_array(np.asarray(self.sigma))
        return {"response": sha256_array(np.asarray(self.response)), "sigma": sigma}


CORRECTIONS.add("flat", Flat)
