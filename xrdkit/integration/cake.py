"""Cakes: detector frames on a grid of azimuth and radial coordinate."""

import xarray as xr

from xrdkit.geometry import Calibration
from xrdkit.integration.labels import labelled
from xrdkit.integration.reduction import reduce_frames
from xrdkit.integration.spec import IntegrationSpec


def cake(frames: xr.Dataset, calibration: Calibration, spec: IntegrationSpec) -> xr.Dataset:
    """Integrate every frame over cells of azimuth and radial coordinate, with standard errors.

    Arguments, corrections and errors are those of `integrate`; ``spec.azimuth_bins`` divides
    ``spec.azimuth_range`` (all round from -180 degree where it is None). The result is a CAKE
    Dataset over (frame, azimuth, q | two_theta | d_spacing | detector_radius) with the variables of
    a profile. ``azimuth`` holds the centres of the sectors in (-180, 180], in the order of the
    range. Cells without a pixel are NaN. The sums of the cells of one radial bin (``signal``,
    ``normalization``, ``n_pixels``) add up to those of `integrate`.

    Raises what `integrate` raises.
    """
    reduction = reduce_frames(frames, calibration, spec, azimuth_bins=spec.azimuth_bins)
    return labelled(frames, calibration, spec, reduction)
