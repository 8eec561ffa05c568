"""SMV frames (ADSC, Rigaku d*TREK): a text header of stated length, then raw numbers."""

from pathlib import Path

import numpy as np

from xrdkit.errors import FrameCorrupt, FrameFormatUnknown, FrameTruncated
from xrdkit.frames._files import ByteSource
from xrdkit.frames._lazy import RawFrames
from xrdkit.frames._reader import READERS, Stack
from xrdkit.frames.smv_header import header_facts
from xrdkit.limits import Limits

_START = b"{\nHEADER_BYTES="
_TYPES = {
    "unsigned_short": "u2",
    "unsigned short int": "u2",
    "short int": "i2",
    "unsigned char": "u1",
    "signed char": "i1",
    "long int": "i4",
    "unsigned long int": "u4",
    "float ieee": "f4",
}
_ORDERS = {"little_endian": "<", "big_endian": ">"}
_SHORTEST = 32


class SmvReader:
    """One frame per file, uncompressed."""

    magic: tuple[bytes, ...] = (_START,)

    def recognises(self, head: bytes) -> bool:
        """See Reader."""
        return head.startswith(_START)

    def open(self, path: Path, data: ByteSource, part: str | None, limits: Limits) -> Stack:
        """See Reader."""
        lead = data.read(0, data.size_at_most(512))
        stated = lead[len(_START) :].partition(b";")[0].strip()
        if b";" not in lead or not stated.isdigit() or int(stated[:20]) < _SHORTEST:
            kind = FrameTruncated if b";" not in lead else FrameCorrupt
            raise kind("states no length of its header", source=path)
        start = int(stated[:20])
        limits.check("header_bytes", start, source=path)
        if data.size_at_most(start) < start:
            raise FrameTruncated("ends within its header", source=path)
        keys = _keys(path, data.read(0, start))
        rows, columns = _count(path, keys, "SIZE2"), _count(path, keys, "SIZE1")
        limits.check("pixels", rows * columns, source=path)
        if keys.get("COMPRESSION", "None").lower() != "none":
            raise FrameFormatUnknown("compressed SMV is not read", source=path)
        kind_text = keys.get("Data_type", keys.get("TYPE", "")).lower()
        code, order = _TYPES.get(kind_text), _ORDERS.get(keys.get("BYTE_ORDER", "").lower())
        if code is None or order is None:
            raise FrameCorrupt(
                f"states type {kind_text!r}, byte order {keys.get('BYTE_ORDER')!r}", source=path
            )
        stored = np.dtype(order + code)
        end = start + rows * columns * stored.itemsize
        present = data.size_at_most(end + 1)
        if present < end:
            raise FrameTruncated(
                f"holds {present - start:,} of {end - start:,} bytes", source=path, frame=0
            )
        if present > end:
            raise FrameCorrupt("has more bytes than its header announces", source=path)
        source = RawFrames(data, (start,), rows, columns, stored)
        return Stack(source=source, files=(path,), facts=header_facts(keys))


def _keys(path: Path, header: bytes) -> dict[str, str]:
    body, brace, _ = header[1:].partition(b"}")
    if not brace:
        raise FrameCorrupt("its header has no end", source=path)
    keys: dict[str, str] = {}
    for item in body.decode("latin-1").split(";"):
        name, equals, value = item.partition("=")
        if equals and keys.setdefault(name.strip(), value.strip()) != value.strip():
            raise FrameCorrupt(f"states {name.strip()} twice", source=path)
    return keys


def _count(path: Path, keys: dict[str, str], name: str) -> int:
    text = keys.get(name, "")
    if not text.isascii() or not text.isdigit() or int(text[:20]) < 1:
        raise FrameCorrupt(f"states {name} = {text!r}", source=path)
    return int(text[:20])


READERS.add("smv", SmvReader())
