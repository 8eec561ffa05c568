"""The resolution of an instrument straight from the frame it was calibrated on."""

from typing import Any

import xarray as xr
from numpy.typing import NDArray

from xrdkit.calibration import CalibrationResult, Resolution, instrument_resolution
from xrdkit.integration import IntegrationSpec, integrate


def frame_resolution(
    frames: xr.Dataset,
    result: CalibrationResult,
    *,
    mask: xr.DataArray | NDArray[Any] | None = None,
    frame: int = 0,
    bins: int | None = None,
) -> Resolution:
    """Return the resolution from the frame of a calibrant and the geometry refined on it.

    One frame is integrated over 2θ and handed to `instrument_resolution`.

    Args:
        frames: FRAMES Dataset of the calibrant.
        result: what `calibrate` returned for it.
        mask: (y, x), not 0 where a pixel is left out.
        frame: position along ``frame``.
        bins: number of bins; default: pixels along the longer side, about one bin per pixel.

    Raises FitFailed where fewer than 5 rings stand alone, IntegrationFailed and EmptyResult as
    `integrate` does.
    """
    number = max(frames.sizes["y"], frames.sizes["x"]) if bins is None else bins
    spec = IntegrationSpec(unit="two_theta", bins=number, mask=mask)
    profile = integrate(frames.isel(frame=[frame]), result.calibration, spec)
    return instrument_resolution(profile, calibrant=result.calibrant)
