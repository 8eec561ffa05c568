"""Which bins each pixel counts in: fixed by geometry, edges, sector and splitting alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.canonical import sha256_array, sha256_value
from xrdkit.errors import EmptyResult, SpecError
from xrdkit.geometry import Calibration
from xrdkit.integration.cache import PlanCache
from xrdkit.integration.kernel import Index, Pointer, Shares
from xrdkit.integration.spec import IntegrationSpec
from xrdkit.integration.splitting import split_pixels

Array = NDArray[np.float64]
Shape = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """Bins of all pixels of one detector, in pixel order (row by row), masks aside."""

    edges: Array
    """Edges of the K radial bins, in the unit of the axis, shape (K + 1,)."""
    azimuth_bins: int
    """Number A of azimuth bins; 0 where azimuth is not divided."""
    first: Index
    """First bin of each pixel, azimuth · K + radial; the number of bins where it counts in none,
    shape (pixels,)."""
    pointer: Pointer
    """Where the shares of each pixel begin, shape (pixels + 1,); empty without splitting."""
    share: Shares
    """Shares of each pixel in consecutive bins; empty without splitting."""
    index: Index
    """Bin of the centre of each pixel (the nearest it counts in), shape (pixels,)."""
    radial: Array
    """Radial coordinate of each pixel centre, shape (pixels,)."""
    widest: int
    """Number of bins of the pixel that counts in most."""

    @property
    def bins(self) -> int:
        """Number of bins, K or A · K."""
        return (self.edges.size - 1) * max(self.azimuth_bins, 1)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        arrays = (self.first, self.pointer, self.share, self.radial)
        return sum(a.nbytes for a in arrays)


_ASSIGNMENTS: PlanCache[Assignment] = PlanCache(384 * 2**20)
_EMPTY_POINTER: Pointer = np.zeros(0, dtype=np.int64)
_EMPTY_SHARE: Shares = np.zeros(0, dtype=np.float32)


def assignment(
    calibration: Calibration,
    shape: Shape,
    spec: IntegrationSpec,
    usable: NDArray[np.bool_],
    *,
    azimuth_bins: int = 0,
    shift: Array | None = None,
) -> Assignment:
    """Return the bins of all pixels of frames of `shape`, from memory where they are known.

    `usable` (y, x) matters only where `spec` leaves the range of the bins to the pixels; `shift` as
    in `Calibration.positions`. Raises EmptyResult where no usable pixel is left and SpecError for
    bins that cannot be.
    """
    edges = _edges(calibration, shape, spec, usable, shift)
    key = sha256_value(
        {
            "calibration": calibration.digest(),
            "shape": shape,
            "unit": spec.unit,
            "edges": sha256_array(edges),
            "sector": spec.sector,
            "azimuth_bins": azimuth_bins,
            "splitting": spec.splitting,
            "shift": None if shift is None else sha256_array(shift),
        }
    )
    return _ASSIGNMENTS.get(
        key, lambda: _assign(calibration, shape, spec, edges, azimuth_bins, shift)
    )


def forget_assignments() -> None:
    """Forget the assignments of earlier calls."""
    _ASSIGNMENTS.clear()


def _edges(
    calibration: Calibration,
    shape: Shape,
    spec: IntegrationSpec,
    usable: NDArray[np.bool_],
    shift: Array | None,
) -> Array:
    if spec.edges is not None or spec.range is not None:
        return bin_edges(spec, np.zeros(0))
    selected = usable
    if spec.sector is not None:
        selected = selected & in_sector(calibration.azimuth(shape, shift), spec.sector)
    radial = calibration.radial(shape, spec.unit, shift=shift)
    return bin_edges(spec, radial[selected & np.isfinite(radial)])


def _assign(
    calibration: Calibration,
    shape: Shape,
    spec: IntegrationSpec,
    edges: Array,
    azimuth_bins: int,
    shift: Array | None,
) -> Assignment:
    radial = calibration.radial(shape, spec.unit, shift=shift).ravel()
    bins = edges.size - 1
    index = np.searchsorted(edges, radial, side="right") - 1
    pointer, share = _EMPTY_POINTER, _EMPTY_SHARE
    if spec.splitting == "full":
        split = split_pixels(calibration, shape, spec.unit, edges, shift)
        first, pointer, share = split.first.astype(np.int64), split.pointer, split.share
        last = first + np.diff(pointer) - 1
        index = np.where(first < bins, np.clip(index, first, np.maximum(first, last)), bins)
    else:
        first = np.where((index >= 0) & (index < bins), index, bins)
        index = first
    inside = first < bins
    if azimuth_bins or spec.sector is not None:
        azimuth = calibration.azimuth(shape, shift).ravel()
        if spec.sector is not None:
            inside &= in_sector(azimuth, spec.sector)
        if azimuth_bins:
            turn = bins * azimuth_index(azimuth, spec.sector, azimuth_bins)
            first, index = first + turn, index + turn
    outside = bins * max(azimuth_bins, 1)
    return Assignment(
        edges=edges,
        azimuth_bins=azimuth_bins,
        first=np.where(inside, first, outside).astype(np.uint32),
        pointer=pointer,
        share=share,
        index=np.where(inside, index, outside).astype(np.uint32),
        radial=radial,
        widest=int(np.diff(pointer).max(initial=1)) if pointer.size else 1,
    )


def in_sector(azimuth: Array, sector: tuple[float, float]) -> NDArray[np.bool_]:
    """Return where `azimuth` (degree) lies in the half-open `sector` (lower edge, width).

    It is counted modulo 360 from the lower edge, so that the cut of the azimuth is never inside a
    sector; one of 360 degree holds every pixel.
    """
    low, width = sector
    if width >= 360.0:
        return np.ones(azimuth.shape, dtype=bool)
    return np.mod(azimuth - low, 360.0) < width


def azimuth_index(
    azimuth: Array, sector: tuple[float, float] | None, bins: int
) -> NDArray[np.int64]:
    """Return the bin, 0 to `bins` - 1, of each `azimuth` (degree) within a sector (None: all).

    Bins are half-open and counted from the lower edge of the sector, -180 where it is None;
    values outside the sector get the last bin.
    """
    low, width = azimuth_span(sector)
    # Multiplied first: a pixel on a border between whole degrees then falls exactly on it.
    part = np.mod(azimuth - low, 360.0) * bins / width
    return np.minimum(part.astype(np.int64), bins - 1)


def azimuth_span(sector: tuple[float, float] | None) -> tuple[float, float]:
    """Return the lower edge of a sector and its width: all from -180 degree where it is None."""
    return (-180.0, 360.0) if sector is None else sector


def bin_edges(spec: IntegrationSpec, radial: Array) -> Array:
    """Return the K + 1 bin edges that `spec` asks for, in the unit of the axis.

    Without edges or range they span the values `radial` of the selected pixels.
    """
    if spec.edges is not None:
        # A copy: what is kept between calls must not change with the array of the caller.
        return np.array(spec.edges, dtype=np.float64)
    if spec.range is not None:
        low, high = spec.range
    else:
        if radial.size == 0:
            raise EmptyResult("no usable pixel is left", hint="look at mask and azimuth_range")
        low, high = float(radial.min()), float(np.nextafter(radial.max(), np.inf))
        if spec.spacing == "log" and low <= 0:
            low = float(radial[radial > 0].min())
        if not low < high:
            raise EmptyResult("all usable pixels lie at one radial position")
    if spec.spacing == "log":
        if low <= 0:
            raise SpecError(f"logarithmic bins need a range above 0, not from {low}")
        edges = np.geomspace(low, high, spec.bins + 1)
        edges[0], edges[-1] = low, high
        return edges
    return np.linspace(low, high, spec.bins + 1)
