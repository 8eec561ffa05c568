"""How well q is resolved in a merged profile."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from xrdkit.errors import SchemaError

RESOLUTION = "q_resolution"
#: Attributes that tell by what a curve is smeared beside its resolution.
SLIT = ("slit_smeared", "slit_length", "slit_width", "slit_length_stated")
#: Resolution at right angles to the scan and where the beam is cut off.
BEAM = ("q_resolution_across", "q_resolution_cut")


def refuse_other_smearing(profiles: Sequence[xr.Dataset], names: Sequence[str]) -> None:
    """Raise SchemaError where a beam smears some profiles in another way than the first."""
    for key in SLIT:
        first = profiles[0].attrs.get(key)
        for profile, name in zip(profiles, names, strict=True):
            if profile.attrs.get(key) != first:
                raise SchemaError(
                    f"{key} is {first} in {names[0]!r} and {profile.attrs.get(key)} in {name!r}",
                    hint="desmear takes the smearing of a slit from a curve",
                )
    told = [RESOLUTION in p for p in profiles]
    if any(told) and not all(told):
        raise SchemaError(
            f"{names[told.index(True)]!r} tells its resolution of q, {names[told.index(False)]!r}"
            " does not",
            hint=f"with_resolution adds it, drop_vars({RESOLUTION!r}) leaves it out",
        )


def with_merged_resolution(data: xr.Dataset, profiles: Sequence[xr.Dataset]) -> xr.Dataset:
    """Return the merged `data` with the resolution of its bins, where `profiles` tell theirs.

    A bin of several profiles is as wide as the mixture of them: the root of the mean square. What
    a beam does at right angles to the scan matters at the smallest q: that of the profile there.
    """
    if RESOLUTION not in profiles[0] or "q" not in data.dims:
        return data
    nearest = min(profiles, key=lambda p: float(p["q"].min()))
    data = data.assign_attrs({k: nearest.attrs[k] for k in BEAM if k in nearest.attrs})
    q = data["q"].values
    origin = data["origin"]
    square = np.zeros(origin.shape)
    parts = np.zeros(origin.shape)
    for k, profile in enumerate(profiles):
        held = (origin.values >> k) & 1
        own = profile.sortby("q")
        width = np.atleast_2d(own[RESOLUTION].values)
        placed = np.stack([np.interp(q, own["q"].values, row) for row in width])
        square += held * (placed if origin.ndim == 2 else placed[0]) ** 2
        parts += held
    empty = np.full(square.shape, np.nan)
    resolution = np.sqrt(np.divide(square, parts, out=empty, where=parts > 0))
    attrs = dict(profiles[0][RESOLUTION].attrs)
    if origin.ndim == 2 and all(np.array_equal(resolution[0], row) for row in resolution):
        return data.assign({RESOLUTION: ("q", resolution[0], attrs)})
    return data.assign({RESOLUTION: (origin.dims, resolution, attrs)})
