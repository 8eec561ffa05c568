"""Rings of a calibrant: where powder standards scatter, from pyFAI's tables."""

import difflib
import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import SpecError

#: what else the standards are called, letters and digits alone
_OTHER_NAMES = {
    "agbeh": "AgBh",
    "silverbehenate": "AgBh",
    "agbehenate": "AgBh",
    "ceria": "CeO2",
    "silicon": "Si",
    "corundum": "alpha_Al2O3",
    "alumina": "alpha_Al2O3",
    "al2o3": "alpha_Al2O3",
    "lanthanumhexaboride": "LaB6",
}


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
    name = _known(calibrant)
    d = _spacings(name)
    d = d[wavelength < 2 * d]
    if d.size == 0:
        raise SpecError(f"calibrant {name} has no ring at {wavelength} Å")
    return CalibrantRings(name=name, d_spacing=d, two_theta=2 * np.arcsin(wavelength / (2 * d)))


def _known(calibrant: str) -> str:
    """Return the name of a calibrant as pyFAI writes it."""
    from pyFAI.calibrant import CALIBRANT_FACTORY

    names = sorted(CALIBRANT_FACTORY.keys())
    by_case = {name.lower(): name for name in names}
    asked = str(calibrant).strip()
    # The table is checked first because pyFAI would open a file of that name.
    name = by_case.get(_OTHER_NAMES.get(_plain(asked), asked).lower())
    if name is None:
        plain = {_plain(name): name for name in names}
        near = [plain[key] for key in difflib.get_close_matches(_plain(asked), plain, 3, 0.5)]
        meant = f"did you mean {' or '.join(near)}? " if near else ""
        raise SpecError(
            f"calibrant {calibrant!r} is not known", hint=f"{meant}known: {', '.join(names)}"
        )
    return name


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


@functools.cache
def _spacings(name: str) -> NDArray[np.float64]:
    """Return the lattice spacings of pyFAI's calibrant `name`, ångström, largest first."""
    from pyFAI.calibrant import CALIBRANT_FACTORY

    d = np.unique(np.asarray(CALIBRANT_FACTORY(name).dspacing, dtype=float))[::-1]
    d.flags.writeable = False
    return d
