"""What the pixels around each pixel hold, in one compiled pass over a frame."""

import numpy as np
from numpy.typing import NDArray

from xrdkit.compiled import compiled

Array = NDArray[np.float64]


@compiled()
def neighbourhoods(
    values: Array, valid: NDArray[np.bool_]
) -> tuple[Array, Array, Array, Array, Array, NDArray[np.int64]]:
    """Return what surrounds each pixel of `values` (y, x), only `valid` neighbours counted.

    In order, each (y, x): the mean, median and lower quartile of the 5 x 5 pixels around it,
    without itself; the second largest of the 8 next to it (the largest where there are 5 or fewer);
    the mean of those two opposite neighbours that differ least from one another, which lie along
    a ring; and how many of the 8 there are. What does not exist is NaN.
    """
    rows, columns = values.shape
    mean = np.full(values.shape, np.nan)
    median = np.full(values.shape, np.nan)
    quartile = np.full(values.shape, np.nan)
    second = np.full(values.shape, np.nan)
    along = np.full(values.shape, np.nan)
    beside = np.zeros(values.shape, dtype=np.int64)
    around = np.empty(24)
    for y in range(rows):
        for x in range(columns):
            number, near = 0, 0
            largest, next_largest, total = -np.inf, -np.inf, 0.0
            for v in range(max(0, y - 2), min(rows, y + 3)):
                for u in range(max(0, x - 2), min(columns, x + 3)):
                    if (v == y and u == x) or not valid[v, u]:
                        continue
                    value = values[v, u]
                    total += value
                    place = number
                    while place > 0 and around[place - 1] > value:
                        around[place] = around[place - 1]
                        place -= 1
                    around[place] = value
                    number += 1
                    if abs(v - y) <= 1 and abs(u - x) <= 1:
                        near += 1
                        if value > largest:
                            next_largest, largest = largest, value
                        elif value > next_largest:
                            next_largest = value
            if number == 0:
                continue
            beside[y, x] = near
            mean[y, x] = total / number
            median[y, x] = 0.5 * (around[(number - 1) // 2] + around[number // 2])
            quartile[y, x] = around[number // 4]
            if near > 5:
                second[y, x] = next_largest
            elif near > 0:
                second[y, x] = largest
            if 0 < y < rows - 1 and 0 < x < columns - 1:
                least = np.inf
                for v, u in ((0, 1), (1, 0), (1, 1), (1, -1)):
                    if valid[y + v, x + u] and valid[y - v, x - u]:
                        one, other = values[y + v, x + u], values[y - v, x - u]
                        if abs(one - other) < least:
                            least = abs(one - other)
                            along[y, x] = 0.5 * (one + other)
    return mean, median, quartile, second, along, beside
