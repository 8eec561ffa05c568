"""Known faults of pyFAI's integration, shown on synthetic frames beside what xrdkit gives.

Every check has a truth that follows from the frame itself. Nothing here corrects pyFAI: xrdkit does
not use its integration, only its geometry, and these checks tell whether that is still needed. The
frames are 487 x 407 pixels of 172 µm at 0.3 m, or a named detector; all take a few seconds.
"""

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import schema
from xrdkit.geometry import Calibration, Detector
from xrdkit.integration import IntegrationSpec, integrate
from xrdkit.provenance import package_version

Array = NDArray[Any]

SHAPE = (487, 407)
PIXEL = 172e-6
DISTANCE = 0.3
#: pyFAI's default: split over bounding boxes, sparse matrix.
DEFAULT_METHOD = ("bbox", "csr", "cython")
NO_SPLITTING = ("no", "csr", "cython")
_NO_DATA = 2**32 - 1
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Check:
    """One quantity as it is, as pyFAI gives it, and as xrdkit gives it."""

    name: str
    """Short name of the fault."""
    title: str
    """One line for people."""
    quantity: str
    """What the three numbers are."""
    truth: float
    """What must come out."""
    pyfai: float
    """What pyFAI gives; NaN where it could not be asked."""
    xrdkit: float
    """What xrdkit gives."""
    tolerance: float
    """Largest relative deviation from the truth that is no fault."""
    way_round: str
    """How xrdkit does without."""

    @property
    def pyfai_is_right(self) -> bool:
        """Whether pyFAI gives the truth: the fault is mended."""
        return self._is_right(self.pyfai)

    @property
    def xrdkit_is_right(self) -> bool:
        """Whether xrdkit gives the truth."""
        return self._is_right(self.xrdkit)

    def _is_right(self, value: float) -> bool:
        return bool(abs(value - self.truth) <= self.tolerance * abs(self.truth))


def calibration(shape: tuple[int, int] = SHAPE, pixel: float = PIXEL) -> Calibration:
    """Return the geometry of the checks, PONI in the middle of a detector of `shape`."""
    return Calibration(
        distance=DISTANCE,
        poni1=shape[0] / 2 * pixel,
        poni2=shape[1] / 2 * pixel,
        wavelength=1.0,
        detector=Detector(pixel_size_y=pixel, pixel_size_x=pixel, shape=shape),
    )


def frames_of(counts: Array) -> xr.Dataset:
    """Return a FRAMES Dataset of one frame (y, x) or of several (frame, y, x)."""
    stack = counts[None] if counts.ndim == 2 else counts
    attrs = {"units": "count", "long_name": "detector counts"}
    attrs["sentinels"] = np.array([], dtype=np.int64)  # type: ignore[assignment]  # as readers do
    return xr.Dataset(
        {"counts": (("frame", "y", "x"), stack, attrs)},
        coords={"frame": np.arange(len(stack))},
        attrs={"schema": schema.FRAMES.name},
    )


def pyfai_integrator(shape: tuple[int, int] = SHAPE, detector: str | None = None) -> Any:
    """Return pyFAI's integrator for the same geometry, with a generic or a named detector."""
    with _quiet():
        from pyFAI import detector_factory
        from pyFAI.detectors import Detector as PyFaiDetector
        from pyFAI.integrator.azimuthal import AzimuthalIntegrator

        device = (
            PyFaiDetector(PIXEL, PIXEL, max_shape=shape)
            if detector is None
            else detector_factory(detector)
        )
        return AzimuthalIntegrator(
            DISTANCE,
            shape[0] / 2 * device.pixel1,
            shape[1] / 2 * device.pixel2,
            0.0,
            0.0,
            0.0,
            wavelength=1e-10,
            detector=device,
        )


def pyfai_integrate(integrator: Any, image: Array, **settings: Any) -> Any:
    """Return pyFAI's integration over q (1/nm) in 20 bins without solid angle, unless stated."""
    with _quiet():
        return integrator.integrate1d(
            image,
            settings.pop("bins", 20),
            unit="q_nm^-1",
            correctSolidAngle=False,
            **{"method": NO_SPLITTING, **settings},
        )


