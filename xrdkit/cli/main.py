"""``xrdkit``: the command line. Commands import what they need when they are called."""

import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from xrdkit.cli.messages import say_error
from xrdkit.cli.signals import Interrupted
from xrdkit.errors import XrdkitError

#: Each is a function of that name in a module of that name, which imports nothing heavy.
COMMANDS = (
    "run",
    "check",
    "show",
    "export",
    "replay",
    "calibrate",
    "mask",
    "scale",
    "phases",
    "sizes",
    "demo",
    "doctor",
)
#: Groups of commands, each a typer of that name in a module of that name.
GROUPS = ("calibrations",)
USAGE = 2

app = typer.Typer(
    name="xrdkit",
    help="X-ray detector frames to phases and particle sizes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for _name in COMMANDS:
    app.command(_name)(getattr(import_module(f"xrdkit.cli.{_name}"), _name))
for _name in GROUPS:
    app.add_typer(getattr(import_module(f"xrdkit.cli.{_name}"), _name), name=_name)


def _print_version(wanted: bool) -> None:
    if wanted:
        try:
            typer.echo(version("xrdkit"))
        except PackageNotFoundError:
            typer.echo("0+unknown")
        raise typer.Exit


@app.callback()
def options(
    show: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """X-ray detector frames to phases and particle sizes."""


def main() -> None:
    """Run the command line; every error of xrdkit is one message and an exit code."""
    try:
        app()
    except XrdkitError as exc:
        say_error(exc)
        sys.exit(USAGE)
    except Interrupted as exc:
        sys.exit(exc.exit_code)
