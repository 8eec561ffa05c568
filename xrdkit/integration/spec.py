"""What an azimuthal integration is asked to do."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from xrdkit.errors import SpecError
from xrdkit.geometry import RadialUnit
from xrdkit.integration.normalization import Normalization
from xrdkit.integration.outlier_spec import OutlierSpec
from xrdkit.provenance import input_record

FrameLike = xr.Dataset | xr.DataArray | NDArray[Any]
#: More bins than any detector has pixels along its diagonal.
MAX_BINS = 1_000_000
#: Above any range, gain, noise or scale that means something, and far from overflow when squared.
MAX_SIZE = 1e12
#: Degrees; beyond it a turn is not told from rounding any more.
MAX_ANGLE = 1e6


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
    """Sector from low to high in degree, modulo 360 and half-open: (350, 10) is 20 degree wide.
    None or 360 wide: all."""
    azimuth_slice: tuple[float, float] | None = None
    """The same as (centre, width) in degree; replaces `azimuth_range`."""
    azimuth_bins: int = 36
    """Number of sectors into which a cake divides `azimuth_range`; profiles are not divided."""
    splitting: Literal["none", "full"] = "none"
    """``"none"``: every pixel counts in the bin of its centre, so that bins are independent.
    ``"full"``: a pixel counts in each radial bin with the share of its area that lies there, and
    the covariance between bins is stored. Sectors take a pixel by its centre either way."""
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
    background_scale_sigma: float = 0.0
    """Standard error of `background_scale`, common to all bins and frames."""
    background_normalization: Normalization | None = None
    """The same for the background frame; None: as `normalization`, which must not hold numbers of
    the sample (monitor, time, transmission) then."""
    gain: float = 1.0
    """Detector counts per photon: 1 for photon counters, ADU per photon for integrating detectors.
    The variance of n counts is gain · n + readout_noise²."""
    readout_noise: float = 0.0
    """Standard deviation of a pixel's counts without light, in detector counts."""
    outliers: OutlierSpec | None = None
    """Which pixels to leave out for what they count: zingers, or spots of coarse grains. With it
    the result tells ``n_outliers`` and ``spottiness``. None: none are looked for."""
    without: tuple[str, ...] = ()
    """Names of corrections to leave out, as the ledger of a profile calls them, to see what they
    do: ``("polarization",)``."""

    def __post_init__(self) -> None:
        if self.unit not in ("q", "two_theta", "d", "radius"):
            raise SpecError(f"unit {self.unit!r} is not q, two_theta, d or radius")
        if self.spacing not in ("linear", "log"):
            raise SpecError(f"spacing {self.spacing!r} is not linear or log")
        if self.splitting not in ("none", "full"):
            raise SpecError(
                f"splitting {self.splitting!r} is not 'none' or 'full'",
                hint="splitting over bounding boxes puts counts into bins the pixel does not reach",
            )
        for name in ("bins", "azimuth_bins"):
            number = getattr(self, name)
            if isinstance(number, bool) or not isinstance(number, int) or number < 1:
                raise SpecError(f"{name} must be a whole number of at least 1, not {number!r}")
            if number > MAX_BINS:
                raise SpecError(f"{name} is {number}, at most {MAX_BINS} are possible")
        self._check_types()
        if self.polarization is not None and not (
            is_number(self.polarization) and -1 <= self.polarization <= 1
        ):
            raise SpecError(f"polarization {self.polarization} is outside -1 to 1")
        for name in ("background_scale", "gain"):
            value = getattr(self, name)
            if not (is_number(value) and 0 < value <= MAX_SIZE):
                raise SpecError(f"{name} must be positive and at most {MAX_SIZE:g}, not {value!r}")
        for name in ("readout_noise", "background_scale_sigma"):
            value = getattr(self, name)
            if not (is_number(value) and 0 <= value <= MAX_SIZE):
                raise SpecError(f"{name} must be from 0 to {MAX_SIZE:g}, not {value!r}")
        names: object = self.without
        if not isinstance(names, list | tuple) or not all(isinstance(n, str) for n in names):
            raise SpecError(f"without must be names of corrections, not {self.without!r}")
        self._check_background()
        _check_pair("range", self.range)
        self._check_sector()
        if self.edges is not None:
            _check_edges(np.asarray(self.edges))

    @property
    def sector(self) -> tuple[float, float] | None:
        """Lower edge and width of the sector, degree, width above 0 and at most 360; None: all."""
        if self.azimuth_slice is not None:
            centre, width = self.azimuth_slice
            return (centre - width / 2, min(width, 360.0))
        if self.azimuth_range is None:
            return None
        low, high = self.azimuth_range
        return (low, 360.0 if high - low >= 360.0 else (high - low) % 360.0)

    def _check_types(self) -> None:
        for name, kind in (
            ("normalization", Normalization),
            ("background_normalization", Normalization),
            ("outliers", OutlierSpec),
        ):
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind):
                raise SpecError(
                    f"{name} is a {type(value).__name__}, not a {kind.__name__}",
                    hint=f"{name}={kind.__name__}(...)",
                )
        if not isinstance(self.solid_angle, bool | np.bool_):
            raise SpecError(f"solid_angle must be true or false, not {self.solid_angle!r}")

    def _check_sector(self) -> None:
        for name in ("azimuth_range", "azimuth_slice"):
            pair = getattr(self, name)
            if pair is not None and not (_is_pair(pair) and all(abs(v) <= MAX_ANGLE for v in pair)):
                raise SpecError(f"{name} {pair} is not two finite angles in degree")
        if self.azimuth_range is not None and self.azimuth_slice is not None:
            raise SpecError("azimuth_range and azimuth_slice both state the sector: give one")
        if self.azimuth_slice is not None and not self.azimuth_slice[1] > 0:
            raise SpecError(f"azimuth_slice {self.azimuth_slice} has no width above 0")
        if self.sector is not None and self.sector[1] == 0:
            raise SpecError(
                f"azimuth_range {self.azimuth_range} is empty modulo 360",
                hint="(0, 360) is the whole circle",
            )

    def _check_background(self) -> None:
        """Refuse to divide the background by numbers that were stated for the sample."""
        own = self.normalization
        if self.background is None or self.background_normalization is not None or own is None:
            return
        stated = own.stated
        if stated:
            raise SpecError(
                f"normalization states {', '.join(stated)} of the sample, not of the background",
                hint="give background_normalization",
            )

    def record(self) -> dict[str, Any]:
        """Return the settings as plain values for provenance; frames and masks as SHA-256, with
        the files they were read from where these are known."""
        out: dict[str, Any] = {}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if name in ("dark", "flat", "mask", "background") and value is not None:
                value = _recorded(value)
            elif name == "edges" and value is not None:
                value = np.asarray(value, dtype=float)
            out[name] = value
        return out


