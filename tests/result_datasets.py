"""Small Datasets that keep their schema."""

import numpy as np
import xarray as xr

from xrdkit.masks import MASK_ATTRS


def profile(frames: int = 3, bins: int = 40, *, seed: int = 1) -> xr.Dataset:
    """Return a PROFILE with every kind of variable and attribute that a result may hold."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(50.0, (frames, bins)).astype(float)
    sigma = np.sqrt(counts)
    n_pixels = np.full((frames, bins), 7.0)
    for array in (counts, sigma):
        array[:, 3] = np.nan
    n_pixels[:, 3] = 0
    names = np.array([f"hold_{i:02d} µ" for i in range(frames)])
    data = xr.Dataset(
        {
            "intensity": (
                ("frame", "q"),
                counts,
                {
                    "units": "count",
                    "long_name": "intensity",
                    "ancillary_variables": "sigma n_pixels",
                },
            ),
            "sigma": (("frame", "q"), sigma, {"units": "count", "long_name": "error"}),
            "n_pixels": (("frame", "q"), n_pixels, {"units": "1", "long_name": "pixels"}),
            "mask": (("y", "x"), np.eye(4, 5, dtype=np.uint16), dict(MASK_ATTRS)),
            "scale": ((), 2.5, {"units": "1", "long_name": "one number"}),
            "nothing": (("none",), np.zeros(0), {"units": "1", "long_name": "empty"}),
        },
        coords={
            "q": ("q", np.linspace(0.1, 4, bins), {"units": "1/nm", "long_name": "q"}),
            "frame": ("frame", np.arange(frames), {"long_name": "frame"}),
            "written": ("frame", np.arange(frames) != 1, {"long_name": "written"}),
            "source_file": ("frame", names, {"long_name": "file"}),
            "title": ((), "a µ title", {"long_name": "title"}),
            "exposure_time": ("frame", rng.random(frames), {"units": "s", "long_name": "time"}),
            "started": (
                "frame",
                np.datetime64("2024-05-01T10:00:00.000000001", "ns") + np.arange(frames),
            ),
            "wavelength": (
                "emission_line",
                [1.5405929],
                {"units": "angstrom", "long_name": "wavelength"},
            ),
            "emission_weight": ("emission_line", [1.0], {"units": "1", "long_name": "weight"}),
        },
        attrs={
            "schema": "xrdkit/profile/1",
            "provenance": "[]",
            "solid_angle_corrected": 1,
            "polarization_factor": 0.99,
            "one_number": np.array([4], dtype=np.int64),
            "no_number": np.array([], dtype=np.int64),
            "several": np.array([1.5, np.nan, np.inf]),
            "empty_text": "",
            "not_a_number": float("nan"),
        },
    )
    data["mask"].attrs["sentinels"] = np.array([65535], dtype=np.int64)
    return data
