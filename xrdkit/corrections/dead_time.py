"""Dead time: counts lost while a pixel was busy; formulas and source in `xrdkit.dead_time`.

It acts on single pixels and is not linear, so that integration applies it to the counts of every
pixel before they are added up.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from xrdkit.corrections._step import CORRECTIONS, attached, frame_shape
from xrdkit.dead_time import DeadTimeModel, check_dead_time
from xrdkit.errors import CorrectionFailed


@dataclass(frozen=True, kw_only=True)
class DeadTime:
    """Dead time of the pixels."""

    dead_time: float
    """τ, s; above 0, at most 1 ms."""
    model: DeadTimeModel = "non_paralyzable"
    """Whether an event within τ is only lost, or prolongs the dead time too."""

    def __post_init__(self) -> None:
        check_dead_time(self.dead_time, self.model)

    def apply(self, data: xr.Dataset) -> xr.Dataset:
        """Return the frames with ``dead_time``; they must carry ``exposure_time`` in s."""
        frame_shape(data, "DeadTime")
        if "exposure_time" not in data.coords:
            raise CorrectionFailed(
                "DeadTime needs the exposure of the frames, which carry no exposure_time",
                hint="give a column 'exposure_time (s)' in the file of coordinates",
            )
        exposure = np.atleast_1d(np.asarray(data["exposure_time"].values, dtype=np.float64))
        wrong = np.flatnonzero(~(np.isfinite(exposure) & (exposure > 0)))
        if wrong.size:
            raise CorrectionFailed(
                f"DeadTime needs an exposure above 0, not {exposure[wrong[0]]} s",
                frame=int(wrong[0]),
            )
        label = {"units": "s", "long_name": "dead time of a pixel", "model": self.model}
        return attached(data, dead_time=((), self.dead_time, label))

    def record(self) -> dict[str, object]:
        """Return the settings."""
        return {"dead_time": self.dead_time, "model": self.model}


CORRECTIONS.add("dead_time", DeadTime)
