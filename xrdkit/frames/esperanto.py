"""Esperanto, the exchange format of CrysAlisPro: 25 lines of 256 columns, then 32-bit pixels.

Pixels are stored as they are (``4BYTE_LONG``) or packed row by row (``AGI_BITFIELD``). The format
asks for a square raster of a multiple of four: writers pad a frame with zeros, which no header
tells apart from counts.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import FrameCorrupt, FrameFormatUnknown, FrameTruncated
from xrdkit.frames._files import ByteSource
from xrdkit.frames._lazy import RawFrames
from xrdkit.frames._reader import READERS, FrameSource, Stack
from xrdkit.frames.bitfield import unpack_rows
from xrdkit.frames.headers import Fact, fact, time_fact
from xrdkit.limits import Limits

_START = b"ESPERANTO FORMAT"
_FIRST = re.compile(r"ESPERANTO FORMAT\s+1\s+CONSISTING OF\s+(\d{1,4}) LINES OF\s+256 BYTES EACH")
_LINE = 256
_PACKED, _PLAIN = "AGI_BITFIELD", "4BYTE_LONG"
#: coordinate -> (key of the line, place in it, unit)
_PLACES = {
    "exposure_time": ("TIME", 0, "s"),
    "pixel_size_x_header": ("PIXELSIZE", 0, "mm"),
    "pixel_size_y_header": ("PIXELSIZE", 1, "mm"),
    "sensor_thickness": ("PIXELSIZE", 2, "mm"),
    "beam_center_x_header": ("GONIOMODEL_1", 5, "pixel"),
    "beam_center_y_header": ("GONIOMODEL_1", 6, "pixel"),
    "distance_header": ("GONIOMODEL_1", 9, "mm"),
    "wavelength_header": ("WAVELENGTH", 0, "angstrom"),
    "count_cutoff": ("SPECIAL_CCD_2", 4, "count"),
}


@dataclass(frozen=True)
class PackedFrame:
    """One frame whose rows are packed as bit fields."""

    data: ByteSource
    start: int
    packed: int
    rows: int
    columns: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """See FrameSource."""
        return 1, self.rows, self.columns

    @property
    def dtype(self) -> np.dtype[Any]:
        """See FrameSource."""
        return np.dtype(np.int32)

    def frames(self, indices: Sequence[int]) -> Iterator[NDArray[Any]]:
        """See FrameSource; raises FrameCorrupt where the rows do not fill their bytes."""
        for index in indices:
            raw = np.frombuffer(self.data.read(self.start, self.packed), np.uint8)
            values = np.empty((self.rows, self.columns), dtype=np.int32)
            if unpack_rows(raw, values) != self.packed:
                raise FrameCorrupt(
                    f"its rows do not fill {self.packed:,} packed bytes",
                    source=self.data.path,
                    frame=index,
                )
            yield values


class EsperantoReader:
    """Esperanto format 1, one frame per file."""

    magic: tuple[bytes, ...] = (_START,)

    def recognises(self, head: bytes) -> bool:
        """See Reader."""
        return head.startswith(_START)

    def open(self, path: Path, data: ByteSource, part: str | None, limits: Limits) -> Stack:
        """See Reader."""
        first = data.read(0, data.size_at_most(_LINE)).decode("latin-1")
        match = _FIRST.match(first)
        if match is None:
            kind = FrameTruncated if len(first) < _LINE else FrameCorrupt
            raise kind("states no number of header lines", source=path)
        start = int(match.group(1)) * _LINE
        if data.size_at_most(start) < start:
            raise FrameTruncated("ends within its header", source=path)
        lines = _lines(data.read(0, start))
        image = lines.get("IMAGE", [])
        if len(image) < 5 or not all(w.isascii() and w.isdigit() for w in image[:2]):
            raise FrameCorrupt(f"states IMAGE {' '.join(image)!r}", source=path)
        columns, rows = int(image[0][:9]), int(image[1][:9])
        if min(rows, columns) < 1:
            raise FrameCorrupt(f"states {rows} x {columns} pixels", source=path)
        limits.check("pixels", rows * columns, source=path)
        source = _source(path, data, start, (rows, columns), image[4].strip('"'))
        return Stack(source=source, files=(path,), facts=_facts(lines))


def _source(
    path: Path, data: ByteSource, start: int, shape: tuple[int, int], kind: str
) -> FrameSource:
    rows, columns = shape
    if kind == _PLAIN:
        end = start + 4 * rows * columns
        _check_extent(path, data, start, end)
        return RawFrames(data, (start,), rows, columns, np.dtype("<i4"))
    if kind != _PACKED:
        raise FrameFormatUnknown(f"Esperanto pixels of kind {kind!r} are not read", source=path)
    if data.size_at_most(start + 4) < start + 4:
        raise FrameTruncated("ends after its header", source=path, frame=0)
    (packed,) = struct.unpack("<I", data.read(start, 4))
    # each row starts with one pixel, and every pixel takes at most five bytes
    if not rows <= packed <= 6 * rows * columns:
        raise FrameCorrupt(f"states {packed:,} packed bytes for {rows} x {columns}", source=path)
    # the starts of the rows follow the rows
    _check_extent(path, data, start, start + 4 + packed + 4 * rows)
    return PackedFrame(data, start + 4, packed, rows, columns)


def _check_extent(path: Path, data: ByteSource, start: int, end: int) -> None:
    present = data.size_at_most(end)
    if present < end:
        raise FrameTruncated(
            f"holds {present - start:,} of {end - start:,} bytes", source=path, frame=0
        )


def _lines(header: bytes) -> dict[str, list[str]]:
    lines: dict[str, list[str]] = {}
    for at in range(_LINE, len(header), _LINE):
        words = header[at : at + _LINE].decode("latin-1").split()
        if words:
            lines.setdefault(words[0], words[1:])
    return lines


def _facts(lines: dict[str, list[str]]) -> dict[str, Fact]:
    facts: dict[str, Fact] = {}
    for name, (key, place, unit) in _PLACES.items():
        words = lines.get(key, [])
        if place < len(words):
            facts.update(fact(name, words[place], unit, f"{key}[{place + 1}]"))
    facts.update(time_fact(" ".join(lines.get("TIMESTAMP", [])).strip('"'), "TIMESTAMP"))
    return facts


READERS.add("esperanto", EsperantoReader())
