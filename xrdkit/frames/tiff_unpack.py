"""Compressed TIFF strips: unpacked to exactly the size that the header promises, or refused."""

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import FrameCorrupt, FrameTruncated

_NONE, _LZW, _DEFLATE, _PACKBITS, _OLD_DEFLATE = 1, 5, 8, 32773, 32946
#: TIFF compression schemes that `unpack` knows.
COMPRESSIONS = (_NONE, _LZW, _DEFLATE, _PACKBITS, _OLD_DEFLATE)
_CLEAR, _END = 256, 257
_WIDEST = 12


def unpack(raw: bytes, compression: int, wanted: int, *, source: str, frame: int) -> bytes:
    """Return the `wanted` bytes of a strip packed as `raw`.

    Raises FrameTruncated where there are fewer, FrameCorrupt where there are more or the packed
    bytes make no sense. Memory stays below `wanted` plus one table.
    """
    if compression == _NONE:
        return raw
    try:
        if compression in (_DEFLATE, _OLD_DEFLATE):
            plain = zlib.decompressobj().decompress(raw, wanted + 1)
        elif compression == _PACKBITS:
            plain = _unpack_bits(raw, wanted)
        else:
            plain = _unpack_lzw(raw, wanted)
    except (zlib.error, IndexError) as exc:
        raise FrameCorrupt("a compressed strip is damaged", source=source, frame=frame) from exc
    if len(plain) < wanted:
        raise FrameTruncated(
            f"a strip unpacks to {len(plain):,} of {wanted:,} bytes", source=source, frame=frame
        )
    if len(plain) > wanted:
        raise FrameCorrupt(
            f"a strip unpacks to more than {wanted:,} bytes", source=source, frame=frame
        )
    return plain


def undo_predictor(values: NDArray[Any], predictor: int) -> NDArray[Any]:
    """Return `values` (rows, columns) with horizontal differencing (predictor 2) undone."""
    if predictor != 2:
        return values
    native = values.astype(values.dtype.newbyteorder("="))
    return np.add.accumulate(native, axis=1, dtype=native.dtype)


def _unpack_bits(raw: bytes, wanted: int) -> bytes:
    plain = bytearray()
    at = 0
    while at < len(raw) and len(plain) < wanted:
        lead = raw[at]
        if lead < 128:
            plain += raw[at + 1 : at + 2 + lead]
            at += 2 + lead
        elif lead > 128:
            plain += raw[at + 1 : at + 2] * (257 - lead)
            at += 2
        else:
            at += 1
    return bytes(plain)


def _unpack_lzw(raw: bytes, wanted: int) -> bytes:
    """TIFF 6.0 section 13: codes of 9 to 12 bits, most significant bit first."""
    table: list[bytes] = []
    plain = bytearray()
    previous = b""
    buffer = bits = 0
    width = 9
    at = 0
    while len(plain) < wanted:
        while bits < width:
            buffer = (buffer << 8) | raw[at] if at < len(raw) else -1
            if buffer < 0:
                return bytes(plain)
            at += 1
            bits += 8
        code = (buffer >> (bits - width)) & ((1 << width) - 1)
        bits -= width
        buffer &= (1 << bits) - 1
        if code == _END:
            break
        if code == _CLEAR:
            table = [bytes((k,)) for k in range(256)] + [b"", b""]
            width, previous = 9, b""
            continue
        entry = table[code] if code < len(table) or not previous else previous + previous[:1]
        if code > len(table):
            raise IndexError(code)
        plain += entry
        if previous and len(table) < 2**_WIDEST:
            table.append(previous + entry[:1])
        previous = entry
        width = min(max(9, (len(table) + 1).bit_length()), _WIDEST)
    return bytes(plain)
