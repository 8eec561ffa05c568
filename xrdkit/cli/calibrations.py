"""``xrdkit calibrations``: list, show and check the store of calibrations."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xrdkit.cli.options import JsonOption

if TYPE_CHECKING:
    from xrdkit.workflow.calibrations import StoredCalibration

USAGE, DOUBTFUL, BROKEN = 2, 3, 4

calibrations = typer.Typer(
    help="List, show and check the store of calibrations.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
StoreArgument = Annotated[Path, typer.Argument(help="Folder of the store.", metavar="FOLDER")]


@calibrations.command("list")
def list_stored(
    folder: StoreArgument = Path("calibrations"), *, as_json: JsonOption = False
) -> None:
    """List the calibrations of every instrument by date, with their numbers and verdicts.

    Exit code: 0, or 2 where there is no such folder.
    """
    from xrdkit.cli.messages import say_error
    from xrdkit.errors import XrdkitError
    from xrdkit.workflow.calibrations import load_stored, stored_folders

    rows: list[dict[str, Any]] = []
    try:
        for place in stored_folders(folder):
            row = {"instrument": place.parent.name, "measured": place.name}
            try:
                rows.append({**row, **_numbers(load_stored(place))})
            except XrdkitError as exc:
                rows.append({**row, "verdict": "unreadable", "reason": str(exc)})
    except XrdkitError as error:
        say_error(error)
        raise typer.Exit(USAGE) from error
    for row in rows:
        typer.echo(json.dumps(row, allow_nan=False) if as_json else _line(row))


@calibrations.command()
def show(
    folder: StoreArgument = Path("calibrations"),
    *,
    instrument: Annotated[
        str | None, typer.Option(help="Name of the instrument; FOLDER is then the store.")
    ] = None,
    when: Annotated[
        str | None,
        typer.Option(help="Day of a measurement: shows the calibration that holds for it."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show one calibration: FOLDER itself, or the one of an instrument for the day of --when.

    Exit code: 0 accepted, 3 doubtful or rejected, 2 where there is none.
    """
    from xrdkit.calibration import CalibrationVerdict
    from xrdkit.cli.messages import say_error
    from xrdkit.errors import XrdkitError
    from xrdkit.workflow.calibrations import README, load_stored, nearest_calibration

    if (instrument is None) != (when is None):
        typer.echo("xrdkit calibrations show: give --instrument and --when together", err=True)
        raise typer.Exit(USAGE)
    try:
        if instrument is not None and when is not None:
            stored = nearest_calibration(folder, instrument, when)
        else:
            stored = load_stored(folder)
    except XrdkitError as error:
        say_error(error)
        raise typer.Exit(USAGE) from error
    if as_json:
        said = {"folder": str(stored.folder), "choice": stored.choice, **_numbers(stored)}
        typer.echo(json.dumps(said, allow_nan=False))
    else:
        head = f"{stored.choice}\n\n" if stored.choice else ""
        text = (stored.folder / README).read_text(encoding="utf-8")
        typer.echo(f"{head}{stored.folder}\n\n{text}", nl=False)
    if stored.record.verdict is not CalibrationVerdict.ACCEPTED:
        raise typer.Exit(DOUBTFUL)


@calibrations.command()
def check(folder: StoreArgument = Path("calibrations"), *, as_json: JsonOption = False) -> None:
    """Check digests, files, shapes and verdicts, and whether an instrument moved between dates.

    Exit code: 0 all is well, 3 something to look at, 4 something that must not be used, 2 where
    there is no such folder.
    """
    from xrdkit.cli.messages import say_error
    from xrdkit.errors import XrdkitError
    from xrdkit.workflow.calibrations import stored_folders
    from xrdkit.workflow.check_calibrations import check_calibrations

    try:
        number = len(stored_folders(folder))
        found = check_calibrations(folder)
    except XrdkitError as error:
        say_error(error)
        raise typer.Exit(USAGE) from error
    for each in found:
        if as_json:
            row = {"folder": str(each.folder), "level": each.level, "text": each.text}
            typer.echo(json.dumps(row))
        else:
            typer.echo(f"{each.level:8} {each.folder}: {each.text}")
    errors = sum(each.level == "error" for each in found)
    if not as_json:
        typer.echo(f"{number} calibrations, {errors} errors, {len(found) - errors} warnings")
    if found:
        raise typer.Exit(BROKEN if errors else DOUBTFUL)


def _numbers(stored: "StoredCalibration") -> dict[str, Any]:
    """Return what a list says of a calibration."""
    import math

    from xrdkit.calibration.derived import derived_covariance

    at, record = stored.calibration, stored.record
    x, y = at.center_on_frame()
    variance = derived_covariance(at)[0, 0]
    return {
        "verdict": record.verdict.value,
        "calibrant": record.calibrant,
        "distance_m": at.direct_distance,
        "distance_sigma_m": math.sqrt(variance) if variance >= 0 else None,
        "beam_center_px": [x, y],
        "tilt_deg": at.tilt,
        "wavelength_angstrom": at.wavelength,
        "rms_px": record.rms_px,
        "reasons": list(record.reasons),
    }


def _line(row: dict[str, Any]) -> str:
    head = f"{row['instrument']:20} {row['measured']}  {row['verdict']:10}"
    if "distance_m" not in row:
        return f"{head}  {row['reason']}"
    sigma = row["distance_sigma_m"]
    error = "" if sigma is None else f" ± {1e3 * sigma:.2g}"
    x, y = row["beam_center_px"]
    return (
        f"{head}  {row['calibrant']:6} {1e3 * row['distance_m']:.3f}{error} mm,"
        f" beam ({x:.2f}, {y:.2f}) px, tilt {row['tilt_deg']:.3f}°, rms {row['rms_px']:.3f} px"
    )
