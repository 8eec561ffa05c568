"""The one list of units and of the conversions between them."""

from xrdkit.constants import HC_KEV_ANGSTROM
from xrdkit.errors import SpecError

#: unit -> (quantity, factor to the stored unit of that quantity)
UNITS: dict[str, tuple[str, float]] = {
    "1/nm": ("wavenumber", 1.0),
    "1/angstrom": ("wavenumber", 10.0),
    "1/m": ("wavenumber", 1e-9),
    "nm": ("length", 1.0),
    "angstrom": ("length", 0.1),
    "um": ("length", 1e3),
    "mm": ("length", 1e6),
    "cm": ("length", 1e7),
    "m": ("length", 1e9),
    "degree": ("angle", 1.0),
    "centidegree": ("angle", 0.01),
    "radian": ("angle", 57.29577951308232),
    "count": ("signal", 1.0),
    "1/cm": ("cross_section", 1.0),
    "s": ("time", 1.0),
    "ms": ("time", 1e-3),
    "keV": ("energy", 1.0),
    "eV": ("energy", 1e-3),
    "K": ("temperature", 1.0),
    "V": ("voltage", 1.0),
    "pixel": ("pixel", 1.0),
    "1": ("ratio", 1.0),
}

_SYNONYMS = {
    "nm^-1": "1/nm",
    "nm-1": "1/nm",
    "1/a": "1/angstrom",
    "1/å": "1/angstrom",
    "a^-1": "1/angstrom",
    "a-1": "1/angstrom",
    "å^-1": "1/angstrom",
    "angstrom^-1": "1/angstrom",
    "1/ang": "1/angstrom",
    "a": "angstrom",
    "å": "angstrom",
    "ang": "angstrom",
    "deg": "degree",
    "degrees": "degree",
    "rad": "radian",
    "counts": "count",
    "cm^-1": "1/cm",
    "cm-1": "1/cm",
    "sec": "s",
    "second": "s",
    "seconds": "s",
    "kev": "keV",
    "ev": "eV",
    "k": "K",
    "v": "V",
    "micron": "um",
    "µm": "um",
    "metre": "m",
    "meter": "m",
}


def canonical(unit: str) -> str:
    """Return the stored spelling of a unit, e.g. ``"1/A"`` -> ``"1/angstrom"``.

    Raises SpecError for a unit that is not in `UNITS`.
    """
    text = unit.strip()
    if text in UNITS:
        return text
    name = _SYNONYMS.get(text.lower(), text.lower())
    if name not in UNITS:
        raise SpecError(f"unknown unit {unit!r}", hint=f"known: {', '.join(UNITS)}")
    return name


def factor(source: str, target: str) -> float:
    """Return the number by which a value in unit `source` is multiplied to be in unit `target`.

    Raises SpecError where the two do not measure the same quantity.
    """
    (quantity, up), (wanted, down) = UNITS[canonical(source)], UNITS[canonical(target)]
    if quantity != wanted:
        raise SpecError(f"{source!r} is a {quantity}, {target!r} a {wanted}")
    return up / down


def wavelength_from_energy(energy: float) -> float:
    """Return the wavelength in ångström of photons of `energy` in keV (λ = hc/E)."""
    if not energy > 0:
        raise SpecError(f"photon energy must be positive, not {energy} keV")
    return HC_KEV_ANGSTROM / energy
