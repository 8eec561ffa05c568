"""What a mask file promises, checked against its bytes before a library reads it.

fabio pads a cut EDF file with zeros, which in a mask would be good pixels, follows a TIFF directory
that points to itself for ever, and allocates whatever a header asks for.
"""

import io
import math
import re
import struct

import numpy as np

from xrdkit.errors import FrameCorrupt, FrameFormatUnknown, FrameTruncated
from xrdkit.limits import Limits

_EDF_BYTES = {
    "unsignedbyte": 1, "uint8": 1, "signedbyte": 1, "int8": 1,
    "unsignedshort": 2, "uint16": 2, "signedshort": 2, "int16": 2,
    "unsignedinteger": 4, "uint32": 4, "unsignedlong": 4,
    "signedinteger": 4, "int32": 4, "signedlong": 4,
    "float": 4, "floatvalue": 4, "float32": 4, "double": 8, "doublevalue": 8, "float64": 8,
    "unsigned64": 8, "uint64": 8, "signed64": 8, "int64": 8,
}  # fmt: skip
_EDF_KEY = re.compile(rb"([A-Za-z_0-9]+)\s*=\s*([^;]*);")
_MOST_DIRECTORIES = 64
_WIDTH, _HEIGHT = 256, 257
_INTEGERS = {1: "B", 3: "H", 4: "I"}


def check_edf(content: bytes, limits: Limits, source: object) -> None:
    """Raise where an EDF file holds fewer bytes than its header says, or asks for too much."""
    end = content.find(b"}", 0, limits.header_bytes)
    if end < 0:
        raise FrameTruncated("EDF header has no end", source=source)
    found = {k.decode().lower(): v.decode("latin-1").strip().lower()
             for k, v in _EDF_KEY.findall(content[:end])}  # fmt: skip
    if found.get("compression", "none") not in ("none", "no", ""):
        raise FrameFormatUnknown("compressed EDF masks are not read", source=source)
    size = _EDF_BYTES.get(found.get("datatype", ""))
    sides = [found.get(f"dim_{k}", "") for k in (1, 2)]
    if size is None or not all(side.isdecimal() and 0 < len(side) < 10 for side in sides):
        raise FrameCorrupt(f"EDF header states {sides} pixels of {size} bytes", source=source)
    pixels = math.prod(int(side) for side in sides)
    limits.check("pixels", pixels, source=source)
    newline = content.find(b"\n", end)
    _enough(len(content) - (newline + 1 if newline >= 0 else end + 1), pixels * size, source)


def check_fit2d(content: bytes, limits: Limits, source: object) -> None:
    """Raise where a Fit2D mask holds fewer bytes than its header says, or asks for too much."""
    if len(content) < 1024:
        raise FrameTruncated("Fit2D mask header is cut", source=source)
    columns, rows = struct.unpack_from("<II", content, 16)
    limits.check("pixels", columns * rows, source=source)
    _enough(len(content) - 1024, (columns + 31) // 32 * 4 * rows, source)


def check_npy(content: bytes, limits: Limits, source: object) -> None:
    """Raise where an NPY file holds fewer bytes than its header says, or asks for too much."""
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, _, dtype = read(stream)
    except (ValueError, KeyError, EOFError, OSError) as exc:
        raise FrameCorrupt(f"NPY header cannot be read: {exc}", source=source) from exc
    pixels = math.prod(shape)
    limits.check("pixels", pixels, source=source)
    if not dtype.hasobject:
        _enough(len(content) - stream.tell(), pixels * dtype.itemsize, source)


def check_tiff(content: bytes, limits: Limits, source: object) -> None:
    """Raise where the directories of a TIFF file lead nowhere, or ask for too much."""
    order = "<" if content[:2] == b"II" else ">"
    seen: set[int] = set()
    try:
        (at,) = struct.unpack_from(order + "I", content, 4)
        while at:
            if at in seen or len(seen) >= _MOST_DIRECTORIES:
                raise FrameCorrupt("TIFF directories point in a circle", source=source)
            seen.add(at)
            (entries,) = struct.unpack_from(order + "H", content, at)
            sides = [
                value
                for tag, value in _tags(content, order, at, entries)
                if tag in (_WIDTH, _HEIGHT)
            ]
            limits.check("pixels", math.prod(sides), source=source)
            (at,) = struct.unpack_from(order + "I", content, at + 2 + 12 * entries)
    except struct.error as exc:
        raise FrameTruncated("TIFF directory lies outside the file", source=source) from exc
    if not seen:
        raise FrameCorrupt("TIFF file without a directory", source=source)


def _tags(content: bytes, order: str, at: int, entries: int) -> list[tuple[int, int]]:
    """Return (tag, value) of the entries of a TIFF directory that hold one integer."""
    tags = []
    for k in range(entries):
        place = at + 2 + 12 * k
        tag, kind, _ = struct.unpack_from(order + "HHI", content, place)
        if kind in _INTEGERS:
            tags.append((tag, struct.unpack_from(order + _INTEGERS[kind], content, place + 8)[0]))
    return tags


def _enough(held: int, needed: int, source: object) -> None:
    if held < needed:
        raise FrameTruncated(f"holds {held} bytes of {needed} of the mask", source=source)
