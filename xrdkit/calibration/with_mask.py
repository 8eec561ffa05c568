"""The verb `with_mask`: a mask on frames, beside the one that their file brought."""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import provenance, schema
from xrdkit.errors import FrameShapeMismatch
from xrdkit.masks import combine_masks, count_reasons


def with_mask(frames: xr.Dataset, *reasons: xr.DataArray | NDArray[Any]) -> xr.Dataset:
    """Return `frames` with more pixels left out, in every frame.

    `frames` is a FRAMES Dataset; each of `reasons` holds `MaskReason` bits (y, x), or booleans,
    which count as the user's. ``mask(y, x)`` of the result has the bits of the frames' own mask and
    of all of `reasons`; integration and fits leave out pixels where it is not 0. Counts stay lazy,
    and ``mask_reasons`` (what file and values say by themselves) as it is; `frames` is not changed.

    Raises SchemaError where `frames` is none, SpecError without or for an unusable mask,
    FrameShapeMismatch for one of another shape.
    """
    schema.validate(frames, schema.FRAMES)
    shape = (frames.sizes["y"], frames.sizes["x"])
    added = combine_masks(*reasons)
    if added.shape != shape:
        raise FrameShapeMismatch(
            f"mask of {added.shape} pixels, frames of {shape}",
            hint="is it transposed, or of another detector?",
        )
    together = combine_masks(frames["mask"], added) if "mask" in frames else added
    masked = frames.assign(mask=(("y", "x"), together.values, together.attrs))
    records = [
        provenance.input_record(np.asarray(r) if not isinstance(r, xr.DataArray) else r)
        for r in reasons
    ]
    settings = {"pixels": count_reasons(added), "masks": records}
    return provenance.append(masked, "with_mask", settings)
