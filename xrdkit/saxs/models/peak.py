"""A peak: the order of a lamellar gel, or the hump of correlated structures.

I(q) = h [m L + (1 - m) G] with L = 1/(1 + 4t²), G = exp(-4 ln2 t²), t = (q - q₀)/w and w the full
width at half maximum: m = 0 Gaussian, m = 1 Lorentzian, between them pseudo-Voigt (G. K. Wertheim
et al., Rev. Sci. Instrum. 45 (1974) 1369). Golden number: h = 3, q = q₀ ± w/2: 1.5 for any m.
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from xrdkit.errors import SpecError
from xrdkit.saxs.models.component import Array, Component, Curve, Derived, Values
from xrdkit.saxs.quantity import Given, Quantity

PeakShape = Literal["gaussian", "lorentzian", "pseudo_voigt"]
_LN16 = 4.0 * math.log(2.0)
_GAUSS_AREA = 0.5 * math.sqrt(math.pi / math.log(2.0))
_LORENTZ_AREA = 0.5 * math.pi


@dataclass(frozen=True, kw_only=True)
class Peak(Component):
    """A symmetric peak over q."""

    kind = "peak"
    ordered_by = "position"

    shape: PeakShape = "gaussian"
    """Its form."""
    height: Given = None
    """h, unit of the intensity."""
    position: Given = None
    """q₀, 1/nm."""
    width: Given = None
    """w, full width at half maximum, 1/nm."""
    mixing: Given = None
    """m, share of the Lorentzian, 0 to 1; of a pseudo-Voigt alone."""

    def __post_init__(self) -> None:
        if self.shape not in get_args(PeakShape):
            raise SpecError(
                f"shape of a peak is {self.shape!r}, not one of {', '.join(get_args(PeakShape))}"
            )
        if self.mixing is not None and self.shape != "pseudo_voigt":
            raise SpecError(f"a {self.shape} peak has no mixing")
        super().__post_init__()

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """h, q₀, w, and m of a pseudo-Voigt."""
        return (HEIGHT, POSITION, WIDTH, *((MIXING,) if self.shape == "pseudo_voigt" else ()))

    def curve(self, q: Array, values: Values) -> Curve:
        """Return the peak and its derivatives."""
        width, mixing = values["width"], self._mixing(values)
        t = (q - values["position"]) / width
        lorentz, gauss = 1.0 / (1.0 + 4.0 * t * t), np.exp(-_LN16 * t * t)
        shape = mixing * lorentz + (1.0 - mixing) * gauss
        by_t = -8.0 * t * mixing * lorentz**2 - 2.0 * _LN16 * t * (1.0 - mixing) * gauss
        height = values["height"]
        slopes = {
            "height": shape,
            "position": -height * by_t / width,
            "width": -height * by_t * t / width,
        }
        if self.shape == "pseudo_voigt":
            slopes["mixing"] = height * (lorentz - gauss)
        return Curve(height * shape, slopes)

    def candidates(self, q: Array) -> list[dict[str, float]]:
        """Return positions all over q, each with a narrow and wide peak."""
        low, high = float(q.min()), float(q.max())
        return [
            {"position": float(place), "width": share * float(place), "mixing": 0.5}
            for place in np.geomspace(low, high, max(int(20 * math.log10(high / low)), 5))
            for share in (0.04, 0.12, 0.4)
        ]

    def derived(self, values: Values) -> dict[str, Derived]:
        """Return the spacing 2π/q₀, the area and the coherence length 2π/w."""
        place, width, height = values["position"], values["width"], values["height"]
        mixing = self._mixing(values)
        share = mixing * _LORENTZ_AREA + (1.0 - mixing) * _GAUSS_AREA
        by_area = {"height": share * width, "width": share * height}
        if self.shape == "pseudo_voigt":
            by_area["mixing"] = height * width * (_LORENTZ_AREA - _GAUSS_AREA)
        spacing, length = 2.0 * math.pi / place, 2.0 * math.pi / width
        return {
            "spacing": Derived(spacing, {"position": -spacing / place}, "nm", "spacing 2π/q₀"),
            "area": Derived(share * height * width, by_area, "intensity 1/nm", "area of the peak"),
            "coherence_length": Derived(
                length, {"width": -length / width}, "nm", "length 2π/w over which order persists"
            ),
        }

    def _mixing(self, values: Values) -> float:
        if self.shape == "pseudo_voigt":
            return values["mixing"]
        return 1.0 if self.shape == "lorentzian" else 0.0


HEIGHT = Quantity(
    name="height", unit="intensity", what="height of the peak", low=0.0, amplitude=True
)
POSITION = Quantity(name="position", unit="1/nm", what="position of the peak", low=0.0, scale="log")
WIDTH = Quantity(name="width", unit="1/nm", what="full width at half maximum", low=0.0, scale="log")
MIXING = Quantity(name="mixing", unit="1", what="share of the Lorentzian", low=0.0, high=1.0)
