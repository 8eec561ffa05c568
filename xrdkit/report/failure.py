"""Frames that gave no result, listed with the code of their error."""

from collections.abc import Sequence
from typing import Protocol

from xrdkit.report.choose import evenly
from xrdkit.report.markup import Markup, element, join

_MOST_ROWS = 100


class Failure(Protocol):
    """What the report asks of a frame, or a whole source, that could not be worked on."""

    @property
    def code(self) -> str:
        """Stable code of the error, e.g. ``"XRK-F002"``."""

    @property
    def message(self) -> str:
        """What happened and where."""

    @property
    def hint(self) -> str | None:
        """What to do, where that is known."""

    @property
    def label(self) -> str:
        """Detector, as in the keys of the results."""

    @property
    def product(self) -> str:
        """What was to be made."""

    @property
    def frame(self) -> int | None:
        """Frame number within the series; None where it was more than one frame."""


def failure_table(failed: Sequence[Failure]) -> Markup:
    """Return a table of failed frames; of more than 100 an even choice of 100 is shown."""
    shown = [failed[i] for i in evenly(len(failed), _MOST_ROWS)]
    head = ("", "frame", "code", "what happened", "what to do")
    lines = [
        element(
            "tr",
            element("th", " ".join(filter(None, (f.label, f.product))), scope="row"),
            element("td", "all" if f.frame is None else f.frame),
            element("td", element("span", f.code, class_="badge bad")),
            element("td", f.message),
            element("td", f.hint or ""),
        )
        for f in shown
    ]
    table = element(
        "table",
        element("thead", element("tr", *(element("th", text, scope="col") for text in head))),
        element("tbody", *lines),
        class_="numbers",
    )
    note = f"{len(shown)} of {len(failed):,} failures are listed."
    caption = element("p", note, class_="note") if len(shown) < len(failed) else ""
    return join([element("div", table, class_="scroll long"), caption])
