"""Values of a CIF, and the radiation that its items tell. See `xrdkit.curves.pdcif`."""

import re

import gemmi

from xrdkit.curves.beam import tube_lines
from xrdkit.curves.facts import as_number
from xrdkit.radiation import WAVELENGTH_RANGE, Radiation, radiation

#: A number with its standard uncertainty: all of it, decimals, decimals, exponent, uncertainty.
NUMBER = re.compile(r"^([+-]?(?:\d+\.?(\d*)|\.(\d+))(?:[eE]([+-]?\d+))?)(?:\((\d+)\))?$")
_ANODE = re.compile(r"([A-Z][a-z])\s*-?\s*K\s*(?:\\?a|alpha|α)", re.IGNORECASE)
_ALPHA1 = re.compile(r"K\s*(?:\\?alpha|\\?a|α)\s*[~_{]*1", re.IGNORECASE)
#: Tabulated wavelengths of one line differ by less.
_SAME_LINE = 4e-4


def texts(block: gemmi.cif.Block, name: str) -> list[str]:
    """Return every value of an item or of a column of a loop, without its quotes."""
    return [gemmi.cif.as_string(v) for v in block.find_values(name)]


def said(block: gemmi.cif.Block, name: str) -> str | None:
    """Return the value of an item, a number without its uncertainty; None for ``?`` and ``.``."""
    value = block.find_value(name)
    if value is None or value in ("?", "."):
        return None
    text = " ".join(gemmi.cif.as_string(value).split())
    match = NUMBER.match(text)
    return match[1] if match else text


def _means(wavelength: float, lines: Radiation) -> bool:
    """Return whether one wavelength stands for a doublet: its first line, or the weighted mean."""
    mean = sum(w * s for w, s in zip(lines.wavelengths, lines.weights, strict=True))
    return any(abs(wavelength / one - 1) < _SAME_LINE for one in (lines.wavelengths[0], mean))


def stated_beam(block: gemmi.cif.Block, blocks: list[gemmi.cif.Block]) -> Radiation | None:
    """Return what the block states, else what one alone of the file states."""
    own = _lines(block)
    others = {lines for lines in map(_lines, blocks) if lines is not None}
    return own or (others.pop() if len(others) == 1 else None)


def _lines(block: gemmi.cif.Block) -> Radiation | None:
    low, high = WAVELENGTH_RANGE
    numbers = [NUMBER.match(t) for t in texts(block, "_diffrn_radiation_wavelength")]
    lines = [float(m[1]) for m in numbers if m is not None and low <= float(m[1]) <= high]
    kind = said(block, "_diffrn_radiation_type") or ""
    match = _ANODE.search(kind)
    anode = match[1] if match else None
    if len(lines) == 1:
        if anode is not None and _ALPHA1.search(kind):
            return tube_lines(anode, lines[0], alpha1_only=True)
        doublet = tube_lines(anode)
        return doublet if doublet and _means(lines[0], doublet) else radiation(lines[0])
    if len(lines) != 2:
        return tube_lines(anode)
    weights = [as_number(t) for t in texts(block, "_diffrn_radiation_wavelength_wt")]
    order = sorted((0, 1), key=lines.__getitem__)
    first, second = (weights[k] if len(weights) == 2 else None for k in order)
    ratio = second / first if first and second else None
    return tube_lines(anode, lines[order[0]], lines[order[1]], ratio)
