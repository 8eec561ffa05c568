"""``xrdkit export``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """Formats of plain text."""

    XYE = "xye"
    CSV = "csv"


def export(
    result: Annotated[Path, typer.Argument(help="A result file (.nc).", metavar="RESULT")],
    to: Annotated[Format, typer.Option("--format", help="Format of the file.")],
    into: Annotated[
        Path | None,
        typer.Option(help="File to write. Default: beside the result, with another suffix."),
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace files that exist.")] = False,
) -> None:
    """Write a result as text: .xye (one file per profile) or .csv (one table)."""
    from xrdkit.store import load
    from xrdkit.store.export import write_csv, write_xye

    data = load(result)
    target = result.with_suffix(f".{to.value}") if into is None else into
    if to is Format.XYE:
        files = write_xye(data, target, overwrite=overwrite)
    else:
        files = [write_csv(data, target, overwrite=overwrite)]
    for file in files[:3]:
        typer.echo(str(file))
    if len(files) > 3:
        typer.echo(f"and {len(files) - 3} more")
