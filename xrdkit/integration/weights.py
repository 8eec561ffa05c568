"""Which bin each pixel counts in, and with what weight: fixed by geometry, edges and masks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import EmptyResult, SpecError
from xrdkit.geometry import Calibration
from xrdkit.integration.spec import IntegrationSpec

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The assignment of pixels to bins for one detector, in pixel order (row by row)."""

    edges: Array
    """Edges of the K radial bins, in the unit of the axis, shape (K + 1,)."""
    azimuth_bins: int
    """Number A of azimuth bins; 0 where azimuth is not divided."""
    index: NDArray[np.uint32]
    """Bin of each pixel, azimuth · K + radial, ``bins`` where it is left out, shape (pixels,)."""
    weight: Array
    """Normalisation w of each pixel: solid angle · polarisation · flat, shape (pixels,)."""
    radial: Array
    """Radial coordinate of each pixel centre, shape (pixels,)."""

    @property
    def bins(self) -> int:
        """Number of bins, K or A · K."""
        return (self.edges.size - 1) * max(self.azimuth_bins, 1)


def make_plan(
    calibration: Calibration,
    shape: tuple[int, int],
    spec: IntegrationSpec,
    *,
    usable: NDArray[np.bool_],
    pixel_weight: Array,
    azimuth_bins: int = 0,
) -> Plan:
    """Return the plan for frames of `shape`, with azimuth divided into `azimuth_bins` where not 0.

    `usable` (y, x) is False where a pixel is masked in every frame; `pixel_weight` (y, x) holds
    the factors of flat and earlier corrections, to which solid angle and polarisation are
    multiplied as `spec` says. Bins are half-open, [low, high). Raises EmptyResult where no usable
    pixel falls into any bin.
    """
    radial = calibration.radial(shape, spec.unit)
    weight = pixel_weight.astype(np.float64, copy=True)
    if spec.solid_angle:
        weight *= calibration.solid_angle(shape)
    if spec.polarization is not None:
        weight *= calibration.polarization(shape, spec.polarization)
    selected = usable & np.isfinite(radial) & np.isfinite(weight) & (weight > 0)
    azimuth = calibration.azimuth(shape) if azimuth_bins or spec.azimuth_range else None
    if azimuth is not None and spec.azimuth_range is not None:
        selected &= in_sector(azimuth, spec.azimuth_range)
    edges = bin_edges(spec, radial[selected])
    index = np.searchsorted(edges, radial, side="right") - 1
    outside = edges.size - 1
    selected &= (index >= 0) & (index < outside)
    if not selected.any():
        raise EmptyResult(
            f"no usable pixel lies between {edges[0]:g} and {edges[-1]:g} ({spec.unit})",
            hint="compare range, azimuth_range, mask and flat with the reach of the detector",
        )
    if azimuth is not None and azimuth_bins:
        index += outside * azimuth_index(azimuth, spec.azimuth_range, azimuth_bins)
    index[~selected] = outside * max(azimuth_bins, 1)
    return Plan(
        edges=edges,
        azimuth_bins=azimuth_bins,
        index=index.astype(np.uint32).ravel(),
        weight=weight.ravel(),
        radial=radial.ravel(),
    )


def in_sector(azimuth: Array, sector: tuple[float, float]) -> NDArray[np.bool_]:
    """Return where `azimuth` (degree) lies in the half-open sector [low, high), modulo 360.

    A sector of 360 degree or more holds every pixel.
    """
    low, high = sector
    if high - low >= 360.0:
        return np.ones(azimuth.shape, dtype=bool)
    # Counted from the lower edge, so that the cut of the azimuth is never inside the sector.
    return np.mod(azimuth - low, 360.0) < high - low


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
    """Return the lower edge of a sector and its width, at most 360 degree."""
    if sector is None:
        return -180.0, 360.0
    return sector[0], min(sector[1] - sector[0], 360.0)


def bin_edges(spec: IntegrationSpec, radial: Array) -> Array:
    """Return the K + 1 bin edges that `spec` asks for, in the unit of the axis.

    Without edges or range they span the values `radial` of the selected pixels.
    """
    if spec.edges is not None:
        return np.asarray(spec.edges, dtype=np.float64)
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
