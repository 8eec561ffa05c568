"""Calibrations repeated with new noise: what they scatter, and what each predicts."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from calibrant_frames import FADING, FWHM, beside
from frames_in_memory import make_frames
from numpy.typing import NDArray

import xrdkit as xk
from xrdkit.calibration.derived import derived
from xrdkit.calibration.rings import calibrant_rings
from xrdkit.errors import CalibrationRejected
from xrdkit.geometry import PARAMETERS, Calibration, Detector
from xrdkit.simulate import (
    VirtualInstrument,
    expose_calibrant,
    pose,
    virtual_laboratory,
    virtual_waxs,
)
from xrdkit.simulate.expose import expose

Array = NDArray[np.float64]
#: what is compared: direct distance (m), beam centre x, y (pixel), rot1, rot2
NAMES = ("distance", "x", "y", "rot1", "rot2")


@dataclass(frozen=True)
class Case:
    """One geometry of which frames are made again and again."""

    instrument: VirtualInstrument
    calibrant: str
    frame: Callable[[int], NDArray[np.integer]]
    tilt_known: bool = True


@dataclass(frozen=True)
class Repeats:
    """What `number` calibrations gave; the first index is the repeat."""

    number: int
    error: Array
    """Found less true, in the order of `NAMES`, (n, 5)."""
    sigma: Array
    """Predicted standard errors of these, (n, 5)."""
    q_error: Array
    """Error of q over a grid of the frame over the largest q, (n, pixels)."""
    q_sigma: Array
    """Predicted standard error of it, (n, pixels)."""
    tilted: float
    """Share of the calibrations that refined the tilt."""
    refused: int
    """Frames that were rejected."""

    @property
    def ratio(self) -> Array:
        """Scatter over root mean square prediction, (5,)."""
        return _over(np.std(self.error, axis=0, ddof=1), self.sigma)

    @property
    def bias(self) -> Array:
        """Mean error over root mean square prediction, (5,)."""
        return _over(np.mean(self.error, axis=0), self.sigma)

    @property
    def q_ratio(self) -> Array:
        """Scatter of q over prediction at the places of the grid, (pixels,)."""
        return _over(np.std(self.q_error, axis=0, ddof=1), self.q_sigma)


def _over(value: Array, sigma: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(value / np.sqrt(np.mean(sigma**2, axis=0)))


def strip() -> VirtualInstrument:
    """Return a wide detector with the beam 260 rows off it, tilted by 5 degree: arcs of rings."""
    detector = Detector(pixel_size_y=75e-6, pixel_size_x=75e-6, shape=(512, 1034))
    geometry = pose(
        distance=0.2, center=(300.0, -260.0), tilt=5.0, tilt_azimuth=-60.0, wavelength=0.4,
        detector=detector,
    )  # fmt: skip
    return VirtualInstrument(
        name="strip", calibration=geometry, gap_columns=((508, 526),), dtype="int32",
        polarization=0.0,
    )  # fmt: skip


def corner_of_behenate() -> VirtualInstrument:
    """Return a small detector with the beam near its corner: quarters of a few rings."""
    detector = Detector(pixel_size_y=172e-6, pixel_size_x=172e-6, shape=(260, 240))
    geometry = pose(distance=0.45, center=(30.0, 25.0), wavelength=1.5406, detector=detector)
    return VirtualInstrument(name="corner", calibration=geometry, dtype="int32", polarization=0.0)


def case(name: str) -> Case:
    """Return a case by name; those of grains have rings of few crystals."""
    behenate = {"calibrant": "AgBh", "fwhm": FWHM, **FADING}
    ceria = {"calibrant": "CeO2", "fwhm": 0.08, "background": 0.05}
    if name in ("centred", "corner", "tilted", "outside"):
        return _counting(virtual_laboratory(name), counts=2000.0, **behenate)
    if name == "weak":
        return _counting(virtual_laboratory("centred"), counts=20.0, tilt_known=False, **behenate)
    if name == "waxs":
        instrument = virtual_waxs(coarse=2)
        return _counting(instrument, calibrant="LaB6", counts=300.0, fwhm=0.25, decay=30.0)
    if name == "weak waxs":
        instrument = virtual_waxs(coarse=2)
        return _counting(instrument, calibrant="CeO2", counts=30.0, fwhm=0.3, decay=30.0)
    if name == "partial":
        return _counting(strip(), counts=300.0, **ceria)
    if name == "grains saxs":
        return _grains(
            virtual_laboratory("corner"), "AgBh", fwhm=FWHM, decay=3.0, grains=800.0,
            tilt_known=False,
        )  # fmt: skip
    if name == "grains few":
        return _grains(
            corner_of_behenate(), "AgBh", fwhm=2.0 * FWHM, decay=6.0, grains=500.0,
            tilt_known=False,
        )  # fmt: skip
    if name == "grains waxs":
        return _grains(virtual_waxs(coarse=2), "LaB6", fwhm=0.3, decay=30.0, grains=300.0)
    if name == "grains partial":
        return _grains(strip(), "CeO2", fwhm=0.1, decay=20.0, grains=1500.0)
    raise KeyError(name)


CASES = (
    "centred", "corner", "tilted", "outside", "weak", "waxs", "weak waxs", "partial",
    "grains few", "grains saxs", "grains waxs", "grains partial",
)  # fmt: skip


def _counting(
    instrument: VirtualInstrument, calibrant: str, *, tilt_known: bool = True, **settings: float
) -> Case:
    def frame(seed: int) -> NDArray[np.integer]:
        return expose_calibrant(instrument, calibrant, seed=seed, **settings)

    return Case(instrument, calibrant, frame, tilt_known)


def _grains(
    instrument: VirtualInstrument,
    calibrant: str,
    *,
    fwhm: float,
    decay: float,
    grains: float,
    tilt_known: bool = True,
    counts: float = 500.0,
    displaced: float = 0.35,
    spot: float = 2.0,
) -> Case:
    """Return rings that are the sum of about `grains` spots on a whole circle.

    Spots have exponentially distributed intensities, lie off the ring by `displaced` of its
    standard deviation, and reach `spot` pixels (standard deviation) along it: neighbouring sectors
    share them.
    """
    geometry, shape = instrument.calibration, instrument.shape
    steps = np.arange(-int(4 * spot) - 1, int(4 * spot) + 2)
    width = fwhm / 2.3548

    def frame(seed: int) -> NDArray[np.integer]:
        noise = np.random.SeedSequence([91, seed]).spawn(2)
        random = np.random.default_rng(noise[0])
        mean = np.zeros(shape).ravel()
        for pixel, away, place, angle, around in _rings_of(geometry, shape, calibrant, fwhm):
            number = random.poisson(grains)
            at = random.uniform(0, around, number)
            size, shift = random.exponential(1.0, number), random.normal(0, 1, number)
            cell = np.floor(at).astype(int)[:, None] + steps
            share = np.exp(-0.5 * ((cell - at[:, None]) / spot) ** 2) * size[:, None]
            total, moved = (
                np.bincount((cell % around).ravel(), (share * by).ravel(), around)
                for by in (1.0, shift[:, None] * displaced * width)
            )
            middle = moved / np.maximum(total, 1e-30)
            height = counts * math.exp(-angle / decay) * around / (number * spot * 2.5066)
            profile = np.exp(-0.5 * ((away - middle[place]) / width) ** 2)
            mean[pixel] += height * total[place] * profile
        expected = mean.reshape(shape) * geometry.solid_angle(shape) + 0.5
        return expose(instrument, expected, seed=noise[1])

    return Case(instrument, calibrant, frame, tilt_known)


@lru_cache(maxsize=4)
def _rings_of(
    geometry: Calibration, shape: tuple[int, int], calibrant: str, fwhm: float
) -> list[tuple[NDArray[np.intp], Array, NDArray[np.intp], float, int]]:
    """Return pixels of each ring, their 2θ from it, place along it, its 2θ and length in pixels."""
    two_theta = np.degrees(geometry.two_theta(shape)).ravel()
    turn = (geometry.azimuth(shape).ravel() % 360.0) / 360.0
    found = []
    for angle in np.degrees(calibrant_rings(calibrant, geometry.wavelength).two_theta):
        pixel = np.flatnonzero(np.abs(two_theta - angle) < 2.2 * fwhm)
        if pixel.size < 20:
            continue
        radius = geometry.direct_distance * math.tan(math.radians(angle))
        around = max(int(2 * math.pi * radius / geometry.detector.pixel_size_x), 60)
        place = np.floor(turn[pixel] * around).astype(int) % around
        found.append((pixel, two_theta[pixel] - angle, place, float(angle), around))
    return found


def repeated(of: Case, number: int, *, first: int = 1000) -> Repeats:
    """Return what calibrations of `number` frames gave, each from a start beside the truth.

    Where the rings do not tell the tilt the start has the true one, which it keeps.
    """
    instrument, truth = of.instrument, of.instrument.calibration
    start = beside(truth, stretch=1.003, pixels=(2.0, -2.0))
    if not of.tilt_known:
        start = replace(start, rot1=truth.rot1, rot2=truth.rot2)
    value, slopes = derived(truth)
    slope_of_q = _slopes_of_q(truth, instrument.shape)
    errors, sigmas, q_errors, q_sigmas, tilted, refused = [], [], [], [], 0, 0
    for seed in range(first, first + number):
        try:
            result = xk.calibrate(make_frames(of.frame(seed)), calibrant=of.calibrant, start=start)
        except CalibrationRejected:
            refused += 1
            continue
        found, covariance = result.calibration, result.covariance
        tilted += result.tilt_refined
        away = np.array([getattr(found, name) - getattr(truth, name) for name in PARAMETERS[:5]])
        errors.append((derived(found)[0] - value)[:5])
        sigmas.append(np.sqrt(np.diag(slopes[:5, :5] @ covariance @ slopes[:5, :5].T)))
        q_errors.append(slope_of_q @ away)
        q_sigmas.append(np.sqrt(np.einsum("ij,jk,ik->i", slope_of_q, covariance, slope_of_q)))
    return Repeats(
        number=len(errors),
        error=np.array(errors),
        sigma=np.array(sigmas),
        q_error=np.array(q_errors),
        q_sigma=np.array(q_sigmas),
        tilted=tilted / max(len(errors), 1),
        refused=refused,
    )


def _slopes_of_q(truth: Calibration, shape: tuple[int, int]) -> Array:
    """Return the change of q/largest q with each parameter on a grid of the frame, (pixels, 5)."""
    step = max(shape) // 24
    columns = []
    for name in PARAMETERS[:5]:
        high, low = (
            replace(truth, **{name: getattr(truth, name) + side * 1e-6}).radial(shape, "q")
            for side in (1, -1)
        )
        columns.append(((high - low) / 2e-6)[::step, ::step].ravel())
    return np.stack(columns, axis=1) / float(truth.radial(shape, "q").max())
