"""Rings of a calibrant: where powder standards scatter, from pyFAI's tables."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import SpecError


@dataclass(frozen=True, kw_only=True)
class CalibrantRings:
    """Debye-Scherrer rings of one calibrant at one wavelength, innermost first."""

    name: str
    """Name of the calibrant as in pyFAI."""
    d_spacing: NDArray[np.float64]
    """Lattice spacing of each ring, ångström."""
    two_theta: NDArray[np.float64]
    """Scattering angle of each ring, rad."""


def calibrant_rings(calibrant: str, wavelength: float) -> CalibrantRings:
    """Return the rings of `calibrant` for a `wavelength` in ångström: 2θ = 2 asin(λ/2d).

    `calibrant` is one of pyFAI's names ("LaB6", "CeO2", "AgBh", "Si", "alpha_Al2O3" ...), never a
    path. Raises SpecError for an unknown name or where no ring exists at this wavelength.
    """
    # The table is checked first because pyFAI would open a file of that name.
    from pyFAI.calibrant import CALIBRANT_FACTORY

    names = sorted(CALIBRANT_FACTORY.keys())
    by_case = {name.lower(): name for name in names}
    name = by_case.get(str(calibrant).strip().lower())
    if name is None:
        raise SpecError(f"calibrant {calibrant!r} is not known", hint=f"known: {', '.join(names)}")
    d = np.unique(np.asarray(CALIBRANT_FACTORY(name).dspacing, dtype=float))[::-1]
    d = d[wavelength < 2 * d]
    if d.size == 0:
        raise SpecError(f"calibrant {name} has no ring at {wavelength} Å")
    return CalibrantRings(name=name, d_spacing=d, two_theta=2 * np.arcsin(wavelength / (2 * d)))
