"""``xrdkit replay``."""

import json as jsonlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xrdkit.cli.options import JsonOption

if TYPE_CHECKING:
    from xrdkit.workflow.replay import Replay

_DIFFERS = 3
_SHOWN = 8


def replay(
    result: Annotated[Path, typer.Argument(help="A result file (.nc).", metavar="RESULT")],
    inputs: Annotated[
        list[Path],
        typer.Option(help="Folder of the inputs, with all folders inside it. Repeatable."),
    ] = [],  # noqa: B006 - typer reads it and never changes it
    without: Annotated[
        list[str],
        typer.Option(help="Correction to leave out, to see what it does. Repeatable."),
    ] = [],  # noqa: B006 - typer reads it and never changes it
    json: JsonOption = False,
) -> None:
    """Compute a result again from its provenance and its inputs, and compare.

    Exit codes: 0 the same (relative difference at most 1e-12), 3 it differs, 2 an input is missing
    or has changed, or the result cannot be replayed.
    """
    from xrdkit.workflow.replay import replay as compute

    done = compute(result, inputs=inputs, without=without)
    if json:
        sys.stdout.write(jsonlib.dumps(done.to_plain()) + "\n")
    else:
        _say(result, done)
    if done.verdict != "same":
        raise typer.Exit(_DIFFERS)


def _say(result: Path, done: "Replay") -> None:
    how = "byte for byte" if done.identical else f"largest difference {done.max_difference:.2g}"
    typer.echo(f"{result.name}  {done.verdict}  ({how})")
    worst = sorted(done.differences.items(), key=lambda item: -item[1])
    for name, difference in worst[:_SHOWN]:
        if difference > 0:
            typer.echo(f"  {name:24} {difference:.3g}")
    typer.echo(f"inputs     {len(done.inputs)} found, each with the SHA-256 of the record")
    for item in done.inputs[:_SHOWN]:
        typer.echo(f"  {item.name:24} {item.digest[:12]}  {item.path}")
    if len(done.inputs) > _SHOWN:
        typer.echo(f"  and {len(done.inputs) - _SHOWN} more")
    if done.from_result:
        typer.echo(f"taken from the result itself: {', '.join(done.from_result)}")
    for line in done.software:
        typer.echo(f"software   {line}")
    if done.without:
        typer.echo(f"without {', '.join(done.without)}, new value over stored one:")
        for name, effect in done.effect.items():
            typer.echo(
                f"  {name:24} median {effect.median:.6g}, farthest from 1 {effect.largest:.6g}"
            )
