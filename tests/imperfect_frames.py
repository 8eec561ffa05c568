"""Calibrant frames with the faults that real ones have, with known geometry.

Faults take counts (y, x), the instrument and a random generator, and return counts that a
calibration should still be found in.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from xrdkit.geometry import Detector
from xrdkit.simulate import VirtualInstrument, expose_calibrant, pose

Counts = NDArray[np.float64]
Random = np.random.Generator
_SHAPE, _PIXEL = (619, 487), 172e-6
_GAPS = ((195, 212), (407, 424))


def instrument_at(
    random: Random, *, angle: float, center: tuple[float, float], wavelength: float
) -> VirtualInstrument:
    """Return a tilted 300K detector of which the longer side sees `angle` in degree.

    `center` is that of the beam in shares of columns and rows; `wavelength` in ångström.
    """
    rows, columns = _SHAPE
    geometry = pose(
        distance=rows * _PIXEL / math.tan(math.radians(angle)),
        center=(center[0] * columns, center[1] * rows),
        tilt=float(random.uniform(0, 6)),
        tilt_azimuth=float(random.uniform(-180, 180)),
        wavelength=wavelength,
        detector=Detector(pixel_size_y=_PIXEL, pixel_size_x=_PIXEL, shape=_SHAPE),
    )
    return VirtualInstrument(
        name="300K", calibration=geometry, gap_rows=_GAPS, dtype="int32", polarization=0.0
    )


def usual(random: Random) -> tuple[VirtualInstrument, str]:
    """Return an instrument with the beam on its detector and several rings, and a calibrant."""
    calibrant = str(random.choice(["AgBh", "LaB6", "CeO2", "Si"]))
    low = calibrant == "AgBh"
    center = tuple(float(v) for v in random.uniform(0.15, 0.85, 2))
    return (
        instrument_at(
            random,
            angle=float(random.uniform(6, 12) if low else random.uniform(25, 40)),
            center=(center[0], center[1]),
            wavelength=float(random.uniform(1.0, 1.5) if low else random.uniform(0.35, 0.6)),
        ),
        calibrant,
    )


def exposed(
    instrument: VirtualInstrument, calibrant: str, random: Random, counts: float = 1000.0
) -> Counts:
    """Return a frame of `calibrant`, rings 2.35 to 4 pixels wide, -1 in the gaps."""
    pixel = math.degrees(_PIXEL / instrument.calibration.direct_distance)
    span = _SHAPE[0] * pixel
    frame = expose_calibrant(
        instrument,
        calibrant,
        counts=counts,
        fwhm=float(random.uniform(2.35, 4.0)) * pixel,
        decay=span,
        seed=int(random.integers(2**31)),
    )
    return frame.astype(float)


def saturated(counts: Counts, instrument: VirtualInstrument, random: Random) -> Counts:
    """Counts end at a third of the brightest: the strongest rings have flat tops."""
    return np.minimum(counts, np.floor(np.percentile(counts, 99.9) / 3))


def spotty(counts: Counts, instrument: VirtualInstrument, random: Random) -> Counts:
    """Rings of few grains: the brightness scatters by as much as it is, over 3 pixels."""
    grains = ndimage.gaussian_filter(random.exponential(1.0, counts.shape), 1.0)
    grains = np.maximum((grains - grains.mean()) / grains.std() + 1.0, 0.0)
    return np.where(counts < 0, counts, random.poisson(np.maximum(counts, 0.0) * grains))


def another_phase(counts: Counts, instrument: VirtualInstrument, random: Random) -> Counts:
    """Rings of an impurity, of spacings of their own, a third as bright."""
    q = instrument.calibration.radial(instrument.shape, "q")
    top = float(q.max())
    extra = np.zeros(counts.shape)
    for place in random.uniform(0.15, 0.9, 3) * top:
        extra += np.exp(-0.5 * ((q - place) / (0.002 * top)) ** 2)
    height = 0.33 * float(np.percentile(counts, 99))
    return np.where(counts < 0, counts, counts + random.poisson(height * extra))


def beamstop(counts: Counts, instrument: VirtualInstrument, random: Random) -> Counts:
    """A beamstop of 30 pixels on an arm 12 pixels wide, not masked."""
    x, y = instrument.calibration.beam_center
    rows, columns = np.mgrid[: counts.shape[0], : counts.shape[1]] + 0.5
    turn = random.uniform(0, 2 * np.pi)
    along = (rows - y) * np.sin(turn) + (columns - x) * np.cos(turn)
    across = (rows - y) * np.cos(turn) - (columns - x) * np.sin(turn)
    shade = (np.hypot(rows - y, columns - x) < 30) | ((along > 0) & (np.abs(across) < 6))
    return np.where(shade & (counts > 0), random.poisson(0.1, counts.shape), counts)


def half_in_shadow(counts: Counts, instrument: VirtualInstrument, random: Random) -> Counts:
    """Beyond a straight edge past the beam nothing gets through: half or less of each ring."""
    x, y = instrument.calibration.beam_center
    rows, columns = np.mgrid[: counts.shape[0], : counts.shape[1]] + 0.5
    middle = (0.5 * counts.shape[0] - y, 0.5 * counts.shape[1] - x)
    turn = math.atan2(*middle) + random.uniform(-0.5, 0.5)
    lit = (rows - y) * np.sin(turn) + (columns - x) * np.cos(turn) > 10
    return np.where(~lit & (counts > 0), random.poisson(0.02, counts.shape), counts)


def many_bad_pixels(counts: Counts, instrument: VirtualInstrument, random: Random) -> Counts:
    """One pixel in 500 counts 20 times as much as the brightest, one in 200 nothing."""
    changed = counts.copy()
    chance = random.random(counts.shape)
    changed[(chance < 0.002) & (counts >= 0)] = 20 * counts.max()
    changed[(chance > 0.995) & (counts >= 0)] = 0
    return changed


FAULTS = {
    "saturated": saturated,
    "spotty": spotty,
    "another phase": another_phase,
    "beamstop": beamstop,
    "half in shadow": half_in_shadow,
    "bad pixels": many_bad_pixels,
}
