"""The files of ``xrdkit calibrate``: a folder with geometry and pictures, or the store."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr

    from xrdkit.calibration import CalibrationResult

GEOMETRY, PICTURE, PAGE = "geometry.poni", "calibration.png", "calibration.html"


def written(
    into: Path,
    frames: "xr.Dataset",
    result: "CalibrationResult",
    mask: "xr.DataArray | None",
    *,
    force: bool,
) -> Path:
    """Write geometry, picture and page into a folder and return the path of the geometry."""
    from xrdkit.atomic import write_file
    from xrdkit.calibration import save_calibration
    from xrdkit.files import make_folder, store_error
    from xrdkit.report.calibration import calibration_figure
    from xrdkit.report.calibration_page import calibration_page

    figure = calibration_figure(frames, result, mask=mask)
    page = calibration_page(frames, result, title=f"Calibration on {result.calibrant}", mask=mask)
    make_folder(into)
    try:
        figure.savefig(into / PICTURE, dpi=130)
    except OSError as exc:
        raise store_error(exc, into / PICTURE) from exc
    write_file(into / PAGE, page.encode(), overwrite=True)
    return save_calibration(result, into / GEOMETRY, force=force)


def stored(
    keep: tuple[Path, str, str | None],
    frames: "xr.Dataset",
    result: "CalibrationResult",
    mask: "xr.DataArray | None",
    *,
    force: bool,
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
        force=force,
    )
