"""Calibrant frames of detectors and under conditions of many kinds, with known geometry.

A condition takes a `Scene` and a random generator and returns what a user hands in: the frame as it
is stored and what is said of it. Frames are as a program would find them: gaps hold what the maker
writes into them, nothing is masked beforehand.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from xrdkit.calibration.rings import calibrant_rings
from xrdkit.geometry import Calibration, Detector
from xrdkit.simulate import pose

Array = NDArray[np.float64]
Random = np.random.Generator


@dataclass(frozen=True, kw_only=True)
class Make:
    """A make of detectors: size in pixels, their edge in m, modules, and what gaps hold."""

    shape: tuple[int, int]
    pixel: float
    module: tuple[int, int] | None = None
    gap: tuple[int, int] = (0, 0)
    blind: float = 0.0
    dtype: str = "int32"
    round: bool = False
    blur: float = 0.0
    gain: float = 1.0
    offset: float = 0.0

    def dark(self) -> NDArray[np.bool_]:
        """Return where there is no sensor."""
        rows, columns = np.mgrid[: self.shape[0], : self.shape[1]]
        dark = np.zeros(self.shape, dtype=bool)
        if self.module is not None:
            dark |= rows % (self.module[0] + self.gap[0]) >= self.module[0]
            dark |= columns % (self.module[1] + self.gap[1]) >= self.module[1]
        if self.round:
            middle = (0.5 * self.shape[0] - 0.5, 0.5 * self.shape[1] - 0.5)
            dark |= np.hypot(rows - middle[0], columns - middle[1]) > 0.5 * self.shape[0]
        return dark


MAKES = {
    "Eiger 4M": Make(
        shape=(2167, 2070), pixel=75e-6, module=(514, 1030), gap=(37, 10),
        blind=4294967295, dtype="uint32",
    ),
    "Eiger 1M": Make(
        shape=(1065, 1030), pixel=75e-6, module=(514, 1030), gap=(37, 10),
        blind=4294967295, dtype="uint32",
    ),
    "Pilatus 300K-W": Make(
        shape=(195, 1475), pixel=172e-6, module=(195, 487), gap=(0, 7), blind=-1,
    ),
    "Pilatus 300K": Make(
        shape=(619, 487), pixel=172e-6, module=(195, 487), gap=(17, 0), blind=-1,
    ),
    "plate": Make(shape=(1150, 1150), pixel=300e-6, round=True, dtype="uint16", blur=0.8),
    "flat panel": Make(
        shape=(1024, 1024), pixel=400e-6, dtype="float32", gain=3.0, offset=40.0, blur=0.4,
    ),
    "CCD": Make(
        shape=(1024, 1024), pixel=160e-6, round=True, dtype="uint16", blur=0.7, gain=2.0,
        offset=10.0,
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A calibrant before a detector."""

    make: Make
    calibrant: str
    truth: Calibration
    mean: Array
    """Photons expected in each pixel."""

    @property
    def two_theta(self) -> Array:
        """Scattering angle of the pixels, rad."""
        return self.truth.two_theta(self.make.shape)


@dataclass(frozen=True, kw_only=True)
class Offered:
    """What is handed to a calibration."""

    frame: NDArray[Any]
    calibrant: str
    wavelength: float
    pixel: float
    truth: Calibration | None
    """The geometry that is right for this frame; None where none is."""
    settings: dict[str, Any] = field(default_factory=dict)


