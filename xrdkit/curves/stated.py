"""What the words of a file say about its units and its wavelength."""

import re

_INVERSE_NM = r"1\s*/\s*nm|nm\s*\^?\{?-1|n_m\^-1|inv_?nm"
_INVERSE_ANGSTROM = r"1\s*/\s*(?:a\b|å|ang)|(?:\ba|å|angstroms?|ang)\s*\^?\{?-1|inv_?a(?:ng|\b)"
_Q_UNIT = re.compile(
    rf"(?:^|[^a-z])q[\s_,:=\[\(]*(?:(?P<nm>{_INVERSE_NM})|(?P<angstrom>{_INVERSE_ANGSTROM}))",
    re.IGNORECASE,
)
_DEGREE = re.compile(r"(?:2[\s_-]*th(?:eta)?|two[\s_-]*theta|2θ)[^0-9\n]{0,16}deg", re.IGNORECASE)
_ABSOLUTE = re.compile(
    r"\bI(?:ntensity|\(q\))?[\s_,:=\[\(]*(?:1\s*/\s*cm|cm\s*\^?\{?-1)", re.IGNORECASE
)
_METRE = re.compile(r"\bwavelength\s*[:=]\s*([0-9.eE+-]+)\s*m\b", re.IGNORECASE)
_ANGSTROM = re.compile(
    r"\bwavelength\s*(?:[:=]\s*([0-9.eE+-]+)\s*(?:$|a\b|å|ang)|([0-9.eE+-]+)\s*angstrom)",
    re.IGNORECASE | re.MULTILINE,
)


_LINES = re.compile(
    r"\bwavelength\s*[:=]?\s*([0-9.eE+-]+(?:\s*,\s*[0-9.eE+-]+)+)\s*(?:a\b|å|ang)", re.IGNORECASE
)
_COUNTS = re.compile(r"\bintensity\s*\(\s*counts?\s*\)", re.IGNORECASE)


def stated_unit(text: str) -> str | None:
    """Return the unit of the abscissa that `text` states beside its name, None where it does not.

    Understood are q in 1/nm or 1/angstrom, and 2θ in degree, in their usual spellings. A text that
    states two different ones states none.
    """
    found = {"1/nm" if match.group("nm") else "1/angstrom" for match in _Q_UNIT.finditer(text)}
    if _DEGREE.search(text):
        found.add("degree")
    return found.pop() if len(found) == 1 else None


def stated_intensity_unit(text: str) -> str | None:
    """Return ``"1/cm"`` or ``"count"`` where `text` says so of the intensity, None otherwise."""
    if _ABSOLUTE.search(text):
        return "1/cm"
    return "count" if _COUNTS.search(text) else None


def stated_lines(text: str) -> tuple[float, ...]:
    """Return the wavelengths in ångström that `text` lists, divided by commas; none otherwise."""
    match = _LINES.search(text)
    try:
        return tuple(float(token) for token in match.group(1).split(",")) if match else ()
    except ValueError:
        return ()


def stated_wavelength(text: str) -> float | None:
    """Return the wavelength in ångström that `text` states in ångström or metre, None otherwise."""
    for expression, scale in ((_METRE, 1e10), (_ANGSTROM, 1.0)):
        match = expression.search(text)
        if match:
            try:
                return float(next(filter(None, match.groups()))) * scale
            except ValueError:
                return None
    return None
