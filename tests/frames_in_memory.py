"""FRAMES Datasets from arrays, for tests that need no file."""

from typing import Any

import numpy as np
import xarray as xr

from xrdkit.geometry import Calibration, Detector


def make_frames(counts: Any, **coords: Any) -> xr.Dataset:
    """Return a FRAMES Dataset of a (y, x) or (frame, y, x) array."""
    stack = np.asarray(counts)
    stack = stack[None] if stack.ndim == 2 else stack
    data = xr.Dataset(
        {
            "counts": (
                ("frame", "y", "x"),
                stack,
                {
                    "units": "count",
                    "long_name": "detector counts",
                    "sentinels": np.array([], dtype=np.int64),
                },
            )
        },
        coords={"frame": np.arange(len(stack))},
        attrs={"schema": "xrdkit/frames/1"},
    )
    for name, values in coords.items():
        data = data.assign_coords({name: ("frame", np.atleast_1d(values))})
    return data


def reference_geometry() -> Calibration:
    """Return G0: 487 x 407 pixels of 172 um at 0.3 m, PONI (243.5, 203.5) pixel, 1 angstrom."""
    pixel = 172e-6
    return Calibration(
        distance=0.3,
        poni1=243.5 * pixel,
        poni2=203.5 * pixel,
        wavelength=1.0,
        detector=Detector(pixel_size_y=pixel, pixel_size_x=pixel, shape=(487, 407)),
    )


SHAPE = (487, 407)
