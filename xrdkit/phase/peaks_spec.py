"""What single peaks are looked for and fitted with."""

import math
from dataclasses import dataclass

from xrdkit.errors import SpecError
from xrdkit.phase.peak_shapes import SHAPES
from xrdkit.phase.phase_spec import are_numbers, is_number, is_one_of, is_whole


@dataclass(frozen=True, kw_only=True)
class PeakSpec:
    """Settings of `fit_peaks`; raises SpecError for values outside their range."""

    shape: str = "pseudo_voigt"
    """pseudo_voigt, gaussian, lorentzian, pearson7 or split_pseudo_voigt."""
    range: tuple[float, float] | None = None
    """Part of the profile that is used, in the unit of its radial coordinate; None: all of it."""
    positions: tuple[float, ...] | None = None
    """Where peaks are (of the strongest emission line), in the same unit, where there is nothing to
    be searched; a peak that is not significant there is absent. None: peaks are searched."""
    widths: tuple[float, float] | None = None
    """Smallest and largest FWHM that count as a peak, in the same unit. None: from two and a half
    points to a twentieth of the range."""
    false_alarm: float = 0.01
    """Probability that a frame of noise on a smooth background shows a peak, 1e-6 to 0.5. It sets
    the significance from which a peak is one."""
    reach: float = 10.0
    """A peak is fitted to this many FWHM on both sides, 2 to 50; peaks whose parts overlap are
    fitted together."""
    background: int = 2
    """Terms of the polynomial under a peak or group, 1 to 8; long groups get more."""
    shape_tolerance: float = 0.1
    """Part of a peak's height that its true shape may differ from `shape` by: what is smaller than
    that beside or within a peak is not taken for another one, 0 to 1. With 0 only noise limits what
    is found; the axial asymmetry of diffractometers at low angles needs 0.1 or a split shape."""
    shared_form: bool = False
    """Whether peaks fitted together have one η (or exponent) and asymmetry: for crowded groups."""
    most_peaks: int = 400
    """Most peaks per frame, the most significant first."""

    def __post_init__(self) -> None:
        if not is_one_of(self.shape, SHAPES):
            raise SpecError(f"shape {self.shape!r} is not one of: {', '.join(SHAPES)}")
        for name in ("range", "widths"):
            pair = getattr(self, name)
            if pair is None:
                continue
            if not are_numbers(pair, 2):
                raise SpecError(f"{name} = {pair!r} is no pair of numbers")
            low, high = pair
            if not (math.isfinite(low) and math.isfinite(high) and 0 <= low < high):
                raise SpecError(f"{name} {pair} must be finite, from 0 upwards, low < high")
        places: object = self.positions
        if places is not None and not (
            isinstance(places, list | tuple)
            and len(places) > 0
            and all(is_number(p) and math.isfinite(p) and p > 0 for p in places)
        ):
            raise SpecError(f"positions {places!r} must be numbers above 0, at least one")
        self._number("false_alarm", 1e-6, 0.5)
        self._number("reach", 2.0, 50.0)
        self._number("background", 1, 8)
        self._number("shape_tolerance", 0.0, 1.0)
        self._number("most_peaks", 1, 10_000)
        for name in ("background", "most_peaks"):
            if not is_whole(getattr(self, name)):
                raise SpecError(f"{name} = {getattr(self, name)!r} is no whole number")
        if not isinstance(self.shared_form, bool):
            raise SpecError(f"shared_form = {self.shared_form!r} is neither true nor false")

    def _number(self, name: str, low: float, high: float) -> None:
        value = getattr(self, name)
        if not is_number(value) or not math.isfinite(value) or not low <= value <= high:
            raise SpecError(f"{name} = {value!r} is outside {low} to {high}")
