"""Broad humps of the background: carbon, glass, polymer, the foil of a capillary.

Each is a height times ½ 1/(1 + 4t²) + ½ exp(-4 ln2 t²), halfway between Gaussian and Lorentzian,
with t = (2θ - position)/(FWHM exp(±α)), the lean α raising the width above its top and lowering it
below: layers of carbon without register scatter in bands that rise steeply and fall slowly
(Warren, Phys. Rev. 59 (1941) 693). A Chebyshev series that could follow such humps would follow
the lines of small crystals too.
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
_ROOM, _WIDER, _LEAN = 1.0, 3.0, 1.5


def hump_key(number: int, name: str) -> str:
    """Return the key of ``"height"``, ``"position"``, ``"width"`` or ``"lean"`` of a hump."""
    return f"background_hump{number}_{name}"


def hump_parameters(
    humps: Sequence[tuple[float, float]], heights: Sequence[float], level: float
) -> list[Parameter]:
    """Return the parameters of humps that start with `heights`; `level` is their natural unit."""
    table = []
    for k, ((position, width), height) in enumerate(zip(humps, heights, strict=True)):
        room = _ROOM * width
        for name, start, low, high, unit in (
            ("position", position, position - room, position + room, 0.2 * width),
            ("width", width, width / _WIDER, width * _WIDER, 0.2 * width),
            ("lean", 0.0, -_LEAN, _LEAN, 0.2),
        ):
            table.append(
                Parameter(
                    key=hump_key(k, name),
                    units="1" if name == "lean" else "degree",
                    start=start,
                    neutral=start,
                    unit=unit,
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
    """Return humps of height 1 (hump, n) at 2θ = `x`, all in degree, that do not lean."""
    return np.asarray([_shape(_reduced(x, *hump, 0.0)[0])[0] for hump in humps]).reshape(-1, x.size)


def humps_at(x: Array, number: int, values: Values) -> Array:
    """Return the sum of `number` humps (n,) at `x`."""
    total = np.zeros(x.size)
    for k in range(number):
        total += values[hump_key(k, "height")] * _shape(_reduced(x, *_place(k, values))[0])[0]
    return total


def hump_slopes(x: Array, number: int, values: Values) -> dict[str, Array]:
    """Return the derivatives of `humps_at` by each parameter."""
    slopes = {}
    for k in range(number):
        position, width, lean = _place(k, values)
        t, side = _reduced(x, position, width, lean)
        shape, fall = _shape(t)
        fall *= values[hump_key(k, "height")]
        slopes[hump_key(k, "height")] = shape
        slopes[hump_key(k, "position")] = -fall * np.exp(-lean * side) / width
        slopes[hump_key(k, "width")] = -fall * t / width
        slopes[hump_key(k, "lean")] = -fall * t * side
    return slopes


def _place(number: int, values: Values) -> tuple[float, float, float]:
    position, width, lean = (
        values[hump_key(number, name)] for name in ("position", "width", "lean")
    )
    return position, width, lean


def _reduced(x: Array, position: float, width: float, lean: float) -> tuple[Array, Array]:
    """Return t and the side of the top, ±1, of each point."""
    side = np.sign(x - position)
    return (x - position) / width * np.exp(-lean * side), side


def _shape(t: Array) -> tuple[Array, Array]:
    """Return the shape of height 1 and its derivative by t."""
    bell = 1.0 / (1.0 + 4.0 * t**2)
    gauss = np.exp(-_FOUR_LN2 * t**2)
    return 0.5 * (bell + gauss), -t * (4.0 * bell**2 + _FOUR_LN2 * gauss)