def scene(make: str, seed: int, *, largest_tilt: float = 8.0) -> Scene:
    """Return rings of a random calibrant, distance, centre and tilt."""
    random = np.random.default_rng([77, seed, list(MAKES).index(make)])
    device = MAKES[make]
    rows, columns = device.shape
    calibrant = str(random.choice(["AgBh", "LaB6", "CeO2", "Si", "alpha_Al2O3"]))
    low = calibrant == "AgBh"
    wavelength = float(random.uniform(0.9, 1.55) if low else random.uniform(0.2, 0.75))
    # so far that six to twelve rings are in view, whatever the wavelength
    angle = calibrant_rings(calibrant, wavelength).two_theta
    outer = float(angle[min(int(random.integers(6, 13)), angle.size - 1)])
    reach = max(rows, columns) * device.pixel * random.uniform(0.5, 0.9)
    side = random.uniform(0.1, 0.9, 2) if random.random() < 0.7 else random.uniform(-0.3, 1.3, 2)
    geometry = pose(
        distance=reach / math.tan(min(outer, 0.8)),
        center=(float(side[0] * columns), float(side[1] * rows)),
        tilt=float(random.choice([random.uniform(0, 1), random.uniform(0, largest_tilt)])),
        tilt_azimuth=float(random.uniform(-180, 180)),
        wavelength=wavelength,
        detector=Detector(pixel_size_y=device.pixel, pixel_size_x=device.pixel, shape=device.shape),
    )
    width = random.uniform(2.2, 4.5) * device.pixel / geometry.direct_distance
    height = float(10 ** random.uniform(1.0, 3.3))
    mean = height * _rings(geometry, device.shape, calibrant, width, random) + 0.003 * height + 0.05
    return Scene(make=device, calibrant=calibrant, truth=geometry, mean=mean)


def _rings(
    geometry: Calibration, shape: tuple[int, int], calibrant: str, fwhm: float, random: Random
) -> Array:
    """Return rings of unequal strength, `fwhm` in rad, over a background that falls."""
    two_theta = geometry.two_theta(shape)
    top = float(two_theta.max())
    total = 0.05 * np.exp(-3.0 * two_theta / top)
    sigma = fwhm / 2.3548
    for angle in calibrant_rings(calibrant, geometry.wavelength).two_theta:
        if angle > top + fwhm:
            break
        near = np.abs(two_theta - angle) < 5 * sigma
        strength = math.exp(-1.5 * angle / top) * random.uniform(0.25, 1.0)
        total[near] += strength * np.exp(-0.5 * ((two_theta[near] - angle) / sigma) ** 2)
    return np.asarray(total * geometry.solid_angle(shape))


def stored(mean: Array, make: Make, random: Random) -> NDArray[Any]:
    """Return `mean` photons as the detector stores them."""
    counts = random.poisson(np.maximum(mean, 0.0)).astype(float)
    if make.blur:
        counts = ndimage.gaussian_filter(counts, make.blur)
    counts = (
        make.gain * counts
        + make.offset
        + random.normal(0, 1.0, counts.shape) * (1.0 if make.offset else 0.0)
    )
    if np.dtype(make.dtype).kind != "f":
        counts = np.rint(counts)
    counts = np.where(make.dark(), make.blind, counts)
    if np.dtype(make.dtype).kind != "f":
        limits = np.iinfo(make.dtype)
        counts = np.clip(counts, limits.min, limits.max)
    return counts.astype(make.dtype)


def _offered(of: Scene, frame: NDArray[Any], **changes: Any) -> Offered:
    told = {
        "calibrant": of.calibrant,
        "wavelength": of.truth.wavelength,
        "pixel": of.make.pixel,
        "truth": of.truth,
    }
    return Offered(frame=frame, **{**told, **changes})


def plain(of: Scene, random: Random) -> Offered:
    """Nothing is wrong."""
    return _offered(of, stored(of.mean, of.make, random))


def curved_background(of: Scene, random: Random) -> Offered:
    """A background of a second and third degree across the frame, as bright as the rings."""
    rows, columns = np.mgrid[-0.5 : 0.5 : of.make.shape[0] * 1j, -0.5 : 0.5 : of.make.shape[1] * 1j]
    a = random.normal(0, 1, 6)
    curve = a[0] * rows + a[1] * columns + 3 * (a[2] * rows**2 + a[3] * columns**2)
    curve += 3 * (a[4] * rows * columns + a[5] * rows**3)
    curve = (curve - curve.min()) / np.ptp(curve)
    return _offered(of, stored(of.mean + 0.7 * np.percentile(of.mean, 99) * curve, of.make, random))


def halo(of: Scene, random: Random) -> Offered:
    """A broad halo of a glass, twice as bright as the rings."""
    angle = of.two_theta
    place = random.uniform(0.25, 0.7) * angle.max()
    broad = np.exp(-0.5 * ((angle - place) / (random.uniform(0.08, 0.2) * angle.max())) ** 2)
    return _offered(of, stored(of.mean + 2 * np.percentile(of.mean, 99) * broad, of.make, random))


