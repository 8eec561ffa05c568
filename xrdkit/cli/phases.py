"""``xrdkit phases``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xrdkit.cli.batch_output import exit_code, say_end, told_numbers, told_verdict, write_json
from xrdkit.cli.options import JsonOption

if TYPE_CHECKING:
    import xarray as xr

_NUMBERS = ("weight_fraction", "crystallite_size")


def phases(
    patterns: Annotated[
        list[str],
        typer.Argument(help="Powder patterns, or names such as 'run7_*.xye'.", metavar="FILES..."),
    ],
    phase: Annotated[
        list[str],
        typer.Option(help="Embedded structure (CeO2) or path of a CIF file. Repeatable."),
    ] = [],  # noqa: B006 - typer reads it and never changes it
    into: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("phases"),
    wavelength: Annotated[
        str | None,
        typer.Option(help="Å, or lines such as CuKa or CuKa1, for files that do not state it."),
    ] = None,
    unit: Annotated[
        str | None, typer.Option(help="Of the abscissa, likewise: degree, 1/nm, 1/angstrom.")
    ] = None,
    mode: Annotated[str | None, typer.Option(help="rietveld, lebail or pawley.")] = None,
    instrument: Annotated[
        Path | None, typer.Option(help="instrument.toml with the measured resolution.")
    ] = None,
    coordinates: Annotated[
        Path | None,
        typer.Option(help="CSV with a row for each pattern and columns such as 'temperature (K)'."),
    ] = None,
    settings: Annotated[
        Path | None, typer.Option(help="TOML file with the tables [read] and [refine_phases].")
    ] = None,
    changes: Annotated[
        list[str],
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change one value, e.g. refine_phases.background=8. Repeatable.",
        ),
    ] = [],  # noqa: B006 - as above
    json: JsonOption = False,
) -> None:
    """Refine phases in powder patterns, one file each: one result, its tables, a report.

    Exit codes: 0 all patterns were refined, 2 wrong settings or usage, 3 some files cannot be used,
    4 none can. What a fit is worth is its verdict.
    """
    from xrdkit.workflow.patterns import pattern_settings, phases_of_patterns
    from xrdkit.workflow.toml import parse_overrides

    if not (phase or settings or changes):
        raise typer.BadParameter("name at least one, such as --phase CeO2", param_hint="--phase")
    given: dict[tuple[str, ...], Any] = {
        ("read", "unit"): unit,
        ("read", "wavelength"): _number_or_name(wavelength),
        ("refine_phases", "phases"): tuple(phase) or None,
        ("refine_phases", "mode"): mode,
        ("refine_phases", "instrument"): None if instrument is None else str(instrument),
        ("coordinates",): None if coordinates is None else str(coordinates),
    }
    overrides = {keys: value for keys, value in given.items() if value is not None}
    batch = phases_of_patterns(
        patterns, into, pattern_settings(settings, overrides | parse_overrides(changes))
    )
    rows = [] if batch.result is None else _rows(batch.result)
    if json:
        write_json(batch, rows)
    else:
        _say(rows)
        say_end(batch)
    raise typer.Exit(exit_code(batch))


def _number_or_name(text: str | None) -> float | str | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def _rows(data: "xr.Dataset") -> list[dict[str, Any]]:
    rows = []
    for k in range(data.sizes["frame"]):
        one = data.isel(frame=k)
        found = [
            {"phase": str(name), **told_numbers(one.sel(phase=name), _NUMBERS)}
            for name in one["phase"].values
            if bool(one["phase_found"].sel(phase=name))
        ]
        rows.append({**told_verdict(one), **told_numbers(one, ("rwp", "gof")), "phases": found})
    return rows


def _say(rows: list[dict[str, Any]]) -> None:
    from xrdkit.report.measured import plain_number, value_with_error

    for row in rows:
        quality = [
            f"{label} {plain_number(row[name], 3)}"
            for name, label in (("rwp", "Rwp"), ("gof", "GoF"))
            if row.get(name) is not None
        ]
        typer.echo("  ".join([f"{row['file']:28}", *quality, row["verdict"]]))
        for one in row["phases"]:
            words = [f"    {one['phase']:24}"]
            for name, label, unit, scale in (
                ("weight_fraction", "", " wt%", 100.0),
                ("crystallite_size", "size ", " nm", 1.0),
            ):
                value, error = one.get(name), one.get(f"{name}_sigma")
                if value is not None:
                    shown = float("nan") if error is None else scale * error
                    words.append(f"{label}{value_with_error(scale * value, shown)}{unit}")
            typer.echo("  ".join(words))
        if row["reason"]:
            typer.echo(f"    {row['reason']}")
