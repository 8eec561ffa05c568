"""How the command line speaks: one clear message for each error, warnings above the progress."""

import logging
import sys
from typing import TYPE_CHECKING

from xrdkit.errors import XrdkitError

if TYPE_CHECKING:
    from rich.console import Console


def say_error(exc: XrdkitError) -> None:
    """Write an error to standard error: code, where, what, and what to do."""
    where = [] if exc.source is None else [exc.source]
    if exc.frame is not None:
        where.append(f"frame {exc.frame}")
    text = f"error {exc.code}: {': '.join([*([', '.join(where)] if where else []), exc.message])}"
    hint = "" if exc.hint is None else f"\n  hint: {exc.hint}"
    sys.stderr.write(f"{text}{hint}\n")


class _Above(logging.Handler):
    """Prints records above the progress bar."""

    def __init__(self, console: "Console") -> None:
        super().__init__(logging.WARNING)
        self.console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        ours = record.name.startswith("xrdkit") or record.name == "py.warnings"
        if ours or record.levelno >= logging.ERROR:
            level = record.levelname.lower()
            text = record.getMessage().strip().splitlines()[0]
            self.console.print(f"{level}: {text}", markup=False, highlight=False, soft_wrap=True)


def show_warnings(console: "Console") -> None:
    """Send warnings of xrdkit and errors of libraries to `console`."""
    logging.captureWarnings(capture=True)
    root = logging.getLogger()
    root.addHandler(_Above(console))
