"""Bruker frames (SFRM, GFRM): an 80-column text header, one raster, tables of overflows.

Source: Bruker, Area Detector Frame Format (format 86: one table, of text) and its successor,
format 100 (binary tables of pixels below the baseline, above 8 and above 16 bits, each padded to 16
bytes). Stored pixels are little-endian whatever the header says.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import FrameCorrupt, FrameFormatUnknown, FrameTruncated
from xrdkit.frames._files import ByteSource
from xrdkit.frames._reader import READERS, Stack
from xrdkit.frames.bruker_header import header_facts, read_header
from xrdkit.frames.headers import number
from xrdkit.limits import Limits

_START = b"FORMAT :"
_STORED = {86: {1: "<u1", 2: "<u2", 4: "<u4"}, 100: {1: "<u1", 2: "<u2", 4: "<i4"}}
_UNDERFLOW = {1: "<i1", 2: "<i2", 4: "<i4"}
_TEXT_OVERFLOW, _TEXT_INTENSITY = 16, 9
_TABLE = re.compile(rb" *[0-9]+ *[0-9]+ *")
_FULL_8, _FULL_16 = 255, 65535


@dataclass(frozen=True, kw_only=True)
class BrukerFrame:
    """The frame of one Bruker file."""

    data: ByteSource
    start: int
    rows: int
    columns: int
    version: int
    """86 or 100."""
    bytes_per_pixel: int
    tables: tuple[tuple[int, int], ...]
    """(number, bytes each) of the tables behind the raster, in order."""
    baseline: int
    scale: float
    offset: float
    """Value = stored * scale + offset."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """See FrameSource."""
        return 1, self.rows, self.columns

    @property
    def dtype(self) -> np.dtype[Any]:
        """See FrameSource: float64 where values were shifted below zero or scaled."""
        if (self.scale, self.offset) != (1.0, 0.0) or self.has_baseline:
            return np.dtype(np.float64)
        return np.dtype(np.uint32 if self.version == 86 else np.int32)

    @property
    def has_baseline(self) -> bool:
        """Whether the dark level was taken off, so that pixels may be negative."""
        return self.version == 100 and self.tables[0][0] >= 0

    @property
    def end(self) -> int:
        """Number of bytes that the file must have."""
        return self.start + self._raster + sum(_room(self.version, *t) for t in self.tables)

    @property
    def _raster(self) -> int:
        return self.rows * self.columns * self.bytes_per_pixel

    def frames(self, indices: Sequence[int]) -> Iterator[NDArray[Any]]:
        """See FrameSource; raises FrameCorrupt where a table contradicts the raster."""
        for index in indices:
            raw = self.data.read(self.start, self.end - self.start)
            kind = _STORED[self.version][self.bytes_per_pixel]
            stored = np.frombuffer(raw, kind, self.rows * self.columns)
            rest = raw[self._raster :]
            merge = self._merged_86 if self.version == 86 else self._merged_100
            values = merge(stored.astype(np.int64), rest, index)
            bounds = np.iinfo(np.int32 if self.dtype == np.int32 else np.uint32)
            if self.dtype.kind in "iu" and (values.min() < bounds.min or values.max() > bounds.max):
                raise self._corrupt(f"has values outside {self.dtype}", index)
            if (self.scale, self.offset) != (1.0, 0.0):
                yield (values * self.scale + self.offset).reshape(self.rows, self.columns)
            else:
                yield values.astype(self.dtype).reshape(self.rows, self.columns)

    def _merged_86(self, values: NDArray[np.int64], rest: bytes, frame: int) -> NDArray[np.int64]:
        for at in range(0, len(rest), _TEXT_OVERFLOW):
            entry = rest[at : at + _TEXT_OVERFLOW].decode("latin-1")
            intensity, place = number(entry[:_TEXT_INTENSITY]), number(entry[_TEXT_INTENSITY:])
            if intensity is None or place is None or not 0 <= place < values.size:
                raise self._corrupt(f"states an overflow {entry!r}", frame)
            values[int(place)] = int(intensity)
        return values

    def _merged_100(self, values: NDArray[np.int64], rest: bytes, frame: int) -> NDArray[np.int64]:
        (below, width), (above_8, _), (above_16, _) = self.tables
        at = 0
        under: NDArray[Any] | None = None
        zero = values == 0
        if below > 0:
            under = np.frombuffer(rest, _UNDERFLOW[width], below)
            at += _room(100, below, width)
        for count, kind, mark, narrow in (
            (above_8, "<u2", _FULL_8, self.bytes_per_pixel == 1),
            (above_16, "<i4", _FULL_16, self.bytes_per_pixel < 4),
        ):
            if count > 0:
                table = np.frombuffer(rest, kind, count, at)
                at += _room(100, count, np.dtype(kind).itemsize)
                self._fill(values, values == mark if narrow else np.zeros_like(zero), table, frame)
        values[~zero | (under is None)] += self.baseline
        if under is not None:
            self._fill(values, zero, under, frame)
        return values

    def _fill(
        self, values: NDArray[np.int64], where: NDArray[np.bool_], table: NDArray[Any], frame: int
    ) -> None:
        if np.count_nonzero(where) != table.size:
            found = np.count_nonzero(where)
            raise self._corrupt(f"has {found:,} pixels for {table.size:,} overflows", frame)
        values[where] = table

    def _corrupt(self, says: str, frame: int) -> FrameCorrupt:
        return FrameCorrupt(says, source=self.data.path, frame=frame)


def _room(version: int, count: int, size: int) -> int:
    """Return the bytes that a table takes in the file."""
    used = max(count, 0) * size
    return used if version == 86 else -(-used // 16) * 16


class BrukerReader:
    """Bruker format 86 and 100, one frame per file."""

    magic: tuple[bytes, ...] = (_START,)

    def recognises(self, head: bytes) -> bool:
        """See Reader."""
        return head.startswith(_START) and head[8:80].strip()[:3] in (b"86", b"100")

    def open(self, path: Path, data: ByteSource, part: str | None, limits: Limits) -> Stack:
        """See Reader."""
        keys, start = read_header(path, data, limits)
        version = int(keys["FORMAT"])
        rows, columns = _count(path, keys, "NROWS"), _count(path, keys, "NCOLS")
        limits.check("pixels", rows * columns, source=path)
        width = _count(path, keys, "NPIXELB")
        if width not in _STORED[version]:
            raise FrameCorrupt(f"states {width} bytes per pixel", source=path)
        if keys.get("COMPRES", "NONE").split()[:1] not in ([], ["NONE"], ["LINEAR"]):
            raise FrameFormatUnknown(f"compression {keys['COMPRES']!r} is not read", source=path)
        scale, offset = _linear(path, keys.get("LINEAR", ""))
        frame = BrukerFrame(
            data=data,
            start=start,
            rows=rows,
            columns=columns,
            version=version,
            bytes_per_pixel=width,
            tables=_tables(path, keys, version, rows * columns),
            baseline=_baseline(path, keys, version),
            scale=scale,
            offset=offset,
        )
        present = data.size_at_most(frame.end)
        if present < frame.end:
            raise FrameTruncated(
                f"holds {present - start:,} of {frame.end - start:,} bytes", source=path, frame=0
            )
        _check_announced(path, data, frame)
        return Stack(source=frame, files=(path,), facts=header_facts(keys))


def _check_announced(path: Path, data: ByteSource, frame: BrukerFrame) -> None:
    """Raise FrameCorrupt where a table of overflows stands behind a frame that announces none."""
    room = frame.end + _TEXT_OVERFLOW
    silent = frame.version == 86 and frame.tables[0][0] < 1
    if not silent or data.size_at_most(room) < room:
        return
    if _TABLE.fullmatch(data.read(frame.end, _TEXT_OVERFLOW)):
        raise FrameCorrupt(
            "holds a table of overflows that its header does not announce",
            source=path,
            hint="pixels brighter than its raster holds would read as the largest value of it",
        )


def _integers(path: Path, keys: dict[str, str], name: str) -> list[int]:
    found = [number(word) for word in keys.get(name, "").split()]
    if any(v is None or not v.is_integer() or abs(v) > 2**31 for v in found):
        raise FrameCorrupt(f"states {name} {keys[name]!r}", source=path)
    return [int(v) for v in found if v is not None]


def _count(path: Path, keys: dict[str, str], name: str) -> int:
    found = _integers(path, keys, name)[:1]
    if not found or found[0] < 1:
        raise FrameCorrupt(f"states {name} {keys.get(name, '')!r}", source=path)
    return found[0]


def _tables(
    path: Path, keys: dict[str, str], version: int, pixels: int
) -> tuple[tuple[int, int], ...]:
    counts = _integers(path, keys, "NOVERFL") or [0]
    if any(not -1 <= n <= pixels for n in counts):
        raise FrameCorrupt(f"states {keys['NOVERFL']!r} overflows", source=path)
    if version == 86:
        return ((counts[0], _TEXT_OVERFLOW),)
    below, above_8, above_16 = (*counts, 0, 0)[:3]
    width = (*_integers(path, keys, "NPIXELB"), 1)[1]
    if below > 0 and width not in _UNDERFLOW:
        raise FrameCorrupt(f"states underflows of {width} bytes", source=path)
    return (below, width), (above_8, 2), (above_16, 4)


def _baseline(path: Path, keys: dict[str, str], version: int) -> int:
    """Return what was taken off every pixel: the third number of NEXP, 0 where NOVERFL is -1."""
    if version == 86 or (_integers(path, keys, "NOVERFL") or [0])[0] == -1:
        return 0
    exposures = _integers(path, keys, "NEXP")
    if len(exposures) < 3:
        raise FrameCorrupt("states no baseline in NEXP", source=path)
    return exposures[2]


def _linear(path: Path, text: str) -> tuple[float, float]:
    words = text.split()
    if not words:
        return 1.0, 0.0
    scale, offset = (number(word) for word in (*words, "0")[:2])
    if scale is None or offset is None or scale == 0:
        raise FrameCorrupt(f"states LINEAR {text!r}", source=path)
    return scale, offset


READERS.add("bruker", BrukerReader())
