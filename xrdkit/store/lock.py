"""One writer per output folder."""

import errno
import fcntl
import os
from pathlib import Path
from types import TracebackType

from xrdkit.errors import StoreLocked
from xrdkit.files import store_error

LOCK_NAME = ".lock"


class FolderLock:
    """Context manager that holds `folder` for this process alone.

    The kernel gives the lock back when the process ends in any way, so that a killed run never
    leaves a folder locked. Entering raises StoreLocked where another process holds it, StoreError
    where the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOCK_NAME
        self._descriptor: int | None = None

    def __enter__(self) -> "FolderLock":
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(self.path, flags, 0o644)
        except OSError as exc:
            raise store_error(exc, self.path.parent, "the folder cannot be locked") from exc
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            os.close(descriptor)
            if exc.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise StoreLocked(
                    "another run is writing here",
                    source=self.path.parent,
                    hint="wait for it to end, or choose another folder with --into",
                ) from exc
            raise store_error(exc, self.path.parent, "the folder cannot be locked") from exc
        self._descriptor = descriptor
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
