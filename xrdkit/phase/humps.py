"""Broad humps of the background: carbon, glass, polymer, the foil of a capillary.

Each is a height times ½ 1/(1 + 4t²) + ½ exp(-4 ln2 t²), t = (2θ - position)/FWHM, halfway between
Gaussian and Lorentzian. A Chebyshev series that could follow such humps would follow the lines of
small crystals too.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from xrdkit.phase.effects import Parameter

Array = NDArray[np.float64]
Values = Mapping[str, float]

_FOUR_LN2 = 4.0 * math.log(2.0)
#: How far a hump may move, in starting widths, and the factor by which its width may change.
_ROOM, _WIDER = 1.0, 3.0


def hump_key(number: int, name: str) -> str:
    """Return the key of ``"height"``, ``"position"`` or ``"width"`` of a hump."""
    return f"background_hump{number}_{name}"


def hump_parameters(
    humps: Sequence[tuple[float, float]], heights: Sequence[float], level: float
) -> list[Parameter]:
    """Return the parameters of humps that start with `heights`; `level` is their natural unit."""
    table = []
    for k, ((position, width), height) in enumerate(zip(humps, heights, strict=True)):
        for name, start, low, high in (
            ("position", position, position - _ROOM * width, position + _ROOM * width),
            ("width", width, width / _WIDER, width * _WIDER),
        ):
            table.append(
                Parameter(
                    key=hump_key(k, name),
                    units="degree",
                    start=start,
                    neutral=start,
                    unit=0.2 * width,
                    free=True,
                    low=low,
                    high=high,
                    late=True,
                )
            )
        # Of either sign, as other terms of a background: at a bound it would have no error.
        key = hump_key(k, "height")
        table.append(Parameter(key=key, start=height, neutral=0.0, unit=level, free=True, units=""))
    return table


def hump_rows(x: Array, humps: Sequence[tuple[float, float]]) -> Array:
    """Return humps of height 1 (hump, n) at 2θ = `x`, all in degree."""
    t = (x - _column(humps, 0)) / _column(humps, 1)
    return np.asarray(0.5 / (1.0 + 4.0 * t**2) + 0.5 * np.exp(-_FOUR_LN2 * t**2))


def humps_at(x: Array, number: int, values: Values) -> Array:
    """Return the sum of `number` humps (n,) at `x`."""
    if number == 0:
        return np.zeros(x.size)
    heights = np.array([values[hump_key(k, "height")] for k in range(number)])
    return np.asarray(heights @ hump_rows(x, _places(number, values)))


def hump_slopes(x: Array, number: int, values: Values) -> dict[str, Array]:
    """Return the derivatives of `humps_at` by each parameter."""
    places = _places(number, values)
    if not places:
        return {}
    t = (x - _column(places, 0)) / _column(places, 1)
    bell = 1.0 / (1.0 + 4.0 * t**2)
    gauss = np.exp(-_FOUR_LN2 * t**2)
    slopes = {}
    for k, (_, width) in enumerate(places):
        height = values[hump_key(k, "height")]
        by_position = height * t[k] / width * (4.0 * bell[k] ** 2 + _FOUR_LN2 * gauss[k])
        slopes[hump_key(k, "height")] = 0.5 * (bell[k] + gauss[k])
        slopes[hump_key(k, "position")] = by_position
        slopes[hump_key(k, "width")] = by_position * t[k]
    return slopes


def _places(number: int, values: Values) -> list[tuple[float, float]]:
    return [(values[hump_key(k, "position")], values[hump_key(k, "width")]) for k in range(number)]


def _column(humps: Sequence[tuple[float, float]], index: int) -> Array:
    return np.array([hump[index] for hump in humps], dtype=np.float64).reshape(-1, 1)
