"""TIFF and BigTIFF of one channel: strips or tiles, plain, deflate, PackBits or LZW."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import FrameCorrupt, FrameFormatUnknown, FrameShapeMismatch, FrameTruncated
from xrdkit.frames._files import ByteSource
from xrdkit.frames._reader import READERS, Stack
from xrdkit.frames.headers import stacked
from xrdkit.frames.tiff_directory import Directory, Layout, layout_of, read_directories
from xrdkit.frames.tiff_header import header_facts
from xrdkit.frames.tiff_unpack import COMPRESSIONS, undo_predictor, unpack
from xrdkit.limits import Limits

_SAMPLE_KINDS = {1: "u", 2: "i", 3: "f", 4: "u"}
_UNBOUNDED = 2**32 - 1
_REDUCED = 1
_PAGE_GAP = 2**16


@dataclass(frozen=True)
class _Piece:
    """One strip or tile."""

    offset: int
    packed: int
    row: int
    column: int
    rows: int
    columns: int


@dataclass(frozen=True)
class _Page:
    rows: int
    columns: int
    stored: np.dtype[Any]
    compression: int
    predictor: int
    pieces: tuple[_Piece, ...]


@dataclass(frozen=True)
class TiffFrames:
    """The pages of one TIFF file."""

    data: ByteSource
    pages: tuple[_Page, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """See FrameSource."""
        return len(self.pages), self.pages[0].rows, self.pages[0].columns

    @property
    def dtype(self) -> np.dtype[Any]:
        """See FrameSource."""
        return self.pages[0].stored.newbyteorder("=")

    def frames(self, indices: Sequence[int]) -> Iterator[NDArray[Any]]:
        """See FrameSource."""
        for index in indices:
            page = self.pages[index]
            frame = np.empty((page.rows, page.columns), dtype=self.dtype)
            for piece, raw in self._packed(page):
                shape = (piece.rows, piece.columns)
                wanted = piece.rows * piece.columns * page.stored.itemsize
                plain = unpack(raw, page.compression, wanted, source=self.data.path, frame=index)
                values = np.frombuffer(plain, page.stored, count=shape[0] * shape[1]).reshape(shape)
                values = undo_predictor(values, page.predictor)
                room = frame[piece.row : piece.row + shape[0], piece.column :][:, : shape[1]]
                room[...] = values[: room.shape[0], : room.shape[1]]
            yield frame

    def _packed(self, page: _Page) -> Iterator[tuple[_Piece, bytes]]:
        """Yield the pieces with their bytes, in one read where they lie close together."""
        low = min(piece.offset for piece in page.pieces)
        high = max(piece.offset + piece.packed for piece in page.pieces)
        if high - low > 2 * sum(piece.packed for piece in page.pieces) + _PAGE_GAP:
            for piece in page.pieces:
                yield piece, self.data.read(piece.offset, piece.packed)
            return
        span = memoryview(self.data.read(low, high - low))
        for piece in page.pieces:
            start = piece.offset - low
            yield piece, bytes(span[start : start + piece.packed])


class TiffReader:
    """TIFF, BigTIFF and MarCCD; several pages are several frames."""

    magic: tuple[bytes, ...] = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

    def recognises(self, head: bytes) -> bool:
        """See Reader."""
        return len(head) >= 4 and layout_of(head) is not None

    def open(self, path: Path, data: ByteSource, part: str | None, limits: Limits) -> Stack:
        """See Reader."""
        layout, directories = read_directories(path, data, limits)
        images = [d for d in directories if not d.integer(254, 0) & _REDUCED]
        pages = [_page(path, layout, d, k, limits) for k, d in enumerate(images)]
        if not pages:
            raise FrameTruncated("holds no image", source=path)
        first = pages[0]
        for k, page in enumerate(pages):
            if (page.rows, page.columns, page.stored) != (first.rows, first.columns, first.stored):
                raise FrameShapeMismatch(
                    f"page is {page.rows} x {page.columns} {page.stored}, the first is "
                    f"{first.rows} x {first.columns} {first.stored}",
                    source=path,
                    frame=k,
                )
            _check_extent(path, data, page, k)
        facts = stacked([(header_facts(path, data, layout, d), 1) for d in images])
        return Stack(source=TiffFrames(data, tuple(pages)), files=(path,), facts=facts)


def _page(path: Path, layout: Layout, tags: Directory, frame: int, limits: Limits) -> _Page:
    columns, rows = tags.integer(256, 0), tags.integer(257, 0)
    if columns < 1 or rows < 1:
        raise FrameCorrupt(f"states {rows} x {columns} pixels", source=path, frame=frame)
    limits.check("pixels", rows * columns, source=path)
    bits, kind = tags.integer(258, 1), _SAMPLE_KINDS.get(tags.integer(339, 1))
    compression, predictor = tags.integer(259, 1), tags.integer(317, 1)
    if tags.integer(277, 1) != 1 or bits not in (8, 16, 32, 64) or kind is None:
        raise FrameFormatUnknown(
            f"TIFF of {tags.integer(277, 1)} channels with {bits} bits is not a detector frame",
            source=path,
            frame=frame,
        )
    if kind == "f" and bits == 8:
        raise FrameCorrupt("states floating point of 8 bits", source=path, frame=frame)
    if compression not in COMPRESSIONS or predictor not in (1, 2):
        raise FrameFormatUnknown(
            f"TIFF compression {compression} with predictor {predictor} is not read",
            source=path,
            frame=frame,
            hint="save it uncompressed or as deflate",
        )
    stored = np.dtype(f"{layout.order}{kind}{bits // 8}")
    pieces = _pieces(path, tags, rows, columns, stored.itemsize, frame)
    if predictor == 2 and kind == "f":
        raise FrameCorrupt("states an integer predictor for floats", source=path, frame=frame)
    return _Page(rows, columns, stored, compression, predictor, pieces)


def _pieces(
    path: Path, tags: Directory, rows: int, columns: int, itemsize: int, frame: int
) -> tuple[_Piece, ...]:
    tiled = 322 in tags.numbers
    if tiled:
        wide, high = tags.integer(322, 0), tags.integer(323, 0)
        offsets, sizes = tags.integers(324), tags.integers(325)
    else:
        wide, high = columns, min(tags.integer(278, _UNBOUNDED), rows)
        offsets, sizes = tags.integers(273), tags.integers(279)
        if not sizes and tags.integer(259, 1) == 1 and len(offsets) == 1:
            sizes = (rows * columns * itemsize,)
    if wide < 1 or high < 1 or wide * high > 4 * (rows + 4096) * (columns + 4096):
        raise FrameCorrupt(f"states strips or tiles of {high} x {wide}", source=path, frame=frame)
    across, down = -(-columns // wide), -(-rows // high)
    if len(offsets) != across * down or len(sizes) != across * down:
        raise FrameCorrupt(
            f"has {len(offsets)} offsets and {len(sizes)} sizes for {across * down} strips",
            source=path,
            frame=frame,
        )
    pieces = []
    for k, (offset, packed) in enumerate(zip(offsets, sizes, strict=True)):
        row, column = (k // across) * high, (k % across) * wide
        present = high if tiled else min(high, rows - row)
        wanted = present * wide * itemsize
        if tags.integer(259, 1) == 1:
            if packed < wanted:
                raise FrameTruncated(
                    f"strip {k} holds {packed:,} of {wanted:,} bytes", source=path, frame=frame
                )
            packed = wanted
        pieces.append(_Piece(offset, packed, row, column, present, wide))
    return tuple(pieces)


def _check_extent(path: Path, data: ByteSource, page: _Page, frame: int) -> None:
    end = max(piece.offset + piece.packed for piece in page.pieces)
    present = data.size_at_most(end)
    if present < end:
        raise FrameTruncated(f"ends {end - present:,} bytes early", source=path, frame=frame)


READERS.add("tiff", TiffReader())
