"""From a scattering curve to the counts of every pixel."""

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import EmptyResult, SpecError
from xrdkit.geometry import Array
from xrdkit.masks import MaskReason
from xrdkit.simulate.instrument import NO_DATA, VirtualInstrument

#: Gauss-Legendre points along each side of a pixel: exact for a cubic curve within the pixel,
#: closer than the mean of 3 x 3 sub-pixel centres, whose second moment is 11 % short.
_SUB_POINTS = (-0.5 / math.sqrt(3.0), 0.5 / math.sqrt(3.0))
#: Linear interpolation on steps of this share of q is within 1e-5 of a q⁻⁴ curve (5/2 step²) ...
_RELATIVE_STEP = 2e-3
#: ... and on steps of this share of the smallest pixel within 1e-4 of a line two pixels wide.
_STEPS_PER_PIXEL = 16


class Scatterer(Protocol):
    """Something in the beam that scatters alike in all azimuths."""

    def intensity(self, q: Array, *, wavelength: float) -> Array:
        """Return dΣ/dΩ in 1/cm at `q` (1/nm, ascending) for a wavelength in ångström."""
        ...


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """How much light went through how much sample."""

    flux: float
    """Photons on the sample, 1/s."""
    time: float
    """Exposure time, s."""
    thickness: float = 0.1
    """Length of the way through the sample, cm."""
    transmission: float = 1.0
    """Share of the beam that the sample lets through, 0 to 1."""

    def __post_init__(self) -> None:
        for name in ("flux", "time", "thickness"):
            if not 0 < getattr(self, name) < math.inf:
                raise SpecError(f"{name} {getattr(self, name)} is not positive and finite")
        if not 0 < self.transmission <= 1:
            raise SpecError(f"transmission {self.transmission} is outside 0 to 1")

    def counts_per_cross_section(self, instrument: VirtualInstrument) -> float:
        """Return the counts in a pixel at normal incidence for dΣ/dΩ = 1/cm: F t T d p1 p2/L²."""
        light = self.flux * self.time * self.transmission * self.thickness
        return light * instrument.pixel_solid_angle


@dataclass(frozen=True)
class _Optics:
    """What of an instrument does not change from frame to frame."""

    grid: Array
    """q at which curves are evaluated, 1/nm, ascending."""
    lower: tuple[NDArray[np.int32], ...]
    """Index of the grid point below, per sub-pixel point, (y, x) flattened."""
    share: tuple[NDArray[np.float32], ...]
    """Way to the next grid point, 0 to 1, likewise."""
    weight: Array
    """Solid angle relative to normal incidence times polarisation times open share, (y, x)."""


def expected_counts(
    instrument: VirtualInstrument, scatterer: Scatterer, exposure: Exposure
) -> Array:
    """Return the mean counts of every pixel, (y, x), before counting statistics and faults.

    n = F t T d dΣ/dΩ(q) ΔΩ P + background t: the curve is averaged over the pixel, solid angle
    (cos³ of the incidence) and polarisation are those of its centre; the beamstop takes the
    scattered part away. Gaps and bad pixels have the counts that a good pixel would have there.
    Raises EmptyResult where the curve is negative or not finite.
    """
    optics = _optics(instrument)
    curve = scatterer.intensity(optics.grid, wavelength=instrument.calibration.wavelength)
    if not np.all(np.isfinite(curve)) or np.any(curve < 0):
        raise EmptyResult("the scattering curve is negative or not finite")
    total = np.zeros(optics.weight.size)
    rise = np.append(np.diff(curve), 0.0)
    for lower, share in zip(optics.lower, optics.share, strict=True):
        total += curve[lower] + share * rise[lower]
    mean = total.reshape(instrument.shape) / len(optics.lower)
    mean *= optics.weight * exposure.counts_per_cross_section(instrument)
    mean += instrument.background * exposure.time
    return mean


def expose(
    instrument: VirtualInstrument, expected: Array, *, seed: int | np.random.SeedSequence
) -> NDArray[np.integer]:
    """Return one raw frame, (y, x), in the dtype of the instrument.

    Each pixel draws its counts from the Poisson distribution with mean `expected`; hot pixels draw
    around a hundred times the median of the frame; counts end at the saturation of the pixel; gaps
    and dead pixels hold the values of `instrument.NO_DATA`. The same seed gives the same frame.
    """
    generator = np.random.default_rng(seed)
    counts = generator.poisson(expected)
    rows, columns = instrument.hot()
    level = 100.0 * (np.median(expected) + 1.0)
    counts[rows, columns] = generator.poisson(level, rows.size) * generator.integers(
        1, 10, rows.size
    )
    np.minimum(counts, instrument.saturation, out=counts)
    frame = counts.astype(instrument.dtype)
    gap, dead = NO_DATA[instrument.dtype]
    marked = _marked(instrument)
    frame[(marked & MaskReason.DEAD) > 0] = dead
    frame[(marked & MaskReason.GAP) > 0] = gap
    return frame


@lru_cache(maxsize=4)
def _optics(instrument: VirtualInstrument) -> _Optics:
    calibration = instrument.calibration
    shape, detector = instrument.shape, calibration.detector
    q = [
        replace(
            calibration,
            poni1=calibration.poni1 - dy * detector.pixel_size_y,
            poni2=calibration.poni2 - dx * detector.pixel_size_x,
        ).radial(shape, "q")
        for dy in _SUB_POINTS
        for dx in _SUB_POINTS
    ]
    grid = _grid(min(float(m.min()) for m in q), max(float(m.max()) for m in q), _step(q[0]))
    lower, share = [], []
    for each in q:
        flat = each.ravel()
        index = np.clip(np.searchsorted(grid, flat, side="right") - 1, 0, grid.size - 2)
        lower.append(index.astype(np.int32))
        share.append(((flat - grid[index]) / (grid[index + 1] - grid[index])).astype(np.float32))
    weight = calibration.solid_angle(shape)
    weight *= calibration.polarization(shape, instrument.polarization)
    weight *= instrument.shade()
    return _Optics(grid=grid, lower=tuple(lower), share=tuple(share), weight=weight)


@lru_cache(maxsize=4)
def _marked(instrument: VirtualInstrument) -> NDArray[np.uint16]:
    return instrument.marked()


def _step(q: Array) -> float:
    """Return the smallest step of q from pixel to pixel over 16, 1/nm."""
    slope = np.hypot(
        *(np.diff(q, axis=axis)[: q.shape[0] - 1, : q.shape[1] - 1] for axis in (0, 1))
    )
    return float(slope.min()) / _STEPS_PER_PIXEL


def _grid(low: float, high: float, step: float) -> Array:
    """Return q from at most `low` to at least `high`: steps of 0.2 % of q, then of `step`."""
    start = max(low, 0.25 * step) * 0.999
    bend = max(start, step / _RELATIVE_STEP)
    bend = min(bend, high)
    growing = np.geomspace(start, bend, max(2, math.ceil(math.log(bend / start) / 2e-3) + 1))
    even = np.linspace(bend, high * 1.001, math.ceil((high * 1.001 - bend) / step) + 2)
    return np.concatenate([growing[growing < bend], even])
