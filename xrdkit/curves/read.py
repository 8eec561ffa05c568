"""Curve files to a labelled profile: one entry for all formats."""

from pathlib import Path

import xarray as xr

from xrdkit.curves import gsas, nxcansas, pdh, text
from xrdkit.curves.columns import checked
from xrdkit.curves.profile import build
from xrdkit.curves.raw import RawCurve
from xrdkit.errors import CurveError
from xrdkit.limits import Limits
from xrdkit.provenance import append, fingerprint
from xrdkit.radiation import radiation
from xrdkit.schema import RADIAL
from xrdkit.units import canonical, factor

_WAVELENGTH_TOLERANCE = 0.01


def read_profile(
    path: str | Path,
    *,
    unit: str | None = None,
    intensity_unit: str | None = None,
    wavelength: float | str | None = None,
    range: tuple[float, float] | None = None,  # noqa: A002 - the name that specs use too
    columns: tuple[int, ...] | None = None,
    header_lines: int | None = None,
    entry: str | None = None,
    sort: bool = False,
    limits: Limits | None = None,
) -> xr.Dataset:
    """Return a curve file as a profile Dataset (PROFILE): q in 1/nm, or two_theta in degree.

    Read are columns of text (.dat .txt .csv .xy .xye .chi .prn .ABS: abscissa, intensity and,
    where there is a third column, its standard error), GSAS powder data (.fxye), Anton Paar .pdh
    and NXcanSAS HDF5.

    `unit` is the unit of the abscissa: ``"1/nm"``, ``"1/angstrom"``, ``"degree"`` or
    ``"centidegree"``. It may be left out where the file states it; it is never guessed.
    `intensity_unit` (``"1/cm"``, ``"count"``, ``"1"``) is by default what the file states, else
    ``"1"`` (arbitrary) over q and ``"count"`` over two_theta. `wavelength` (ångström or anode name,
    see `pattern`) is needed for angles unless the file states it. Where it is given, .xy .xye and
    .prn files are taken to be in degree. `range` (low, high) keeps points within, in the unit of
    the file. `columns` are the numbers, from 0, of the columns to read (two, or three with the
    standard error); `header_lines` is the number of lines to skip. `entry` names the data group of
    an NXcanSAS file that has several. `sort` puts points in order that are not. Rows with NaN are
    dropped and counted in the attribute ``dropped_points``; a curve whose file says that it is
    smeared by a slit carries the attributes ``slit_smeared`` and, in 1/nm, ``slit_length``.

    Raises CurveError naming file, line and remedy for a file that cannot be read, is not numeric,
    does not state its unit or contradicts the one given, or holds points that `profile` refuses;
    LimitExceeded for a file larger than ``limits.bytes_held``.
    """
    file = Path(path)
    try:
        size = file.stat().st_size
        if not file.is_file():
            raise CurveError("is not a file", source=file)
    except OSError as exc:
        raise CurveError("no such file", source=file) from exc
    (limits or Limits()).check("bytes_held", size, source=file)
    raw = _read(file, columns, header_lines, entry)
    unit = _settle_unit(raw, unit, wavelength, file)
    radial = "q" if canonical(unit) in ("1/nm", "1/angstrom", "1/m") else "two_theta"
    beam = None
    if radial == "two_theta":
        wavelength = _settle_wavelength(raw, wavelength, file)
        beam = radiation(wavelength)
    intensity_unit = _settle_intensity_unit(raw, intensity_unit, radial, file)
    kept, dropped = checked(raw.columns, name=radial, within=range, sort=sort)
    data = build(
        kept,
        radial=radial,
        scale=factor(unit, RADIAL[radial]),
        intensity_unit=intensity_unit,
        dropped=dropped,
        beam=beam,
        attrs={"source_file": file.name, **raw.attrs},
    )
    settings = {
        "unit": canonical(unit),
        "intensity_unit": intensity_unit,
        "wavelength": wavelength,
        "range": range,
        "columns": columns,
        "header_lines": header_lines,
        "entry": entry,
        "sort": sort,
    }
    return append(data, "read_profile", settings, inputs=[fingerprint(file)])


def _read(
    file: Path, columns: tuple[int, ...] | None, header_lines: int | None, entry: str | None
) -> RawCurve:
    try:
        with file.open("rb") as stream:
            head = stream.read(8)
        if head == nxcansas.MAGIC:
            return nxcansas.read(file, entry)
        content = file.read_bytes()
    except OSError as exc:
        raise CurveError(f"cannot be read: {exc}", source=file) from exc
    if entry is not None:
        raise CurveError("entry= is for NXcanSAS files only", source=file)
    lines = text.decode(content, file)
    if columns is None and header_lines is None:
        if any(gsas.is_bank(line) for line in lines):
            return gsas.read(lines, file)
        if file.suffix.lower() == ".pdh":
            return pdh.read(lines, file)
    return text.read(lines, file, columns, header_lines)


def _settle_unit(
    raw: RawCurve, unit: str | None, wavelength: float | str | None, file: Path
) -> str:
    known = ("1/nm", "1/angstrom", "1/m", "degree", "centidegree", "radian")
    if unit is not None and canonical(unit) not in known:
        raise CurveError(f"unit {unit!r} is none of {', '.join(known)}", source=file)
    if unit is None:
        by_format = file.suffix.lower() in (".xy", ".xye", ".prn") and wavelength is not None
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


def _settle_wavelength(raw: RawCurve, wavelength: float | str | None, file: Path) -> float | str:
    if wavelength is None:
        if raw.wavelength is None:
            raise CurveError(
                "does not state its wavelength",
                source=file,
                hint="give wavelength= in ångström, or an anode line such as 'CuKa'",
            )
        return raw.wavelength
    given = radiation(wavelength).wavelengths[0]
    if raw.wavelength is not None and abs(raw.wavelength / given - 1) > _WAVELENGTH_TOLERANCE:
        raise CurveError(
            f"states a wavelength of {raw.wavelength:g} Å, {wavelength!r} was given", source=file
        )
    return wavelength


def _settle_intensity_unit(
    raw: RawCurve, intensity_unit: str | None, radial: str, file: Path
) -> str:
    if intensity_unit is None:
        return raw.intensity_unit or ("1" if radial == "q" else "count")
    wanted = canonical(intensity_unit)
    if raw.intensity_unit not in (None, wanted):
        raise CurveError(
            f"states {raw.intensity_unit} for its intensity, intensity_unit={intensity_unit!r}"
            " was given",
            source=file,
        )
    return wanted
