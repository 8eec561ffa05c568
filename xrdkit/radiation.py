"""Wavelengths: laboratory emission lines by anode name, and plain numbers in ångström."""

from dataclasses import dataclass

from xrdkit.constants import HC_KEV_ANGSTROM
from xrdkit.errors import SpecError

WAVELENGTH_RANGE = (0.01, 10.0)

#: anode -> (Kα1, Kα2) in ångström. Cu: Hölzer et al., Phys. Rev. A 56 (1997) 4554, on the scale
#: that NIST certificates use. Others: Bearden's values as re-scaled in International Tables C
#: (2004), table 4.2.2.4.
K_ALPHA: dict[str, tuple[float, float]] = {
    "Cr": (2.289726, 2.293651),
    "Fe": (1.936041, 1.939973),
    "Co": (1.788996, 1.792835),
    "Cu": (1.5405929, 1.5444274),
    "Mo": (0.70931715, 0.713607),
    "Ag": (0.55942178, 0.563813),
}
#: Intensity of Kα2 relative to Kα1: the ratio 0.5 of the statistical weights.
K_ALPHA2_RATIO = 0.5

#: Cu Kα as a spectrum: wavelength (ångström), natural full width at half maximum (ångström) and
#: share of each Lorentzian. The four of Kα1 and Kα2 are those of Hölzer et al. (1997), table III
#: (8047.8372, 8045.3672, 8027.9935, 8026.5041 eV); the fifth stands for the Kα3,4 satellites
#: (1.534753 Å, 3.6854 mÅ wide, 1.59 % of all; Berger, X-Ray Spectrom. 15 (1986) 241, as profile
#: fits use it).
_CU_SATELLITES = (1.534753, 3.6854e-3, 0.0159)
_CU_LORENTZIANS = (
    (8.0478372, 2.285e-3, 0.579),
    (8.0453672, 3.358e-3, 0.080),
    (8.0279935, 2.666e-3, 0.236),
    (8.0265041, 3.571e-3, 0.105),
)


@dataclass(frozen=True, kw_only=True)
class Radiation:
    """The emission lines of a beam."""

    name: str
    """Anode name such as ``"CuKa"``, or ``"monochromatic"``."""
    wavelengths: tuple[float, ...]
    """Wavelength of each line, ångström."""
    weights: tuple[float, ...]
    """Share of each line in the intensity; they add up to 1."""
    widths: tuple[float, ...] = ()
    """Natural full width at half maximum of each (Lorentzian) line, ångström; empty: not known,
    part of the width of the instrument."""


def radiation(wavelength: float | str) -> Radiation:
    """Return the emission lines for a wavelength in ångström or an anode name.

    Names are ``CuKa`` (the Kα1, Kα2 doublet), ``CuKa1`` (Kα1 alone), and likewise for Cr, Fe, Co,
    Mo and Ag; ``CuKa5`` is the spectrum of Cu Kα as five Lorentzians with their natural widths, for
    line shapes of a good diffractometer. Raises SpecError for an unknown name or a number outside
    0.01 to 10 Å.
    """
    if isinstance(wavelength, str):
        if wavelength == "CuKa5":
            return _cu_spectrum()
        anode, line = wavelength[:2], wavelength[2:]
        if anode in K_ALPHA and line in ("Ka", "Ka1"):
            first, second = K_ALPHA[anode]
            if line == "Ka1":
                return Radiation(name=wavelength, wavelengths=(first,), weights=(1.0,))
            total = 1.0 + K_ALPHA2_RATIO
            return Radiation(
                name=wavelength,
                wavelengths=(first, second),
                weights=(1.0 / total, K_ALPHA2_RATIO / total),
            )
        names = ", ".join(f"{a}Ka, {a}Ka1" for a in K_ALPHA) + ", CuKa5"
        raise SpecError(f"unknown radiation {wavelength!r}", hint=f"a number in Å, or {names}")
    low, high = WAVELENGTH_RANGE
    if not low <= wavelength <= high:
        raise SpecError(
            f"wavelength {wavelength} Å is outside {low} to {high} Å",
            hint="wavelengths of patterns are given in ångström",
        )
    return Radiation(name="monochromatic", wavelengths=(float(wavelength),), weights=(1.0,))


def _cu_spectrum() -> Radiation:
    rest = 1.0 - _CU_SATELLITES[2]
    lines = [_CU_SATELLITES]
    for energy, width, share in _CU_LORENTZIANS:
        length = HC_KEV_ANGSTROM / energy
        lines.append((length, length * width / energy, rest * share))
    lengths, widths, shares = zip(*lines, strict=True)
    total = sum(shares)
    return Radiation(
        name="CuKa5", wavelengths=lengths, weights=tuple(s / total for s in shares), widths=widths
    )
