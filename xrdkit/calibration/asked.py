"""What a calibration is told: the wavelength, in ångström and not in another unit."""

import math
from typing import SupportsFloat

from xrdkit.errors import SpecError

_SHORTEST, _LONGEST = 0.01, 10.0
#: Å in other units, and E λ in keV Å (CODATA: h c)
_UNITS = (("metre", 1e10), ("nanometre", 10.0), ("picometre", 0.01))
_KEV = 12.398419843


def asked_wavelength(wavelength: SupportsFloat | str) -> float:
    """Return a wavelength in ångström; raise SpecError where it is none, naming the likely unit."""
    try:
        value = float(wavelength)
    except (TypeError, ValueError) as exc:
        raise SpecError(
            f"wavelength {wavelength!r} is not a number", hint="pass it in ångström, such as 1.5406"
        ) from exc
    if _SHORTEST <= value <= _LONGEST:
        return value
    raise SpecError(
        f"wavelength {value:g} Å is outside {_SHORTEST:g} to {_LONGEST:g} Å",
        hint=f"wavelengths are in ångström{_guessed(value)}",
    )


def _guessed(value: float) -> str:
    """Return in which unit `value` would be a usual wavelength, in words; empty where in none."""
    if not math.isfinite(value) or value <= 0:
        return ""
    if 5.0 <= value <= 40.0:
        return f": a photon energy of {value:g} keV is {_KEV / value:.6g} Å"
    for unit, factor in _UNITS:
        if 0.05 <= value * factor <= 3.0:
            return f": {value:g} {unit} are {value * factor:.6g} Å"
    return ""
