"""Dose: a factor of g (monitor, time, transmission, thickness ...) that divides each frame.

I = S/(N g), g = Π_j g_j; a relative error u/g_j moves all bins of a frame together.
"""

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from xrdkit.corrections._step import CORRECTIONS, attached, frame_shape
from xrdkit.errors import CorrectionFailed, SpecError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
#: Names that the ledger or the sources of error give to something else.
_TAKEN = re.compile(
    r"counting|dark|dead_time|flat|solid_angle|polarization|parallax|efficiency|absolute_scale"
    r"|background(_.*)?|geometry_.*"
)


@dataclass(frozen=True, kw_only=True)
class Dose:
    """One factor that every frame is divided by."""

    name: str = "dose"
    """What it is: ``monitor``, ``time``, ``transmission``, ``thickness`` or any other name of
    small letters; it names the source of error, too."""
    values: tuple[float, ...]
    """Factor of each frame, or one for all; positive (a transmission is at most 1)."""
    sigma: tuple[float, ...] | None = None
    """Standard error of each value, in its unit. One value is one measurement for all frames; many
    are independent. None: not known."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name.endswith("_sigma"):
            raise SpecError(f"dose name {self.name!r} is not of small letters, digits and _")
        if _TAKEN.fullmatch(self.name):
            raise SpecError(
                f"a dose cannot be called {self.name!r}: another correction or source is",
                hint="monitor, time, transmission, thickness, or a name of your own",
            )
        for name in ("values", "sigma"):
            value = getattr(self, name)
            if not (name == "sigma" and value is None) and not _is_list(value):
                raise SpecError(
                    f"{self.name}: {name} must be a list of numbers, not {value!r}",
                    hint="one for all frames is (2.0,)",
                )
        numbers = np.asarray(self.values, dtype=float)
        if numbers.size == 0 or not np.all(np.isfinite(numbers) & (numbers > 0)):
            raise SpecError(f"{self.name} must be positive and finite, not {self.values}")
        if self.name == "transmission" and np.any(numbers > 1):
            raise SpecError(f"transmission is above 1: {self.values}")
        if self.sigma is not None and not (
            len(self.sigma) == len(self.values)
            and all(math.isfinite(u) and u >= 0 for u in self.sigma)
        ):
            raise SpecError(
                f"{self.name}: the {len(self.values)} value(s) need as many standard errors of at "
                f"least 0, not {self.sigma}"
            )

    def apply(self, data: xr.Dataset) -> xr.Dataset:
        """Return the frames with ``dose_<name>`` (frame) and its standard error."""
        frame_shape(data, "Dose")
        number = data.sizes["frame"]
        if len(self.values) not in (1, number):
            raise CorrectionFailed(
                f"{self.name} has {len(self.values)} values for {number} frames",
                hint="give one value for all frames, or one for each",
            )
        label: dict[str, str] = {"units": "1", "long_name": f"{self.name} that divides the frame"}
        variables: dict[str, Any] = {
            f"dose_{self.name}": ("frame", _spread(self.values, number), label)
        }
        if self.sigma is not None:
            label = {
                "units": "1",
                "long_name": f"standard error of the {self.name}",
                "source_frames": "common" if len(self.values) == 1 else "independent",
            }
            variables[f"dose_{self.name}_sigma"] = ("frame", _spread(self.sigma, number), label)
        return attached(data, **variables)

    def record(self) -> dict[str, object]:
        """Return the settings."""
        return {"name": self.name, "values": self.values, "sigma": self.sigma}


def _is_list(value: object) -> bool:
    if not isinstance(value, list | tuple | np.ndarray):
        return False
    numbers = np.asarray(value)
    return numbers.ndim == 1 and (numbers.size == 0 or numbers.dtype.kind in "iuf")


def _spread(values: tuple[float, ...], number: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.broadcast_to(np.asarray(values, dtype=np.float64), (number,)).copy()


CORRECTIONS.add("dose", Dose)
