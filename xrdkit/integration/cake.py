"""Cakes: detector frames on a grid of azimuth and radial coordinate."""

import numpy as np
import xarray as xr

from xrdkit.errors import LimitExceeded
from xrdkit.geometry import Calibration
from xrdkit.integration.labels import labelled
from xrdkit.integration.reduction import reduce_frames
from xrdkit.integration.spec import IntegrationSpec

#: Cells of one cake: more than a detector of 16 million pixels could fill.
MAX_CELLS = 20_000_000


def cake(frames: xr.Dataset, calibration: Calibration, spec: IntegrationSpec) -> xr.Dataset:
    """Integrate every frame over cells of azimuth and radial coordinate, with standard errors.

    Arguments, corrections and errors are those of `integrate`; ``spec.azimuth_bins`` divides
    ``spec.azimuth_range`` (all round from -180 degree where it is None). The result is a CAKE
    Dataset over (frame, azimuth, q | two_theta | d_spacing | detector_radius) with the variables of
    a profile. ``azimuth`` holds the centres of the sectors in (-180, 180], in the order of the
    range. Cells without a pixel are NaN. The sums of the cells of one radial bin (``signal``,
    ``normalization``, ``n_pixels``) add up to those of `integrate`.

    Raises what `integrate` raises, and LimitExceeded for more than `MAX_CELLS` cells.
    """
    if isinstance(spec, IntegrationSpec):  # else refused where frames are reduced
        _check_size(spec)
    reduction = reduce_frames(frames, calibration, spec, azimuth_bins=spec.azimuth_bins)
    return labelled(frames, calibration, spec, reduction)


def _check_size(spec: IntegrationSpec) -> None:
    bins = spec.bins if spec.edges is None else np.size(spec.edges) - 1
    if bins * spec.azimuth_bins > MAX_CELLS:
        raise LimitExceeded(
            f"a cake of {bins} x {spec.azimuth_bins} cells, at most {MAX_CELLS} are possible",
            hint="take fewer bins or azimuth_bins",
        )
