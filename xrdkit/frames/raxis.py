"""Rigaku R-AXIS and RAPID image plates: one record of header, then big-endian 16-bit pixels.

Source: Rigaku, ReadRAXISImage. A pixel whose highest bit is set was read by the second
photomultiplier: its lower 15 bits count the ratio of the two, which the header states.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import FrameCorrupt, FrameTruncated
from xrdkit.frames._files import ByteSource
from xrdkit.frames._reader import READERS, Stack
from xrdkit.frames.headers import Fact, fact, text_fact
from xrdkit.limits import Limits

_STARTS = (b"R-AXIS", b"RAXIS")
_SHORTEST = 1160
_HIGH_BIT = 0x8000
_SECONDS_PER_MINUTE = 60.0
#: coordinate -> (byte of a 32-bit float, factor, unit, name of the field)
_FIELDS = {
    "wavelength_header": (292, 1.0, "angstrom", "Wavelength"),
    "distance_header": (344, 1.0, "mm", "Crystal-to-detector Distance"),
    "exposure_time": (536, _SECONDS_PER_MINUTE, "s", "Exposure Time"),
    "beam_center_x_header": (540, 1.0, "pixel", "Direct beam X position"),
    "beam_center_y_header": (544, 1.0, "pixel", "Direct beam Y position"),
    "detector_angle_header": (556, 1.0, "degree", "2Theta Angle"),
    "pixel_size_x_header": (776, 1.0, "mm", "X Pixel Length"),
    "pixel_size_y_header": (780, 1.0, "mm", "Y Pixel Length"),
}


@dataclass(frozen=True)
class RaxisFrame:
    """The frame of one R-AXIS file."""

    data: ByteSource
    start: int
    rows: int
    columns: int
    ratio: float
    """Counts of the second photomultiplier in those of the first."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """See FrameSource."""
        return 1, self.rows, self.columns

    @property
    def dtype(self) -> np.dtype[Any]:
        """See FrameSource."""
        return np.dtype(np.uint32)

    def frames(self, indices: Sequence[int]) -> Iterator[NDArray[Any]]:
        """See FrameSource."""
        for _ in indices:
            raw = self.data.read(self.start, 2 * self.rows * self.columns)
            stored = np.frombuffer(raw, ">u2")
            values = stored.astype(np.uint32)
            far = values >= _HIGH_BIT
            values[far] = np.rint((values[far] - _HIGH_BIT) * self.ratio).astype(np.uint32)
            yield values.reshape(self.rows, self.columns)


class RaxisReader:
    """R-AXIS and RAPID frames, one per file, big-endian as the scanners write them."""

    magic: tuple[bytes, ...] = _STARTS

    def recognises(self, head: bytes) -> bool:
        """See Reader."""
        return head.startswith(_STARTS)

    def open(self, path: Path, data: ByteSource, part: str | None, limits: Limits) -> Stack:
        """See Reader."""
        present = data.size_at_most(_SHORTEST)
        if present < _SHORTEST:
            raise FrameTruncated(f"ends {_SHORTEST - present:,} bytes early", source=path)
        header = data.read(0, _SHORTEST)
        columns, rows = struct.unpack_from(">ii", header, 768)
        (record,) = struct.unpack_from(">i", header, 784)
        (ratio,) = struct.unpack_from(">f", header, 800)
        if min(columns, rows) < 1:
            raise FrameCorrupt(f"states {rows} x {columns} pixels", source=path)
        limits.check("pixels", rows * columns, source=path)
        if record < _SHORTEST:
            raise FrameCorrupt(f"states a header of {record} bytes", source=path)
        limits.check("header_bytes", record, source=path)
        # 2^17 times 2^15 counts fill 32 bits
        if not 1 <= ratio <= 2**17:
            raise FrameCorrupt(f"states a photomultiplier ratio of {ratio}", source=path)
        end = record + 2 * rows * columns
        present = data.size_at_most(end + 1)
        if present < end:
            raise FrameTruncated(
                f"holds {max(present - record, 0):,} of {end - record:,} bytes",
                source=path,
                frame=0,
            )
        if present > end:
            raise FrameCorrupt("has more bytes than its header announces", source=path)
        source = RaxisFrame(data, record, rows, columns, float(ratio))
        return Stack(source=source, files=(path,), facts=_facts(header))


def _facts(header: bytes) -> dict[str, Fact]:
    facts: dict[str, Fact] = {}
    for name, (at, factor, unit, key) in _FIELDS.items():
        (raw,) = struct.unpack_from(">f", header, at)
        # a field that was never filled in is zero, which is a swing angle all the same
        facts.update(fact(name, round(raw, 9) * factor, unit, key) if np.isfinite(raw) else {})
    instrument = header[:10].split(b"\0")[0]
    facts.update(text_fact("detector_name", instrument, "InstrumentType"))
    return facts


READERS.add("raxis", RaxisReader())
