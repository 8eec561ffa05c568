"""``xrdkit scale``."""

import json as jsonlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xrdkit.cli.options import JsonOption

if TYPE_CHECKING:
    import xarray as xr

    from xrdkit.corrections import AbsoluteScale

_DOUBTFUL = 3
_STANDARDS = ("SRM3600", "water")
_PARTS = ("statistical", "measured", "standard", "drift")


def scale(
    measured: Annotated[
        Path,
        typer.Argument(
            help="The measured standard: a result file (.nc) or a curve.", metavar="FILE"
        ),
    ],
    standard: Annotated[
        str, typer.Option(help="SRM3600, water, or a file with a curve in 1/cm.")
    ] = "SRM3600",
    temperature: Annotated[float | None, typer.Option(help="Of water, K.")] = None,
    range_: Annotated[
        tuple[float, float] | None,
        typer.Option(
            "--range", help="Smallest and largest q that count, 1/nm.", metavar="LOW HIGH"
        ),
    ] = None,
    frame: Annotated[int | None, typer.Option(help="Which frame of a result with several.")] = None,
    unit: Annotated[
        str | None, typer.Option(help="Of q in curve files that do not state it: 1/nm, 1/angstrom.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Find the factor K to the absolute scale (1/cm) from a measured standard.

    Exit codes: 0 found, 3 found but the ratio to the standard is not constant or scatters more than
    the errors allow, 2 there is no answer.
    """
    from xrdkit.corrections import absolute_scale

    profile = _opened(measured, unit)
    if frame is not None and "frame" in profile.dims:
        profile = _frame(profile, frame, measured)
    known = standard if standard in _STANDARDS else _standard(Path(standard), unit)
    found = absolute_scale(profile, standard=known, temperature=temperature, range=range_)
    if json:
        sys.stdout.write(jsonlib.dumps(found.to_dict()) + "\n")
    else:
        _say(found)
    if found.verdict != "ok":
        raise typer.Exit(_DOUBTFUL)


def _opened(path: Path, unit: str | None, intensity_unit: str | None = None) -> "xr.Dataset":
    from xrdkit.curves import read_profile
    from xrdkit.store import load

    if path.suffix == ".nc":
        return load(path)
    return read_profile(path, unit=unit, intensity_unit=intensity_unit)


def _standard(path: Path, unit: str | None) -> "xr.Dataset":
    from xrdkit.errors import SpecError

    if not path.exists():
        raise SpecError(
            f"--standard {path}: neither {' nor '.join(_STANDARDS)}, nor a file",
            hint="a file holds a curve in 1/cm over q",
        )
    return _opened(path, unit, "1/cm")


def _frame(profile: "xr.Dataset", frame: int, path: Path) -> "xr.Dataset":
    from xrdkit.errors import SpecError

    number = profile.sizes["frame"]
    if not 0 <= frame < number:
        raise SpecError(f"there is no frame {frame}: it has 0 to {number - 1}", source=path)
    return profile.isel(frame=[frame])


def _say(found: "AbsoluteScale") -> None:
    from xrdkit.report.measured import value_with_error

    low, high = found.range
    typer.echo(f"K          {value_with_error(found.value, found.sigma)}  ({found.verdict})")
    for part in _PARTS:
        share = getattr(found, f"sigma_{part}") / found.value
        typer.echo(f"  {part:12} {share:.2%}")
    typer.echo(f"standard   {found.standard}: {found.citation}")
    typer.echo(
        f"bins       {found.points}, {found.rejected} left out, q {low:.4g} to {high:.4g} 1/nm"
    )
    typer.echo(f"fit        gof {found.gof:.3g}, scatter {found.scatter:.2%}")
    typer.echo(f"drift      {found.drift:.2%} ± {found.drift_sigma:.2%} over that range")
