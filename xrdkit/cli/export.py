"""``xrdkit export``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """Formats that other programs read."""

    XYE = "xye"
    CSV = "csv"
    NXCANSAS = "nxcansas"
    NXAZINT = "nxazint"


def export(
    result: Annotated[Path, typer.Argument(help="A result file (.nc).", metavar="RESULT")],
    to: Annotated[Format, typer.Option("--format", help="Format of the file.")],
    into: Annotated[
        Path | None,
        typer.Option(help="File to write. Default: beside the result, with another suffix."),
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace files that exist.")] = False,
) -> None:
    """Write a result for other programs.

    .xye (one file per profile) and .csv (one table) are text; nxcansas (profiles over q) and
    nxazint (profiles and cakes) are HDF5 files of the NeXus definitions NXcanSAS and NXazint1d/2d.
    """
    from xrdkit.store import load
    from xrdkit.store.export import write_csv, write_nxazint, write_nxcansas, write_xye

    data = load(result)
    suffix = f".{to.value}" if to in (Format.XYE, Format.CSV) else f".{to.value}.h5"
    target = result.with_suffix(suffix) if into is None else into
    if to is Format.XYE:
        files = write_xye(data, target, overwrite=overwrite)
    else:
        write = {
            Format.CSV: write_csv,
            Format.NXCANSAS: write_nxcansas,
            Format.NXAZINT: write_nxazint,
        }[to]
        files = [write(data, target, overwrite=overwrite)]
    for file in files[:3]:
        typer.echo(str(file))
    if len(files) > 3:
        typer.echo(f"and {len(files) - 3} more")
