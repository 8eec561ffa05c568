"""The bytes of a curve file, read once and within limits."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from xrdkit.curves.text import decode
from xrdkit.errors import CurveError
from xrdkit.limits import Limits

#: So much of a file is looked at to tell its format.
_HEAD = 65_536


@dataclass(frozen=True, kw_only=True)
class Source:
    """One file, as every reader of a format gets it."""

    file: Path
    """Where it is."""
    content: bytes
    """All of its bytes."""
    limits: Limits
    """What may be held of it."""

    @cached_property
    def head(self) -> bytes:
        """The first bytes, without a byte order mark of UTF-8."""
        return self.content[:_HEAD].removeprefix(b"\xef\xbb\xbf")

    @cached_property
    def lines(self) -> list[str]:
        """The lines of a text file; CurveError where it is none."""
        return decode(self.content, self.file)

    @cached_property
    def is_text(self) -> bool:
        """Whether the first bytes hold no zero byte."""
        return b"\0" not in self.head


def open_source(path: str | Path, limits: Limits) -> Source:
    """Return the file at `path`; raise CurveError where there is none that can be read.

    Raises LimitExceeded where it is larger than ``limits.bytes_held``.
    """
    file = Path(path)
    try:
        size = file.stat().st_size
        regular = file.is_file()
    except (OSError, ValueError) as exc:
        raise CurveError("no such file", source=file) from exc
    if not regular:
        raise CurveError("is not a file", source=file)
    limits.check("bytes_held", size, source=file)
    try:
        with file.open("rb") as stream:
            content = stream.read(size)
    except OSError as exc:
        raise CurveError(f"cannot be read: {exc}", source=file) from exc
    return Source(file=file, content=content, limits=limits)
