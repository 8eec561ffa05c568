"""What the user says of a curve file against what the file says."""

from pathlib import Path

from xrdkit.curves.raw import RawCurve
from xrdkit.errors import CurveError
from xrdkit.radiation import Radiation, radiation
from xrdkit.units import canonical

_WAVELENGTH_TOLERANCE = 0.01
_KNOWN = ("1/nm", "1/angstrom", "1/m", "degree", "centidegree", "radian")
_DEGREE_SUFFIXES = (".xy", ".xye", ".prn")


def settle_unit(raw: RawCurve, unit: str | None, file: Path, *, wavelength_given: bool) -> str:
    """Return the unit of the abscissa; CurveError where none is known, or the two contradict.

    Of a file that does not say, .xy, .xye and .prn are in degree where a wavelength is known.
    """
    if unit is not None and canonical(unit) not in _KNOWN:
        raise CurveError(f"unit {unit!r} is none of {', '.join(_KNOWN)}", source=file)
    if unit is None:
        known = wavelength_given or raw.wavelength is not None
        by_format = file.suffix.lower() in _DEGREE_SUFFIXES and known
        stated = raw.unit or ("degree" if by_format else None)
        if stated is None:
            raise CurveError(
                "does not state the unit of its first column",
                source=file,
                hint="give unit='1/nm', '1/angstrom' or 'degree'",
            )
        return stated
    if raw.unit is not None and raw.unit != canonical(unit):
        raise CurveError(
            f"states {raw.unit} for its first column, unit={unit!r} was given",
            source=file,
            hint="leave unit out; if the file is wrong, pass its columns to xrdkit.profile",
        )
    return unit


def settle_beam(raw: RawCurve, wavelength: float | str | None, file: Path) -> Radiation:
    """Return the emission lines; CurveError where none are known, or the two contradict."""
    stated = raw.beam
    if stated is None and raw.wavelength is not None:
        stated = radiation(raw.wavelength)
    if wavelength is None:
        if stated is None:
            raise CurveError(
                "does not state its wavelength",
                source=file,
                hint="give wavelength= in ångström, or an anode line such as 'CuKa'",
            )
        return stated
    given = radiation(wavelength)
    if stated is not None:
        first = stated.wavelengths[0]
        if abs(first / given.wavelengths[0] - 1) > _WAVELENGTH_TOLERANCE:
            raise CurveError(
                f"states a wavelength of {first:g} Å, {wavelength!r} was given", source=file
            )
    return given


def settle_intensity_unit(
    raw: RawCurve, intensity_unit: str | None, radial: str, file: Path
) -> str:
    """Return the unit of the intensity; CurveError where file and user contradict each other."""
    if intensity_unit is None:
        return raw.intensity_unit or raw.default_unit or ("1" if radial == "q" else "count")
    wanted = canonical(intensity_unit)
    if raw.intensity_unit not in (None, wanted):
        raise CurveError(
            f"states {raw.intensity_unit} for its intensity, intensity_unit={intensity_unit!r}"
            " was given",
            source=file,
        )
    return wanted
