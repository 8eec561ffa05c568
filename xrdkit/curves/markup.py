"""XML of instruments, read without entities, document types or unbounded trees."""

import codecs
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import CurveError, RefusedError
from xrdkit.limits import Limits

Element = ElementTree.Element

#: Bytes of memory that one byte of XML may become as a tree.
_GROWTH = 16
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(rb"<\?xml[^>]{0,200}encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_ENCODINGS = {"utf-8", "us-ascii", "ascii", "iso-8859-1", "latin-1", "windows-1252", "utf-16"}
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_FORBIDDEN = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


def looks_like_xml(head: bytes) -> bool:
    """Return whether the first bytes of a file begin an XML document."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return b"<\0" in head[:64] or b"\0<" in head[:64]
    return head.lstrip().startswith((b"<?xml", b"<SASroot", b"<xrdMeasurements", b"<!DOCTYPE"))


def parse(content: bytes, file: Path, limits: Limits, *, member: str = "") -> Element:
    """Return the root of an XML document, names of elements without their namespace.

    Raises RefusedError where it has a DOCTYPE or an entity declaration, LimitExceeded where its
    tree may need more than ``limits.bytes_held``, CurveError where it is no XML or in an encoding
    that no instrument writes.
    """
    where = f"{member}: " if member else ""
    limits.check("bytes_held", len(content) * _GROWTH, source=file)
    text = _decode(content, file, where)
    if _FORBIDDEN.search(text):
        raise RefusedError(f"{where}has a document type or entities", source=file)
    try:
        root = ElementTree.fromstring(_DECLARATION.sub("", text, count=1))  # noqa: S314 - see above
    except (ElementTree.ParseError, ValueError) as exc:
        raise CurveError(
            f"{where}is no whole XML: {exc}", source=file, hint="fetch the file again"
        ) from exc
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    return root


def text_of(element: Element | None, path: str) -> str | None:
    """Return the stripped text at `path` below `element`, None where there is none."""
    found = None if element is None else element.find(path)
    if found is None or found.text is None:
        return None
    return found.text.strip() or None


def value_of(element: Element | None, path: str, unit: str) -> str | None:
    """Return the text at `path` where the attribute ``unit`` there is absent or is `unit`."""
    found = None if element is None else element.find(path)
    if found is None or found.get("unit", unit).lower() != unit.lower():
        return None
    return text_of(element, path)


def number_list(text: str | None, what: str, file: Path) -> NDArray[np.float64]:
    """Return the numbers of a text, divided by white space; CurveError where one is none."""
    tokens = (text or "").split()
    try:
        return np.array([float(t) for t in tokens], dtype=np.float64)
    except ValueError as exc:
        raise CurveError(f"{what} are not all numbers: {exc}", source=file) from exc


def _decode(content: bytes, file: Path, where: str) -> str:
    encoding = next((name for bom, name in _BOMS if content.startswith(bom)), None)
    if encoding is None:
        declared = _DECLARED.search(content[:400])
        encoding = declared.group(1).decode().lower() if declared else "utf-8"
    if encoding not in _ENCODINGS and not encoding.startswith("utf-16-"):
        raise CurveError(f"{where}is in the encoding {encoding!r}", source=file)
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as exc:
        raise CurveError(f"{where}is not in its encoding {encoding}", source=file) from exc
