"""What stands on axes and in tables: names, units with superscripts, and powers of ten."""

import math
import unicodedata

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from xrdkit.report.palette import GRID

_UNITS = {
    "1/nm": "nm⁻¹",
    "1/angstrom": "Å⁻¹",
    "1/cm": "cm⁻¹",
    "1/m": "m⁻¹",
    "angstrom": "Å",
    "count": "counts",
    "degree": "°",
    "um": "µm",
    "1": "",
}
_RADIAL = {
    "q": "q",
    "two_theta": "2θ",
    "d_spacing": "lattice spacing d",
    "detector_radius": "distance from the beam",
    "q_in_plane": "q in the plane",
    "q_out_of_plane": "q out of the plane",
}
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_LONGEST = 48


def unit_text(unit: object) -> str:
    """Return a stored unit as it is printed: ``"1/nm"`` -> ``"nm⁻¹"``, ``"1"`` -> ``""``."""
    text = plain_text(unit)
    return _UNITS.get(text, text)


def with_unit(name: str, unit: object) -> str:
    """Return ``"name (unit)"``, or the name alone for a pure number."""
    printed = unit_text(unit)
    return f"{name} ({printed})" if printed else name


def radial_label(data: xr.Dataset, radial: str) -> str:
    """Return the axis label of a radial coordinate with its unit."""
    return with_unit(_RADIAL.get(radial, radial), data[radial].attrs.get("units", ""))


def intensity_label(variable: xr.DataArray) -> str:
    """Return the axis label of an intensity with its unit."""
    return with_unit("intensity", variable.attrs.get("units", ""))


def plain_text(text: object) -> str:
    """Return text from data for a picture: one line, printable, at most 48 characters."""
    letters = (c if unicodedata.category(c)[0] != "C" else " " for c in str(text))
    line = " ".join("".join(letters).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def legend_text(text: object) -> str:
    """Return text from data for a legend, where matplotlib hides names that start with ``_``."""
    line = plain_text(text)
    return f"\u2009{line}" if line.startswith("_") else line or "(no name)"


def detector_name(label: str) -> str:
    """Return the label of a detector as a heading: ``"waxs"`` -> ``"WAXS"``, others as they are."""
    return label.upper() if label.lower() in ("saxs", "waxs", "usaxs", "maxs") else label


def superscript(exponent: int) -> str:
    """Return an integer in superscript digits."""
    return str(exponent).translate(_SUPERSCRIPT)


def power_of_ten(value: float) -> str:
    """Return the tick label of a logarithmic axis: 0.01 to 9999 plainly, 10ⁿ outside."""
    if not value > 0:
        return ""
    exponent = math.floor(math.log10(value) + 1e-9)
    if -2 <= exponent <= 3:
        return f"{value:g}"
    mantissa = value / 10.0**exponent
    power = "10" + superscript(exponent)
    return power if abs(mantissa - 1) < 1e-9 else f"{mantissa:g}·{power}"


def log_axis(axes: Axes, which: str) -> None:
    """Make the ``"x"`` or ``"y"`` axis logarithmic with plain labels and few of them."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    low, high = sorted(axis.get_view_interval())
    decades = math.log10(high / low) if low > 0 else 1.0
    # Less than two decades hold too few powers of ten to read a value from.
    subs = (1.0, 2.0, 5.0) if decades < 2.2 else (1.0,)
    axis.set_major_locator(LogLocator(base=10, subs=subs, numticks=9))
    axis.set_minor_locator(LogLocator(base=10, subs=tuple(range(2, 10)), numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda value, _: power_of_ten(float(value))))
    axis.set_minor_formatter(NullFormatter())
    axes.grid(visible=True, which="major", axis="both", color=GRID)


def few_ticks(axes: Axes, which: str, count: int, *, integer: bool = False) -> None:
    """Ask for at most `count` intervals between ticks on a linear axis."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(MaxNLocator(count, integer=integer, steps=[1, 2, 2.5, 5, 10]))


def strictly_finite(values: object) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return the finite values of an array, flat, as float64."""
    flat = np.asarray(values, dtype=np.float64).ravel()
    return flat[np.isfinite(flat)]
