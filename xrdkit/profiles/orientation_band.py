"""A radial band of a cake to one curve over azimuth."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Share of the mean intensity of the band below which a radial bin is not taken to lie.
_LEAST = 1e-3


@dataclass(frozen=True, kw_only=True)
class Cells:
    """Cells of a band of one frame, shape (azimuth, radial) each."""

    intensity: Array
    """NaN without pixels."""
    variance: Array
    """Of the sources that scatter from cell to cell."""
    weight: Array
    """Factor between counts and intensity; any positive number where that is not known."""
    counts: Array | None
    """Raw counts, None where not known."""
    count_variance: Array | None
    """Their variance."""
    pixels: Array
    """Number of pixels."""


@dataclass(frozen=True, kw_only=True)
class Band:
    """Intensity over azimuth, shape (azimuth,) each; NaN where no cell has pixels."""

    intensity: Array
    """Mean intensity of the band."""
    variance: Array
    """As measured."""
    exposure: Array
    """Factor between counts and intensity."""
    counts: Array | None
    """Raw counts, None where not known."""
    count_variance: Array | None
    """Their variance."""
    pixels: Array
    """Number of pixels."""

    def placement(self, slope: Array, width: float) -> Array:
        """Return the variance from where the pixels of each cell lie, for cells `width` wide.

        `slope` is dI/dχ at the cells. The mean azimuth of n pixels in a cell is off its middle by
        width/√(12 n) where they fall as they like, and by up to half of what is missing where a gap
        or the edge of the detector cuts the cell.
        """
        seen = self.pixels > 0
        if not seen.any():
            return np.zeros_like(slope)
        missing = 1.0 - np.minimum(self.pixels / np.median(self.pixels[seen]), 1.0)
        share = (1.0 / np.maximum(self.pixels, 1.0) + missing**2) / 12.0
        return np.asarray((slope * width) ** 2 * share)

    def variance_at(self, model: Array) -> Array:
        """Return the variance with that of the counts which `model` expects.

        What is counted scatters by what was to be expected, not by what happened to be counted:
        with the latter, cells with few counts would pull.
        """
        if self.counts is None or self.count_variance is None:
            return self.variance
        seen = np.isfinite(self.intensity) & (self.counts > 0)
        total = self.counts[seen].sum()
        if not total > 0:
            return self.variance
        gain = self.count_variance[seen].sum() / total
        expected = self.counts + (model - self.intensity) * self.exposure
        expected = np.maximum(expected, 0.01 * total / max(int(seen.sum()), 1))
        square = np.where(self.exposure > 0, self.exposure, np.nan) ** 2
        rest = np.maximum(self.variance - self.count_variance / square, 0.0)
        return np.asarray(gain * expected / square + rest)


def azimuthal(cells: Cells, modulation: Array | None = None) -> Band:
    """Return the intensity of a band over azimuth, as if every azimuth held the whole band.

    Where a gap takes part of the band at some azimuths, the radial profile s(r) says how much is
    missing: I(r, χ) = s(r) g(χ), with g the `modulation`, shape (azimuth,), that is known so far
    (None: none). The sum over the counts is sufficient for g where they are Poisson's.
    """
    used = np.isfinite(cells.intensity) & np.isfinite(cells.variance) & (cells.variance > 0)
    used &= cells.weight > 0
    weight = np.where(used, cells.weight, 0.0)
    value = np.where(used, cells.intensity, 0.0)
    over = np.ones(cells.intensity.shape[0]) if modulation is None else modulation
    profile = _ratio((weight * value).sum(axis=0), (weight * over[:, None]).sum(axis=0))
    mean = float(profile[profile > 0].mean()) if np.any(profile > 0) else 0.0
    if not mean > 0:
        profile, mean = np.ones(profile.size), 1.0
    shares = np.maximum(profile / mean, _LEAST)
    exposure = (weight * shares).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        intensity = np.where(exposure > 0, (weight * value).sum(axis=1) / exposure, np.nan)
        spread = (weight**2 * np.where(used, cells.variance, 0.0)).sum(axis=1)
        variance = np.where(exposure > 0, spread / exposure**2, np.nan)
    band = Band(
        intensity=intensity,
        variance=variance,
        exposure=exposure,
        counts=None,
        count_variance=None,
        pixels=np.where(used, cells.pixels, 0.0).sum(axis=1),
    )
    if cells.counts is None or cells.count_variance is None:
        return band
    return replace(
        band,
        counts=np.where(used, cells.counts, 0.0).sum(axis=1),
        count_variance=np.where(used, cells.count_variance, 0.0).sum(axis=1),
    )


def _ratio(above: Array, below: Array) -> Array:
    return np.where(below > 0, above / np.where(below > 0, below, 1.0), 0.0)
