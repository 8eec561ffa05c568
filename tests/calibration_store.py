"""Stored calibrations of one simulated detector, shared by the tests of the store."""

from dataclasses import replace

import numpy as np
import xarray as xr
from calibrant_frames import behenate, beside

import xrdkit as xk
from xrdkit.calibration import CalibrationVerdict
from xrdkit.masks import MaskReason
from xrdkit.simulate import virtual_laboratory
from xrdkit.workflow.write_calibration import write_calibration


def measured(folder, seed=0):
    """Return frames (with a start time), mask and accepted result of a simulated standard."""
    instrument = virtual_laboratory("corner")
    path = folder / f"agbh_{seed}.npy"
    np.save(path, behenate(instrument, seed=seed))
    frames = xk.open_frames(path)
    frames = frames.assign_coords(start_time=("frame", ["2026-03-04T22:10:00+01:00"]))
    mask = np.zeros(instrument.shape, dtype=np.uint16)
    mask[:8] = MaskReason.SHADOW
    mask = xr.DataArray(mask, dims=("y", "x"))
    result = xk.calibrate(frames, calibrant="AgBh", start=beside(instrument.calibration), mask=mask)
    return frames, mask, result


def moved(result, millimetre):
    """Return the result with the detector farther away by so much."""
    at = result.calibration
    return replace(result, calibration=replace(at, distance=at.distance + 1e-3 * millimetre))


def judged(result, verdict, reason="made up"):
    """Return the result with another verdict."""
    return replace(result, verdict=CalibrationVerdict(verdict), reasons=(reason,))


def store(root, standard, day, *, result=None, **more):
    """Store a standard of `measured` under a day and return its folder."""
    frames, mask, own = standard
    return write_calibration(
        own if result is None else result, root, instrument="lab", date=day, frames=frames,
        mask=mask, **more,
    )  # fmt: skip
