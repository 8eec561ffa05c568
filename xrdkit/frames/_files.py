"""Opening of files that may be anything: only regular ones, never a wait, never more than asked."""

import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from xrdkit.errors import FrameCorrupt, FrameError, FrameNotFound, FrameTruncated, LinkRefused

GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 31
_PIECE = 2**20
_LARGEST_READ = 2**30


@contextmanager
def open_regular(path: str | Path, *, follow: bool = True) -> Iterator[int]:
    """Yield a read-only descriptor of a regular file.

    A FIFO or device does not make it wait. Raises FrameNotFound where `path` is missing, not
    readable or not a regular file; with ``follow=False`` a symbolic link is none either.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    flags |= getattr(os, "O_BINARY", 0) | (0 if follow else getattr(os, "O_NOFOLLOW", 0))
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError as exc:
        raise FrameNotFound("no such file", source=path) from exc
    except (OSError, ValueError) as exc:
        raise FrameNotFound(f"cannot be opened: {exc}", source=path) from exc
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            raise FrameNotFound(f"is {kind}", source=path, hint="name one frame file")
        yield descriptor
    finally:
        os.close(descriptor)


def confined(folder: Path, name: str, *, source: Path) -> Path:
    """Return the path of the file `name`, which `source` refers to, inside `folder`.

    Raises LinkRefused where it is absolute, leads outside (also by symbolic links) or is empty,
    FrameTruncated where it does not exist.
    """
    root = folder.resolve()
    if not name or "\0" in name or Path(name).is_absolute():
        raise LinkRefused(f"refers to {name!r}, which is not inside its folder", source=source)
    target = root / name
    if not target.resolve().is_relative_to(root):
        raise LinkRefused(f"refers to {name!r}, outside its folder", source=source)
    if not target.exists():
        raise FrameTruncated(
            f"the linked file {name!r} is missing",
            source=source,
            hint="copy all data files beside the master file",
        )
    return target.resolve()


class ByteSource(Protocol):
    """Bytes of one file, opened for each read and closed again; picklable."""

    @property
    def path(self) -> str:
        """Name of the file."""

    def read(self, offset: int, count: int) -> bytes:
        """Return exactly `count` bytes from `offset`; raise FrameTruncated where there are less."""

    def size_at_most(self, cap: int) -> int:
        """Return the number of bytes, or `cap` where there are more."""


@dataclass(frozen=True)
class PlainBytes:
    """The bytes of a file as they are stored."""

    path: str

    def read(self, offset: int, count: int) -> bytes:
        """See ByteSource."""
        parts: list[bytes] = []
        with open_regular(self.path) as descriptor:
            missing = offset + count - os.fstat(descriptor).st_size
            if missing > 0:
                raise FrameTruncated(f"ends {missing:,} bytes early", source=self.path)
            os.lseek(descriptor, offset, os.SEEK_SET)
            while count > 0:
                piece = _read_some(self.path, descriptor, min(count, _LARGEST_READ))
                if not piece:
                    raise FrameTruncated(f"ends {count:,} bytes early", source=self.path)
                parts.append(piece)
                count -= len(piece)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def size_at_most(self, cap: int) -> int:
        """See ByteSource."""
        with open_regular(self.path) as descriptor:
            return min(os.fstat(descriptor).st_size, cap)


@dataclass(frozen=True)
class GzipBytes:
    """The unpacked bytes of a gzip file, unpacked in pieces and no further than asked."""

    path: str

    def read(self, offset: int, count: int) -> bytes:
        """See ByteSource; raises FrameCorrupt where the packed bytes contradict their checksum."""
        kept = bytearray()
        at, end = 0, offset + count
        for piece in self._pieces():
            low = max(offset - at, 0)
            kept += piece[low : max(end - at, 0)]
            at += len(piece)
            if at >= end:
                return bytes(kept)
        raise FrameTruncated(f"ends {end - at:,} unpacked bytes early", source=self.path)

    def size_at_most(self, cap: int) -> int:
        """See ByteSource."""
        at = 0
        for piece in self._pieces():
            at += len(piece)
            if at >= cap:
                return cap
        return at

    def _pieces(self) -> Iterator[bytes]:
        with open_regular(self.path) as descriptor:
            packed = _read_some(self.path, descriptor, _PIECE)
            while packed:
                member = zlib.decompressobj(_GZIP_WINDOW)
                while not member.eof:
                    if not packed:
                        raise FrameTruncated("the gzip stream ends early", source=self.path)
                    try:
                        piece = member.decompress(packed, _PIECE)
                    except zlib.error as exc:
                        raise FrameCorrupt("the gzip stream is damaged", source=self.path) from exc
                    packed = member.unconsumed_tail or (
                        b"" if member.eof else _read_some(self.path, descriptor, _PIECE)
                    )
                    if piece:
                        yield piece
                rest = member.unused_data or _read_some(self.path, descriptor, _PIECE)
                packed = rest.lstrip(b"\0")


def _read_some(path: str, descriptor: int, count: int) -> bytes:
    try:
        return os.read(descriptor, count)
    except OSError as exc:
        raise FrameError(f"cannot be read: {exc}", source=path) from exc


def byte_source(path: Path) -> ByteSource:
    """Return the bytes of a file, unpacked where it is a gzip file."""
    plain = PlainBytes(str(path))
    if plain.size_at_most(2) == 2 and plain.read(0, 2) == GZIP_MAGIC:
        return GzipBytes(str(path))
    return plain


def head_of(data: ByteSource, count: int) -> bytes:
    """Return the first `count` bytes, or all where there are less."""
    return data.read(0, data.size_at_most(count))
