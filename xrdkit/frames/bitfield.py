"""The AGI bit field: pixels of a row as differences, eight to a field of one to eight bits each.

Source: the description in fabio's documentation of the Esperanto format. A row begins with one
escaped value; then, per sixteen differences, one byte with two field widths (low half first), the
two fields, and the escaped differences of either; what remains of the row are escaped values. An
escaped byte of 254 is followed by 16 bits, one of 255 by 32 bits; any other is the value plus 127.
"""

import numpy as np
from numpy.typing import NDArray

from xrdkit.compiled import compiled

_SHORT, _LONG, _ZERO = 254, 255, 127
_FIELD = 8
_BAD = -1


@compiled()
def _little(raw: NDArray[np.uint8], at: int, size: int) -> int:
    """Return a signed little-endian number of `size` bytes at `at`."""
    value = 0
    for k in range(size):
        value |= int(raw[at + k]) << (8 * k)
    top = 1 << (8 * size - 1)
    return value - 2 * top if value >= top else value


@compiled()
def _escaped(raw: NDArray[np.uint8], at: int, code: int, zero: int) -> tuple[int, int]:
    """Return the value that `code` announces and where reading goes on, -1 beyond the end."""
    if code == _SHORT:
        return (_little(raw, at, 2), at + 2) if at + 2 <= raw.size else (0, _BAD)
    if code == _LONG:
        return (_little(raw, at, 4), at + 4) if at + 4 <= raw.size else (0, _BAD)
    return code - zero, at


@compiled()
def unpack_rows(raw: NDArray[np.uint8], values: NDArray[np.int32]) -> int:
    """Fill `values` (rows, columns) from the packed bytes `raw`; return how many were used.

    Returns -1 where the bytes end early or state a field of no width.
    """
    rows, columns = values.shape
    codes = np.empty(2 * _FIELD, dtype=np.int64)
    widths = np.empty(2, dtype=np.int64)
    at = 0
    for row in range(rows):
        total = 0
        column = 0
        while column < columns:
            if column == 0 or columns - column < 2 * _FIELD:
                if at >= raw.size:
                    return _BAD
                step, at = _escaped(raw, at + 1, int(raw[at]), _ZERO)
                if at < 0:
                    return _BAD
                total += step
                values[row, column] = total
                column += 1
                continue
            if at >= raw.size:
                return _BAD
            widths[0], widths[1] = raw[at] & 15, raw[at] >> 4
            at += 1
            if (
                widths[0] < 1
                or widths[0] > _FIELD
                or widths[1] < 1
                or widths[1] > _FIELD
                or at + widths[0] + widths[1] > raw.size
            ):
                return _BAD
            for half in range(2):
                width = widths[half]
                word = np.uint64(0)
                for k in range(width):
                    word |= np.uint64(raw[at + k]) << np.uint64(8 * k)
                at += width
                low = np.uint64((1 << width) - 1)
                for k in range(_FIELD):
                    codes[half * _FIELD + k] = np.int64((word >> np.uint64(width * k)) & low)
            for k in range(2 * _FIELD):
                width = widths[k // _FIELD]
                zero = (1 << (width - 1)) - 1
                step, at = _escaped(raw, at, codes[k], zero)
                if at < 0:
                    return _BAD
                total += step
                values[row, column] = total
                column += 1
    return at
