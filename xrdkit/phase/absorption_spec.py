"""What a sample absorbs by angle, and how rough its surface is: settings of a refinement."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from xrdkit.errors import SpecError
from xrdkit.phase.phase_spec import is_number, is_one_of

AbsorptionKind = Literal["capillary", "plate_symmetric", "plate_normal", "plate_reflection"]
RoughnessModel = Literal["suortti", "pitschke"]
#: Largest µR that the integral over the cylinder is exact for, and largest µt.
_MOST = {"capillary": 5.0, "plate_symmetric": 20.0, "plate_normal": 20.0, "plate_reflection": 50.0}
_A, _B = (0.0, 1.0), {"suortti": (0.0, 5.0), "pitschke": (0.0, 0.5)}


@dataclass(frozen=True, kw_only=True)
class Absorption:
    """Absorption in the sample; raises SpecError for values outside their range."""

    kind: AbsorptionKind
    """``"capillary"``: a full cylinder in a wider beam; ``"plate_symmetric"``: a flat sample whose
    normal halves the angle of the beams that pass it; ``"plate_normal"``: one across the beam
    (2θ up to 85 degree); ``"plate_reflection"``: a flat sample too thin to absorb everything."""
    amount: float
    """µR of a capillary (attenuation of what fills it times its radius; above 0 to 5) or µt of a
    plate (times its thickness; above 0 to 20, in reflection 50)."""
    refine: bool = False
    """Whether `amount` is free. It is nearly one thing with B: measure or compute it, or hold B."""

    def __post_init__(self) -> None:
        if not is_one_of(self.kind, get_args(AbsorptionKind)):
            raise SpecError(
                f"absorption {self.kind!r} is not one of: {', '.join(get_args(AbsorptionKind))}"
            )
        amount = self.amount
        if not is_number(amount) or not 0.0 < amount <= self.most:
            raise SpecError(
                f"amount = {amount!r} of the absorption is not above 0 and at most {self.most:g}",
                hint="attenuation times radius (capillary) or thickness (plate)",
            )
        _switch("refine", self.refine)

    @property
    def most(self) -> float:
        """Largest `amount` that the formula holds for."""
        return _MOST[self.kind]


@dataclass(frozen=True, kw_only=True)
class Roughness:
    """Roughness of a flat sample in reflection; raises SpecError for values outside their range."""

    model: RoughnessModel
    """``"suortti"`` (any angle) or ``"pitschke"`` (weak roughness)."""
    a: float
    """First parameter, 0 to 1: see `xrdkit.phase.effects.roughness`."""
    b: float
    """Second parameter, 0 to 5 (Suortti) or 0.5 (Pitschke)."""
    refine: bool = False
    """Whether both are free. They are nearly one thing with B: hold that."""

    def __post_init__(self) -> None:
        if not is_one_of(self.model, get_args(RoughnessModel)):
            raise SpecError(
                f"roughness {self.model!r} is not one of: {', '.join(get_args(RoughnessModel))}"
            )
        for name, (low, high) in (("a", _A), ("b", self.range_of_b)):
            value = getattr(self, name)
            if not is_number(value) or not math.isfinite(value) or not low <= value <= high:
                raise SpecError(f"{name} = {value!r} of the roughness is outside {low} to {high}")
        _switch("refine", self.refine)

    @property
    def range_of_b(self) -> tuple[float, float]:
        """Least and largest `b`."""
        return _B[self.model]


def _switch(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise SpecError(f"{name} = {value!r} is neither true nor false")
