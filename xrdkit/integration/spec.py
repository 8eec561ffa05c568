"""What an azimuthal integration is asked to do."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from xrdkit.canonical import sha256_array
from xrdkit.errors import SpecError
from xrdkit.geometry import RadialUnit

FrameLike = xr.Dataset | xr.DataArray | NDArray[Any]
#: A number for all frames, one number for each, or ``"frame"``: the coordinate of the frames.
PerFrame = float | Sequence[float] | Literal["frame"]

#: More bins than any detector has pixels along its diagonal.
MAX_BINS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Normalization:
    """Factors by which the intensity of each frame is divided; None leaves a factor out.

    Every factor is a number, a sequence with one number for each frame, or ``"frame"`` for the
    coordinate that the frames carry. Nothing is divided by that is not asked for.
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

    def __post_init__(self) -> None:
        for name in ("monitor", "time", "transmission", "thickness"):
            value = getattr(self, name)
            if value is None or (isinstance(value, str) and value == "frame"):
                continue
            if isinstance(value, str):
                raise SpecError(f"normalization.{name} {value!r} is not a number or 'frame'")
            numbers = np.atleast_1d(np.asarray(value, dtype=float))
            if not np.all(np.isfinite(numbers) & (numbers > 0)):
                raise SpecError(f"normalization.{name} must be positive and finite, not {value}")
            if name == "transmission" and np.any(numbers > 1):
                raise SpecError(f"normalization.transmission is above 1: {value}")
        scale = self.absolute_scale
        if scale is not None and not (math.isfinite(scale) and scale > 0):
            raise SpecError(f"normalization.absolute_scale must be positive, not {scale}")


@dataclass(frozen=True, kw_only=True)
class IntegrationSpec:
    """Bins, sector, corrections and inputs of one azimuthal integration."""

    unit: RadialUnit = "q"
    """Radial axis: ``"q"`` (1/nm), ``"two_theta"`` (degree), ``"d"`` (nm) or ``"radius"`` (mm)."""
    bins: int = 1000
    """Number of bins, where `edges` is not given."""
    range: tuple[float, float] | None = None
    """Lower and upper edge in the unit of the axis; None: what the valid pixels span."""
    edges: ArrayLike | None = None
    """Explicit bin edges in the unit of the axis, increasing; replaces `bins` and `range`."""
    spacing: Literal["linear", "log"] = "linear"
    """How `bins` divide `range`."""
    azimuth_range: tuple[float, float] | None = None
    """Sector (low, high) in degree, taken modulo 360 and half-open; None or 360 wide: all."""
    azimuth_bins: int = 36
    """Number of sectors into which a cake divides `azimuth_range`; profiles are not divided."""
    splitting: Literal["none"] = "none"
    """``"none"``: every pixel counts in the bin of its centre, so that bins are independent."""
    solid_angle: bool = True
    """Divide by the relative solid angle of the pixels."""
    polarization: float | None = None
    """Polarisation factor of the beam, -1 to 1 as in pyFAI; None: not corrected."""
    dark: FrameLike | None = None
    """Dark frame(s): FRAMES Dataset or counts; scaled by exposure where both state it."""
    flat: FrameLike | None = None
    """Relative response of the pixels, (y, x); pixels at 0 or NaN are left out."""
    mask: FrameLike | None = None
    """Pixels to leave out, (y, x): anything but 0 (reasons of `MaskReason`, or bool)."""
    background: FrameLike | None = None
    """Frame(s) of the empty beam or cell; normalised as `background_normalization` says, then
    subtracted."""
    background_scale: float = 1.0
    """Factor β on the background, such as the volume fraction of a solvent."""
    normalization: Normalization | None = None
    """Dose, time, transmission, thickness of the frames."""
    background_normalization: Normalization | None = None
    """The same for the background frame; None: as `normalization`, which must not hold numbers of
    the sample (monitor, time, transmission) then."""

    def __post_init__(self) -> None:
        if self.unit not in ("q", "two_theta", "d", "radius"):
            raise SpecError(f"unit {self.unit!r} is not q, two_theta, d or radius")
        if self.spacing not in ("linear", "log"):
            raise SpecError(f"spacing {self.spacing!r} is not linear or log")
        if self.splitting != "none":
            raise SpecError(
                f"splitting {self.splitting!r} is not 'none'",
                hint="pixel splitting correlates neighbouring bins; bins here are independent",
            )
        for name in ("bins", "azimuth_bins"):
            number = getattr(self, name)
            if isinstance(number, bool) or not isinstance(number, int) or number < 1:
                raise SpecError(f"{name} must be a whole number of at least 1, not {number!r}")
            if number > MAX_BINS:
                raise SpecError(f"{name} is {number}, at most {MAX_BINS} are possible")
        if self.polarization is not None and not -1 <= self.polarization <= 1:
            raise SpecError(f"polarization {self.polarization} is outside -1 to 1")
        if not (math.isfinite(self.background_scale) and self.background_scale > 0):
            raise SpecError(f"background_scale must be positive, not {self.background_scale}")
        self._check_background()
        for name in ("range", "azimuth_range"):
            _check_pair(name, getattr(self, name))
        if self.edges is not None:
            _check_edges(np.asarray(self.edges))

    def _check_background(self) -> None:
        """Refuse to divide the background by numbers that were stated for the sample."""
        own = self.normalization
        if self.background is None or self.background_normalization is not None or own is None:
            return
        stated = [
            name
            for name in ("monitor", "time", "transmission")
            if getattr(own, name) is not None and not isinstance(getattr(own, name), str)
        ]
        if stated:
            raise SpecError(
                f"normalization states {', '.join(stated)} of the sample, not of the background",
                hint="give background_normalization",
            )

    def record(self) -> dict[str, Any]:
        """Return the settings as plain values for provenance; frames and masks as SHA-256."""
        out: dict[str, Any] = {}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if name in ("dark", "flat", "mask", "background") and value is not None:
                value = _digest(value)
            elif name == "edges" and value is not None:
                value = np.asarray(value, dtype=float)
            out[name] = value
        return out


def _digest(value: FrameLike) -> str:
    if isinstance(value, xr.Dataset):
        if "counts" in value:
            return sha256_array(np.asarray(value["counts"].values))
        raise SpecError("a Dataset of frames needs the variable 'counts'")
    return sha256_array(np.asarray(value))


def _check_pair(name: str, pair: tuple[float, float] | None) -> None:
    if pair is None:
        return
    if len(pair) != 2 or not all(math.isfinite(v) for v in pair) or not pair[0] < pair[1]:
        raise SpecError(f"{name} {pair} is not (low, high) with low < high")


def _check_edges(edges: NDArray[Any]) -> None:
    if edges.ndim != 1 or edges.size < 2:
        raise SpecError("edges must be one list of at least two numbers")
    if not np.all(np.isfinite(edges)) or not np.all(np.diff(edges) > 0):
        raise SpecError("edges must be finite and strictly increasing")
