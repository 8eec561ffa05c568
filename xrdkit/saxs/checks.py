"""Checks of settings that the specs of small-angle scattering share."""

import math
from collections.abc import Iterable
from typing import TypeGuard

import numpy as np

from xrdkit.errors import SpecError

_MOST_CONTRAST = 1e4


def is_number(value: object) -> TypeGuard[float]:
    """Return whether `value` is one finite number; truth values are none."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return False
    return math.isfinite(value)


def check_range(limits: tuple[float, float] | None, name: str = "range") -> None:
    """Raise SpecError unless `limits` is None or 0 <= low < high, 1/nm."""
    if limits is None:
        return
    ends = tuple(limits) if isinstance(limits, list | tuple) else ()
    if len(ends) != 2 or not (all(map(is_number, ends)) and 0 <= ends[0] < ends[1]):
        raise SpecError(f"{name} {limits!r} is not 0 <= low < high, in 1/nm")


def check_contrast(contrast: object, error: float = 0.0) -> None:
    """Raise SpecError unless `contrast` is None or a number other than 0, and `error` >= 0.

    Both in 1e10 1/cm²; None is unknown, and has no error.
    """
    if contrast is not None and not (is_number(contrast) and 0 < abs(contrast) <= _MOST_CONTRAST):
        raise SpecError(
            f"contrast {contrast!r} is no number, zero, or above {_MOST_CONTRAST:g} in size",
            hint="contrast is in 1e10 1/cm²: gold in water is about 115",
        )
    if not (is_number(error) and error >= 0):
        raise SpecError(f"contrast_sigma {error!r} is negative or not a number")
    if error and contrast is None:
        raise SpecError("contrast_sigma needs contrast")


def check_flags(spec: object, *names: str) -> None:
    """Raise SpecError unless the fields `names` of `spec` are true or false."""
    for name in names:
        if not isinstance(getattr(spec, name), bool):
            raise SpecError(f"{name} is {getattr(spec, name)!r}, not true or false")


def one_of(name: str, value: str, allowed: Iterable[str]) -> None:
    """Raise SpecError unless the setting `name` has one of the `allowed` values."""
    known = tuple(allowed)
    if value not in known:
        raise SpecError(f"{name} is {value!r}, not one of {', '.join(known)}")
