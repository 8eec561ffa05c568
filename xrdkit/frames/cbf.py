"""CBF, the crystallographic binary file: one byte-offset compressed frame in a CIF text."""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from fabio.compression import decByteOffset
from numpy.typing import NDArray

from xrdkit.errors import FrameCorrupt, FrameFormatUnknown, FrameTruncated
from xrdkit.frames._files import ByteSource
from xrdkit.frames._reader import READERS, Stack
from xrdkit.frames.dectris_comment import comment_facts
from xrdkit.limits import Limits

_BOUNDARY = b"--CIF-BINARY-FORMAT-SECTION--"
_START = b"\x0c\x1a\x04\xd5"
_TAIL = 2**16
_ELEMENTS = {
    "unsigned 8-bit integer": "u1",
    "signed 8-bit integer": "i1",
    "unsigned 16-bit integer": "u2",
    "signed 16-bit integer": "i2",
    "unsigned 32-bit integer": "u4",
    "signed 32-bit integer": "i4",
}
_FIELD = re.compile(r"^([\w-]+):[ \t]*(.*(?:\r?\n[ \t]+.*)*)", re.M)


@dataclass(frozen=True)
class CbfFrame:
    """The frame of one CBF file."""

    data: ByteSource
    start: int
    packed: int
    rows: int
    columns: int
    stored: np.dtype[Any]
    digest: bytes
    """MD5 of the packed bytes; empty where the file states none."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """See FrameSource."""
        return 1, self.rows, self.columns

    @property
    def dtype(self) -> np.dtype[Any]:
        """See FrameSource."""
        return self.stored

    def frames(self, indices: Sequence[int]) -> Iterator[NDArray[Any]]:
        """See FrameSource."""
        for index in indices:
            raw = self.data.read(self.start, self.packed)
            source = self.data.path
            if self.digest and hashlib.md5(raw, usedforsecurity=False).digest() != self.digest:
                raise FrameCorrupt(
                    "the bytes do not match their MD5 digest", source=source, frame=index
                )
            values = np.asarray(decByteOffset(raw, None, "int64"))
            if values.size != self.rows * self.columns:
                raise FrameCorrupt(
                    f"unpacks to {values.size:,} of {self.rows * self.columns:,} pixels",
                    source=source,
                    frame=index,
                )
            bounds = np.iinfo(self.stored)
            if values.min() < bounds.min or values.max() > bounds.max:
                raise FrameCorrupt(f"has values outside {self.stored}", source=source, frame=index)
            yield values.astype(self.stored).reshape(self.rows, self.columns)


class CbfReader:
    """CBF with one image, as Pilatus and Eiger detectors write it."""

    magic: tuple[bytes, ...] = (b"###CBF",)

    def recognises(self, head: bytes) -> bool:
        """See Reader."""
        return head.startswith(self.magic)

    def open(self, path: Path, data: ByteSource, part: str | None, limits: Limits) -> Stack:
        """See Reader."""
        head = data.read(0, data.size_at_most(limits.header_bytes))
        section = head.find(_BOUNDARY)
        mark = head.find(_START, section)
        if section < 0 or mark < 0:
            if data.size_at_most(limits.header_bytes + 1) <= limits.header_bytes:
                raise FrameTruncated("ends before its data", source=path)
            raise FrameCorrupt("has no binary section within the header limit", source=path)
        text = head[:section].decode("latin-1").replace("\r\n", "\n")
        fields = dict(_FIELD.findall(head[section:mark].decode("latin-1")))
        frame = _frame(path, data, fields, mark + len(_START), limits)
        end = frame.start + frame.packed
        tail = data.read(end, data.size_at_most(end + _TAIL) - end) if _fits(data, end) else b""
        if _BOUNDARY + b"--" not in tail:
            raise FrameTruncated(
                f"ends within or after its {frame.packed:,} bytes of data", source=path, frame=0
            )
        if tail.count(_BOUNDARY) > 1:
            raise FrameFormatUnknown("CBF with several images is not read", source=path)
        return Stack(source=frame, files=(path,), facts=comment_facts(text))


def _fits(data: ByteSource, end: int) -> bool:
    return data.size_at_most(end) == end


def _frame(
    path: Path, data: ByteSource, fields: dict[str, str], start: int, limits: Limits
) -> CbfFrame:
    counts = {}
    for name in ("Size", "Number-of-Elements", "Size-Fastest-Dimension", "Size-Second-Dimension"):
        text = fields.get(f"X-Binary-{name}", "").strip()
        if not text.isascii() or not text.isdigit() or int(text[:20]) < 1:
            raise FrameCorrupt(f"states X-Binary-{name} {text!r}", source=path)
        counts[name] = int(text[:20])
    packed, elements, columns, rows = counts.values()
    limits.check("pixels", max(elements, rows * columns), source=path)
    # Byte-offset packing takes at least one byte per pixel and at most fifteen.
    if elements != rows * columns or not elements <= packed <= 15 * elements:
        raise FrameCorrupt(
            f"states {elements:,} pixels as {rows} x {columns} in {packed:,} bytes", source=path
        )
    if "x-CBF_BYTE_OFFSET" not in fields.get("Content-Type", ""):
        raise FrameFormatUnknown(
            "only byte-offset compression of CBF is read", source=path, hint="convert the file"
        )
    kind = _ELEMENTS.get(fields.get("X-Binary-Element-Type", "").strip().strip('"'))
    if kind is None:
        raise FrameCorrupt(
            f"states element type {fields.get('X-Binary-Element-Type')!r}", source=path
        )
    stated = fields.get("Content-MD5", "").encode("latin-1")
    try:
        digest = base64.b64decode(stated.strip(), validate=True)
    except binascii.Error as exc:
        raise FrameCorrupt("states an unreadable MD5 digest", source=path) from exc
    return CbfFrame(data, start, packed, rows, columns, np.dtype(kind), digest)


READERS.add("cbf", CbfReader())
