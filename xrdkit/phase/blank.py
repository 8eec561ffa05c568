"""A measured blank (empty capillary, holder, air) as a part of the background.

The fit scales it: b(x) = Chebyshev series + humps + k B(x), B interpolated between its points. Its
noise, k σ_B, is one more source of error, independent between points and the same in all frames.
Where it is as noisy as the pattern k comes out low, by 1.4 of its standard errors in simulations of
a capillary (noise in what is scaled draws a factor towards 0; shares of phases are not touched):
count a blank for longer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import schema
from xrdkit.errors import CurveError
from xrdkit.phase.effects import Parameter
from xrdkit.phase.positions import two_theta_of_q
from xrdkit.uncertainty import (
    BETWEEN_BINS,
    BETWEEN_FRAMES,
    COMMON,
    COVARIANCE,
    ERRORS,
    INDEPENDENT,
    SOURCE,
    independent_sigma,
)

Array = NDArray[np.float64]

BLANK = "background_blank"
#: A point farther than this many steps of the blank from its next point has none.
_GAP = 5.0


@dataclass(frozen=True, kw_only=True)
class Blank:
    """The pattern of a blank."""

    two_theta: Array
    """Angles (m,), degree, ascending."""
    intensity: Array
    """(m,), in the unit of the profile."""

    def at(self, two_theta: Array) -> Array:
        """Return B (n,) at angles in degree."""
        return np.asarray(np.interp(two_theta, self.two_theta, self.intensity))


def blank_parameters(blank: Blank | None, start: Sequence[float]) -> list[Parameter]:
    """Return the parameter k where there is a blank; `start`: its value, else 1."""
    if blank is None:
        return []
    value = float(start[0]) if len(start) else 1.0
    return [Parameter(key=BLANK, start=value, neutral=0.0, unit=max(abs(value), 0.1), free=True)]


def blank_of(profile: xr.Dataset, blank: xr.Dataset) -> Blank:
    """Return the blank for a profile; raise CurveError where it is none of the same kind."""
    radial, x, y, _ = _points(profile, blank)
    if radial == "q":
        wavelength = float(np.atleast_1d(profile["wavelength"].values)[0])
        x = two_theta_of_q(x, wavelength)
    return Blank(two_theta=x, intensity=y)


def with_blank_noise(profile: xr.Dataset, blank: xr.Dataset, scale: float) -> xr.Dataset:
    """Return the profile with the noise of `scale` times the blank in its errors.

    Points that the blank does not cover have no data. Raises CurveError where none is covered.
    """
    radial, x, _, noise = _points(profile, blank)
    places = np.asarray(profile[radial].values, dtype=float)
    step = float(np.median(np.diff(x)))
    behind = np.clip(np.searchsorted(x, places), 1, x.size - 1)
    covered = (places >= x[0] - step) & (places <= x[-1] + step)
    covered &= x[behind] - x[behind - 1] <= _GAP * step
    if not covered.any():
        raise CurveError(
            f"the blank covers {x[0]:.4g} to {x[-1]:.4g} {schema.RADIAL[radial]}, the profile lies"
            f" at {places.min():.4g} to {places.max():.4g}"
        )
    own = abs(scale) * np.sqrt(np.interp(places, x, noise**2))
    intensity = profile["intensity"]
    there = xr.DataArray(covered, dims=(radial,))
    error = xr.DataArray(own, dims=(radial,))
    out = profile.assign(intensity=intensity.where(there).assign_attrs(intensity.attrs))
    if "sigma" not in profile and intensity.attrs["units"] != "count":
        return out
    if "sigma" in profile:
        before = profile["sigma"]
    else:
        attrs = {"units": "count", "long_name": "standard error of intensity, √N"}
        before = (intensity.clip(min=1.0) ** 0.5).assign_attrs(attrs)
    total = ((before**2 + error**2) ** 0.5).transpose(*before.dims).assign_attrs(before.attrs)
    if ERRORS not in profile or BETWEEN_BINS not in profile.coords:
        return out.assign(sigma=total)
    return _with_source(out.assign(sigma=total), profile, error, radial)


def _with_source(
    out: xr.Dataset, profile: xr.Dataset, error: xr.DataArray, radial: str
) -> xr.Dataset:
    """Return the profile with a source ``blank`` among its named ones."""
    errors = profile[ERRORS]
    row = (error * xr.ones_like(errors.isel({SOURCE: 0}, drop=True))).expand_dims(SOURCE)
    names = [str(s) for s in profile[SOURCE].values]
    kinds = {
        key: (SOURCE, [*(str(k) for k in profile[key].values), kind])
        for key, kind in ((BETWEEN_BINS, INDEPENDENT), (BETWEEN_FRAMES, COMMON))
        if key in profile.coords
    }
    bare = errors.drop_vars([SOURCE, *kinds])
    both = xr.concat([bare, row.drop_vars(SOURCE, errors="ignore")], dim=SOURCE)
    both = both.transpose(*errors.dims).assign_attrs(errors.attrs)
    out = out.drop_vars([ERRORS, SOURCE, *kinds]).assign({ERRORS: both})
    if COVARIANCE in profile:
        band = profile[COVARIANCE].copy(deep=True)
        axis = band.get_axis_num("offset")
        values = np.moveaxis(band.values, axis, 0)
        values[0] = values[0] + error.values**2
        out = out.assign({COVARIANCE: band})
    return out.assign_coords({SOURCE: [*names, "blank"], **kinds})


def _points(profile: xr.Dataset, blank: xr.Dataset) -> tuple[str, Array, Array, Array]:
    """Return the radial dimension, and place, intensity and error of the points of the blank."""
    schema.validate(blank, schema.PROFILE)
    if blank.sizes.get(schema.FRAME, 1) != 1:
        raise CurveError(
            f"the blank has {blank.sizes[schema.FRAME]} frames", hint="average(blank) makes it one"
        )
    one = blank.isel({schema.FRAME: 0}) if schema.FRAME in blank.dims else blank
    radial = schema.radial_dim(profile)
    if schema.radial_dim(one) != radial:
        raise CurveError(
            f"the blank lies on {schema.radial_dim(one)} and the profile on {radial}",
            hint="integrate both in one unit",
        )
    unit, other = (str(d["intensity"].attrs["units"]) for d in (profile, one))
    if unit != other:
        raise CurveError(f"the unit of the blank is {other!r}, that of the profile {unit!r}")
    one = one.sortby(radial)
    x = schema.mean_positions(one)[0]
    y = np.asarray(one["intensity"].values, dtype=float)
    if "sigma" in one:
        noise = np.asarray(independent_sigma(one).values, dtype=float)
    else:
        noise = np.sqrt(np.maximum(y, 1.0)) if unit == "count" else np.zeros(y.size)
    known = np.isfinite(x) & np.isfinite(y) & np.isfinite(noise)
    if known.sum() < 2:
        raise CurveError("the blank has hardly a point with data")
    return radial, x[known], y[known], noise[known]
