"""Numbered pictures of one page."""

from dataclasses import dataclass, field

from xrdkit.report.canvas import ReportFigure, inline_svg
from xrdkit.report.markup import Markup, element


@dataclass
class Pictures:
    """Turns figures into numbered elements of one page."""

    count: int = field(default=0)
    """Figures made so far."""

    def show(self, figure: ReportFigure, *caption: object, alt: str) -> Markup:
        """Return a ``<figure>`` with the picture, its caption and a description for readers
        who do not see it."""
        self.count += 1
        return element(
            "figure",
            element(
                "div", Markup(inline_svg(figure, f"f{self.count}")), role="img", aria_label=alt
            ),
            element("figcaption", element("b", f"Figure {self.count}. "), *caption),
        )
