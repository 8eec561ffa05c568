"""Writing one folder of the store of calibrations, whole or not at all."""

import math
import secrets
import shutil
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import provenance
from xrdkit.atomic import write_file
from xrdkit.calibration import (
    CalibrationResult,
    CalibrationVerdict,
    Instrument,
    Resolution,
    save_calibration,
    save_instrument,
    save_mask,
)
from xrdkit.errors import CalibrationRejected, FrameShapeMismatch, ResultExists, SpecError
from xrdkit.files import file_sha256, make_folder, store_error
from xrdkit.masks import ALL_REASONS, combine_masks, reason_bits
from xrdkit.report.calibration import calibration_figure
from xrdkit.report.calibration_page import calibration_facts, calibration_page, resolution_facts
from xrdkit.workflow.calibration_record import RECORD, CalibrationRecord, record_text
from xrdkit.workflow.calibrations import GEOMETRY, INSTRUMENT, NAME, README, day_of

PICTURE, PAGE = "calibration.png", "calibration.html"
_SOFTWARE = ("xrdkit", "numpy", "scipy", "lmfit", "pyFAI")
_WHAT = {
    GEOMETRY: "distance, beam centre and tilt with their covariance, as PONI",
    INSTRUMENT: "shape, type and orientation of the frames, saturation, resolution",
    "mask": "pixels left out",
    PICTURE: "rings over the frame, residuals",
    PAGE: "the same as a page, with all numbers",
    RECORD: "verdict and digests, for programs",
}


def write_calibration(
    result: CalibrationResult,
    into: str | Path,
    *,
    instrument: Instrument | str,
    date: date | str | None = None,
    frames: xr.Dataset,
    mask: xr.DataArray | NDArray[Any] | None = None,
    resolution: Resolution | None = None,
    mask_format: Literal["edf", "tif", "npy", "msk", "mask"] = "edf",
    force: bool = False,
) -> Path:
    """Store a calibration as ``into/<instrument>/<date>/`` and return that folder.

    It holds ``geometry.poni``, the mask, ``instrument.toml``, a picture and a page, ``README.md``
    for people and ``calibration.toml`` with the verdict and the SHA-256 of the standard's files and
    of every file of the folder. The folder appears as a whole or not at all.

    Args:
        result: what `calibrate` returned.
        into: root of the store; made where it is not there.
        instrument: what is fixed about it, or its name alone (lower case letters, digits, _):
            then shape and type are those of the frames, the saturation is the largest value of
            that type, and the resolution the median width of the rings.
        date: day on which the standard was measured; default: the ``start_time`` of the frames.
        frames: FRAMES Dataset that `result` was refined on.
        mask: (y, x), not 0 where left out; stored together with the frames' own.
        resolution: widths of the rings from `instrument_resolution`.
        mask_format: format of the mask file; ``"edf"`` and ``"tif"`` keep the reasons.
        force: store a rejected result too.

    Raises CalibrationRejected for a rejected result without `force`, ResultExists where the folder
    is there, SpecError for a name or day that cannot be used, FrameShapeMismatch where the frames
    are not those of `result`, StoreError where it cannot be written.
    """
    if result.verdict is CalibrationVerdict.REJECTED and not force:
        raise CalibrationRejected(
            f"is rejected and is not stored: {'; '.join(result.reasons)}",
            hint="look at its picture; force=True stores it nevertheless",
        )
    shape = (frames.sizes["y"], frames.sizes["x"])
    if result.calibration.detector.shape != shape:
        raise FrameShapeMismatch(
            f"frames of {shape} pixels, the calibration is of {result.calibration.detector.shape}"
        )
    day, dated_by = _measured(frames, date)
    known = _instrument(instrument, result, frames, resolution)
    known.check_frame(shape, frames["counts"].dtype)
    target = Path(into) / known.name / day.isoformat()
    if target.exists():
        raise ResultExists("exists already", source=target, hint="remove it, or give another date")
    left_out = _left_out(frames, mask)
    files_of, digests = _digests(frames)
    make_folder(target.parent)
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    make_folder(partial)
    try:
        save_calibration(result, partial / GEOMETRY, force=force)
        save_instrument(known, partial / INSTRUMENT)
        save_mask(left_out, partial / f"mask.{mask_format}")
        title = f"{known.name}, {day.isoformat()}"
        _pictures(partial, frames, result, left_out, title, known.resolution_function)
        record = CalibrationRecord(
            instrument=known.name,
            measured=day,
            dated_by=dated_by,
            calibrant=result.calibrant,
            verdict=result.verdict,
            reasons=result.reasons,
            rms_px=result.rms_px,
            frame_shape=shape,
            frame_files=files_of,
            frame_digests=digests,
            software={name: provenance.package_version(name) for name in _SOFTWARE},
        )
        text = _readme(result, record, known.resolution_function, f"mask.{mask_format}")
        write_file(partial / README, text.encode(), overwrite=False)
        files = {path.name: file_sha256(path) for path in sorted(partial.iterdir())}
        complete = CalibrationRecord(**{**vars(record), "files": files})
        write_file(partial / RECORD, record_text(complete).encode(), overwrite=False)
        if target.exists():
            raise ResultExists("came to exist meanwhile", source=target)
        partial.rename(target)
    except OSError as exc:
        shutil.rmtree(partial, ignore_errors=True)
        raise exc if isinstance(exc, ResultExists) else store_error(exc, target) from exc
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return target


