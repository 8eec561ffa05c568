"""Curve files to a labelled profile: one entry for all formats."""

from pathlib import Path

import xarray as xr

from xrdkit.curves.columns import checked
from xrdkit.curves.formats import read_scans
from xrdkit.curves.profile import DECLARED, STATED, build
from xrdkit.curves.raw import RawCurve
from xrdkit.curves.series import choose, fact_coordinates, together
from xrdkit.curves.settle import settle_beam, settle_intensity_unit, settle_unit
from xrdkit.curves.source import open_source
from xrdkit.limits import Limits
from xrdkit.provenance import append, fingerprint
from xrdkit.schema import RADIAL
from xrdkit.units import canonical, factor


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
    scan: int | str | None = None,
    sort: bool = False,
    limits: Limits | None = None,
) -> xr.Dataset:
    """Return a curve file as a profile Dataset (PROFILE): q in 1/nm, or two_theta in degree.

    The format is told by the content. Patterns: PANalytical .xrdml, Bruker .brml, .raw (versions 1
    to 4) and .uxd, Rigaku .ras and .rasx, GSAS (CONST STD, ESD, FXY, FXYE), powder CIF, Fit2D .chi.
    Small angles: NXcanSAS HDF5, canSAS XML, Anton Paar .pdh. Else columns of text: abscissa,
    intensity and, where there is a third column, its standard error; names of columns in the header
    (q, I, dI, dQ) hold.

    `unit` is the unit of the abscissa: ``"1/nm"``, ``"1/angstrom"``, ``"degree"`` or
    ``"centidegree"``. It may be left out where the file states it; it is never guessed. The
    attributes ``q_unit_stated`` and ``q_unit_declared`` remember whether file or user said it.
    `intensity_unit` (``"1/cm"``, ``"count"``, ``"1"``) is by default what the file states, else
    ``"1"`` (arbitrary) over q and ``"count"`` over two_theta. `wavelength` (ångström or anode name,
    see `pattern`) is needed for angles unless the file states it; given, it holds. .xy, .xye and
    .prn files whose wavelength is known are taken to be in degree. `range` (low, high) keeps points
    within, in the unit of the file. `columns` are the numbers, from 0, of the columns to read (two,
    three with the standard error, or four with the standard deviation of q); `header_lines` is the
    number of lines to skip. `entry` names the data group of an NXcanSAS file that has several.
    `scan` is the number, from 0, or the name of one scan of a file with several; without it,
    repeated scans become frames. `sort` puts points in order that are not. Rows with NaN are
    dropped and counted in the attribute ``dropped_points``; a curve whose file says that it is
    smeared by a slit carries the attributes ``slit_smeared`` and, in 1/nm, ``slit_length``; the
    resolution of q that a file has becomes the variable ``q_resolution(q)``, a standard deviation
    in 1/nm.

    Counts of a diffractometer have σ = √N (1 where N = 0), rates are multiplied by the counting
    time that the file states (`xrdkit.curves.counting`); the attribute ``intensity_note`` says why
    a scan has no ``sigma``. What the file says of the measurement becomes coordinates
    (`xrdkit.curves.facts`). Wavelengths of known anodes are those of `xrdkit.radiation`.

    Raises CurveError naming file, line and remedy for a file that cannot be read, is not numeric,
    does not state its unit or contradicts the one given, holds points that `profile` refuses, or
    several scans that differ; LimitExceeded for a file, or a member of an archive, larger than
    ``limits.bytes_held``; RefusedError for XML with entities and for encrypted archives.
    """
    source = open_source(path, limits or Limits())
    form, scans = read_scans(source, columns=columns, header_lines=header_lines, entry=entry)
    source.limits.check("frames", len(scans), source=source.file)
    chosen = choose(scans, scan, source.file)
    curves, units = [], []
    for raw in chosen:
        stated = settle_unit(raw, unit, source.file, wavelength_given=wavelength is not None)
        units.append(canonical(stated))
        curves.append(
            _curve(raw, stated, intensity_unit, wavelength, range, source.file, sort=sort)
        )
    data = curves[0] if len(curves) == 1 else together(curves, source.file)
    data = data.assign_attrs(source_format=form)
    settings = {
        "unit": units[0],
        "intensity_unit": data["intensity"].attrs["units"],
        "wavelength": wavelength if wavelength is not None else chosen[0].wavelength,
        "range": range,
        "columns": columns,
        "header_lines": header_lines,
        "entry": entry,
        "scan": scan,
        "sort": sort,
    }
    return append(data, "read_profile", settings, inputs=[fingerprint(source.file)])


def _curve(
    raw: RawCurve,
    unit: str,
    intensity_unit: str | None,
    wavelength: float | str | None,
    within: tuple[float, float] | None,
    file: Path,
    *,
    sort: bool,
) -> xr.Dataset:
    radial = "q" if canonical(unit) in ("1/nm", "1/angstrom", "1/m") else "two_theta"
    beam = settle_beam(raw, wavelength, file) if radial == "two_theta" else None
    kept, dropped = checked(raw.columns, name=radial, within=within, sort=sort)
    said = {DECLARED if raw.unit is None else STATED: canonical(unit)} if radial == "q" else {}
    data = build(
        kept,
        radial=radial,
        scale=factor(unit, RADIAL[radial]),
        intensity_unit=settle_intensity_unit(raw, intensity_unit, radial, file),
        dropped=dropped,
        beam=beam,
        attrs={"source_file": file.name, **raw.attrs, **said},
    )
    return data.assign_coords(fact_coordinates(raw))
