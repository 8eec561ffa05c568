"""The unified equation with a number of levels that is given, or that the curve tells."""

from typing import Literal

from xrdkit.errors import SpecError
from xrdkit.saxs.models.component import Component
from xrdkit.saxs.models.flat import Flat
from xrdkit.saxs.models.model import Choice, Model
from xrdkit.saxs.models.power_law import PowerLaw
from xrdkit.saxs.models.unified_level import UnifiedLevel
from xrdkit.saxs.quantity import fixed, free, tied

MAX_LEVELS = 4
_MOST_PACKED = 2


def unified(
    levels: int | Literal["auto"] = "auto",
    *,
    power_law: bool | None = None,
    packing: bool | None = None,
    flat: bool = True,
    max_levels: int = MAX_LEVELS,
) -> Model | Choice:
    """Return a unified model of `levels` structural levels, 1 to 4, or of as many as there are.

    `power_law` adds one of much larger structures, whose Guinier range lies below all q, with the
    cut-off at the largest level; None: as the curve tells. `flat` adds a flat background.
    `packing` lets one level keep a distance (a hump); None: as the curve tells, of up to 2 levels.
    With ``"auto"`` the curve chooses among 1 to `max_levels` levels, and one or two power laws
    alone where `power_law` is None. Raises SpecError for other
    numbers.
    """
    for name, number in (("levels", levels), ("max_levels", max_levels)):
        if name == "levels" and number == "auto":
            continue
        whole = isinstance(number, int) and not isinstance(number, bool)
        if not whole or not 1 <= int(number) <= MAX_LEVELS:
            raise SpecError(f"{name} is {number!r}, not 'auto' or 1 to {MAX_LEVELS}")
    counts = range(1, max_levels + 1) if levels == "auto" else (int(levels),)
    ends = (False, True) if power_law is None else (power_law,)
    models: list[Model] = []
    if levels == "auto" and power_law is None and packing is not True:
        # What has no knee at all, of one or two kinds, is no level.
        models.extend(_powers(count, flat) for count in (1, 2))
    for count in counts:
        plain = [None] if packing is not True else []
        tried = packing is True or (packing is None and count <= _MOST_PACKED)
        for packed in [*plain, *(range(count) if tried else ())]:
            models.extend(_model(count, end, flat, packed) for end in ends)
    return models[0] if len(models) == 1 else Choice(models=tuple(models))


def _powers(count: int, flat: bool) -> Model:
    parts: list[Component] = [PowerLaw(cutoff=fixed(0.0)) for _ in range(count)]
    return Model(components=(*parts, *((Flat(),) if flat else ())))


def _model(levels: int, power_law: bool, flat: bool, packed: int | None) -> Model:
    parts: list[Component] = [
        UnifiedLevel(packing=free() if number == packed else None) for number in range(levels)
    ]
    if power_law:
        parts.append(PowerLaw(cutoff=tied(f"level_{levels}.radius_of_gyration")))
    if flat:
        parts.append(Flat())
    return Model(components=tuple(parts))
