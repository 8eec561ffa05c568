"""The colours of the report: safe for colour-blind readers, readable on light and dark paper."""

from matplotlib.colors import LinearSegmentedColormap

from xrdkit.masks import MaskReason

#: Colours that stand for a role of the page; the page replaces them by its own light or dark ones.
INK = "#1d2733"
MUTED = "#66717e"
GRID = "#dfe4ea"
PAPER = "#fefefe"
THEME = {INK: "var(--ink)", MUTED: "var(--muted)", GRID: "var(--grid)", PAPER: "var(--paper)"}

#: Data colours after Okabe & Ito, Color Universal Design (2008), blue and purple a little lighter.
BLUE = "#2a7fbf"
VERMILION = "#d55e00"
GREEN = "#009e73"
ORANGE = "#e69f00"
PINK = "#cc79a7"
SKY = "#56b4e9"
SERIES = (BLUE, VERMILION, GREEN, ORANGE, PINK, SKY)
#: Phases of one pattern, apart from the colour of the calculated curve.
PHASES = (BLUE, GREEN, PINK, ORANGE, SKY)
OBSERVED = "#6d86a3"
CALCULATED = VERMILION
DIFFERENCE = BLUE
DOUBTFUL = "#c0392b"

#: Intensity, dark to light; its lightness rises evenly so that it prints in grey.
INTENSITY = LinearSegmentedColormap.from_list(
    "xrdkit",
    ["#0b0d1c", "#1b2350", "#25487a", "#2f7391", "#4b9f9d", "#8cc9ab", "#f4f7e4"],
)
#: Order along a series, early to late; both ends are readable on light and dark paper.
ORDER = LinearSegmentedColormap.from_list(
    "xrdkit_order", ["#3b6fb6", "#7a68ae", "#c2554f", "#e08a1e"]
)

#: Tint of a masked pixel; where a pixel has several reasons the first of this list counts.
REASONS: dict[MaskReason, str] = {
    MaskReason.BEAMSTOP: "#cc79a7",
    MaskReason.SHADOW: "#9d7fd1",
    MaskReason.GAP: "#b4bac3",
    MaskReason.USER: "#e69f00",
    MaskReason.DEAD: "#8c5a2b",
    MaskReason.HOT: "#e2571e",
    MaskReason.SATURATED: "#ff9d8a",
    MaskReason.ZINGER: "#f0e442",
    MaskReason.SENTINEL: "#d8c3a5",
    MaskReason.NOT_FINITE: "#ffffff",
}
