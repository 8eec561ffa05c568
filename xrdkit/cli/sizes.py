"""``xrdkit sizes``."""

import json as jsonlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xrdkit.cli.options import JsonOption

if TYPE_CHECKING:
    import xarray as xr

    from xrdkit.workflow.curves import CurveBatch

ALL_DONE, SOME_FAILED, NONE_DONE = 0, 3, 4
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
    if json:
        _write_json(batch)
    else:
        _say(batch)
    if batch.sizes is None:
        raise typer.Exit(NONE_DONE)
    raise typer.Exit(SOME_FAILED if batch.failures else ALL_DONE)


def _rows(data: "xr.Dataset") -> list[dict[str, Any]]:
    names = [n for n in _NUMBERS if n in data]
    rows = []
    for k in range(data.sizes["frame"]):
        one = data.isel(frame=k)
        numbers = {n + s: float(one[n + s]) for n in names for s in ("", "_sigma")}
        rows.append(
            {
                "frame": int(one["frame"]),
                "file": str(one["source_file"].values),
                # JSON has no NaN.
                **{n: v if v == v else None for n, v in numbers.items()},
                "verdict": str(one["verdict"].values),
                "reason": str(one["verdict_reason"].values),
            }
        )
    return rows


def _write_json(batch: "CurveBatch") -> None:
    from xrdkit.workflow.outcome import to_plain

    lines = [] if batch.sizes is None else [{"outcome": "fit", **r} for r in _rows(batch.sizes)]
    lines += [to_plain(f) for f in batch.failures]
    lines += [{"outcome": "end", "files": [str(f) for f in batch.files]}]
    for line in lines:
        sys.stdout.write(jsonlib.dumps(line) + "\n")


def _say(batch: "CurveBatch") -> None:
    from xrdkit.report.measured import value_with_error

    for row in [] if batch.sizes is None else _rows(batch.sizes):
        words = [f"{row['file']:28}"]
        for name, label, unit in (
            ("mean_radius_volume", "R", " nm"),
            ("width_volume", "width", " nm"),
            ("volume_fraction", "fraction", ""),
        ):
            if row.get(name) is not None:
                words.append(f"{label} {value_with_error(row[name], row[name + '_sigma'])}{unit}")
        typer.echo("  ".join([*words, row["verdict"]]))
        if row["reason"]:
            typer.echo(f"    {row['reason']}")
    for failure in batch.failures:
        sys.stderr.write(f"failed {failure.code}: {failure.message}\n")
        if failure.hint:
            sys.stderr.write(f"  hint: {failure.hint}\n")
    for file in batch.files:
        typer.echo(str(file))
