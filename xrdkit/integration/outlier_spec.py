"""Which outliers a reduction is asked to leave out."""

import math
from dataclasses import dataclass
from typing import Literal

from xrdkit.errors import SpecError


@dataclass(frozen=True, kw_only=True)
class OutlierSpec:
    """What counts as an outlier among the pixels of a frame, and how rarely a good pixel may."""

    kinds: Literal["zingers", "spots"] = "zingers"
    """``"zingers"``: pixels that stand out of their surroundings by themselves (cosmic rays, hot
    pixels). ``"spots"``: these and whole spots, such as single grains on the ring of a powder."""
    alpha: float = 1e-3
    """Number of clean pixels that a frame may lose on average, 1e-9 to 0.1: each pixel is held to
    the probability `alpha` over the number of pixels."""

    def __post_init__(self) -> None:
        if self.kinds not in ("zingers", "spots"):
            raise SpecError(f"outliers.kinds {self.kinds!r} is not 'zingers' or 'spots'")
        number = not isinstance(self.alpha, bool) and isinstance(self.alpha, int | float)
        if not number or not (math.isfinite(self.alpha) and 1e-9 <= self.alpha <= 0.1):
            raise SpecError(f"outliers.alpha must lie between 1e-9 and 0.1, not {self.alpha!r}")
