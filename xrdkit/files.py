"""What is done with files in more than one place: reading within bounds, digests, our errors."""

import errno
import hashlib
import os
import stat
from pathlib import Path

from xrdkit.errors import StoreError, StoreFull

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


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