def lower_edge() -> Check:
    """Check that pixels below the range stay out of the first bin."""
    q = calibration().radial(SHAPE, "q")
    step = np.where(q < 2.0, 1000, 1).astype(np.uint32)

    def theirs() -> float:
        found = pyfai_integrate(
            pyfai_integrator(), step, radial_range=(2.0, 10.0), method=DEFAULT_METHOD
        )
        return float(found.intensity[0])

    ours = _integrated(step, range=(2.0, 10.0))
    return Check(
        name="lower_edge",
        title="pixels below the range leak into the first bin",
        quantity="first bin of an image that is 1000 below the range and 1 within",
        truth=1.0,
        pyfai=_asked(theirs),
        xrdkit=float(ours["intensity"].values[0, 0]),
        tolerance=1e-6,
        way_round="own binning on explicit half-open edges",
    )


def sector_across_cut() -> Check:
    """Check that a sector across the cut of the azimuth keeps all its pixels."""
    sector, edges = (170.0, 190.0), (4.0, 8.0)
    geometry = calibration()
    q, azimuth = geometry.radial(SHAPE, "q"), geometry.azimuth(SHAPE)
    inside = (np.mod(azimuth - sector[0], 360.0) < 20.0) & (q >= edges[0]) & (q < edges[1])
    flat = np.ones(SHAPE, dtype=np.uint32)

    def theirs() -> float:
        found = pyfai_integrate(pyfai_integrator(), flat, radial_range=edges, azimuth_range=sector)
        return float(np.sum(found.count[1:]))

    ours = _integrated(flat, range=edges, azimuth_range=sector)
    # The first bin holds what leaks over the lower edge too: it is another fault.
    width = (edges[1] - edges[0]) / 20
    rest = inside & (q >= edges[0] + width)
    return Check(
        name="sector_across_cut",
        title="sectors across the cut of the azimuth lose half of their pixels",
        quantity="pixels of the sector from 170 to 190 degree, first bin left out",
        truth=float(rest.sum()),
        pyfai=_asked(theirs),
        xrdkit=float(ours["n_pixels"].values[0, 1:].sum()),
        tolerance=0.01,
        way_round="azimuth counted from the edge of the sector, modulo 360",
    )


def mask_by_dtype() -> Check:
    """Check that a frame loses the same pixels in every dtype, on a generic detector."""
    kinds = ("uint32", "int64", "float32")
    values = _with_no_data(SHAPE)
    return Check(
        name="mask_by_dtype",
        title="pixels without data are not masked on a generic detector",
        quantity="largest bin, over three dtypes, of a frame of 1 with 100 pixels of 2^32-1",
        truth=1.0,
        pyfai=_asked(lambda: _their_largest(pyfai_integrator(), values, kinds)),
        xrdkit=_our_largest(calibration(), values, kinds),
        tolerance=1e-6,
        way_round="the rule looks at the values, before any cast",
    )


def mask_by_name() -> Check:
    """Check that a frame of a named detector loses the same pixels when its dtype is another."""
    kinds, shape = ("uint32", "int64"), (514, 1030)
    values = _with_no_data(shape)
    geometry = calibration(shape, 75e-6)
    return Check(
        name="mask_by_name",
        title="on a named detector the same pixels are masked in one dtype and kept in another",
        quantity="largest bin, over two dtypes, of an Eiger frame of 1 with 100 pixels of 2^32-1",
        truth=1.0,
        pyfai=_asked(lambda: _their_largest(pyfai_integrator(shape, "Eiger500k"), values, kinds)),
        xrdkit=_our_largest(geometry, values, kinds),
        tolerance=1e-6,
        way_round="the rule looks at the values, before any cast",
    )


