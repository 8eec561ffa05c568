"""``xrdkit sizes``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xrdkit.cli.batch_output import exit_code, say_end, told_numbers, told_verdict, write_json
from xrdkit.cli.options import JsonOption

if TYPE_CHECKING:
    import xarray as xr

_NUMBERS = ("mean_radius_volume", "width_volume", "volume_fraction")


def sizes(
    curves: Annotated[
        list[str],
        typer.Argument(help="Curve files or patterns such as 'run7_*.dat'.", metavar="CURVES..."),
    ],
    into: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("sizes"),
    unit: Annotated[
        str | None, typer.Option(help="Of q in files that do not state it: 1/nm, 1/angstrom.")
    ] = None,
    intensity_unit: Annotated[
        str | None, typer.Option(help="Of the intensity, likewise: 1/cm, count, 1.")
    ] = None,
    method: Annotated[
        str | None, typer.Option(help="lognormal, schulz, gaussian, tikhonov, ...")
    ] = None,
    contrast: Annotated[
        float | None, typer.Option(help="Contrast for volume fractions, 1e10 1/cm².")
    ] = None,
    coordinates: Annotated[
        Path | None,
        typer.Option(help="CSV with a row for each curve and columns such as 'temperature (K)'."),
    ] = None,
    settings: Annotated[
        Path | None, typer.Option(help="TOML file with the tables [read] and [fit_sizes].")
    ] = None,
    changes: Annotated[
        list[str],
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change one value, e.g. fit_sizes.populations=2 or read.sort=true. Repeatable.",
        ),
    ] = [],  # noqa: B006 - typer reads it and never changes it
    json: JsonOption = False,
) -> None:
    """Fit size distributions to curves, one file each: one result, its tables, a report.

    Exit codes: 0 all curves were fitted, 2 wrong settings or usage, 3 some files cannot be used, 4
    none can. What a fit is worth is its verdict.
    """
    from xrdkit.workflow.curves import curve_settings, sizes_of_curves
    from xrdkit.workflow.toml import parse_overrides

    given: dict[tuple[str, ...], Any] = {
        ("read", "unit"): unit,
        ("read", "intensity_unit"): intensity_unit,
        ("fit_sizes", "method"): method,
        ("fit_sizes", "contrast"): contrast,
        ("coordinates",): None if coordinates is None else str(coordinates),
    }
    overrides = {keys: value for keys, value in given.items() if value is not None}
    batch = sizes_of_curves(
        curves, into, curve_settings(settings, overrides | parse_overrides(changes))
    )
    rows = [] if batch.result is None else _rows(batch.result)
    if json:
        write_json(batch, rows)
    else:
        _say(rows)
        say_end(batch)
    raise typer.Exit(exit_code(batch))


def _rows(data: "xr.Dataset") -> list[dict[str, Any]]:
    rows = []
    for k in range(data.sizes["frame"]):
        one = data.isel(frame=k)
        rows.append({**told_verdict(one), **told_numbers(one, _NUMBERS)})
    return rows


def _say(rows: list[dict[str, Any]]) -> None:
    from xrdkit.report.measured import value_with_error

    for row in rows:
        words = [f"{row['file']:28}"]
        for name, label, unit in (
            ("mean_radius_volume", "R", " nm"),
            ("width_volume", "width", " nm"),
            ("volume_fraction", "fraction", ""),
        ):
            value, error = row.get(name), row.get(f"{name}_sigma")
            if value is not None:
                shown = value_with_error(value, float("nan") if error is None else error)
                words.append(f"{label} {shown}{unit}")
        typer.echo("  ".join([*words, row["verdict"]]))
        if row["reason"]:
            typer.echo(f"    {row['reason']}")
