"""Absolute intensity: dΣ/dΩ = K I in 1/cm, with the error I u(K) common to bins and frames."""

import math
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from xrdkit import schema
from xrdkit.canonical import plain
from xrdkit.corrections._sources import Source, Sources
from xrdkit.corrections._step import CORRECTIONS
from xrdkit.corrections.absolute_scale import AbsoluteScale
from xrdkit.errors import CorrectionFailed, SpecError
from xrdkit.uncertainty import COMMON, COVARIANCE, ERRORS

#: Name of the source of error, and of the factor in the ledger.
_NAME = "absolute_scale"
_KINDS = (schema.PROFILE.name, schema.CAKE.name)


@dataclass(frozen=True, kw_only=True)
class AbsoluteIntensity:
    """Factor from normalised intensity to the differential cross section per volume."""

    acts_on = "profile"

    scale: AbsoluteScale | float
    """K, from `absolute_scale` or as a number, 1/cm over the normalised intensity."""
    sigma: float | None = None
    """Standard error of a K that is a number; that of an `AbsoluteScale` goes with it."""

    def __post_init__(self) -> None:
        if isinstance(self.scale, AbsoluteScale):
            if self.sigma is not None:
                raise SpecError("sigma is that of the AbsoluteScale; give it with a number only")
        elif self.sigma is None:
            raise SpecError("a scale that is a number needs its standard error, sigma")
        value, error = self.factor
        if not (math.isfinite(value) and value > 0 and math.isfinite(error) and error >= 0):
            raise SpecError(f"absolute scale {value} ± {error} is not usable")

    @property
    def factor(self) -> tuple[float, float]:
        """K and its standard error."""
        if isinstance(self.scale, AbsoluteScale):
            return self.scale.value, self.scale.sigma
        return float(self.scale), float(self.sigma or 0.0)

    def apply(self, data: xr.Dataset) -> xr.Dataset:
        """Return the profile in 1/cm; raise CorrectionFailed where it is already, or no profile.

        Intensity, its errors and the covariance scale with K, the normalisation with 1/K; counts
        and signal stay what was counted.
        """
        if data.attrs.get("schema") not in _KINDS:
            raise CorrectionFailed(
                f"AbsoluteIntensity corrects profiles, not "
                f"{data.attrs.get('schema', 'this Dataset')}",
                hint="integrate the frames first",
            )
        if data["intensity"].attrs.get("units") == "1/cm":
            raise CorrectionFailed("the intensity is on the absolute scale (1/cm) already")
        value, error = self.factor
        result = data.assign({name: _scaled(data[name], value) for name in _linear(data)})
        if COVARIANCE in data:
            result[COVARIANCE] = _scaled(data[COVARIANCE], value**2, units="1/cm2")
        if "normalization" in data:
            norm = data["normalization"]
            result["normalization"] = (norm / value).assign_attrs(norm.attrs)
        if "sigma" in data:
            result = _with_error_of_scale(result, error / value)
        if "ledger" in data:
            result = _with_ledger(result, data["ledger"], data["intensity"], value)
        return result

    def record(self) -> dict[str, object]:
        """Return the settings, an `AbsoluteScale` field by field."""
        return {"scale": plain(self.scale), "sigma": self.sigma}


def _linear(data: xr.Dataset) -> list[str]:
    """Return the variables that are intensities."""
    return [name for name in ("intensity", "sigma", ERRORS) if name in data]


def _scaled(array: xr.DataArray, factor: float, *, units: str = "1/cm") -> xr.DataArray:
    return (array * factor).assign_attrs({**array.attrs, "units": units})


def _with_error_of_scale(result: xr.Dataset, relative: float) -> xr.Dataset:
    intensity = result["intensity"]
    sources = Sources.of(result, like=intensity).with_names()
    own = Source(error=intensity.values * relative, bins=COMMON, frames=COMMON)
    sources = replace(sources, named={**sources.named, _NAME: own})
    return sources.attach(result, np.isnan(intensity.values))


def _with_ledger(
    result: xr.Dataset, ledger: xr.DataArray, before: xr.DataArray, value: float
) -> xr.Dataset:
    factor = xr.full_like(before, value).where(before.notnull())
    row = xr.DataArray(factor.values, dims=before.dims).expand_dims(correction=[_NAME])
    bare = ledger.drop_vars([n for n, c in ledger.coords.items() if "correction" not in c.dims])
    joined = xr.concat([bare, row.transpose(*ledger.dims)], dim="correction")
    names = joined["correction"].assign_attrs(ledger["correction"].attrs)
    rest = result.drop_vars(["ledger", "correction"])
    return rest.assign_coords(correction=names).assign(
        ledger=(ledger.dims, joined.values, dict(ledger.attrs))
    )


CORRECTIONS.add("absolute_intensity", AbsoluteIntensity)
