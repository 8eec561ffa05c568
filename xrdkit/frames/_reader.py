"""What a reader is, and how that of a file is found: by its first bytes, never by its name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import FrameFormatUnknown, FrameTruncated
from xrdkit.frames._files import GZIP_MAGIC, ByteSource, byte_source, head_of
from xrdkit.frames.headers import Facts
from xrdkit.limits import Limits
from xrdkit.registry import Registry

#: Bytes shown to the readers.
HEAD_BYTES = 4096


class FrameSource(Protocol):
    """Frames that can be read one by one; picklable, holds no open file."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, rows, columns."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of the stored values, in native byte order."""

    def frames(self, indices: Sequence[int]) -> Iterator[NDArray[Any]]:
        """Yield the raw frames (y, x) with these numbers, in this order."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """All that a reader finds in one source."""

    source: FrameSource
    """The frames."""
    files: tuple[Path, ...]
    """Every file that holds part of them; the one that was asked for is the first."""
    facts: Facts = field(default_factory=dict)
    """Header facts by the name of their coordinate."""
    written: NDArray[np.bool_] | None = None
    """False for each frame that is declared and not there, shape (frame,); None: all are there."""
    mask: NDArray[np.uint16] | None = None
    """Static mask bits (y, x) that the file itself gives."""
    sentinels: tuple[int, ...] = ()
    """Values that the file itself declares to be no data."""


class Reader(Protocol):
    """Reads one file format."""

    magic: tuple[bytes, ...]
    """First bytes by which a file too short to be recognised is told to be cut."""

    def recognises(self, head: bytes) -> bool:
        """Tell whether a file that starts with `head` (up to `HEAD_BYTES`) is of this format."""

    def open(self, path: Path, data: ByteSource, part: str | None, limits: Limits) -> Stack:
        """Check the file as far as its headers allow and return its frames, unread.

        `part` names a dataset within the file, where the format has such. Raises FrameTruncated,
        FrameCorrupt, FrameShapeMismatch, LinkRefused or LimitExceeded.
        """


READERS: Registry[Reader] = Registry("frame reader", "xrdkit.readers")


def find_reader(path: Path) -> tuple[str, Reader, ByteSource]:
    """Return name, reader and bytes of the file `path`.

    Raises FrameNotFound, FrameTruncated (empty, or cut within the first bytes of a known format)
    and FrameFormatUnknown.
    """
    data = byte_source(path)
    head = head_of(data, HEAD_BYTES)
    if not head:
        raise FrameTruncated("is empty", source=path)
    for name, reader in READERS.items():
        if reader.recognises(head):
            return name, reader, data
    magics = [GZIP_MAGIC, *(m for _, reader in READERS.items() for m in reader.magic)]
    if any(magic.startswith(head) for magic in magics):
        raise FrameTruncated(f"ends after {len(head)} bytes", source=path)
    raise FrameFormatUnknown(
        "is in no frame format that is known here",
        source=path,
        hint=f"readers: {', '.join(sorted(name for name, _ in READERS.items()))}",
    )
