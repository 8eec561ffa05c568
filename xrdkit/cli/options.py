"""Options that several commands share."""

from typing import Annotated

import typer

RecipeArgument = Annotated[
    str,
    typer.Argument(
        help="Path of a recipe (TOML), or the name of a packaged one.", metavar="RECIPE"
    ),
]
SetOption = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change one value, e.g. detectors.waxs.frames='data/*.edf'. Repeatable.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON lines instead of text.")]
