"""What each frame is divided by: dose, time, transmission, thickness, and the absolute scale."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import SpecError

#: A number for all frames, one number for each, or ``"frame"``: the coordinate of the frames.
PerFrame = float | Sequence[float] | Literal["frame"]

#: Factor -> coordinate of the frames that may hold it.
COORDINATES = {
    "monitor": "monitor",
    "time": "exposure_time",
    "transmission": "transmission",
    "thickness": "thickness",
}


@dataclass(frozen=True, kw_only=True)
class Normalization:
    """Factors by which the intensity of each frame is divided; None leaves a factor out.

    Every factor is a number, a sequence with one number for each frame, or ``"frame"`` for the
    coordinate that the frames carry. Nothing is divided by that is not asked for. Each may have a
    standard error of the same kinds, ``"frame"`` being the coordinate ``<coordinate>_sigma``: it
    moves all bins of a frame together. A single number is one measurement, whose error all frames
    share; numbers per frame err independently.
    """

    monitor: PerFrame | None = None
    """Incident dose, counts of a monitor or photons; ``"frame"``: coordinate ``monitor``."""
    time: PerFrame | None = None
    """Exposure, s; ``"frame"``: coordinate ``exposure_time``."""
    transmission: PerFrame | None = None
    """Transmitted part of the beam, 0 to 1; ``"frame"``: coordinate ``transmission``."""
    thickness: PerFrame | None = None
    """Sample thickness along the beam, cm; ``"frame"``: coordinate ``thickness``."""
    absolute_scale: float | None = None
    """Factor K from normalised counts to the differential cross section per volume in 1/cm; with
    it the intensity is stored in 1/cm."""
    monitor_sigma: PerFrame | None = None
    """Standard error of `monitor`, in its unit."""
    time_sigma: PerFrame | None = None
    """Standard error of `time`, s."""
    transmission_sigma: PerFrame | None = None
    """Standard error of `transmission`."""
    thickness_sigma: PerFrame | None = None
    """Standard error of `thickness`, cm."""
    absolute_scale_sigma: float | None = None
    """Standard error of `absolute_scale`, in its unit; common to all bins and frames."""

    def __post_init__(self) -> None:
        for name in COORDINATES:
            self._check_factor(name)
            self._check_sigma(name)
        scale, sigma = self.absolute_scale, self.absolute_scale_sigma
        if scale is not None and not (_is_number(scale) and scale > 0):
            raise SpecError(f"normalization.absolute_scale must be positive, not {scale!r}")
        if sigma is not None:
            if scale is None:
                raise SpecError("normalization.absolute_scale_sigma needs absolute_scale")
            if not (_is_number(sigma) and sigma >= 0):
                raise SpecError(f"normalization.absolute_scale_sigma must not be negative: {sigma}")

    def _check_factor(self, name: str) -> None:
        value = getattr(self, name)
        if value is None or _is_frame(name, value):
            return
        numbers = _numbers(name, value)
        if not np.all(np.isfinite(numbers) & (numbers > 0)):
            raise SpecError(f"normalization.{name} must be positive and finite, not {value}")
        if name == "transmission" and np.any(numbers > 1):
            raise SpecError(f"normalization.transmission is above 1: {value}")

    def _check_sigma(self, name: str) -> None:
        value = getattr(self, f"{name}_sigma")
        if value is None:
            return
        if getattr(self, name) is None:
            raise SpecError(f"normalization.{name}_sigma needs normalization.{name}")
        if _is_frame(f"{name}_sigma", value):
            return
        numbers = _numbers(f"{name}_sigma", value)
        if not np.all(np.isfinite(numbers) & (numbers >= 0)):
            raise SpecError(f"normalization.{name}_sigma must be finite and not negative: {value}")

    @property
    def stated(self) -> tuple[str, ...]:
        """Names of the factors of the beam that are numbers here, not taken from the frames."""
        names = ("monitor", "time", "transmission")
        return tuple(
            n
            for n in names
            if getattr(self, n) is not None and not isinstance(getattr(self, n), str)
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and math.isfinite(value)


def _numbers(name: str, value: object) -> NDArray[np.float64]:
    numbers = np.asarray(value)
    if numbers.dtype.kind not in "iuf" or numbers.ndim > 1 or numbers.size == 0:
        raise SpecError(
            f"normalization.{name} {value!r} is not a number, one for each frame, or 'frame'"
        )
    return np.atleast_1d(numbers.astype(np.float64))


def _is_frame(name: str, value: object) -> bool:
    if isinstance(value, str):
        if value != "frame":
            raise SpecError(f"normalization.{name} {value!r} is not a number or 'frame'")
        return True
    return False
