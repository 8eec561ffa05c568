"""CIF text: values quoted as the syntax asks, loops, blocks.

Source: S. R. Hall, F. H. Allen & I. D. Brown, Acta Cryst. A47 (1991) 655; CIF 1.1 syntax.
"""

import re
from collections.abc import Sequence

_BARE = re.compile(r"[A-Za-z0-9.+\-][^\s'\"#;\[\]$]*$")
_RESERVED = re.compile(r"(data_|save_|loop_|stop_|global_)", re.IGNORECASE)


def block_name(text: str) -> str:
    """Return `text` as a name of a block: letters, digits and ``-._``."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text)[:60] or "pattern"


def quoted(value: str) -> str:
    """Return a text as a CIF value; ``?`` where it is empty."""
    text = "".join(c if c.isprintable() or c == "\n" else " " for c in value).strip()
    text = text.encode("ascii", "replace").decode()
    if not text:
        return "?"
    if _BARE.match(text) and not _RESERVED.match(text) and text not in ("?", "."):
        return text
    for mark in "'\"":
        if mark not in text and "\n" not in text:
            return f"{mark}{text}{mark}"
    body = re.sub(r"^;", " ;", text, flags=re.MULTILINE)
    return f"\n;{body}\n;"


def item(name: str, value: str) -> str:
    """Return one data item; `value` is quoted already."""
    return f"_{name:<38} {value}"


def loop(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a loop; values are quoted already. No rows, no loop."""
    if not rows:
        return []
    return ["", "loop_", *(f"  _{name}" for name in names), *(" ".join(row) for row in rows)]
