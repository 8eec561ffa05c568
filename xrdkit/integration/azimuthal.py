"""Azimuthal integration: detector frames to 1D profiles."""

import xarray as xr

from xrdkit.geometry import Calibration
from xrdkit.integration.labels import labelled
from xrdkit.integration.reduction import reduce_frames
from xrdkit.integration.spec import IntegrationSpec


def integrate(frames: xr.Dataset, calibration: Calibration, spec: IntegrationSpec) -> xr.Dataset:
    """Integrate every frame over azimuth into a profile with its standard error.

    `frames` is a FRAMES Dataset, ``counts`` (frame, y, x); `calibration` the geometry of the
    detector; `spec` says bins, sector, corrections and normalisation. The result is a PROFILE
    Dataset over (frame, q | two_theta | d_spacing | detector_radius):

    * ``intensity`` I = (Σ n - τ Σ d)/(N g) minus the background, with N = Σ flat · Ω · P over the
      pixels of the bin and g the dose of the frame; in counts per pixel at the point of normal
      incidence, in 1/cm with an absolute scale, in arbitrary units (``"1"``) over another dose;
    * ``sigma`` its standard error, from the counts of the whole bin, so that it is right at low
      counts too; ``n_pixels`` the number of pixels. Bins without a pixel are NaN, never 0;
    * ``signal`` Σ n - τ Σ d and ``normalization`` N g;
    * ``<axis>_mean`` the weighted mean position of the pixels of a bin, and ``<axis>_edges``.

    Pixels without data are found in the raw values of each frame (`xrdkit.masks`). Coordinates on
    ``frame`` are carried along. Nothing is cached between calls; `frames` is not changed. A frame
    without a usable pixel among others is NaN; then ``verdict`` (frame) is ``"unidentifiable"`` for
    it, ``"ok"`` for the others, and ``verdict_reason`` says why.

    Raises EmptyResult where no usable pixel is left in any frame, FrameShapeMismatch, SpecError,
    CorrectionFailed for a missing or impossible factor, and FrameError where a frame is damaged.
    """
    reduction = reduce_frames(frames, calibration, spec)
    return labelled(frames, calibration, spec, reduction)
