"""``xrdkit calibrate``: a calibrant frame to a geometry with a verdict."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import xarray as xr

    from xrdkit.calibration import CalibrationResult
    from xrdkit.geometry import Detector

USAGE, DOUBTFUL, REJECTED = 2, 3, 4


def calibrate(
    frame: Annotated[Path, typer.Argument(help="Frame file of the calibrant, of any format.")],
    *,
    calibrant: Annotated[str, typer.Option(help="Standard as in pyFAI: LaB6, CeO2, AgBh, Si ...")],
    wavelength: Annotated[float, typer.Option(help="Wavelength in ångström.")],
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
        Path | None, typer.Option(help="Folder for geometry.poni and calibration.png.")
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
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Refine the geometry of a detector on the rings of a calibrant.

    Exit code: 0 accepted, 3 doubtful, 4 rejected, 2 for wrong usage or input.
    """
    from xrdkit.cli.messages import say_error
    from xrdkit.errors import CalibrationRejected, EmptyResult, XrdkitError

    if detector is not None and pixel_size is not None:
        _stop("give --detector or --pixel-size, not both")
    if detector is None and pixel_size is None and start is None:
        _stop("give --detector NAME, or --pixel-size in µm")
    if (store is None) != (instrument is None):
        _stop("give --store and --instrument together")
    try:
        fields, code = _calibrated(
            frame,
            calibrant,
            wavelength,
            _device(detector, pixel_size, start),
            start,
            mask,
            into,
            None if store is None or instrument is None else (store, instrument, date),
        )
    except (CalibrationRejected, EmptyResult) as refusal:
        fields, code = _rejection(str(refusal)), REJECTED
    except XrdkitError as error:
        say_error(error)
        raise typer.Exit(USAGE) from error
    typer.echo(json.dumps(fields, allow_nan=False) if as_json else _as_text(fields))
    raise typer.Exit(code)


def _calibrated(
    frame: Path,
    calibrant: str,
    wavelength: float,
    detector: "Detector | None",
    start: Path | None,
    mask: Path | None,
    into: Path | None,
    keep: tuple[Path, str, str | None] | None,
) -> tuple[dict[str, Any], int]:
    """Return the fields to print and the exit code of a calibration that is not rejected."""
    from xrdkit.calibration import CalibrationVerdict, calibrate, load_calibration, load_mask
    from xrdkit.frames import open_frames

    frames = open_frames(frame)
    shape = (frames.sizes["y"], frames.sizes["x"])
    extra = None if mask is None else load_mask(mask, shape=shape)
    result = calibrate(
        frames,
        calibrant=calibrant,
        detector=detector,
        wavelength=wavelength,
        start=None if start is None else load_calibration(start),
        mask=extra,
    )
    fields = result.to_dict()
    if into is not None:
        fields["poni"] = str(_written(into, frames, result, extra))
    if keep is not None:
        fields["stored"] = str(_stored(keep, frames, result, extra))
    accepted = result.verdict is CalibrationVerdict.ACCEPTED
    return fields, 0 if accepted else DOUBTFUL


def _device(name: str | None, pixel_size: float | None, start: Path | None) -> "Detector | None":
    """Return the detector that the options name, in the orientation of the start."""
    from dataclasses import replace

    from xrdkit.calibration import load_calibration, named_detector
    from xrdkit.geometry import Detector

    if name is None and pixel_size is None:
        return None
    if name is not None:
        device = named_detector(name)
    else:
        size = 1e-6 * float(pixel_size or 0.0)
        device = Detector(pixel_size_y=size, pixel_size_x=size)
    if start is None:
        return device
    return replace(device, orientation=load_calibration(start).detector.orientation)


def _written(
    into: Path, frames: "xr.Dataset", result: "CalibrationResult", mask: "xr.DataArray | None"
) -> Path:
    """Write geometry and picture into a folder and return the path of the geometry."""
    from xrdkit.calibration import save_calibration
    from xrdkit.files import make_folder, store_error
    from xrdkit.report.calibration import calibration_figure

    figure = calibration_figure(frames, result, mask=mask)
    make_folder(into)
    try:
        figure.savefig(into / "calibration.png", dpi=130)
    except OSError as exc:
        raise store_error(exc, into / "calibration.png") from exc
    return save_calibration(result.calibration, into / "geometry.poni")


def _stored(
    keep: tuple[Path, str, str | None],
    frames: "xr.Dataset",
    result: "CalibrationResult",
    mask: "xr.DataArray | None",
) -> Path:
    """Keep the calibration in a store, with the resolution where the rings give one."""
    from xrdkit.errors import ComputeError
    from xrdkit.workflow.frame_resolution import frame_resolution
    from xrdkit.workflow.write_calibration import write_calibration

    store, instrument, day = keep
    try:
        resolution = frame_resolution(frames, result, mask=mask)
    except ComputeError:
        resolution = None
    return write_calibration(
        result,
        store,
        instrument=instrument,
        date=day,
        frames=frames,
        mask=mask,
        resolution=resolution,
    )


def _rejection(reason: str) -> dict[str, Any]:
    nothing = dict.fromkeys(("distance_m", "beam_center_px", "tilt_deg", "rms_px"))
    return {"verdict": "rejected", **nothing, "reasons": [reason], "poni": None}


def _as_text(fields: dict[str, Any]) -> str:
    lines = [f"{fields['verdict']}"]
    if fields["distance_m"] is not None:
        x, y = fields["beam_center_px"]
        sigma_x, sigma_y = fields["beam_center_sigma_px"]
        tilt = "refined" if fields["tilt_refined"] else "as in the start"
        lines += [
            f"distance     {1e3 * fields['distance_m']:.4f}"
            f" ± {1e3 * fields['distance_sigma_m']:.2g} mm",
            f"beam centre  x {x:.3f} ± {sigma_x:.3f}, y {y:.3f} ± {sigma_y:.3f} pixel",
            f"tilt         {fields['tilt_deg']:.3f} degree ({tilt})",
            f"residual     {fields['rms_px']:.3f} pixel rms,"
            f" {fields['points']} points on {fields['rings']} rings",
        ]
    lines += [f"because      {reason}" for reason in fields["reasons"]]
    if fields["poni"] is not None:
        lines.append(f"written      {fields['poni']}")
    if fields.get("stored") is not None:
        lines.append(f"stored       {fields['stored']}")
    return "\n".join(lines)


def _stop(message: str) -> None:
    typer.echo(f"xrdkit calibrate: {message}", err=True)
    raise typer.Exit(USAGE)
