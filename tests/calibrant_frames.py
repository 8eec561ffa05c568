"""Simulated calibrant frames with known geometry, shared by the tests of calibration."""

import math

import numpy as np
from numpy.typing import NDArray

from xrdkit.calibration.contrast import RadialProfile
from xrdkit.calibration.frame import CalibrantFrame
from xrdkit.calibration.rings import calibrant_rings
from xrdkit.geometry import Calibration, Detector
from xrdkit.simulate import VirtualInstrument, expose_calibrant, pose

#: The rings of the cases A to E: they fade as exp(-2θ/0.04) over a background exp(-2θ/0.02).
FADING = {"decay": math.degrees(0.04), "diffuse": 0.02, "background": 0.2}
#: 2.35 px at 1 m, as sharp as rings of good frames are
FWHM = 0.023


def behenate(
    instrument: VirtualInstrument, *, counts: float = 2000.0, seed: int = 0
) -> NDArray[np.integer]:
    """Return a raw frame of silver behenate."""
    return expose_calibrant(instrument, "AgBh", counts=counts, fwhm=FWHM, seed=seed, **FADING)


def beside(
    truth: Calibration, *, stretch: float = 1.01, pixels: tuple[float, float] = (5.0, -5.0)
) -> Calibration:
    """Return an untilted start: the distance times `stretch`, the centre off by `pixels` (x, y)."""
    x, y = truth.beam_center
    return pose(
        distance=truth.direct_distance * stretch,
        center=(x + pixels[0], y + pixels[1]),
        wavelength=truth.wavelength,
        detector=truth.detector,
    )


def errors(found: Calibration, truth: Calibration) -> NDArray[np.float64]:
    """Return (relative distance, centre x px, centre y px) of `found` less that of `truth`."""
    return np.array(
        [
            found.direct_distance / truth.direct_distance - 1.0,
            *np.subtract(found.beam_center, truth.beam_center),
        ]
    )


#: rows, columns, pixel in µm, gaps along rows and columns of three kinds of detector
_DETECTORS = {
    "300K": (619, 487, 172.0, ((195, 212), (407, 424)), ()),
    "1M": (1065, 1030, 75.0, ((514, 551),), ()),
    "strip": (512, 1034, 75.0, (), ((508, 526),)),
}


def random_instrument(seed: int) -> tuple[VirtualInstrument, str, dict[str, float]]:
    """Return a random instrument, calibrant and the other arguments of `expose_calibrant`.

    Three detectors and four calibrants, tilt 0 to 15 degree, beam up to half a width off the
    detector, 1 to 10000 counts on a ring, distances at which several rings may be in view.
    """
    random = np.random.default_rng([20, seed])
    name = str(random.choice(list(_DETECTORS)))
    rows, columns, micron, gap_rows, gap_columns = _DETECTORS[name]
    calibrant = str(random.choice(["AgBh", "LaB6", "CeO2", "Si"]))
    low = calibrant == "AgBh"
    wavelength = float(random.uniform(0.8, 1.6) if low else random.uniform(0.3, 0.8))
    pixel = micron * 1e-6
    span = pixel * max(rows, columns)
    # the angle that the longer side sees: 3 to 12 degree, or 15 to 45
    angle = math.radians(random.uniform(3, 12) if low else random.uniform(15, 45))
    off = random.uniform(-0.5, 1.5, 2) if random.random() < 0.5 else random.uniform(0, 1, 2)
    detector = Detector(pixel_size_y=pixel, pixel_size_x=pixel, shape=(rows, columns))
    geometry = pose(
        distance=span / math.tan(angle),
        center=(float(off[0] * columns), float(off[1] * rows)),
        tilt=float(random.choice([0.0, random.uniform(0, 15)])),
        tilt_azimuth=float(random.uniform(-180, 180)),
        wavelength=wavelength,
        detector=detector,
    )
    instrument = VirtualInstrument(
        name=name,
        calibration=geometry,
        gap_rows=gap_rows,
        gap_columns=gap_columns,
        beamstop_radius=float(random.uniform(0, 20)) * pixel,
        hot_pixels=int(random.integers(0, 30)),
        dtype="int32",
        polarization=0.0,
    )
    settings = {
        "counts": float(10 ** random.uniform(0, 4)),
        "fwhm": math.degrees(random.uniform(2, 5) * pixel / geometry.direct_distance),
        "decay": math.degrees(angle) / random.uniform(0.5, 3),
        "background": 0.05,
    }
    return instrument, calibrant, settings


#: a ring is seen that stands out by so many standard errors as a whole
_SEEN = 5.0


def rings_seen(instrument: VirtualInstrument, calibrant: str, frame: NDArray[np.integer]) -> int:
    """Return how many rings of `calibrant` stand out of `frame` by 5 standard errors each.

    They are summed up over all of the detector under the true geometry, within 3 pixels, and held
    against what is on both sides: the best that anything could do. A ring that is there but so
    faint is none that can be found.
    """
    truth = instrument.calibration
    exposure = CalibrantFrame(
        counts=np.where(instrument.marked() > 0, 0, frame).astype(float),
        valid=instrument.marked() == 0,
    )
    hot = tuple(instrument.hot())
    exposure.valid[hot] = False
    exposure.counts[hot] = 0.0
    profile = RadialProfile(exposure, truth, 3.0)
    angle = calibrant_rings(calibrant, truth.wavelength).two_theta
    height, error = profile.height(profile.radius(angle))
    with np.errstate(invalid="ignore"):
        return int(np.count_nonzero(height > _SEEN * error))


def rings_in_view(instrument: VirtualInstrument, calibrant: str) -> int:
    """Return how many rings of `calibrant` cross the detector of `instrument`, however faint."""
    angle = instrument.calibration.two_theta(instrument.shape)[instrument.marked() == 0]
    rings = calibrant_rings(calibrant, instrument.calibration.wavelength).two_theta
    return int(np.count_nonzero((rings > angle.min()) & (rings < angle.max())))