def dark_variance() -> Check:
    """Check that the counts of a dark frame add their variance: 1100 + 100 for each pixel."""
    frame, dark = np.full(SHAPE, 1100, np.uint32), np.full(SHAPE, 100, np.uint32)
    k = 10  # a bin in the middle

    def theirs() -> float:
        found = pyfai_integrate(
            pyfai_integrator(),
            frame.astype(float),
            dark=dark.astype(float),
            error_model="poisson",
            radial_range=(2.0, 10.0),
        )
        return float(found.sem[k] ** 2 * found.count[k])

    ours = _integrated(frame, range=(2.0, 10.0), dark=dark)
    return Check(
        name="dark_variance",
        title="a dark frame is subtracted but adds no variance",
        quantity="variance per pixel of 1100 counts less a dark of 100",
        truth=1200.0,
        pyfai=_asked(theirs),
        xrdkit=float(ours["sigma"].values[0, k] ** 2 * ours["n_pixels"].values[0, k]),
        tolerance=1e-3,
        way_round="the variance of the dark is a source of its own",
    )


def low_counts() -> Check:
    """Check the standard error at 0.1 counts per pixel, where most pixels hold nothing."""
    rate = 0.1
    counts = np.random.default_rng(20).poisson(rate, SHAPE).astype(np.uint32)
    ours = _integrated(counts, range=(2.0, 10.0))
    pixels = ours["n_pixels"].values[0]
    used = slice(1, 18)
    expected = np.sqrt(rate / pixels[used])

    def theirs() -> float:
        found = pyfai_integrate(
            pyfai_integrator(),
            counts.astype(float),
            error_model="poisson",
            radial_range=(2.0, 10.0),
        )
        return float(np.mean(found.sem[used] / expected))

    return Check(
        name="low_counts",
        title="errors of weak frames are too large: every empty pixel is given a variance of 1",
        quantity="standard error at 0.1 counts per pixel over the true one, mean of 17 bins",
        truth=1.0,
        pyfai=_asked(theirs),
        xrdkit=float(np.mean(ours["sigma"].values[0, used] / expected)),
        tolerance=0.05,
        way_round="the variance is that of the counts of the whole bin",
    )


#: Every check, in the order of a report.
CHECKS: tuple[Callable[[], Check], ...] = (
    lower_edge,
    sector_across_cut,
    mask_by_dtype,
    mask_by_name,
    dark_variance,
    low_counts,
)


def pyfai_version() -> str:
    """Return the version of the installed pyFAI."""
    return package_version("pyFAI")


def _integrated(counts: Array, geometry: Calibration | None = None, **settings: Any) -> xr.Dataset:
    spec = IntegrationSpec(unit="q", bins=20, solid_angle=False, **settings)
    return integrate(frames_of(counts), geometry or calibration(), spec)


def _their_largest(integrator: Any, values: Array, kinds: Sequence[str]) -> float:
    """Return the largest bin that pyFAI gives for `values` in any dtype."""
    found = [pyfai_integrate(integrator, values.astype(t), radial_range=(2.0, 10.0)) for t in kinds]
    return max(float(np.nanmax(result.intensity)) for result in found)


def _our_largest(geometry: Calibration, values: Array, kinds: Sequence[str]) -> float:
    found = [_integrated(values.astype(t), geometry, range=(2.0, 10.0)) for t in kinds]
    return max(float(np.nanmax(result["intensity"].values)) for result in found)


def _asked(question: Callable[[], float]) -> float:
    """Return the answer of pyFAI, NaN where it raises: a later version may have other names."""
    try:
        return question()
    except Exception as exc:
        _LOG.warning("pyFAI could not be asked: %s: %s", type(exc).__name__, exc)
        return math.nan


def _with_no_data(shape: Sequence[int]) -> Array:
    values = np.ones(shape, dtype=np.int64)
    values[50:60, 50:60] = _NO_DATA
    return values


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep pyFAI's log lines away: what it does is what is reported here."""
    log = logging.getLogger("pyFAI")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)
