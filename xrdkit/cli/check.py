"""``xrdkit check``."""

import typer

from xrdkit.cli.options import RecipeArgument, SetOption

_SOME_FAILED = 3


def check(
    recipe: RecipeArgument,
    changes: SetOption = [],  # noqa: B006 - typer reads it and never changes it
) -> None:
    """Look at a recipe and all its inputs, compute nothing.

    Exit codes: 0 everything can be used, 2 wrong recipe or input, 3 some frame files cannot be
    opened.
    """
    from xrdkit.workflow import load_recipe, make_plan

    loaded = load_recipe(recipe, changes)
    plan = make_plan(loaded)
    typer.echo(f"{loaded.name}: {loaded.title}")
    for detector in loaded.detectors:
        series, inputs = plan.series[detector.label], plan.inputs[detector.label]
        rows, columns, dtype = series.files[0].layout
        blocks = sum(block.label == detector.label for block in plan.blocks)
        geometry = inputs.calibration
        typer.echo(f"  {detector.label}")
        typer.echo(
            f"    frames       {series.frames} of {rows} x {columns} pixels, {dtype[1:]}, in "
            f"{len(series.files)} file(s), {blocks} block(s)"
        )
        x, y = geometry.center_on_frame((rows, columns))
        typer.echo(
            f"    calibration  {geometry.direct_distance:.5g} m, beam at ({x:.2f}, {y:.2f}) pixel, "
            f"tilt {geometry.tilt:.3g} degree, {geometry.wavelength:.6g} angstrom"
        )
        if inputs.corrections:
            names = ", ".join(type(step).__name__ for step in inputs.corrections)
            typer.echo(f"    corrections  {names}")
        if inputs.coordinates:
            typer.echo(f"    coordinates  {', '.join(inputs.coordinates)}")
        typer.echo(f"    results      {', '.join(detector.products)}")
    for failure in plan.failures:
        hint = f" ({failure.hint})" if failure.hint else ""
        typer.echo(f"failed {failure.code}: {failure.message}{hint}", err=True)
    if plan.failures:
        raise typer.Exit(_SOME_FAILED)