def _recorded(value: FrameLike) -> str | dict[str, Any]:
    if isinstance(value, xr.Dataset) and "counts" not in value:
        raise SpecError("a Dataset of frames needs the variable 'counts'")
    return input_record(value)


def is_number(value: object) -> bool:
    """Return whether `value` is one finite real number."""
    return isinstance(value, int | float | np.integer | np.floating) and math.isfinite(value)


def _is_pair(value: object) -> bool:
    if not isinstance(value, tuple | list | np.ndarray) or len(value) != 2:
        return False
    return all(is_number(v) for v in value)


def _check_pair(name: str, pair: tuple[float, float] | None) -> None:
    if pair is None:
        return
    if not (_is_pair(pair) and pair[0] < pair[1]):
        raise SpecError(f"{name} {pair} is not (low, high) with low < high")
    if max(abs(pair[0]), abs(pair[1])) > MAX_SIZE:
        raise SpecError(f"{name} {pair} reaches beyond {MAX_SIZE:g}")


def _check_edges(edges: NDArray[Any]) -> None:
    if edges.ndim != 1 or edges.size < 2 or edges.dtype.kind not in "iuf":
        raise SpecError("edges must be one list of at least two numbers")
    if edges.size - 1 > MAX_BINS:
        raise SpecError(f"edges make {edges.size - 1} bins, at most {MAX_BINS} are possible")
    if not np.all(np.isfinite(edges)) or not np.all(np.diff(edges) > 0):
        raise SpecError("edges must be finite and strictly increasing")