def second_phase(of: Scene, random: Random) -> Offered:
    """Five rings of another phase, half as bright as those of the calibrant."""
    angle, top = of.two_theta, float(of.two_theta.max())
    extra = np.zeros(of.make.shape)
    for place in random.uniform(0.15, 0.95, 5) * top:
        extra += np.exp(-0.5 * ((angle - place) / (0.0025 * top)) ** 2)
    height = 0.5 * np.percentile(of.mean, 99) * random.uniform(0.5, 1.0)
    return _offered(of, stored(of.mean + height * extra, of.make, random))


def _about_the_beam(of: Scene) -> tuple[Array, Array, tuple[float, float]]:
    x, y = of.truth.beam_center
    rows, columns = np.mgrid[: of.make.shape[0], : of.make.shape[1]] + 0.5
    return rows - y, columns - x, (y, x)


def beamstop_arm(of: Scene, random: Random) -> Offered:
    """A beamstop and its arm that lets a hundredth through."""
    down, right, _ = _about_the_beam(of)
    turn, size = random.uniform(0, 2 * np.pi), 0.05 * max(of.make.shape)
    along = down * np.sin(turn) + right * np.cos(turn)
    across = down * np.cos(turn) - right * np.sin(turn)
    shade = (np.hypot(down, right) < size) | ((along > 0) & (np.abs(across) < 0.4 * size))
    return _offered(of, stored(np.where(shade, 0.01 * of.mean, of.mean), of.make, random))


def parallax(of: Scene, random: Random) -> Offered:
    """A sensor so thick that photons of oblique rings go on for some pixels.

    The place where they are counted is that on a plane behind the face of the sensor.
    """
    geometry, thick = of.truth, random.uniform(0.3, 1.5)
    depths = ((0.1, 0.3), (0.5, 0.3), (1.0, 0.2), (1.8, 0.13), (3.0, 0.07))
    mean = thick * sum(depth * weight for depth, weight in depths) * of.make.pixel
    rows, columns = np.mgrid[: of.make.shape[0], : of.make.shape[1]].astype(float)
    down = (rows + 0.5) * of.make.pixel - geometry.poni1
    right = (columns + 0.5) * of.make.pixel - geometry.poni2
    slope = (thick * down / geometry.distance, thick * right / geometry.distance)
    moved = sum(
        weight
        * ndimage.map_coordinates(
            of.mean, (rows - depth * slope[0], columns - depth * slope[1]), order=1, mode="nearest"
        )
        for depth, weight in depths
    )
    behind = replace(geometry, distance=geometry.distance + mean)
    return _offered(of, stored(np.asarray(moved), of.make, random), truth=behind)


def dead_modules(of: Scene, random: Random) -> Offered:
    """A third of the squares of the frame holds nothing but zeros."""
    frame = stored(of.mean, of.make, random)
    side = max(of.make.shape) // 6
    for top in range(0, of.make.shape[0], side):
        for left in range(0, of.make.shape[1], side):
            if random.random() < 0.33:
                box = frame[top : top + side, left : left + side]
                box[:] = np.where(of.make.dark()[top : top + side, left : left + side], box, 0)
    return _offered(of, frame)


def saturated(of: Scene, random: Random) -> Offered:
    """16 bits, exposed so long that the brightest tenth of the rings ends at 65535."""
    level = 65535.0 / np.percentile(of.mean[~of.make.dark()], 97)
    make = replace(of.make, dtype="uint16", blind=0.0, gain=1.0, offset=0.0)
    return _offered(of, stored(of.mean * level, make, random))


def flipped(of: Scene, random: Random) -> Offered:
    """Rows in the other order."""
    height = of.make.shape[0] * of.make.pixel
    turned = replace(of.truth, poni1=height - of.truth.poni1, rot2=-of.truth.rot2)
    return _offered(of, stored(of.mean, of.make, random)[::-1].copy(), truth=turned)


def pixels_twice(of: Scene, random: Random) -> Offered:
    """Pixels said to be twice as large: angles are the same, the distance is not."""
    return _offered(of, stored(of.mean, of.make, random), pixel=2 * of.make.pixel)


