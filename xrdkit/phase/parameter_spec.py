"""What a user says of one parameter of a fit: its value, bounds and freedom."""

import math
from dataclasses import dataclass

from xrdkit.errors import SpecError
from xrdkit.phase.phase_spec import is_number


@dataclass(frozen=True, kw_only=True)
class ParameterSpec:
    """Settings of one parameter; raises SpecError for values that are no numbers."""

    name: str
    """As in the coordinate ``parameter`` of a result with a dot after the phase: ``"ZnO.a"`` (nm),
    ``"ZnO.strain"``, ``"zero"``; of atoms ``"ZnO.O1.x"``."""
    value: float | None = None
    """Where the fit starts, or what is held; unit as ``parameter_unit``. None: found as ever."""
    free: bool | None = None
    """Whether the fit may change it; None: as it would be without this setting."""
    low: float | None = None
    """Least value; None: as ever. A width can never be below 0."""
    high: float | None = None
    """Largest value; None: as ever."""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise SpecError("settings of a parameter need its name, such as 'ZnO.strain'")
        for field in ("value", "low", "high"):
            number = getattr(self, field)
            if number is not None and not (is_number(number) and math.isfinite(number)):
                raise SpecError(f"{self.name}: {field} = {number!r} is no finite number")
        if self.free is not None and not isinstance(self.free, bool):
            raise SpecError(f"{self.name}: free = {self.free!r} is neither true nor false")
        low, high = self.low, self.high
        if low is not None and high is not None and not low < high:
            raise SpecError(f"{self.name}: low = {low} is not below high = {high}")
        if self.value is not None and not (
            (low is None or low <= self.value) and (high is None or self.value <= high)
        ):
            raise SpecError(f"{self.name}: value = {self.value} is outside its bounds")
