"""Dark current: S = Σ n - τ Σ d, with the variance τ² Σ var(d) that its own counts have."""

from dataclasses import dataclass

import xarray as xr

from xrdkit.averaging import AveragedFrame
from xrdkit.corrections._step import CORRECTIONS, attached, check_map, frame_shape
from xrdkit.errors import CorrectionFailed


@dataclass(frozen=True, kw_only=True)
class Dark:
    """Dark frame of the detector."""

    dark: AveragedFrame
    """Mean and variance of the dark frames (`xrdkit.averaging.average_frames`)."""

    def __post_init__(self) -> None:
        dark: object = self.dark
        if not isinstance(dark, AveragedFrame):
            raise CorrectionFailed(
                f"the dark is a {type(dark).__name__}, not an average of frames",
                hint="Dark(dark=average_frames(frames)), from xrdkit.averaging",
            )

    def apply(self, data: xr.Dataset) -> xr.Dataset:
        """Return the frames with ``dark`` and ``dark_variance`` attached."""
        check_map("dark", self.dark.mean.shape, frame_shape(data, "Dark"))
        attrs: dict[str, object] = {"units": "count", "long_name": "dark counts of one frame"}
        attrs["frames"] = self.dark.frames
        if self.dark.exposure_time is not None:
            attrs["exposure_time"] = self.dark.exposure_time
        label = {"units": "count2", "long_name": "variance of the dark counts"}
        return attached(
            data,
            dark=(("y", "x"), self.dark.mean, attrs),
            dark_variance=(("y", "x"), self.dark.variance, label),
        )

    def record(self) -> dict[str, object]:
        """Return the settings."""
        return {"dark": self.dark.digest()}


CORRECTIONS.add("dark", Dark)
