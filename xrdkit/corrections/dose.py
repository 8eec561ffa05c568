"""Dose: the factor g (monitor, time, transmission, thickness) that divides each frame."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from xrdkit.corrections._step import CORRECTIONS, frame_shape
from xrdkit.errors import CorrectionFailed, SpecError


@dataclass(frozen=True, kw_only=True)
class Dose:
    """Product of the factors that every frame is divided by."""

    values: tuple[float, ...]
    """g of each frame, or one for all; positive."""

    def __post_init__(self) -> None:
        numbers = np.asarray(self.values, dtype=float)
        if numbers.size == 0 or not np.all(np.isfinite(numbers) & (numbers > 0)):
            raise SpecError(f"dose must be positive and finite, not {self.values}")

    def apply(self, data: xr.Dataset) -> xr.Dataset:
        """Return the frames with ``dose`` (frame), multiplied to one that is there."""
        frame_shape(data, "Dose")
        number = data.sizes["frame"]
        if len(self.values) not in (1, number):
            raise CorrectionFailed(f"dose has {len(self.values)} values for {number} frames")
        factor = xr.DataArray(np.broadcast_to(self.values, (number,)).copy(), dims="frame")
        if "dose" in data:
            factor = factor * data["dose"]
        label = {"units": "1", "long_name": "dose by which the frame is divided"}
        return data.assign(dose=factor.assign_attrs(label))

    def record(self) -> dict[str, object]:
        """Return the settings."""
        return {"values": self.values}


CORRECTIONS.add("dose", Dose)
