"""The radiation that a file of a diffractometer states, as emission lines."""

import re

from xrdkit.curves.facts import as_number
from xrdkit.radiation import K_ALPHA, K_ALPHA2_RATIO, WAVELENGTH_RANGE, Radiation, radiation

#: Control programs write tabulated wavelengths of different decades (Cu Kα1 1.54056, 1.540598,
#: 1.540593 Å ...). Within this of our own line they mean that line.
_SAME_LINE = 2e-4
_ALPHA1_OPTICS = re.compile(
    r"(?-i:\bGe\b|Ge\s*\(?\d{3})|Johans+on|channel.?cut|hybrid", re.IGNORECASE
)


def passes_alpha1_only(optics: str) -> bool:
    """Return whether the name of an optic before the sample says that it removes Kα2.

    Crystals of germanium, Johansson monochromators, channel cuts and hybrids of mirror and channel
    cut do; mirrors, filters and graphite do not.
    """
    return bool(_ALPHA1_OPTICS.search(optics))


def tube_lines(
    anode: str | None,
    alpha1: object = None,
    alpha2: object = None,
    ratio: object = None,
    *,
    alpha1_only: bool = False,
) -> Radiation | None:
    """Return the emission lines of a tube, None where the file does not tell them.

    alpha1, alpha2: stated wavelengths, ångström, numbers or text. Where they are those of a known
    anode within 200 ppm, the lines are ours (`xrdkit.radiation`: one scale for all instruments);
    otherwise they are taken as they are. Two lines tell an anode that is not named. ratio: stated
    Kα2/Kα1, by default 0.5. `alpha1_only` leaves Kα2 out.
    """
    first, second, share = _wavelength(alpha1), _wavelength(alpha2), as_number(ratio)
    name = (anode or "").strip()[:2].capitalize() or _anode_of(first, second)
    if share is None or not 0 < share <= 1:
        share = K_ALPHA2_RATIO
    known = K_ALPHA.get(name)
    if known is not None and (first is None or abs(first / known[0] - 1) < _SAME_LINE):
        first, second = known[0], known[1]
        line = f"{name}Ka"
    elif first is None:
        return None
    else:
        line = f"{name} lines of the file" if name else "lines of the file"
    if alpha1_only or second is None or second == first:
        if line.endswith("Ka"):
            return radiation(f"{line}1")
        return radiation(first)
    return Radiation(
        name=line, wavelengths=(first, second), weights=(1 / (1 + share), share / (1 + share))
    )


def _anode_of(first: float | None, second: float | None) -> str:
    for name, lines in K_ALPHA.items():
        pairs = zip((first, second), lines, strict=True)
        if all(x is not None and abs(x / line - 1) < _SAME_LINE for x, line in pairs):
            return name
    return ""


def _wavelength(value: object) -> float | None:
    number = as_number(value)
    low, high = WAVELENGTH_RANGE
    return number if number is not None and low <= number <= high else None
