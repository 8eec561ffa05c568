"""EDF, the ESRF data format: text headers of key = value pairs, each followed by raw numbers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xrdkit.errors import (
    FrameCorrupt,
    FrameFormatUnknown,
    FrameShapeMismatch,
    FrameTruncated,
    LinkRefused,
)
from xrdkit.frames._files import ByteSource
from xrdkit.frames._lazy import RawFrames
from xrdkit.frames._reader import READERS, Stack
from xrdkit.frames.edf_header import declared_no_data, header_facts
from xrdkit.frames.headers import Facts, number, stacked
from xrdkit.limits import Limits

_TYPES = {
    "signedbyte": "i1",
    "unsignedbyte": "u1",
    "signedshort": "i2",
    "unsignedshort": "u2",
    "signedinteger": "i4",
    "unsignedinteger": "u4",
    "signedlong": "i4",
    "unsignedlong": "u4",
    "signed64": "i8",
    "unsigned64": "u8",
    "float": "f4",
    "floatvalue": "f4",
    "floatieee32": "f4",
    "double": "f8",
    "doublevalue": "f8",
    "doubleieee64": "f8",
}
_ORDERS = {"lowbytefirst": "<", "highbytefirst": ">"}
#: Keys that decide how the bytes are read, so that two values of one are a contradiction.
_STRUCTURE = {"dim_1", "dim_2", "dim_3", "datatype", "byteorder", "compression", "size"}
_PADDING = 4096
_PROBE = 8192


@dataclass(frozen=True, kw_only=True)
class _Block:
    keys: dict[str, str]
    start: int
    frames: int
    rows: int
    columns: int
    dtype: np.dtype[Any]

    @property
    def frame_bytes(self) -> int:
        return self.rows * self.columns * self.dtype.itemsize


class EdfReader:
    """EDF with any number of frames, plain or gzipped; numbers uncompressed."""

    magic: tuple[bytes, ...] = (b"{",)

    def recognises(self, head: bytes) -> bool:
        """See Reader: a brace, then a word followed by an equals sign."""
        word, equals, _ = head[1:].partition(b"=")
        if head[:1] != b"{" or word.strip() == b"HEADER_BYTES":
            return False
        word = word.strip()
        named = word.replace(b"_", b"a").replace(b"-", b"a").replace(b".", b"a").isalnum()
        return (named and bool(equals)) or (len(head) < _PADDING and (named or not word))

    def open(self, path: Path, data: ByteSource, part: str | None, limits: Limits) -> Stack:
        """See Reader."""
        blocks: list[_Block] = []
        offsets: list[int] = []
        at: int | None = 0
        while at is not None:
            keys, start = _read_header(path, data, at, limits)
            block = _interpret(path, keys, start, len(offsets), limits)
            if block is None:
                following = start
            else:
                following = start + block.frames * block.frame_bytes
                present = data.size_at_most(following)
                if present < following:
                    raise FrameTruncated(
                        f"holds {present - start:,} of {following - start:,} bytes of data",
                        source=path,
                        frame=len(offsets) + (present - start) // block.frame_bytes,
                    )
                if not _is_error_block(keys):
                    if blocks:
                        _check_same(path, blocks[0], block, len(offsets))
                    blocks.append(block)
                    offsets.extend(start + k * block.frame_bytes for k in range(block.frames))
                    limits.check("frames", len(offsets), source=path)
            at = _next_header(path, data, following)
        if not blocks:
            raise FrameTruncated("holds no frame", source=path)
        first = blocks[0]
        source = RawFrames(data, tuple(offsets), first.rows, first.columns, first.dtype)
        sentinels = {value: None for block in blocks for value in declared_no_data(block.keys)}
        return Stack(source=source, files=(path,), facts=_facts(blocks), sentinels=tuple(sentinels))


def _facts(blocks: list[_Block]) -> Facts:
    if len(blocks) == 1:
        return header_facts(blocks[0].keys)
    return stacked([(header_facts(block.keys), block.frames) for block in blocks])


def _check_same(path: Path, first: _Block, block: _Block, frame: int) -> None:
    if (first.rows, first.columns, first.dtype) != (block.rows, block.columns, block.dtype):
        raise FrameShapeMismatch(
            f"has {block.rows} x {block.columns} {block.dtype}, the first frame is "
            f"{first.rows} x {first.columns} {first.dtype}",
            source=path,
            frame=frame,
        )


def _is_error_block(keys: dict[str, str]) -> bool:
    return keys.get("edf_datablockid", "").lower().endswith(".error")


def _read_header(
    path: Path, data: ByteSource, at: int, limits: Limits
) -> tuple[dict[str, str], int]:
    """Return the keys (lower case) of the header at `at`, and where its data start."""
    span = _PROBE
    while True:
        text = data.read(at, data.size_at_most(at + span) - at)
        end = text.find(b"}\n", 1)
        skip = 2
        if (carriage := text.find(b"}\r\n", 1)) >= 0 and (end < 0 or carriage < end):
            end, skip = carriage, 3
        if end >= 0:
            break
        if len(text) < span:
            raise FrameTruncated("ends within a header", source=path)
        span *= 4
        limits.check("header_bytes", span // 4, source=path)
    keys: dict[str, str] = {}
    for item in text[text.find(b"{") + 1 : end].split(b";"):
        name, equals, value = item.decode("latin-1").partition("=")
        name, value = name.strip().lower(), value.strip()
        if not equals:
            continue
        if name in _STRUCTURE and keys.get(name, value) != value:
            raise FrameCorrupt(f"states {name} twice: {keys[name]} and {value}", source=path)
        keys.setdefault(name, value)
    return keys, at + end + skip


def _interpret(
    path: Path, keys: dict[str, str], start: int, frame: int, limits: Limits
) -> _Block | None:
    """Return the block that a header announces; None for a general block without data."""
    if any(key in keys for key in ("edf_binaryfilename", "edf_binaryfileposition")):
        raise LinkRefused("keeps its data in another file", source=path, frame=frame)
    if "edf_dataformatversion" in keys and "dim_1" not in keys:
        return None
    if keys.get("compression", "none").lower() not in ("none", "nocompression", "no"):
        raise FrameFormatUnknown(
            f"EDF compression {keys['compression']!r} is not read", source=path, frame=frame
        )
    if number(keys.get("datavalueoffset", "0")) != 0:
        raise FrameFormatUnknown(
            f"EDF with DataValueOffset {keys['datavalueoffset']!r} is not read",
            source=path,
            frame=frame,
        )
    dims = {"dim_1": 0, "dim_2": 0, "dim_3": 1}
    for name in dims:
        text = keys.get(name)
        if text is None and name == "dim_3":
            continue
        if text is None or not text.isascii() or not text.isdigit() or int(text[:20]) < 1:
            raise FrameCorrupt(f"states {name} = {text!r}", source=path, frame=frame)
        dims[name] = int(text[:20])
    columns, rows, frames = dims.values()
    limits.check("pixels", rows * columns, source=path)
    limits.check("frames", frames, source=path)
    kind = _TYPES.get(keys.get("datatype", "").lower())
    order = _ORDERS.get(keys.get("byteorder", "lowbytefirst").lower())
    if kind is None or order is None:
        raise FrameCorrupt(
            f"states DataType {keys.get('datatype')!r}, ByteOrder {keys.get('byteorder')!r}",
            source=path,
            frame=frame,
        )
    block = _Block(
        keys=keys,
        start=start,
        frames=frames,
        rows=rows,
        columns=columns,
        dtype=np.dtype(order + kind),
    )
    size = keys.get("edf_binarysize", keys.get("size", ""))
    if size.isascii() and size.isdigit() and int(size[:20]) != frames * block.frame_bytes:
        raise FrameCorrupt(
            f"states {int(size[:20]):,} bytes for {rows} x {columns} {block.dtype}",
            source=path,
            frame=frame,
        )
    return block


def _next_header(path: Path, data: ByteSource, at: int) -> int | None:
    """Return where the next header starts, None at the end of the file."""
    tail = data.read(at, data.size_at_most(at + _PADDING + 1) - at)
    blank = len(tail) - len(tail.lstrip(b"\0\r\n \t"))
    if blank < len(tail) and tail[blank : blank + 1] == b"{":
        return at + blank
    if blank < len(tail) or len(tail) > _PADDING:
        raise FrameCorrupt(
            "has more bytes than its headers announce", source=path, hint="check Dim_1 and Dim_2"
        )
    return None


READERS.add("edf", EdfReader())
