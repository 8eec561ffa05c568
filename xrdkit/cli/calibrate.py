"""``xrdkit calibrate``: a calibrant frame to a geometry with a verdict."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xrdkit.cli.calibrate_text import as_text, nothing

if TYPE_CHECKING:
    from xrdkit.geometry import Detector

USAGE, DOUBTFUL, REJECTED = 2, 3, 4
#: How files with one-dimensional patterns end.
_CURVES = (".xy", ".xye", ".dat", ".chi", ".csv", ".txt", ".xrdml", ".brml", ".ras", ".rasx")


@dataclass(frozen=True, kw_only=True)
class _Wish:
    """What was asked for on the command line."""

    frame: Path
    calibrant: str
    wavelength: float | None
    detector: str | None
    pixel_size: float | None
    start: Path | None
    mask: Path | None
    into: Path | None
    keep: tuple[Path, str, str | None] | None
    force: bool


def calibrate(
    frame: Annotated[Path, typer.Argument(help="Frame file of the calibrant, of any format.")],
    *,
    calibrant: Annotated[str, typer.Option(help="Standard as in pyFAI: LaB6, CeO2, AgBh, Si ...")],
    wavelength: Annotated[
        float | None, typer.Option(help="Wavelength in ångström; default: that of --start.")
    ] = None,
    detector: Annotated[
        str | None, typer.Option(help="Detector in pyFAI's list, such as Pilatus1M.")
    ] = None,
    pixel_size: Annotated[
        float | None, typer.Option(help="Edge of square pixels in µm, instead of --detector.")
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(
            help="PONI file with a geometry near the true one; without, it is looked for."
        ),
    ] = None,
    mask: Annotated[
        Path | None, typer.Option(help="Mask file: pixels that are not 0 are left out.")
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(help="Folder for geometry.poni, calibration.png and calibration.html."),
    ] = None,
    store: Annotated[
        Path | None, typer.Option(help="Store to keep it in, by instrument and date.")
    ] = None,
    instrument: Annotated[
        str | None, typer.Option(help="Name of the instrument in the store.")
    ] = None,
    date: Annotated[
        str | None, typer.Option(help="Day it was measured; default: that in the frame.")
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Write a rejected geometry too, marked as rejected, to look at it."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Find or refine the geometry of a detector on the rings of a calibrant.

    Exit code: 0 accepted, 3 doubtful (written, and marked doubtful), 4 rejected (nothing is
    written without --force), 2 for wrong usage or input.
    """
    from xrdkit.cli.messages import say_error
    from xrdkit.errors import SpecError, XrdkitError

    if (store is None) != (instrument is None):
        typer.echo("xrdkit calibrate: give --store and --instrument together", err=True)
        raise typer.Exit(USAGE)
    wish = _Wish(
        frame=frame,
        calibrant=calibrant,
        wavelength=wavelength,
        detector=detector,
        pixel_size=pixel_size,
        start=start,
        mask=mask,
        into=into,
        keep=None if store is None or instrument is None else (store, instrument, date),
        force=force,
    )
    try:
        fields, code = _calibrated(wish)
    except XrdkitError as error:
        if as_json:
            typer.echo(json.dumps({**nothing(None, [str(error)]), "error": error.code}))
        if isinstance(error, SpecError) and error.source is None and error.message[:6] == "give -":
            typer.echo(f"xrdkit calibrate: {error.message}", err=True)
        else:
            say_error(error)
        raise typer.Exit(USAGE) from error
    for text in fields["warnings"]:
        typer.echo(f"warning: {text}", err=True)
    typer.echo(json.dumps(fields, allow_nan=False) if as_json else as_text(fields))
    raise typer.Exit(code)


def _calibrated(wish: _Wish) -> tuple[dict[str, Any], int]:
    """Return the fields to print and the exit code."""
    from xrdkit.calibration import CalibrationVerdict, calibrate, load_calibration, load_mask
    from xrdkit.cli.calibrate_files import stored, written
    from xrdkit.cli.calibrate_header import contradictions, missing, unsaid
    from xrdkit.errors import (
        CalibrationRejected,
        EmptyResult,
        FrameError,
        FrameNotFound,
        SpecError,
    )
    from xrdkit.frames import open_frames

    if wish.detector is not None and wish.pixel_size is not None:
        raise SpecError("give --detector or --pixel-size, not both")
    start = None if wish.start is None else load_calibration(wish.start)
    device = _device(wish, start.detector.orientation if start is not None else None)
    try:
        frames = open_frames(wish.frame)
    except FrameError as exc:
        if wish.frame.suffix.lower() in _CURVES and not isinstance(exc, FrameNotFound):
            exc.hint = "a curve does not show where the beam is: give the frame of a detector"
        raise
    wavelength = wish.wavelength if start is None else wish.wavelength or start.wavelength
    if (device is None and start is None) or wavelength is None:
        raise SpecError(missing(frames, detector=device is None, wavelength=wavelength is None))
    extra = None
    if wish.mask is not None:
        extra = load_mask(wish.mask, shape=(frames.sizes["y"], frames.sizes["x"]))
    known = device if device is not None or start is None else start.detector
    warnings = [] if known is None else contradictions(frames, known, wavelength)
    try:
        result = calibrate(
            frames,
            calibrant=wish.calibrant,
            detector=device,
            wavelength=wavelength,
            start=start,
            mask=extra,
            force=wish.force,
        )
    except (CalibrationRejected, EmptyResult) as refusal:
        found = getattr(refusal, "result", None)
        reasons = [refusal.message] if found is None else [*found.reasons]
        return {**nothing("rejected", reasons, refusal.hint), "warnings": warnings}, REJECTED
    fields = {**result.to_dict(), "warnings": unsaid(warnings, result.reasons)}
    # The store first: it refuses more, and then nothing is written.
    if wish.keep is not None:
        fields["stored"] = str(stored(wish.keep, frames, result, extra, force=wish.force))
    if wish.into is not None:
        fields["poni"] = str(written(wish.into, frames, result, extra, force=wish.force))
    codes = {CalibrationVerdict.ACCEPTED: 0, CalibrationVerdict.DOUBTFUL: DOUBTFUL}
    return fields, codes.get(result.verdict, REJECTED)


def _device(wish: _Wish, orientation: int | None) -> "Detector | None":
    """Return the detector that the options name, in the orientation of the start."""
    from dataclasses import replace

    from xrdkit.calibration import named_detector
    from xrdkit.geometry import Detector

    if wish.detector is not None:
        device = named_detector(wish.detector)
    elif wish.pixel_size is not None:
        size = 1e-6 * wish.pixel_size
        device = Detector(pixel_size_y=size, pixel_size_x=size)
    else:
        return None
    return device if orientation is None else replace(device, orientation=orientation)
