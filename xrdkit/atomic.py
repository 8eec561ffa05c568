"""Writing a file whole or not at all, whatever fails or is killed meanwhile.

The bytes go to a temporary name of our own in the same folder, to the disk (fsync), and only then
under their name (rename or link, which the file system does in one step). A reader sees the old
file or the new one, never a part. The way of SQLite and LevelDB; see also T. Pillai et al., OSDI
2014.
"""

import errno
import os
import secrets
import stat
from pathlib import Path

from xrdkit.errors import LinkRefused, ResultExists, StoreError
from xrdkit.files import store_error

PARTIAL = ".partial"
_NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_CHUNK = 16 * 2**20


def write_file(path: Path, payload: bytes | memoryview, *, overwrite: bool) -> None:
    """Write `payload` to `path` so that the old file or the whole new one is there at any moment.

    The folder must exist. A link at `path` is never followed. Raises ResultExists where `path`
    exists and `overwrite` is false, LinkRefused where it is a symbolic link, StoreFull where the
    disk or quota is full, StoreError for any other failure; the old file is then intact and no
    temporary file is left. Should only the last step fail (making the new name last through a
    power cut), the new file stands and StoreError says so.
    """
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as exc:
        raise store_error(exc, path, "its folder cannot be opened") from exc
    try:
        _refuse_target(path, folder, overwrite=overwrite)
        partial = f".{path.name}.{os.getpid():x}-{secrets.token_hex(4)}{PARTIAL}"
        try:
            _write_partial(partial, folder, payload)
            _give_name(partial, path.name, folder, overwrite=overwrite)
        except OSError as exc:
            _remove(partial, folder)
            if isinstance(exc, FileExistsError) and not overwrite:
                raise _exists(path) from exc
            raise store_error(exc, path, "cannot be written") from exc
        except BaseException:
            _remove(partial, folder)
            raise
        try:
            os.fsync(folder)
        except OSError as exc:
            raise store_error(
                exc, path, "is written, but may not outlast a power cut: the folder did not sync"
            ) from exc
    finally:
        _close(folder)


def sweep(folder: Path) -> int:
    """Remove temporary files that killed writers left in `folder`; return how many.

    Call it only under the lock of the folder. Raises StoreError where one cannot be removed.
    """
    count = 0
    for stray in sorted(folder.glob(f".*{PARTIAL}")):
        try:
            stray.unlink()
        except FileNotFoundError:
            continue
        except OSError as exc:
            raise store_error(exc, stray, "cannot be removed") from exc
        count += 1
    return count


def _refuse_target(path: Path, folder: int, *, overwrite: bool) -> None:
    try:
        found = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return
    except OSError as exc:
        raise store_error(exc, path, "cannot be looked at") from exc
    if stat.S_ISLNK(found.st_mode):
        raise LinkRefused(
            "is a symbolic link, and nothing is ever written through one",
            source=path,
            hint="remove the link, or name the file it points to",
        )
    if not stat.S_ISREG(found.st_mode):
        raise StoreError("exists and is not a regular file", source=path)
    if not overwrite:
        raise _exists(path)


def _write_partial(partial: str, folder: int, payload: bytes | memoryview) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(partial, flags, 0o644, dir_fd=folder)
    try:
        rest = memoryview(payload)
        while rest:
            written = os.write(descriptor, rest[:_CHUNK])
            rest = rest[written:]
        os.fsync(descriptor)
    except BaseException:
        _close(descriptor)
        raise
    # Network file systems report a full disk or quota only here.
    os.close(descriptor)


def _give_name(partial: str, name: str, folder: int, *, overwrite: bool) -> None:
    if not overwrite:
        # A hard link, unlike a rename, fails where the name has come to exist meanwhile.
        try:
            os.link(partial, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except OSError as exc:
            if exc.errno not in _NO_HARD_LINKS:
                raise
        else:
            _remove(partial, folder)
            return
    os.replace(partial, name, src_dir_fd=folder, dst_dir_fd=folder)


def _remove(name: str, folder: int) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except OSError:
        # Nothing better can be done here: the sweep of the next run finds what is left.
        return


def _close(descriptor: int) -> None:
    try:
        os.close(descriptor)
    except OSError:
        # The descriptor is gone in any case, and what matters was synced or is being reported.
        return


def _exists(path: Path) -> ResultExists:
    return ResultExists(
        "exists already", source=path, hint="name another file, or allow overwriting"
    )
