"""What is done with files in more than one place: reading within bounds, digests, our errors."""

import errno
import hashlib
import mmap
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from xrdkit.errors import StoreError, StoreFull

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
#: Of longer HDF5 files, so many bytes at each end are looked through: texts lie near the ends, and
#: opening a large series must not read all of it.
_LOOKED_THROUGH = 32 * 1024 * 1024
#: "GCOL", version 1, three reserved bytes: a collection of the texts of an HDF5 file.
_COLLECTION = b"GCOL\x01\0\0\0"
_HEADER = 16


def read_at_most(path: str | Path, most: int) -> bytes:
    """Return the bytes of a regular file, of a longer one the first ``most + 1``.

    The caller refuses what is longer than `most`. A named pipe or device is never waited for.
    Raises OSError with the reason in ``strerror`` where there is no such file, it cannot be read,
    or it is no regular file.
    """
    try:
        # Without O_NONBLOCK, a named pipe would wait for a writer that never comes.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError as exc:
        raise FileNotFoundError(errno.ENOENT, "no file has such a name") from exc
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            kind = "it is a folder" if stat.S_ISDIR(found.st_mode) else "it is not a regular file"
            raise OSError(errno.EINVAL, kind)
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            return stream.read(min(most, found.st_size) + 1)
    finally:
        os.close(descriptor)


def file_sha256(path: str | Path) -> str:
    """Return the hexadecimal SHA-256 of a file; raise OSError where it cannot be read."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def store_error(exc: OSError, path: str | Path, what: str = "cannot be written") -> StoreError:
    """Return our error for one of the operating system: StoreFull where disk or quota is full."""
    reason = exc.strerror or str(exc)
    if exc.errno in _FULL:
        return StoreFull(f"{what}: {reason}", source=path, hint="free some space and run again")
    return StoreError(f"{what}: {reason}", source=path)


def make_folder(path: Path) -> None:
    """Make a folder and those above it where they are not there; raise StoreFull or StoreError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise store_error(exc, path, "the folder cannot be made") from exc


def endless_heap(path: str | Path) -> int | None:
    """Return the byte of an HDF5 file at which the HDF5 library would read for ever, None if none.

    Damage can leave free space of no length in a collection of texts (global heap); the library
    (2.0 and before) walks such a collection without ever getting on, and nothing interrupts it. So
    it is looked for before a file is opened: in all of a file up to 64 MiB, in the first and last
    32 MiB of a longer one. Raises OSError where the file cannot be read.

    Source: HDF5 File Format Specification 3.0, III.E "Global heap".
    """
    with Path(path).open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if size < 2 * _HEADER:
            return None
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            width = _width_of_lengths(content)
            for start in _collections(content, size):
                found = _endless(content, start, size, width)
                if found is not None:
                    return found
    return None


def _width_of_lengths(content: mmap.mmap) -> int:
    """Return the bytes of a length, as the superblock says; 8, the usual, where none is found."""
    at = content.find(b"\x89HDF\r\n\x1a\n", 0, _LOOKED_THROUGH)
    if at < 0 or at + _HEADER > len(content):
        return 8
    width = content[at + (14 if content[at + 8] < 2 else 10)]
    return width if width in (2, 4, 8) else 8


def _collections(content: mmap.mmap, size: int) -> Iterator[int]:
    """Yield where collections start."""
    middle = min(size, _LOOKED_THROUGH)
    for low, high in ((0, middle), (max(middle, size - _LOOKED_THROUGH), size)):
        at = content.find(_COLLECTION, low, high)
        while at >= 0:
            yield at
            at = content.find(_COLLECTION, at + 1, high)


def _endless(content: mmap.mmap, start: int, size: int, width: int) -> int | None:
    """Return the first object of the collection at `start` that takes no space, None if none."""
    length = int.from_bytes(content[start + 8 : start + 8 + width], "little")
    stop = start + length
    if stop > size:
        return None  # the library refuses it
    at = start + _HEADER
    while at + _HEADER <= stop:
        index = int.from_bytes(content[at : at + 2], "little")
        own = int.from_bytes(content[at + 8 : at + 8 + width], "little")
        # Free space, object 0, counts its header; others do not, and end on multiples of 8.
        step = own if index == 0 else _HEADER + (own + 7) // 8 * 8
        if step == 0:
            return at
        at += step
    return None
