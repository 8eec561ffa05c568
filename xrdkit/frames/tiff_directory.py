"""TIFF image file directories, classic and BigTIFF: each visited once, each value in the file."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xrdkit.errors import FrameCorrupt, FrameTruncated
from xrdkit.frames._files import ByteSource
from xrdkit.limits import Limits

#: TIFF field type -> (bytes, struct code); rationals are pairs and are kept as bytes.
_FIELD_TYPES: dict[int, tuple[int, str]] = {
    1: (1, "B"),
    2: (1, ""),
    3: (2, "H"),
    4: (4, "I"),
    5: (8, ""),
    6: (1, "b"),
    7: (1, ""),
    8: (2, "h"),
    9: (4, "i"),
    10: (8, ""),
    11: (4, "f"),
    12: (8, "d"),
    13: (4, "I"),
    16: (8, "Q"),
    17: (8, "q"),
    18: (8, "Q"),
}
_MOST_ENTRIES = 4096


@dataclass(frozen=True, kw_only=True)
class Directory:
    """The tags of one image: numbers as tuples, all else as bytes."""

    numbers: dict[int, tuple[float, ...]]
    """Numeric tags."""
    texts: dict[int, bytes]
    """Text, rational and opaque tags."""

    def integers(self, tag: int, default: Sequence[int] = ()) -> tuple[int, ...]:
        """Return an integer tag, `default` where it is absent."""
        return tuple(int(v) for v in self.numbers.get(tag, default))

    def integer(self, tag: int, default: int) -> int:
        """Return the first value of an integer tag, `default` where it is absent."""
        return next(iter(self.integers(tag)), default)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a TIFF file counts."""

    order: str
    """``"<"`` or ``">"``."""
    big: bool
    """BigTIFF with 8-byte offsets."""


def layout_of(head: bytes) -> Layout | None:
    """Return the layout that the first four bytes announce, None where they are not TIFF."""
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 4:
        return None
    (version,) = struct.unpack(order + "H", head[2:4])
    return Layout(order=order, big=version == 43) if version in (42, 43) else None


def read_directories(
    path: Path, data: ByteSource, limits: Limits
) -> tuple[Layout, list[Directory]]:
    """Return the layout and all directories of a TIFF file, in file order.

    Raises FrameTruncated where a directory or a value lies beyond the end of the file, FrameCorrupt
    where the chain of directories runs in a circle or a directory makes no sense.
    """
    layout = layout_of(data.read(0, 4))
    if layout is None:
        raise FrameCorrupt("has no TIFF header", source=path)
    width, code = (8, "Q") if layout.big else (4, "I")
    (at,) = struct.unpack(layout.order + code, data.read(8 if layout.big else 4, width))
    visited: set[int] = set()
    found: list[Directory] = []
    while at:
        if at in visited:
            raise FrameCorrupt("its image directories run in a circle", source=path)
        visited.add(at)
        limits.check("frames", len(visited), source=path)
        directory, at = _read_directory(path, data, layout, at, limits)
        found.append(directory)
    if not found:
        raise FrameTruncated("holds no image directory", source=path)
    return layout, found


def _read_directory(
    path: Path, data: ByteSource, layout: Layout, at: int, limits: Limits
) -> tuple[Directory, int]:
    wide, entry_bytes, inline = (8, 20, 8) if layout.big else (2, 12, 4)
    order, offset_code = layout.order, "Q" if layout.big else "I"
    (count,) = struct.unpack(order + ("Q" if layout.big else "H"), data.read(at, wide))
    if not 0 < count <= _MOST_ENTRIES:
        raise FrameCorrupt(f"has an image directory of {count} entries", source=path)
    body = data.read(at + wide, count * entry_bytes + inline)
    numbers: dict[int, tuple[float, ...]] = {}
    texts: dict[int, bytes] = {}
    for k in range(count):
        entry = body[k * entry_bytes : (k + 1) * entry_bytes]
        tag, kind = struct.unpack(order + "HH", entry[:4])
        (items,) = struct.unpack(order + offset_code, entry[4 : 4 + inline])
        size, code = _FIELD_TYPES.get(kind, (0, ""))
        total = items * size
        limits.check(
            "header_bytes", total / (16 if tag in (273, 279, 324, 325) else 1), source=path
        )
        raw = entry[4 + inline : 4 + inline + total]
        if total > inline:
            (where,) = struct.unpack(order + offset_code, entry[4 + inline :])
            raw = data.read(where, total)
        if code:
            numbers[tag] = struct.unpack(f"{order}{items}{code}", raw)
        else:
            texts[tag] = raw
    (following,) = struct.unpack(order + offset_code, body[-inline:])
    return Directory(numbers=numbers, texts=texts), following
