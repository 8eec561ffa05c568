"""``xrdkit check``."""

from typing import TYPE_CHECKING

import typer

from xrdkit.cli.options import RecipeArgument, SetOption

if TYPE_CHECKING:
    from xrdkit.geometry import Calibration
    from xrdkit.workflow.series import Series

_SOME_FAILED = 3


def check(
    recipe: RecipeArgument,
    changes: SetOption = [],  # noqa: B006 - typer reads it and never changes it
) -> None:
    """Look at a recipe and all its inputs, compute nothing.

    Exit codes: 0 everything can be used, 2 wrong recipe or input, 3 some frame files cannot be
    opened. What the headers say against the calibration, or against themselves, is a warning on
    standard error and changes no exit code.
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
        if inputs.chosen is not None:
            told = "instrument {instrument}, {measured}, {verdict}".format(**inputs.chosen)
            day = inputs.chosen["chosen_for"]
            told += f", for a measurement of {day}" if day else ""
            typer.echo(f"    from store   {told}")
        if inputs.resolution is not None:
            told = "{instrument}, by {calibrant}".format(**inputs.resolution)
            typer.echo(f"    resolution   {told}, held fixed")
        if detector.stated_values:
            stated = ", ".join(f"{name} {_text(v)}" for name, v in detector.stated_values.items())
            typer.echo(f"    stated       {stated}")
        if inputs.corrections:
            names = ", ".join(type(step).__name__ for step in inputs.corrections)
            typer.echo(f"    corrections  {names}")
        if inputs.coordinates:
            typer.echo(f"    coordinates  {', '.join(inputs.coordinates)}")
        products = list(detector.products)
        if detector.quality is not None:
            values = ", ".join(f"{k} {_text(v)}" for k, v in detector.quality.values.items())
            typer.echo(f"    quality      {values}")
            products.insert(1, "quality")
        typer.echo(f"    results      {', '.join(products)}")
        _warn(detector.label, series, geometry)
    for failure in plan.failures:
        hint = f" ({failure.hint})" if failure.hint else ""
        typer.echo(f"failed {failure.code}: {failure.message}{hint}", err=True)
    if plan.failures:
        raise typer.Exit(_SOME_FAILED)


def _warn(label: str, series: "Series", geometry: "Calibration") -> None:
    """Write to standard error what the headers of a series say that cannot be."""
    from xrdkit.errors import XrdkitError
    from xrdkit.frames.compare import compare_headers
    from xrdkit.workflow.series import open_all

    try:
        frames = open_all(series)
        found = compare_headers(frames, geometry)
    except XrdkitError as exc:
        typer.echo(f"warning: {label}: headers cannot be compared: {exc.message}", err=True)
        return
    for one in found:
        unit = f" {one.unit}" if one.unit else ""
        typer.echo(f"warning: {label}: {one.message}", err=True)
        typer.echo(
            f"  {one.name}: header {_text(one.header_value)}{unit} ({one.source_key}), "
            f"true {_text(one.true_value)}{unit}, "
            f"{len(one.frames)} of {frames.sizes['frame']} frames",
            err=True,
        )


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(_text(v) for v in value)})"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
