"""Empty figures that draw the same on every machine, and figures as inline SVG."""

import io
import re
import warnings
from contextlib import AbstractContextManager
from typing import Any

from matplotlib import style
from matplotlib.figure import Figure

from xrdkit.report.palette import GRID, INK, MUTED, THEME

WIDTH = 9.0
_RC: dict[str, Any] = {
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.grid.which": "major",
    "axes.axisbelow": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 9.0,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlepad": 7.0,
    "axes.unicode_minus": True,
    "figure.dpi": 100,
    "figure.facecolor": "#ffffff",
    "font.size": 9.0,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.3,
    "lines.solid_capstyle": "round",
    "savefig.dpi": 200,
    "svg.fonttype": "none",
    "svg.hashsalt": "xrdkit",
    "text.color": INK,
    # Names come from data: a dollar sign in one is a dollar sign, not mathematics.
    "text.parse_math": False,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 8.5,
}
_FONT = re.compile(r"font-family: [^;\"]*")
_TARGET = re.compile(r"(?:url\(#|href=\"#)([^)\"]*)")
_IDENTIFIER = re.compile(r" id=\"([^\"]*)\"")
_REFERENCE = re.compile(r"(\bid=\"|url\(#|href=\"#)")
_DECLARATIONS = re.compile(r"^.*?(?=<svg\b)", re.DOTALL)
_HEAD = re.compile(r"<svg\b[^>]*?viewBox=\"([^\"]*)\"[^>]*>")
_METADATA = re.compile(r"<(metadata|style)\b.*?</\1>", re.DOTALL)


class ReportFigure(Figure):
    """A matplotlib Figure that notebooks show as it stands in the report."""

    def _repr_svg_(self) -> str:
        return _write(self, facecolor="#ffffff")


def drawing() -> AbstractContextManager[None]:
    """Return the settings under which every figure is made and written.

    They start from matplotlib's defaults, so that a user's own settings change nothing.
    """
    return style.context(["default", _RC])


def empty(height: float, width: float = WIDTH) -> ReportFigure:
    """Return an empty figure of `width` by `height` inch; call it within `drawing`."""
    return ReportFigure(figsize=(width, height))


def inside(
    figure: Figure, left: float, bottom: float, width: float, height: float
) -> tuple[float, float, float, float]:
    """Return the rectangle of an axes given in inch as fractions of the figure."""
    across, up = figure.get_size_inches()
    return left / across, bottom / up, width / across, height / up


def inline_svg(figure: Figure, name: str) -> str:
    """Return `figure` as an ``<svg>`` element for an HTML page.

    `name` is unique in the page and goes before every identifier that something refers to. Text
    stays text; the colours of `palette.THEME` become the page's variables.
    """
    text = _DECLARATIONS.sub("", _write(figure, facecolor="none"), count=1)
    text = _METADATA.sub("", text)
    head = _HEAD.match(text)
    box = head.group(1) if head else f"0 0 {WIDTH * 72:g} {WIDTH * 48:g}"
    body = text[head.end() :] if head else text
    wanted = set(_TARGET.findall(body))
    body = _IDENTIFIER.sub(lambda m: m.group(0) if m.group(1) in wanted else "", body)
    body = _REFERENCE.sub(rf"\1{name}-", body)
    body = _FONT.sub("font-family: var(--sans)", body)
    for colour, variable in THEME.items():
        body = body.replace(colour, variable)
    body = re.sub(r"\s*\n\s*", " ", body)
    return f'<svg viewBox="{box}" aria-hidden="true" focusable="false">{body.strip()}'


def _write(figure: Figure, *, facecolor: str) -> str:
    stream = io.StringIO()
    metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with drawing(), warnings.catch_warnings():
        # The browser has the letters that the font used for measuring has not.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure.savefig(stream, format="svg", metadata=metadata, facecolor=facecolor)
    return stream.getvalue()
