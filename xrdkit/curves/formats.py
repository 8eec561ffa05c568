"""Which reader reads a curve file: told by its content, never by its name alone."""

from collections.abc import Callable
from dataclasses import dataclass

from xrdkit.curves import (
    archive,
    brml,
    bruker_raw1,
    bruker_raw3,
    bruker_raw4,
    cansas_xml,
    chi,
    gsas,
    markup,
    nxcansas,
    own_csv,
    pdcif,
    pdh,
    ras,
    rasx,
    text,
    uxd,
    xrdml,
)
from xrdkit.curves.raw import RawCurve
from xrdkit.curves.source import Source
from xrdkit.errors import CurveError
from xrdkit.registry import Registry


@dataclass(frozen=True, kw_only=True)
class CurveFormat:
    """One format of curve files."""

    matches: Callable[[Source], bool]
    """Whether a file is of this format, by its first bytes."""
    read: Callable[[Source], list[RawCurve]]
    """The scans of such a file."""


#: Formats by name, asked in this order; packages add theirs as ``xrdkit.curve_readers``.
FORMATS: Registry[CurveFormat] = Registry("curve format", "xrdkit.curve_readers")
for _name, _module in (
    ("rasx", rasx),
    ("brml", brml),
    ("bruker_raw1", bruker_raw1),
    ("bruker_raw3", bruker_raw3),
    ("bruker_raw4", bruker_raw4),
    ("xrdml", xrdml),
    ("cansas_xml", cansas_xml),
    ("ras", ras),
    ("uxd", uxd),
    ("gsas", gsas),
    ("pdcif", pdcif),
    ("pdh", pdh),
    ("chi", chi),
    ("own_csv", own_csv),
):
    FORMATS.add(_name, CurveFormat(matches=_module.matches, read=_module.read))


def read_scans(
    source: Source,
    *,
    columns: tuple[int, ...] | None,
    header_lines: int | None,
    entry: str | None,
) -> tuple[str, list[RawCurve]]:
    """Return the name of the format and every scan of the file.

    `columns` or `header_lines` ask for columns of text, whatever else the file may be; `entry`
    names a curve of NXcanSAS. Raises CurveError for a format that is not known, and as the reader
    of the format does.
    """
    if source.content.startswith(nxcansas.MAGIC):
        return "nxcansas", [nxcansas.read(source.file, entry)]
    if entry is not None:
        raise CurveError("entry= is for NXcanSAS files only", source=source.file)
    if columns is None and header_lines is None:
        for name, known in FORMATS.items():
            if known.matches(source):
                return name, known.read(source)
        _refuse_unknown(source)
    return "columns", [text.read(source.lines, source.file, columns, header_lines)]


def _refuse_unknown(source: Source) -> None:
    if source.content.startswith(b"RAW_"):
        raise CurveError(
            "is a raw file of STOE WinXPOW, whose layout is not public",
            source=source.file,
            hint="export it as columns (.xy) or as powder CIF",
        )
    if source.content.startswith(archive.MAGIC):
        raise CurveError(
            "is a zip archive without scans of .rasx or .brml in it",
            source=source.file,
            hint="unpack it, and read the curve that it holds",
        )
    if markup.looks_like_xml(source.head):
        root = markup.parse(source.content, source.file, source.limits).tag
        raise CurveError(f"is XML of the kind {root!r}, which is not known", source=source.file)
