"""The CCP4 "pack" compression of 16-bit images, in which mar345 scanners store their pixels.

Source: J. P. Abrahams, pack_c. The stream is a run of blocks, lowest bit first: three bits for the
logarithm of the number of pixels, three for the width of each (0, 4, 5, 6, 7, 8, 16 or 32 bits),
then the signed differences of the pixels. The first row and the pixel after it differ from the
pixel before; any other from (a + 2)/4, a being the sum of the one before and the three above it.
Pixels are signed 16-bit numbers in these sums and wrap around, and the quotient is cut towards
zero, as in the packer of the scanner; a pixel from 32768 to 65535 is one that came out negative.
"""

import numpy as np
from numpy.typing import NDArray

from xrdkit.compiled import compiled

_WIDTHS = np.array([0, 4, 5, 6, 7, 8, 16, 32], dtype=np.int64)
_HEAD_BITS = 3
_MASK_16, _TOP_16 = 0xFFFF, 0x8000


@compiled()
def _bits(raw: NDArray[np.uint8], at: int, width: int) -> int:
    """Return `width` bits from bit `at` on as an unsigned number."""
    value = 0
    taken = 0
    while taken < width:
        place = at + taken
        byte = int(raw[place >> 3]) >> (place & 7)
        room = min(8 - (place & 7), width - taken)
        value |= (byte & ((1 << room) - 1)) << taken
        taken += room
    return value


@compiled()
def _signed(word: int) -> int:
    """Return a 16-bit pattern as a signed number."""
    return word - 2 * _TOP_16 if word >= _TOP_16 else word


@compiled()
def unpack_words(raw: NDArray[np.uint8], columns: int, values: NDArray[np.uint16]) -> int:
    """Fill the flat image `values` of `columns` columns from `raw`; return the pixels filled.

    Fewer than there are mean that the stream ended early.
    """
    bits = 8 * raw.size
    at = 0
    pixel = 0
    while pixel < values.size:
        if at + 2 * _HEAD_BITS > bits:
            return pixel
        count = 1 << _bits(raw, at, _HEAD_BITS)
        width = _WIDTHS[_bits(raw, at + _HEAD_BITS, _HEAD_BITS)]
        at += 2 * _HEAD_BITS
        for _ in range(min(count, values.size - pixel)):
            if at + width > bits:
                return pixel
            step = _bits(raw, at, width)
            at += width
            if width > 0 and step >> (width - 1):
                step -= 1 << width
            if pixel > columns:
                near = (
                    _signed(int(values[pixel - 1]))
                    + _signed(int(values[pixel - columns + 1]))
                    + _signed(int(values[pixel - columns]))
                    + _signed(int(values[pixel - columns - 1]))
                    + 2
                )
                step += near // 4 if near >= 0 else -(-near // 4)
            elif pixel > 0:
                step += _signed(int(values[pixel - 1]))
            values[pixel] = step & _MASK_16
            pixel += 1
    return pixel