def wrong_wavelength(of: Scene, random: Random) -> Offered:
    """A wavelength that is wrong by a tenth to a half: at small angles q is right all the same."""
    factor = float(random.choice([0.55, 0.7, 0.85, 1.12, 1.25, 1.5]))
    return _offered(of, stored(of.mean, of.make, random), wavelength=of.truth.wavelength * factor)


def wrong_calibrant(of: Scene, random: Random) -> Offered:
    """The name of another calibrant."""
    names = ("AgBh", "LaB6", "CeO2", "Si", "alpha_Al2O3", "NaCl", "Ni", "Au")
    other = str(random.choice([n for n in names if n != of.calibrant]))
    return _offered(of, stored(of.mean, of.make, random), calibrant=other, truth=None)


def negative(of: Scene, random: Random) -> Offered:
    """A dark was subtracted: noise about zero, negative as often as not."""
    clean = stored(of.mean, replace(of.make, dtype="float32", blind=0.0), random)
    return _offered(of, (clean + random.normal(-2.0, 3.0, clean.shape)).astype(np.float32))


def not_a_number(of: Scene, random: Random) -> Offered:
    """Gaps and one pixel in a hundred are NaN."""
    clean = stored(of.mean, replace(of.make, dtype="float32", blind=np.nan), random)
    clean[random.random(clean.shape) < 0.01] = np.nan
    return _offered(of, clean)


def masked_by_value(of: Scene, random: Random) -> Offered:
    """2^32-1 in the gaps and in bad pixels, widened to float."""
    clean = stored(of.mean, replace(of.make, dtype="float64", blind=4294967295.0), random)
    clean[random.random(clean.shape) < 0.003] = 4294967295.0
    return _offered(of, clean)


def scaled(of: Scene, random: Random) -> Offered:
    """Divided by the brightest pixel: 0 to 1."""
    clean = stored(of.mean, replace(of.make, dtype="float64", blind=0.0), random)
    return _offered(of, (clean / clean.max()).astype(np.float32))


def binned(of: Scene, random: Random) -> Offered:
    """Two by two pixels summed."""
    make = replace(of.make, dtype="float64", blind=0.0)
    rows, columns = (n // 2 * 2 for n in of.make.shape)
    frame = stored(of.mean, make, random)[:rows, :columns]
    frame = frame.reshape(rows // 2, 2, columns // 2, 2).sum(axis=(1, 3))
    pixel = 2 * of.make.pixel
    detector = Detector(pixel_size_y=pixel, pixel_size_x=pixel, shape=frame.shape)
    return _offered(
        of, frame.astype(np.int32), pixel=pixel, truth=replace(of.truth, detector=detector)
    )


def binned_unsaid(of: Scene, random: Random) -> Offered:
    """Two by two pixels summed, and the pixel size is that of single ones."""
    told = binned(of, random)
    return replace(told, pixel=of.make.pixel)


def spots(of: Scene, random: Random) -> Offered:
    """A powder of few grains."""
    grains = ndimage.gaussian_filter(random.exponential(1.0, of.make.shape), 1.3)
    grains = np.maximum((grains - grains.mean()) / grains.std() * 1.2 + 1.0, 0.0)
    return _offered(of, stored(of.mean * grains, of.make, random))


def texture(of: Scene, random: Random) -> Offered:
    """Rings that are bright in some directions alone."""
    down, right, _ = _about_the_beam(of)
    turn = np.arctan2(down, right)
    bright = np.exp(-4.0 * np.sin(turn - random.uniform(0, np.pi)) ** 2) + 0.02
    return _offered(of, stored(of.mean * bright, of.make, random))


CONDITIONS: dict[str, Callable[[Scene, Random], Offered]] = {
    f.__name__: f
    for f in (
        plain, curved_background, halo, second_phase, beamstop_arm, parallax, dead_modules,
        saturated, flipped, pixels_twice, wrong_wavelength, wrong_calibrant, negative,
        not_a_number, masked_by_value, scaled, binned, binned_unsaid, spots, texture,
    )
}  # fmt: skip
