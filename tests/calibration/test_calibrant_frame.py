"""The frame that a calibration looks at."""

import numpy as np
import pytest
import xarray as xr

from xrdkit.calibration.frame import calibrant_frame
from xrdkit.errors import FrameShapeMismatch


def frames(counts: np.ndarray) -> xr.Dataset:
    attrs = {"units": "count", "long_name": "counts", "sentinels": np.array([])}
    return xr.Dataset(
        {"counts": (("frame", "y", "x"), counts, attrs)},
        coords={"frame": np.arange(len(counts))},
        attrs={"schema": "xrdkit/frames/1"},
    )


@pytest.mark.parametrize("kind", [np.asarray, lambda m: xr.DataArray(m, dims=("y", "x"))])
def test_masks_are_arrays_with_or_without_labels(kind):
    mask = np.zeros((4, 6), dtype=np.uint16)
    mask[1, 2] = 1
    found = calibrant_frame(frames(np.full((2, 4, 6), 7)), mask=kind(mask))
    np.testing.assert_array_equal(found.valid, mask == 0)
    with pytest.raises(FrameShapeMismatch):
        calibrant_frame(frames(np.full((2, 4, 6), 7)), mask=kind(mask[:2]))
