"""HTML elements from values: every text is escaped on its way in."""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Markup:
    """A piece of HTML that is already safe."""

    html: str
    """The HTML text."""


def element(name: str, *children: object, **attributes: object) -> Markup:
    """Return ``<name attributes>children</name>``.

    Children that are not `Markup` are text and are escaped; attributes always are. A trailing
    underscore of an attribute name is dropped (``class_``), None leaves the attribute out, True
    gives it without a value.
    """
    parts = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = key.rstrip("_").replace("_", "-")
        parts.append(f" {key}" if value is True else f' {key}="{escape(str(value))}"')
    return Markup(f"<{name}{''.join(parts)}>{join(children).html}</{name}>")


def join(children: Iterable[object], separator: str = "") -> Markup:
    """Return several children as one, text escaped."""
    return Markup(separator.join(_html(child) for child in children))


def _html(child: object) -> str:
    if isinstance(child, Markup):
        return child.html
    letters = (c if c >= " " or c in "\n\t" else "\ufffd" for c in str(child))
    return escape("".join(letters))
