"""What broadens a line: the instrument (Caglioti) and the size and strain of the crystallites.

Full widths at half maximum in degree of 2θ; sizes are volume-weighted mean column lengths L_vol in
nm (Scherrer constant 1); strain is the apparent maximum strain e = Δd/d.

H_G² = U tan² + V tan + W + P/cos²          Caglioti, Paoletti & Ricci, Nucl. Instrum. 3 (1958) 223
H_L  = (X + X_size)/cos + (Y + Y_strain) tan      of θ
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import SpecError

Array = NDArray[np.float64]

#: Share of a line that lies beside it, and how far on each side (degree) where some does.
NO_TAILS = (0.0, 0.25)
INSTRUMENT_NAMES = ("u", "v", "w", "x", "y")
#: FWHM over integral breadth of a Gaussian.
_GAUSS_FWHM = 2.0 * np.sqrt(np.log(2.0) / np.pi)


@dataclass(frozen=True, kw_only=True)
class InstrumentWidths:
    """The broadening of an instrument, as a refinement of a line standard gives it."""

    u: float = 0.0
    """Gaussian, tan²θ term, degree²."""
    v: float = 0.0
    """Gaussian, tan θ term, degree²."""
    w: float = 0.0
    """Gaussian, constant term, degree²."""
    x: float = 0.0
    """Lorentzian, 1/cos θ term, degree."""
    y: float = 0.0
    """Lorentzian, tan θ term, degree."""
    axial: float = 0.0
    """Axial divergence: half heights of sample and receiving slit over the radius, 0 to 0.3."""
    tails: tuple[float, float] = NO_TAILS
    """Share of each line that lies evenly about it (0 to 0.5), and how far on each side (0.02 to 2
    degree)."""

    def __post_init__(self) -> None:
        for name in INSTRUMENT_NAMES:
            value = getattr(self, name)
            if not np.isfinite(value) or abs(value) > 25.0:
                raise SpecError(f"instrument width {name} = {value} is not within ±25")
        if not 0.0 <= self.axial <= 0.3:
            raise SpecError(f"axial divergence {self.axial} is outside 0 to 0.3")
        check_tails(*self.tails)
        if self.x < 0 or self.y < 0:
            raise SpecError(f"Lorentzian widths x = {self.x}, y = {self.y} must not be negative")
        if not (self.w > 0 or self.x > 0):
            raise SpecError("an instrument needs a width: w or x above 0")


def check_instrument(instrument: object) -> None:
    """Raise SpecError for what is neither widths of an instrument nor None."""
    if instrument is not None and not isinstance(instrument, InstrumentWidths):
        raise SpecError(f"instrument = {instrument!r} is no InstrumentWidths")


def check_tails(share: float, half: float) -> None:
    """Raise SpecError for tails outside their range."""
    if not (0.0 <= share <= 0.5 and 0.02 <= half <= 2.0):
        raise SpecError(f"tails {share}, {half} are outside 0 to 0.5 and 0.02 to 2 degree")


def size_width(wavelength: float) -> float:
    """Return X_size · L_vol in degree nm: (180/π)(2/π) λ, λ in ångström."""
    return float(np.degrees(2.0 / np.pi * 0.1 * wavelength))


def gaussian_size_width(wavelength: float) -> float:
    """Return √P · L_vol in degree nm: (180/π) 2√(ln 2/π) λ, λ in ångström."""
    return float(np.degrees(_GAUSS_FWHM * 0.1 * wavelength))


def strain_width() -> float:
    """Return Y_strain / e in degree: (180/π)(2/π) 4."""
    return float(np.degrees(8.0 / np.pi))