def _measured(frames: xr.Dataset, given: date | str | None) -> tuple[date, str]:
    if given is not None:
        return day_of(given), "given"
    if "start_time" not in frames.coords:
        raise SpecError("the frames do not say when they were measured", hint="give date=")
    moments = sorted(str(v) for v in np.atleast_1d(frames["start_time"].values) if str(v).strip())
    if not moments:
        raise SpecError("the frames do not say when they were measured", hint="give date=")
    return day_of(moments[0]), "header"


def _instrument(
    given: Instrument | str,
    result: CalibrationResult,
    frames: xr.Dataset,
    resolution: Resolution | None,
) -> Instrument:
    if isinstance(given, Instrument):
        values = vars(given)
    else:
        dtype = frames["counts"].dtype
        limit = np.finfo(dtype).max if dtype.kind == "f" else np.iinfo(dtype).max
        detector = result.calibration.detector
        values = {
            "name": given,
            "detector": detector.name,
            "shape": (frames.sizes["y"], frames.sizes["x"]),
            "dtype": dtype.name,
            "orientation": detector.orientation,
            "saturation": float(limit),
            "resolution": _width(result, resolution),
        }
    if resolution is not None:
        values = {**values, "resolution_function": resolution}
    known = Instrument(**values)
    if NAME.fullmatch(known.name) is None:
        raise SpecError(f"instrument {known.name!r}: use lower case letters, digits and _")
    return known


def _width(result: CalibrationResult, resolution: Resolution | None) -> float:
    """Return the full width at half maximum of a typical ring in 2θ, degree."""
    if resolution is not None:
        return float(resolution.fwhm(float(np.mean(resolution.two_theta_range)))[0])
    calibration = result.calibration
    pixel = min(calibration.detector.pixel_size_y, calibration.detector.pixel_size_x)
    widths = [
        ring.width_px * pixel * math.cos(math.radians(ring.two_theta)) ** 2 for ring in result.rings
    ]
    if not widths:
        raise SpecError("the result has no ring, so no width", hint="pass an Instrument")
    return math.degrees(float(np.median(widths)) / calibration.direct_distance)


def _left_out(frames: xr.Dataset, mask: xr.DataArray | NDArray[Any] | None) -> xr.DataArray:
    """Return the reasons (y, x) of the frames' own mask and of the one given."""
    found = [np.zeros((frames.sizes["y"], frames.sizes["x"]), dtype=np.uint16)]
    for extra in (frames.get("mask"), mask):
        if extra is not None:
            values = np.asarray(extra)
            numbers = values.dtype.kind in "ui" and values.size > 0
            reasons = numbers and 0 <= int(values.min()) <= int(values.max()) <= ALL_REASONS
            # What is no reason says only that a pixel is left out.
            found.append(reason_bits(values if reasons else values != 0))
    return combine_masks(*found)


def _pictures(
    folder: Path,
    frames: xr.Dataset,
    result: CalibrationResult,
    mask: xr.DataArray,
    title: str,
    resolution: Resolution | None,
) -> None:
    figure = calibration_figure(frames, result, mask=mask)
    figure.savefig(folder / PICTURE, dpi=110, metadata={"Software": None})
    page = calibration_page(frames, result, title=title, mask=mask, resolution=resolution)
    write_file(folder / PAGE, page.encode(), overwrite=False)


def _digests(frames: xr.Dataset) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the file names and SHA-256 of the frames; of the counts where they have no files."""
    record = provenance.input_record(frames)
    if isinstance(record, str):
        return (), (record,)
    names = tuple(Path(name).name for name in record["files"])
    return names, tuple(record["file_sha256"])


def _readme(
    result: CalibrationResult,
    record: CalibrationRecord,
    resolution: Resolution | None,
    mask: str,
) -> str:
    day = record.measured.isoformat()
    origin = "the header of the frames" if record.dated_by == "header" else "whoever stored it"
    names = ", ".join(f"`{name}`" for name in record.frame_files) or "frames without a file"
    lines = [
        f"# {record.instrument}, {day}",
        "",
        f"**{record.verdict.value}**: geometry from {result.calibrant} in {names}, measured on"
        f" {day} (the day is from {origin}).",
        "",
        *(f"* {reason}" for reason in record.reasons),
        *([""] if record.reasons else []),
        f"![rings and residuals]({PICTURE})",
        "",
        *_table(("number", "value ± standard error"), calibration_facts(result)),
    ]
    if resolution is not None:
        lines += [
            "",
            "Resolution, H_G² = U tan²θ + V tan θ + W and H_L = X/cos θ + Y tan θ:",
            "",
            *_table(("width", "value ± standard error"), resolution_facts(resolution)),
        ]
    kinds = {**_WHAT, mask: _WHAT["mask"]}
    shown = [(f"`{name}`", kinds[name]) for name in
             (GEOMETRY, mask, INSTRUMENT, PICTURE, PAGE, RECORD)]  # fmt: skip
    software = ", ".join(f"{name} {number}" for name, number in sorted(record.software.items()))
    digests = [f"* `{digest}`" for digest in record.frame_digests]
    lines += ["", *_table(("file", "what"), shown), "", "SHA-256 of the standard:", "", *digests]
    lines += ["", f"Made by {software}. Errors are one standard deviation.", ""]
    return "\n".join(lines)


def _table(head: tuple[str, str], rows: Iterable[tuple[str, str]]) -> list[str]:
    lines = [f"| {head[0]} | {head[1]} |", "|---|---|"]
    return lines + [f"| {key} | {value} |" for key, value in rows]
