"""Background profile or cake: I = I_s - β I_b, the error of each source followed to the end.

Errors of sources that are separate measurements add in quadrature; those of one and the same
measurement subtract, e = e_s - β e_b, as they do in the profiles. σ² is the sum over the sources:
without named sources σ² = σ_s² + β² σ_b² + I_b² u(β)².
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import xarray as xr

from xrdkit import schema
from xrdkit.corrections._sources import Sources, subtract
from xrdkit.corrections._step import CORRECTIONS
from xrdkit.errors import CorrectionFailed, SpecError
from xrdkit.provenance import content_sha256

_KINDS = {kind.name: kind for kind in (schema.PROFILE, schema.CAKE)}


@dataclass(frozen=True, kw_only=True)
class Background:
    """A measured profile to subtract: empty cell, solvent, support."""

    acts_on: ClassVar[Literal["frames", "profile"]] = "profile"

    profile: xr.Dataset
    """PROFILE (or CAKE, for cakes) on the same bins, without ``frame``, with one or as many."""
    scale: float = 1.0
    """β, such as the volume fraction of the solvent."""
    scale_sigma: float = 0.0
    """Standard error of β; source ``background_scale``."""
    separate: tuple[str, ...] = ()
    """Sources that were measured anew for the background although they have the same name, such as
    ``dark`` or ``thickness``. Monitor, time and transmission always are."""

    def __post_init__(self) -> None:
        numbers: tuple[object, ...] = (self.scale, self.scale_sigma)
        if not (
            all(isinstance(v, int | float | np.number) for v in numbers)
            and np.isfinite(self.scale)
            and self.scale > 0
            and np.isfinite(self.scale_sigma)
            and self.scale_sigma >= 0
        ):
            raise SpecError(f"background scale {self.scale} ± {self.scale_sigma} is not usable")

    def apply(self, data: xr.Dataset) -> xr.Dataset:
        """Return the profile less the background; bins empty in either are NaN.

        The counting error of the background becomes the source ``background``; what only the
        background's own dose brings in becomes ``background_<name>``. Sums of the counts stay those
        of the sample. Raises SchemaError or CorrectionFailed for profiles that do not fit.
        """
        below = self._fitting(data)
        level = below["intensity"].variable
        net = data["intensity"].variable - self.scale * level
        net = net.transpose(*data["intensity"].dims)
        empty = np.isnan(net.values)
        result = data.assign(intensity=(net.dims, net.values, dict(data["intensity"].attrs)))
        spread = np.broadcast_to(level.values, net.shape)
        mine = Sources.of(data, like=data["intensity"])
        theirs = Sources.of(below, like=data["intensity"])
        if mine.named or theirs.named or self.scale_sigma > 0:
            sources = subtract(
                mine,
                theirs,
                scale=self.scale,
                scale_error=-spread * self.scale_sigma,
                separate=frozenset(self.separate),
            )
            result = sources.attach(result, empty)
        else:
            variance = mine.total() ** 2 + (self.scale * theirs.total()) ** 2
            sigma = np.where(empty, np.nan, np.sqrt(variance))
            result = result.assign(sigma=(net.dims, sigma, dict(data["sigma"].attrs)))
        if "ledger" in data:
            result = _with_ledger(result, data["intensity"], net)
        if "n_pixels" in data:
            pixels = np.where(empty, 0, data["n_pixels"].values).astype(data["n_pixels"].dtype)
            attrs = dict(data["n_pixels"].attrs)
            result = result.assign(n_pixels=(data["n_pixels"].dims, pixels, attrs))
        return result

    def _fitting(self, data: xr.Dataset) -> xr.Dataset:
        """Return the background, in one frame where it has one; raise where it does not fit."""
        below = self.profile
        for other in (data, below):
            kind = _KINDS.get(str(other.attrs.get("schema")))
            if kind is None:
                raise CorrectionFailed(
                    "Background corrects profiles, not "
                    f"{other.attrs.get('schema', 'this Dataset')}",
                    hint="integrate the frames first, or give IntegrationSpec a background",
                )
            schema.validate(other, kind)
        if "frame" in below.dims and below.sizes["frame"] == 1:
            below = below.isel(frame=0, drop=True)
        for axis in (str(d) for d in data["intensity"].dims if d != "frame"):
            if axis not in below.dims or not np.array_equal(below[axis], data[axis]):
                raise CorrectionFailed("background and profile are on different bins")
        if "azimuth" in below.dims and "azimuth" not in data.dims:
            raise CorrectionFailed("background is a cake, the data are a profile")
        if "frame" in below.dims and below.sizes["frame"] != data.sizes.get("frame", 1):
            raise CorrectionFailed(
                f"{below.sizes['frame']} frames of background for {data.sizes.get('frame', 1)}",
                hint="give one frame, or one for each; average_frames and merge make one of many",
            )
        for name in ("intensity", "sigma"):
            if name not in below or name not in data:
                raise CorrectionFailed(f"background subtraction needs {name} of both profiles")
        if below["intensity"].attrs["units"] != data["intensity"].attrs["units"]:
            raise CorrectionFailed("background and profile are in different units")
        if all("solid_angle_corrected" in p.attrs for p in (data, below)):
            for name in ("solid_angle_corrected", "polarization_factor"):
                one, two = data.attrs.get(name), below.attrs.get(name)
                if one != two:
                    raise CorrectionFailed(
                        f"{name} of the profile is {one}, of the background {two}",
                        hint="integrate both with the same corrections",
                    )
        return below

    def record(self) -> dict[str, object]:
        """Return the settings."""
        return {
            "profile": content_sha256(self.profile),
            "scale": self.scale,
            "scale_sigma": self.scale_sigma,
            "separate": self.separate,
        }


def _with_ledger(data: xr.Dataset, before: xr.DataArray, after: xr.Variable) -> xr.Dataset:
    """Return `data` with the factor by which the subtraction changed each bin in its ledger."""
    ledger, coordinate = data["ledger"], data["correction"]
    at = ledger.get_axis_num("correction")
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(before.values != 0, after.values / before.values, np.nan)
    names = [str(name) for name in coordinate.values]
    values = ledger.values
    if "background" in names:
        values = values.copy()
        whole: list[int | slice] = [slice(None)] * values.ndim
        whole[at] = names.index("background")
        values[tuple(whole)] *= ratio
    else:
        names.append("background")
        values = np.concatenate([values, np.expand_dims(ratio, at)], axis=at)
    return (
        data.drop_vars(["ledger", "correction"])
        .assign_coords(correction=("correction", np.array(names), dict(coordinate.attrs)))
        .assign(ledger=(ledger.dims, values, dict(ledger.attrs)))
    )


CORRECTIONS.add("background", Background)
