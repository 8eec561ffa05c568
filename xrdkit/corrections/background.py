"""Background profile: I = I_s - β I_b, variances add: σ² = σ_s² + β² σ_b² + I_b² u(β)²."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from xrdkit import schema
from xrdkit.corrections._step import CORRECTIONS
from xrdkit.errors import CorrectionFailed, SpecError
from xrdkit.provenance import content_sha256


@dataclass(frozen=True, kw_only=True)
class Background:
    """A measured profile to subtract: empty cell, solvent, support."""

    profile: xr.Dataset
    """PROFILE Dataset on the same bins, without ``frame`` or with one frame, or one per frame."""
    scale: float = 1.0
    """β, such as the volume fraction of the solvent."""
    scale_sigma: float = 0.0
    """Standard error of β."""

    def __post_init__(self) -> None:
        if not (np.isfinite(self.scale) and self.scale > 0 and self.scale_sigma >= 0):
            raise SpecError(f"background scale {self.scale} ± {self.scale_sigma} is not usable")

    def apply(self, data: xr.Dataset) -> xr.Dataset:
        """Return the profile less the background; bins empty in either are NaN."""
        below = self.profile
        if "frame" in below.dims and below.sizes["frame"] == 1:
            below = below.isel(frame=0, drop=True)
        axis = schema.radial_dim(data)
        for other in (data, below):
            schema.validate(other, schema.PROFILE)
        same = axis in below.dims and np.array_equal(below[axis].values, data[axis].values)
        if not same:
            raise CorrectionFailed("background and profile are on different bins")
        for name in ("intensity", "sigma"):
            if name not in below or name not in data:
                raise CorrectionFailed(f"background subtraction needs {name} of both profiles")
        if below["intensity"].attrs["units"] != data["intensity"].attrs["units"]:
            raise CorrectionFailed("background and profile are in different units")
        level = below["intensity"].variable
        variance = data["sigma"].variable ** 2 + (self.scale * below["sigma"].variable) ** 2
        sigma = (variance + (level * self.scale_sigma) ** 2) ** 0.5
        net = data["intensity"].variable - self.scale * level
        result = data.assign(
            intensity=net.transpose(*data["intensity"].dims),
            sigma=sigma.transpose(*data["sigma"].dims),
        )
        for name in ("intensity", "sigma"):
            result[name].attrs = dict(data[name].attrs)
        if "n_pixels" in data:
            empty = np.isnan(result["intensity"])
            pixels = data["n_pixels"].where(~empty, 0).astype(data["n_pixels"].dtype)
            result = result.assign(n_pixels=pixels.assign_attrs(data["n_pixels"].attrs))
        return result

    def record(self) -> dict[str, object]:
        """Return the settings."""
        digest = content_sha256(self.profile)
        return {"profile": digest, "scale": self.scale, "scale_sigma": self.scale_sigma}


CORRECTIONS.add("background", Background)
