"""Settings of `fit_model` besides the model."""

from dataclasses import dataclass
from typing import Literal

from xrdkit.errors import SpecError
from xrdkit.saxs.checks import check_flags, check_range, is_number
from xrdkit.saxs.smearing import SmearingSpec


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """How a model is fitted to a profile. No window or start value is needed."""

    range: tuple[float, float] | None = None
    """Lowest and highest q that are fitted, 1/nm; None: all."""
    scale_errors: bool = True
    """Whether standard errors are multiplied by ``sigma_scale`` = √χ²r. Needed unless the errors
    of the profile are known to be right."""
    smearing: SmearingSpec | Literal["auto", "none"] = "auto"
    """What smears the curve; ``"auto"``: what the profile says of its resolution and slits;
    ``"none"``: nothing."""
    max_evaluations: int = 400
    """Evaluations of the model after which a fit is given up."""

    def __post_init__(self) -> None:
        check_range(self.range)
        check_flags(self, "scale_errors")
        if not isinstance(self.smearing, SmearingSpec) and self.smearing not in ("auto", "none"):
            raise SpecError(f"smearing is {self.smearing!r}, not a SmearingSpec, 'auto' or 'none'")
        if not (is_number(self.max_evaluations) and self.max_evaluations >= 10):
            raise SpecError(f"max_evaluations is {self.max_evaluations!r}, at least 10 are needed")
