"""The text of the small files that describe an instrument, read within bounds."""

from pathlib import Path

from xrdkit.errors import CalibrationSyntax
from xrdkit.files import read_at_most

_MAX_BYTES = 2**20


def read_text(path: str | Path) -> str:
    """Return the text of a UTF-8 file of at most 1 MiB; a byte order mark is dropped.

    Raises CalibrationSyntax naming the file where it cannot be read, is longer or is no text.
    """
    try:
        content = read_at_most(path, _MAX_BYTES)
    except FileNotFoundError as exc:
        raise CalibrationSyntax("no such file", source=path) from exc
    except OSError as exc:
        raise CalibrationSyntax(f"cannot be read: {exc.strerror}", source=path) from exc
    if len(content) > _MAX_BYTES:
        raise CalibrationSyntax("is longer than 1 MiB", source=path, hint="is it the right file?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise CalibrationSyntax("is not text", source=path, hint="is it the right file?") from exc
