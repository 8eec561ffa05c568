"""Intervals of intensity that hold where a bin has only a few counts."""

import math

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import gammaincinv, ndtri

from xrdkit import provenance, schema
from xrdkit.errors import SchemaError, SpecError
from xrdkit.uncertainty import ERRORS, SOURCE

Array = NDArray[np.float64]

_COUNTING = "counting"


def counting_interval(profile: xr.Dataset, level: float = 0.6827) -> xr.Dataset:
    """Return a profile with the interval that holds the expected intensity of each bin.

    `profile` is a PROFILE or CAKE Dataset of an integration: ``intensity``, ``sigma``, ``counts``,
    ``normalization`` and ``errors`` with the source ``counting``. Added to it are
    ``intensity_low`` and ``intensity_high``, of the shape and unit of the intensity, between which
    the expectation lies with the probability `level`; NaN where a bin has no pixel.

    Below about ten counts in a bin ± sigma is too symmetrical: nothing counted is no proof of
    nothing there. With R = Σ a n the counts of a bin and V their variance, the interval of the
    expected counts runs between the quantiles (1 - level)/2 and (1 + level)/2 of a gamma
    distribution of shape R²/V + 1/2 and scale V/R: for plain counts n that is Gamma(n + 1/2), the
    posterior under Jeffreys' prior; for sums with unequal weights it is that of n_eff = R²/V
    counts. It is shifted by what was subtracted (dark, background), and the other sources of
    ``sigma`` are added to its two arms in quadrature, so that it turns into I ± z sigma at many
    counts. Averaged over a range of expectations, which the steps of whole counts need, it covers
    `level` to within a few hundredths down to one count for each bin.

    Raises SchemaError where the profile lacks what is needed and SpecError for a level outside
    0 to 1. Sources: Brown, Cai and DasGupta, Statist. Sci. 16 (2001) 101; Fay and Feuer,
    Statist. Med. 16 (1997) 791.
    """
    if isinstance(level, bool) or not isinstance(level, int | float) or not 0 < level < 1:
        raise SpecError(f"level must lie between 0 and 1, not {level!r}")
    schema.validate_profile_or_cake(profile)
    counts, variance, per_count = _counted(profile)
    intensity = profile["intensity"]
    with np.errstate(invalid="ignore", divide="ignore"):
        # Where nothing was counted the variance is that of one photon.
        scale = np.where(counts > 0, variance / counts, np.sqrt(variance))
        shape = np.where(counts > 0, counts**2 / variance, 0.0) + 0.5
        total = profile["sigma"].values ** 2
        rest = total - variance * per_count**2
    # What rounding leaves of a difference is no other source.
    rest = ndtri(0.5 + 0.5 * level) ** 2 * np.where(rest > 1e-12 * total, rest, 0.0)
    arms = [
        (scale * gammaincinv(shape, part) - counts) * per_count
        for part in (0.5 - 0.5 * level, 0.5 + 0.5 * level)
    ]
    unit = intensity.attrs["units"]
    out = {}
    for name, arm, side in zip(("low", "high"), arms, (-1.0, 1.0), strict=True):
        # An arm points inwards where the median lies beyond the counts; it is not made longer then.
        reach = np.where(side * arm > 0, side * np.sqrt(arm**2 + rest), arm + side * np.sqrt(rest))
        values = np.where(np.isfinite(intensity.values), intensity.values + reach, np.nan)
        text = f"{'lower' if side < 0 else 'upper'} end of the interval of scattered intensity"
        attrs = {"units": unit, "long_name": text, "level": float(level)}
        out[f"intensity_{name}"] = (intensity.dims, values, attrs)
    return provenance.append(profile.assign(out), "counting_interval", {"level": float(level)})


def _counted(profile: xr.Dataset) -> tuple[Array, Array, Array]:
    """Return counts of each bin, their variance, and the intensity that one of them stands for."""
    needed = ("sigma", "counts", "normalization", ERRORS)
    missing = [name for name in needed if name not in profile]
    if missing or _COUNTING not in profile[SOURCE].values.astype(str):
        raise SchemaError(
            f"the profile has no {', '.join(missing) or 'error from counting'}",
            hint="intervals are made of profiles that integrate has made of counts",
        )
    dims = profile["intensity"].dims
    counts = np.asarray(profile["counts"].transpose(*dims).values, dtype=np.float64)
    if "correction" in profile.coords and "dead_time" in profile["correction"].values.astype(str):
        factor = profile["ledger"].sel(correction="dead_time").transpose(*dims).values
        counts = np.where(counts > 0, counts * factor, counts)
    error = profile[ERRORS].sel({SOURCE: _COUNTING}).transpose(*dims).values
    with np.errstate(invalid="ignore", divide="ignore"):
        per_count = 1.0 / profile["normalization"].transpose(*dims).values
    per_count = np.where(np.isfinite(per_count), per_count, math.nan)
    return np.maximum(counts, 0.0), (error / per_count) ** 2, per_count
