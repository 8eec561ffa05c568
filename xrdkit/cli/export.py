"""``xrdkit export``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """Formats that other programs read."""

    XYE = "xye"
    CSV = "csv"
    CSV_DISTRIBUTION = "csv-distribution"
    CSV_FIT = "csv-fit"
    NXCANSAS = "nxcansas"
    NXAZINT = "nxazint"
    PDCIF = "pdcif"
    GSAS = "gsas"
    TABLE_MD = "table-md"
    TABLE_TEX = "table-tex"
    TABLE_CSV = "table-csv"


_SUFFIXES = {
    Format.XYE: ".xye",
    Format.CSV: ".csv",
    Format.CSV_DISTRIBUTION: ".distribution.csv",
    Format.CSV_FIT: ".fit.csv",
    Format.PDCIF: ".cif",
    Format.GSAS: ".fxye",
    Format.TABLE_MD: ".md",
    Format.TABLE_TEX: ".tex",
    Format.TABLE_CSV: ".table.csv",
}
_ALONG = {Format.CSV_DISTRIBUTION: "radius", Format.CSV_FIT: "q"}


def export(
    result: Annotated[Path, typer.Argument(help="A result file (.nc).", metavar="RESULT")],
    to: Annotated[Format, typer.Option("--format", help="Format of the file.")],
    into: Annotated[
        Path | None,
        typer.Option(help="File to write. Default: beside the result, with another suffix."),
    ] = None,
    polarization_ratio: Annotated[
        float | None,
        typer.Option(help="gsas: 1 for a tube, cos²2θ of the crystal with a monochromator."),
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace files that exist.")] = False,
) -> None:
    """Write a result for other programs.

    .xye (one file per profile) and .csv (one table) are text; csv-distribution has the size
    distributions and csv-fit the measured and fitted curves of a fit. nxcansas (profiles over q,
    and fits of them) and nxazint (profiles and cakes) are HDF5 files of the NeXus definitions
    NXcanSAS and NXazint1d/2d. pdcif (powder CIF) and gsas (.fxye and .instprm) hold patterns and
    refined phases, one file for each pattern; table-md, table-tex and table-csv the phases with
    their uncertainties.
    """
    from xrdkit.store import load
    from xrdkit.store.export import (
        write_csv,
        write_gsas,
        write_nxazint,
        write_nxcansas,
        write_pdcif,
        write_table,
        write_xye,
    )

    data = load(result)
    suffix = _SUFFIXES.get(to, f".{to.value}.h5")
    target = result.with_suffix(suffix) if into is None else into
    if to is Format.XYE:
        files = write_xye(data, target, overwrite=overwrite)
    elif to is Format.PDCIF:
        files = write_pdcif(data, target, overwrite=overwrite)
    elif to is Format.GSAS:
        ratio = polarization_ratio
        files = write_gsas(data, target, polarization_ratio=ratio, overwrite=overwrite)
    elif to in _ALONG:
        files = [write_csv(data, target, along=_ALONG[to], overwrite=overwrite)]
    elif to is Format.CSV:
        files = [write_csv(data, target, overwrite=overwrite)]
    elif to is Format.NXCANSAS:
        files = [write_nxcansas(data, target, overwrite=overwrite)]
    elif to is Format.NXAZINT:
        files = [write_nxazint(data, target, overwrite=overwrite)]
    else:
        files = [write_table(data, target, overwrite=overwrite)]
    for file in files[:3]:
        typer.echo(str(file))
    if len(files) > 3:
        typer.echo(f"and {len(files) - 3} more")
