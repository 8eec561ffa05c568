"""Simulated calibrant frames with known geometry, shared by the tests of calibration."""

import math

import numpy as np
from numpy.typing import NDArray

from xrdkit.geometry import Calibration
from xrdkit.simulate import VirtualInstrument, expose_calibrant, pose

#: The rings of REDUCTION F8: they fade as exp(-2θ/0.04) over a background exp(-2θ/0.02).
FADING = {"decay": math.degrees(0.04), "diffuse": 0.02, "background": 0.2}
#: 2.35 px at 1 m, as sharp as rings of good frames are
FWHM = 0.023


def behenate(
    instrument: VirtualInstrument, *, counts: float = 2000.0, seed: int = 0
) -> NDArray[np.integer]:
    """Return a raw frame of silver behenate as in F8."""
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
