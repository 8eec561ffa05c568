"""The rings of a calibrant, at the d-spacings that calibrations use."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.calibration.rings import calibrant_rings
from xrdkit.errors import SpecError
from xrdkit.geometry import Array
from xrdkit.simulate.expose import Exposure, expected_counts, expose
from xrdkit.simulate.instrument import VirtualInstrument


@dataclass(frozen=True, kw_only=True)
class CalibrantRings:
    """Rings of Gaussian profile over a smooth background."""

    name: str
    """pyFAI's name of the calibrant, such as ``"LaB6"``, ``"CeO2"``, ``"Si"`` or ``"AgBh"``."""
    fwhm: float = 0.08
    """Width of every ring at half of its height, degree in 2θ."""
    decay: float = 20.0
    """2θ within which the rings fade to 1/e, degree."""
    diffuse: float = 0.02
    """Height of the background at 2θ = 0 relative to a ring there; it fades twice as fast."""

    def __post_init__(self) -> None:
        for name in ("fwhm", "decay"):
            if not 0 < getattr(self, name) < math.inf:
                raise SpecError(f"{name} {getattr(self, name)} is not positive and finite")
        if not 0 <= self.diffuse < math.inf:
            raise SpecError(f"diffuse {self.diffuse} is negative or not finite")

    def two_theta(self, *, wavelength: float) -> Array:
        """Return 2θ of the rings in degree, ascending: 2 asin(λ/2d); `wavelength` in ångström.

        Raises SpecError for a calibrant that pyFAI does not know.
        """
        return np.degrees(calibrant_rings(self.name, wavelength).two_theta)

    def intensity(self, q: Array, *, wavelength: float) -> Array:
        """Return the rings at `q` (1/nm) in 1/cm, height 1 at 2θ = 0; `wavelength` in ångström."""
        angle = 2.0 * np.degrees(np.arcsin(np.clip(q * wavelength / (40.0 * math.pi), 0.0, 1.0)))
        result = self.diffuse * np.exp(-2.0 * angle / self.decay)
        for center in self.two_theta(wavelength=wavelength):
            low, high = np.searchsorted(angle, (center - 4 * self.fwhm, center + 4 * self.fwhm))
            apart = (angle[low:high] - center) / self.fwhm
            result[low:high] += math.exp(-center / self.decay) * 2.0 ** (-4.0 * apart**2)
        return result


def expose_calibrant(
    instrument: VirtualInstrument,
    name: str = "LaB6",
    *,
    counts: float = 2000.0,
    background: float = 0.2,
    fwhm: float = 0.08,
    decay: float = 20.0,
    diffuse: float = 0.02,
    seed: int = 0,
) -> NDArray[np.integer]:
    """Return a raw frame, (y, x), of the rings of a calibrant.

    A ring at 2θ = 0 would have `counts` in a pixel at normal incidence; every pixel has
    `background` more. Other arguments as in `CalibrantRings` and `expose`. Raises SpecError for an
    unknown calibrant or values outside their range.
    """
    rings = CalibrantRings(name=name, fwhm=fwhm, decay=decay, diffuse=diffuse)
    light = Exposure(flux=counts / instrument.pixel_solid_angle, time=1.0, thickness=1.0)
    mean = expected_counts(instrument, rings, light) + background
    return expose(instrument, mean, seed=seed)
