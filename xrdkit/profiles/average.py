"""Adding frames: several exposures of one sample to one profile."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from xrdkit import provenance, schema
from xrdkit.errors import SchemaError
from xrdkit.profiles.combining import combine, with_modes
from xrdkit.profiles.grouping import group_coordinates, group_members, kept_frames
from xrdkit.profiles.stack import (
    CORRECTION,
    SUMS,
    Stack,
    read_stack,
    stack_coordinates,
    stack_variables,
)
from xrdkit.uncertainty import COVARIANCE, ERRORS


def average(
    profiles: xr.Dataset,
    *,
    groups: str | Sequence[Any] | NDArray[Any] | xr.DataArray | None = None,
    keep: ArrayLike | xr.DataArray | None = None,
) -> xr.Dataset:
    """Add frames of a PROFILE (or CAKE) Dataset into one frame, or into one for each group.

    `profiles` has intensity and sigma over (frame, radial). `groups` names a coordinate over
    ``frame`` (``"temperature"``), or is one label for each frame; None adds all. `keep`, one bool
    for each frame, leaves frames out, such as those that `frame_quality` flags.

    Frames are added the way their counts are: S, the raw counts and numbers of pixels add, and
    N g adds, so that I = Σ S / Σ N g = Σ A I with A = N g / Σ N g (maximum likelihood for counts).
    The second form holds for profiles after background subtraction, too; frames without
    ``normalization`` weigh alike. Bins that are empty in some frames are the mean of the others.

    ``errors`` follow what is said of each source: those independent between frames add in
    quadrature, those of one measurement for all (a shared dark, an absolute scale) linearly, never
    averaged down; monitors and other factors that are independent between frames yet common to the
    bins of each stay common, as up to 4 sources (``monitor``, ``monitor_2`` ...) where frames of
    unlike shape need more than one. ``covariance`` bands add. The ``ledger`` stays that of the mean
    over the raw mean counts. Coordinates over ``frame`` are averaged, or kept where they agree, or
    joined; ``n_frames`` counts, and labels that were given become the coordinate ``group``. Other
    variables over ``frame`` are left out.

    Raises SchemaError for no PROFILE or one without ``frame``, SpecError for labels or `keep` of
    the wrong kind or number, EmptyResult where no frame is kept.
    """
    schema.validate_profile_or_cake(profiles)
    if schema.FRAME not in profiles.dims:
        raise SchemaError("the profile has no frames to add", hint="it has no dimension 'frame'")
    kept = kept_frames(profiles.sizes[schema.FRAME], keep)
    members, labels = group_members(profiles, groups, kept)
    stack = read_stack(profiles)
    weights = stack.sums.get("normalization", np.ones_like(stack.intensity))
    rows, modes = [], []
    for member in members:
        row, found = combine(take(stack, member), weights[member])
        rows.append(row)
        modes.append(found)
    result = with_modes(rows, modes)
    dims = tuple(str(d) for d in profiles["intensity"].dims)
    coords = {
        name: coord
        for name, coord in profiles.coords.items()
        if not {schema.FRAME, "source", CORRECTION, "offset"} & set(coord.dims)
    }
    others = {
        name: variable
        for name, variable in profiles.data_vars.items()
        if schema.FRAME not in variable.dims and name not in (*SUMS, ERRORS, COVARIANCE)
    }
    carried = _carried(profiles, members, weights, dims)
    data = xr.Dataset(
        {**stack_variables(result, profiles, dims), **carried, **others},
        coords=coords,
        attrs=dict(profiles.attrs),
    )
    data = data.assign_coords(stack_coordinates(result))
    data = data.assign_coords(group_coordinates(profiles, members))
    data = data.assign_coords({schema.FRAME: np.arange(len(members))})
    if labels is not None and not isinstance(groups, str):
        data = data.assign_coords(group=(schema.FRAME, np.array(labels)))
    settings = {
        "groups": groups if isinstance(groups, str) else labels,
        "frames": [m.tolist() for m in members],
    }
    inputs = [provenance.content_sha256(profiles)]
    schema.validate_profile_or_cake(data)
    return provenance.append(data, "average", settings, inputs=inputs, history=profiles)


def _carried(
    profiles: xr.Dataset,
    members: list[NDArray[np.intp]],
    weights: NDArray[np.float64],
    dims: tuple[str, ...],
) -> dict[str, xr.DataArray]:
    """Return the mean error of the positions, one calibration for all frames, where there is one,
    and the sum of the outliers left out."""
    out: dict[str, xr.DataArray] = {}
    for name, added in ((f"{dims[-1]}_sigma", False), ("n_outliers", True)):
        if name not in profiles or profiles[name].dims != dims:
            continue
        values = profiles[name].values
        weight = np.where(np.isfinite(values), weights.reshape(values.shape), 0.0)
        rows = []
        for m in members:
            total = np.sum(weight[m], axis=0)
            mean = np.sum(weight[m] * np.nan_to_num(values[m]), axis=0)
            mean = np.where(total > 0, mean / np.where(total > 0, total, 1.0), np.nan)
            rows.append(np.sum(values[m], axis=0) if added else mean)
        out[name] = xr.DataArray(np.stack(rows), dims=dims, attrs=profiles[name].attrs)
    return out


def take(stack: Stack, rows: NDArray[np.intp]) -> Stack:
    """Return the curves of `stack` at positions `rows`."""
    whole = vars(stack)
    by_curve = ("intensity", "errors", "band", "mean", "spread", "ledger")
    picked = {n: None if whole[n] is None else whole[n][rows] for n in by_curve}
    return Stack(**{**whole, **picked, "sums": {n: v[rows] for n, v in stack.sums.items()}})
