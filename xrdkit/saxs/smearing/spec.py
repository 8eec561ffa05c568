"""Settings of a smearing."""

from dataclasses import dataclass

from xrdkit.errors import SpecError
from xrdkit.saxs.checks import is_number
from xrdkit.saxs.smearing.beam_profile import BeamProfile

#: Standard deviations at which a Gaussian is cut off.
DEFAULT_CUT = 3.0
_NUMBERS = ("slit_length", "slit_flat", "slit_width", "relative_width", "across")


@dataclass(frozen=True, kw_only=True)
class SmearingSpec:
    """How an instrument smears a curve. None leaves a field to what the profile says; 0 is none."""

    slit_length: float | None = None
    """Half length l of the slit, 1/nm: I_s(q) = (1/l)∫₀^l I(√(q²+u²)) du."""
    slit_flat: float | None = None
    """Half length, 1/nm, up to which the beam along the slit is even, falling to zero at
    `slit_length` (trapezoid); None: even all along."""
    slit_width: float | None = None
    """Half width w of the slit, 1/nm: the mean of q - w to q + w."""
    slit_profile: BeamProfile | None = None
    """Measured distribution along the slit, in place of `slit_length` and `slit_flat`."""
    relative_width: float | None = None
    """Standard deviation of q over q, of a Gaussian, for all points alike, in place of the
    ``q_resolution`` of the profile."""
    across: float | None = None
    """Standard deviation of q at right angles to the scan, 1/nm, of the round beam of a pinhole
    camera; counts where there is no slit."""
    cut: float | None = None
    """Standard deviations at which Gaussians are cut off; None: 5 for what `with_resolution` found,
    else 3. Programs use 2.5 to 5."""

    def __post_init__(self) -> None:
        for name in _NUMBERS:
            value = getattr(self, name)
            if value is not None and not (is_number(value) and value >= 0):
                raise SpecError(f"{name} is {value!r}, not a number from 0 up")
        if self.cut is not None and not (is_number(self.cut) and 1 <= self.cut <= 10):
            raise SpecError(f"cut is {self.cut!r}, not 1 to 10 standard deviations")
        if self.relative_width is not None and self.relative_width > 1:
            raise SpecError(f"relative_width is {self.relative_width}: q is known to that share")
        if self.slit_profile is not None:
            if not isinstance(self.slit_profile, BeamProfile):
                raise SpecError(
                    f"slit_profile is a {type(self.slit_profile).__name__}, not a BeamProfile"
                )
            if self.slit_length is not None or self.slit_flat is not None:
                raise SpecError("give slit_profile, or slit_length and slit_flat")
        if (
            self.slit_length is not None
            and self.slit_flat is not None
            and self.slit_flat > self.slit_length
        ):
            raise SpecError(f"slit_flat {self.slit_flat} is beyond slit_length {self.slit_length}")


def check_smearing(smearing: object) -> None:
    """Raise SpecError unless `smearing` is a SmearingSpec, ``"auto"`` or ``"none"``."""
    if not isinstance(smearing, SmearingSpec) and smearing not in ("auto", "none"):
        raise SpecError(f"smearing is {smearing!r}, not a SmearingSpec, 'auto' or 'none'")
