"""The search for outliers in one frame, as the settings of an integration ask for it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdkit.integration.assignment import Array
from xrdkit.integration.frame_sums import Noise
from xrdkit.integration.outlier_spec import OutlierSpec
from xrdkit.integration.outliers import find_outliers
from xrdkit.integration.spottiness import spottiness
from xrdkit.integration.weights import Mask, Plan


@dataclass(frozen=True, kw_only=True)
class Spots:
    """What was found in one frame, by bin, shape (K,) each."""

    per_bin: NDArray[np.int64]
    """Number of pixels that were left out."""
    spottiness: Array
    """Scatter between the pixels that remain, beyond counting (`spottiness`)."""
    sigma: Array
    """Standard error of it."""


def look_for_spots(
    raw: NDArray[Any],
    bad: Mask,
    plan: Plan,
    wanted: OutlierSpec,
    dark_scale: float,
    noise: Noise,
) -> tuple[Mask, Spots]:
    """Return the mask (y, x) of a frame with its outliers, and what they are per bin."""
    dark = None
    if plan.dark is not None:
        dark = dark_scale * plan.dark.reshape(raw.shape)
    gain, readout = noise.gain, noise.readout
    found = find_outliers(raw, bad, plan, wanted, gain=gain, readout_noise=readout, dark=dark)
    without = bad | found.mask.reshape(bad.shape)
    value, error = spottiness(raw, without, plan, gain=gain, readout_noise=readout, dark=dark)
    return without, Spots(per_bin=found.per_bin, spottiness=value, sigma=error)
