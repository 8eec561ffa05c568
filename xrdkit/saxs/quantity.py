"""Parameters of scattering models: what a model has, and what a user states of each.

A model part is a frozen dataclass whose fields are its parameters. A field left out is found from
the curve; a number is a start value; `fixed`, `free` and `tied` say more.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from xrdkit.errors import SpecError
from xrdkit.saxs.checks import is_number


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A parameter as the model part that has it describes it."""

    name: str
    """Name of the field."""
    unit: str
    """Its unit; ``"intensity"`` stands for that of the profile, and may be multiplied."""
    what: str
    """What it is."""
    low: float = -math.inf
    """Lower bound where the user gives none."""
    high: float = math.inf
    """Upper bound where the user gives none."""
    start: float | None = None
    """Value where the user gives none; None: found from the curve."""
    vary: bool = True
    """Whether it is free where the user says nothing."""
    scale: Literal["linear", "log"] = "linear"
    """Whether the minimiser moves the value or its logarithm (sizes)."""
    amplitude: bool = False
    """Whether the intensity is proportional to it, or to it and the other amplitudes."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """What a user states of one parameter."""

    value: float | None = None
    """Start value, or the value of a fixed parameter; None: found from the curve."""
    low: float | None = None
    """Lower bound; None: that of the model."""
    high: float | None = None
    """Upper bound; None: that of the model."""
    vary: bool | None = None
    """Whether it is fitted; None: as the model has it."""
    tie: str | None = None
    """Arithmetic of other parameters (``"level_1.radius * 2"``) that gives the value."""

    def __post_init__(self) -> None:
        for name in ("value", "low", "high"):
            number = getattr(self, name)
            if number is not None and not is_number(number):
                raise SpecError(f"{name} {number!r} of a parameter is no finite number")
        low, high = self.low, self.high
        if low is not None and high is not None and not low < high:
            raise SpecError(f"bounds {low:g} to {high:g} of a parameter leave no room")
        if self.value is not None and not (
            (low is None or low <= self.value) and (high is None or self.value <= high)
        ):
            raise SpecError(f"value {self.value:g} of a parameter is outside its own bounds")
        if self.tie is not None and (self.value is not None or self.vary):
            raise SpecError("a tied parameter has no value of its own and is not free")
        if self.vary is not None and not isinstance(self.vary, bool):
            raise SpecError(f"vary is {self.vary!r}, not true or false")


def fixed(value: float) -> Parameter:
    """Return a parameter that stays at `value`."""
    return Parameter(value=value, vary=False)


def free(
    value: float | None = None, *, low: float | None = None, high: float | None = None
) -> Parameter:
    """Return a fitted parameter with a start `value` (None: found) and bounds of one's own."""
    return Parameter(value=value, low=low, high=high, vary=True)


def tied(expression: str) -> Parameter:
    """Return a parameter that follows others, such as ``tied("level_1.radius * 2")``."""
    return Parameter(tie=expression)


#: What a field may be given as.
Given = float | Parameter | None


@dataclass(frozen=True, kw_only=True)
class Part:
    """Base of model parts: fields named by `quantities` hold what the user states of each."""

    kind: ClassVar[str]
    """Name of the part in settings and recipes."""

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """Its parameters, in order."""
        raise NotImplementedError

    def __post_init__(self) -> None:
        for quantity in self.quantities:
            check_stated(self.kind, quantity, self.stated(quantity.name))

    def stated(self, name: str) -> Parameter:
        """Return what the user states of the parameter `name`."""
        given = getattr(self, name)
        if given is None:
            return Parameter()
        if isinstance(given, Parameter):
            return given
        if not is_number(given):
            raise SpecError(
                f"{name} of {self.kind} is {given!r}",
                hint="a number, fixed(...), free(...), tied(...) or nothing",
            )
        return Parameter(value=float(given))


def check_stated(kind: str, quantity: Quantity, stated: Parameter) -> None:
    """Raise SpecError where what is `stated` contradicts the bounds of the model."""
    where = f"{quantity.name} of {kind}"
    for name in ("value", "low", "high"):
        number = getattr(stated, name)
        if number is not None and not quantity.low <= number <= quantity.high:
            raise SpecError(
                f"{where}: {name} {number:g} is outside {quantity.low:g} to {quantity.high:g}"
                f" {quantity.unit}".rstrip()
            )
    vary = quantity.vary if stated.vary is None else stated.vary
    if not vary and stated.tie is None and stated.value is None and quantity.start is None:
        raise SpecError(f"{where} is fixed but has no value")


def bounds_of(quantity: Quantity, stated: Parameter) -> tuple[float, float]:
    """Return the bounds of a parameter, those of the user before those of the model."""
    return (
        quantity.low if stated.low is None else stated.low,
        quantity.high if stated.high is None else stated.high,
    )
