"""Counts and counting rates of a diffractometer to intensities with Poisson errors.

With N photons counted in t seconds behind an attenuator of factor f, files hold N, N f, N/t or
N f/t. σ(N) = √N (1 where N = 0) and scales with f/t. That is only said where N, computed back from
the file, is a whole number of every point: then the stated time and factor are those of the counts.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: How far from a whole number N may be: rounding of rates in print and of float32.
_ROUNDING = (0.01, 1e-5)


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Intensities with what is known of their error."""

    intensity: Array
    """Shape (n,): N f, or N f/t where t differs between points."""
    sigma: Array | None
    """Standard error of the intensity (n,); None where the counts are not known."""
    unit: str | None
    """``"count"``, ``"1"`` for rates, None where the file does not say what the numbers are."""
    attrs: dict[str, str | int | float] = field(default_factory=dict)
    """``intensity_note``, where something must be said."""


def counted(
    values: Array,
    *,
    rate: bool,
    time: Array | float | None = None,
    factor: Array | float | None = None,
) -> Counted:
    """Return the intensity behind `values` (n,), which are counts or, with `rate`, counts/s.

    time: counting time of each point, s, or one for all; None where the file does not tell.
    factor: attenuation by which `values` are already multiplied; None or 1 where there was none.
    """
    times = _per_point(time, values.size)
    factors = _per_point(factor, values.size)
    scale = np.ones(values.size) if factors is None else factors
    if rate and times is None:
        note = "counts per second; the file does not tell the counting time"
        return Counted(intensity=values, sigma=None, unit=None, attrs={"intensity_note": note})
    counts = (values * times if rate and times is not None else values) / scale
    uneven = times is not None and not np.allclose(times, times[0], rtol=1e-6)
    whole = _are_whole(counts)
    if not whole and rate:
        note = "counts per second; with the counting time of the file they are no whole counts"
        return Counted(intensity=values, sigma=None, unit=None, attrs={"intensity_note": note})
    per_time = times if uneven and times is not None else np.ones(values.size)
    sigma = np.sqrt(np.maximum(np.round(counts), 1.0)) * scale / per_time if whole else None
    attrs: dict[str, str | int | float] = {}
    if uneven:
        attrs["intensity_note"] = "counts per second; the counting time differs between points"
    elif not whole:
        attrs["intensity_note"] = "the file says counts, but they are no whole numbers"
    intensity = (np.round(counts) if whole else counts) * scale / per_time
    return Counted(intensity=intensity, sigma=sigma, unit="1" if uneven else "count", attrs=attrs)


def _per_point(value: Array | float | None, size: int) -> Array | None:
    if value is None:
        return None
    array = np.broadcast_to(np.asarray(value, dtype=np.float64), (size,))
    if not np.all(np.isfinite(array) & (array > 0)):
        return None
    return np.array(array)


def _are_whole(counts: Array) -> bool:
    good = counts[np.isfinite(counts)]
    absolute, relative = _ROUNDING
    off = np.abs(good - np.round(good))
    return bool(
        good.size and np.all(good > -absolute) and np.all(off <= absolute + relative * good)
    )
