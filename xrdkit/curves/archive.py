"""Zip archives of instruments, read member by member and within limits; nothing is unpacked."""

import io
import zipfile
import zlib
from dataclasses import dataclass

from xrdkit.curves.source import Source
from xrdkit.errors import CurveError, LimitExceeded, RefusedError

MAGIC = b"PK\x03\x04"
#: Members that an archive of a measurement may have.
_MOST_MEMBERS = 20_000
#: A member above the first size that grows more than this on unpacking is no measurement.
_FREE_SIZE = 32 * 2**20
_MOST_GROWTH = 100
_BAD_BYTES = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    LookupError,
)


@dataclass(frozen=True, kw_only=True)
class Archive:
    """The members of a zip archive, by name."""

    source: Source
    """The file."""
    members: dict[str, zipfile.ZipInfo]
    """What it holds."""
    file: zipfile.ZipFile
    """The opened archive."""

    def read(self, name: str) -> bytes:
        """Return the bytes of the member `name`.

        Raises CurveError where there is none such or it is damaged, LimitExceeded where it unpacks
        to more than ``limits.bytes_held`` or to an absurd multiple of its size, RefusedError where
        it is encrypted.
        """
        where = self.source.file
        info = self.members.get(name)
        if info is None:
            raise CurveError(f"holds no member {name!r}", source=where)
        if info.flag_bits & 1:
            raise RefusedError(f"member {name!r} is encrypted", source=where)
        self.source.limits.check("bytes_held", info.file_size, source=where)
        if info.file_size > max(_FREE_SIZE, _MOST_GROWTH * info.compress_size):
            raise LimitExceeded(
                f"member {name!r} grows from {info.compress_size:,} to {info.file_size:,} bytes",
                source=where,
                hint="unpack it by hand if this is meant",
            )
        try:
            with self.file.open(info) as stream:
                content = stream.read(info.file_size + 1)
        except _BAD_BYTES as exc:
            raise CurveError(
                f"member {name!r} is damaged: {exc}", source=where, hint="fetch the file again"
            ) from exc
        if len(content) != info.file_size:
            raise CurveError(f"member {name!r} has not the size that it declares", source=where)
        return content


def open_archive(source: Source) -> Archive:
    """Return the zip archive in `source`.

    Raises CurveError where it is damaged, LimitExceeded where it has more than 20,000 members,
    RefusedError where two members have one name.
    """
    try:
        opened = zipfile.ZipFile(io.BytesIO(source.content))
        found = opened.infolist()
    except _BAD_BYTES as exc:
        raise CurveError(
            f"is no whole zip archive: {exc}", source=source.file, hint="fetch the file again"
        ) from exc
    if len(found) > _MOST_MEMBERS:
        raise LimitExceeded(
            f"has {len(found):,} members, at most {_MOST_MEMBERS:,} are read", source=source.file
        )
    members = {info.filename: info for info in found}
    if len(members) != len(found):
        raise RefusedError("two members have the same name", source=source.file)
    return Archive(source=source, members=members, file=opened)
