"""Settings of `guinier`."""

from dataclasses import dataclass
from typing import Literal

from xrdkit.errors import SpecError
from xrdkit.saxs.checks import check_flags, check_range, is_number
from xrdkit.saxs.smearing import SmearingSpec, check_smearing

Geometry = Literal["sphere", "rod", "sheet"]

#: geometry -> power of q that multiplies the curve.
POWERS = {"sphere": 0, "rod": 1, "sheet": 2}
#: Widest windows, q times the radius.
WIDEST = {"sphere": 1.5, "rod": 1.1, "sheet": 0.8}
_LARGEST_QR = 2.0


@dataclass(frozen=True, kw_only=True)
class GuinierSpec:
    """How Guinier's law is fitted. No window is needed."""

    geometry: Geometry = "sphere"
    """``"sphere"``: bodies of any compact shape, ln I against q², radius of gyration Rg; ``"rod"``:
    long rods, ln qI, radius of gyration Rc of the cross section (radius R/√2); ``"sheet"``: wide
    sheets, ln q²I, Rt of the thickness (T/√12)."""
    curved: bool = True
    """Whether the next three terms of the expansion, in q⁴ to q⁸, are fitted too (under priors).
    Without them Rg of a sphere is too large by 2 %, with a standard error that does not say so."""
    qr_max: float | None = None
    """Upper end of the window as q times the radius; None: 1.5, 1.1 and 0.8 for sphere, rod, sheet.
    The usual limits, 1.3, 1 and 0.75, are of the law without the curved terms."""
    range: tuple[float, float] | None = None
    """Lowest and highest q that a window may use, 1/nm; None: all."""
    scale_errors: bool = True
    """Whether standard errors are multiplied by ``sigma_scale`` = √χ²r."""
    smearing: SmearingSpec | Literal["auto", "none"] = "auto"
    """Resolution that smears the law; ``"auto"``: what the profile says; ``"none"``: none."""

    def __post_init__(self) -> None:
        if self.geometry not in POWERS:
            raise SpecError(f"geometry is {self.geometry!r}, not one of {', '.join(POWERS)}")
        if self.qr_max is not None and not (
            is_number(self.qr_max) and 0 < self.qr_max <= _LARGEST_QR
        ):
            raise SpecError(
                f"qr_max {self.qr_max!r} is not above 0 and up to {_LARGEST_QR:g}",
                hint="Guinier's law holds to about 1.3",
            )
        check_range(self.range)
        check_flags(self, "curved", "scale_errors")
        check_smearing(self.smearing)

    @property
    def power(self) -> int:
        """Power of q that multiplies the curve."""
        return POWERS[self.geometry]

    @property
    def widest(self) -> float:
        """Upper end of the window as q times the radius."""
        return WIDEST[self.geometry] if self.qr_max is None else self.qr_max
