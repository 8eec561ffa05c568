"""mar345 image plates: 4096 bytes of header, a table of bright pixels, a CCP4-packed image.

Source: Marresearch, The mar345 Image Formats. The scanner packs 16-bit pixels; those above 65535
stand as (number counted from 1, value) in a table of 64-byte records before the image.
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
from xrdkit.frames._reader import READERS, Stack
from xrdkit.frames.ccp4_pack import unpack_words
from xrdkit.frames.headers import Fact, fact, time_fact
from xrdkit.limits import Limits

_MARK, _HEADER = 1234, 4096
_PROGRAM = b"mar research"
_COMPRESSED, _SPIRAL = 1, 2
_PER_RECORD, _RECORD = 8, 64
#: A packed pixel takes at most 32 bits and, alone in its block, six more.
_MOST_BITS = 38
_TITLE = re.compile(rb"\nCCP4 packed image, X: *([0-9]{1,6}), Y: *([0-9]{1,6})\n")
#: coordinate -> (pattern of the text header, unit)
_KEYS = {
    "exposure_time": (r"^TIME\s+(\S+)", "s"),
    "wavelength_header": (r"^WAVELENGTH\s+(\S+)", "angstrom"),
    "distance_header": (r"^DISTANCE\s+(\S+)", "mm"),
    "pixel_size_x_header": (r"^PIXEL\s+LENGTH\s+(\S+)", "um"),
    "pixel_size_y_header": (r"^PIXEL\s+LENGTH\s+\S+\s+HEIGHT\s+(\S+)", "um"),
    "beam_center_x_header": (r"^CENTER\s+X\s+(\S+)", "pixel"),
    "beam_center_y_header": (r"^CENTER\s+X\s+\S+\s+Y\s+(\S+)", "pixel"),
    "detector_angle_header": (r"^TWOTHETA\s+(\S+)", "degree"),
}


@dataclass(frozen=True)
class Mar345Frame:
    """The frame of one mar345 file."""

    data: ByteSource
    order: str
    rows: int
    columns: int
    bright: int
    """Number of pixels above 65535."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """See FrameSource."""
        return 1, self.rows, self.columns

    @property
    def dtype(self) -> np.dtype[Any]:
        """See FrameSource."""
        return np.dtype(np.uint32)

    @property
    def image_start(self) -> int:
        """Where the packed image starts."""
        return _HEADER + -(-self.bright // _PER_RECORD) * _RECORD

    def frames(self, indices: Sequence[int]) -> Iterator[NDArray[Any]]:
        """See FrameSource; raises FrameTruncated or FrameCorrupt where the image is not whole."""
        pixels = self.rows * self.columns
        for index in indices:
            source = self.data.path
            most = self.image_start + 64 + pixels * _MOST_BITS // 8
            raw = self.data.read(0, self.data.size_at_most(most))
            title = _TITLE.search(raw, self.image_start)
            if title is None:
                raise FrameCorrupt("has no packed image", source=source, frame=index)
            if (int(title.group(1)), int(title.group(2))) != (self.columns, self.rows):
                raise FrameCorrupt(
                    f"packs {title.group(1).decode()} x {title.group(2).decode()} pixels for "
                    f"{self.columns} x {self.rows}",
                    source=source,
                    frame=index,
                )
            words = np.zeros(pixels, dtype=np.uint16)
            filled = unpack_words(np.frombuffer(raw, np.uint8)[title.end() :], self.columns, words)
            if filled < pixels:
                raise FrameTruncated(
                    f"unpacks to {filled:,} of {pixels:,} pixels", source=source, frame=index
                )
            values = words.astype(np.uint32)
            table = np.frombuffer(raw, f"{self.order}u4", 2 * self.bright, _HEADER).reshape(-1, 2)
            places = table[:, 0].astype(np.int64) - 1
            if places.size and (places.min() < 0 or places.max() >= pixels):
                raise FrameCorrupt(
                    "its table of bright pixels is damaged", source=source, frame=index
                )
            values[places] = table[:, 1]
            yield values.reshape(self.rows, self.columns)


class Mar345Reader:
    """mar345 and mar555 images, packed."""

    magic: tuple[bytes, ...] = (struct.pack("<i", _MARK), struct.pack(">i", _MARK))

    def recognises(self, head: bytes) -> bool:
        """See Reader: the mark, then within 256 bytes the name of the maker."""
        return head[:4] in self.magic and (_PROGRAM in head[:256] or len(head) < 256)

    def open(self, path: Path, data: ByteSource, part: str | None, limits: Limits) -> Stack:
        """See Reader."""
        present = data.size_at_most(_HEADER)
        if present < _HEADER:
            raise FrameTruncated(f"ends {_HEADER - present:,} bytes early", source=path)
        header = data.read(0, _HEADER)
        order = "<" if header[:4] == self.magic[0] else ">"
        columns, bright, kind, _, pixels = struct.unpack_from(order + "5i", header, 4)
        if kind == _SPIRAL or kind != _COMPRESSED:
            raise FrameFormatUnknown(
                f"mar345 images of format {kind} are not read", source=path, hint="export as packed"
            )
        if columns < 1 or pixels < 1 or pixels % columns or not 0 <= bright <= pixels:
            raise FrameCorrupt(
                f"states {pixels} pixels in rows of {columns}, {bright} of them bright", source=path
            )
        limits.check("pixels", pixels, source=path)
        source = Mar345Frame(data, order, pixels // columns, columns, bright)
        # packed pixels take at least six bits for every 128
        least = source.image_start + pixels * 6 // 128 // 8
        if data.size_at_most(least) < least:
            raise FrameTruncated("ends before its image", source=path, frame=0)
        return Stack(source=source, files=(path,), facts=_facts(header))


def _facts(header: bytes) -> dict[str, Fact]:
    text = header[64:].split(b"END OF HEADER")[0].decode("latin-1").replace("\r", "\n")
    facts: dict[str, Fact] = {}
    for name, (pattern, unit) in _KEYS.items():
        match = re.search(pattern, text, re.M)
        if match:
            key = pattern[1:].split(r"\s")[0]
            facts.update(fact(name, match.group(1), unit, key))
    date = re.search(r"^DATE\s+(.+?)\s*$", text, re.M)
    facts.update(time_fact(date.group(1) if date else None, "DATE"))
    return facts


READERS.add("mar345", Mar345Reader())
