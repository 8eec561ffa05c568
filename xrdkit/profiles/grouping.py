"""Which frames are added to which, and the coordinates of what comes out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from xrdkit.errors import EmptyResult, SpecError
from xrdkit.schema import FRAME

#: More labels than this are not listed one by one.
_LISTED = 4


def kept_frames(number: int, keep: ArrayLike | xr.DataArray | None) -> NDArray[np.bool_]:
    """Return which of `number` frames are kept; raise SpecError for another kind or number."""
    if keep is None:
        return np.ones(number, dtype=bool)
    kept = np.asarray(keep.values if isinstance(keep, xr.DataArray) else keep)
    if kept.dtype != bool or kept.shape != (number,):
        raise SpecError(
            f"keep has {kept.dtype} of shape {kept.shape}, for {number} frames",
            hint="one True or False for each frame, such as frame_quality(profile)['keep']",
        )
    if not kept.any():
        raise EmptyResult("no frame is kept", hint="look at the flags of the frames")
    return kept


def group_members(
    profiles: xr.Dataset,
    groups: str | Sequence[Any] | NDArray[Any] | xr.DataArray | None,
    kept: NDArray[np.bool_],
) -> tuple[list[NDArray[np.intp]], list[Any] | None]:
    """Return the positions of the kept frames of each group, and the labels of the groups.

    Groups stand in the order of their first kept frame; one without a kept frame is left out.
    Raises SpecError for a coordinate that is not there, labels of another number, or NaN.
    """
    if groups is None:
        return [np.flatnonzero(kept)], None
    number = profiles.sizes[FRAME]
    if isinstance(groups, str):
        if groups not in profiles.coords or profiles[groups].dims != (FRAME,):
            raise SpecError(f"no coordinate {groups!r} over the frames to group by")
        values = profiles[groups].values
    else:
        values = np.asarray(groups.values if isinstance(groups, xr.DataArray) else groups)
    if values.shape != (number,):
        raise SpecError(f"groups has {values.size} labels for {number} frames")
    if values.dtype.kind == "f" and np.isnan(values[kept]).any():
        at = int(np.flatnonzero(kept & np.isnan(values))[0])
        raise SpecError(f"frame {at} has no label to group by (NaN)", hint="leave it out by keep")
    members: dict[Any, list[int]] = {}
    for k in np.flatnonzero(kept).tolist():
        members.setdefault(values[k].item(), []).append(k)
    return [np.array(m) for m in members.values()], list(members)


def group_coordinates(
    profiles: xr.Dataset, members: list[NDArray[np.intp]]
) -> dict[str, tuple[str, NDArray[Any], dict[str, Any]]]:
    """Return the coordinates over ``frame`` of groups of frames.

    What is the same in all frames of a group stays. Numbers and times are averaged, standard errors
    (``<name>_sigma``) like those of independent values, and different labels are joined.
    """
    out: dict[str, tuple[str, NDArray[Any], dict[str, Any]]] = {}
    for key, coord in profiles.coords.items():
        name = str(key)
        if coord.dims != (FRAME,) or name == FRAME:
            continue
        error = name.endswith("_sigma") and name.removesuffix("_sigma") in profiles.coords
        rows = [_joined(coord.values[m], error=error) for m in members]
        out[name] = (FRAME, np.array(rows), dict(coord.attrs))
    counted = np.array([m.size for m in members], dtype=np.int64)
    label = {"units": "1", "long_name": "number of frames added"}
    out["n_frames"] = (FRAME, counted, label)
    return out


def _joined(values: NDArray[Any], *, error: bool) -> Any:
    kind = values.dtype.kind
    if error:
        return np.sqrt(np.sum(values.astype(float) ** 2)) / values.size
    if all(v == values[0] for v in values.tolist()):
        return values[0]
    if kind in "mM":
        start = values.min()
        return start + np.mean(values - start)
    if kind == "b":
        return bool(values.all())
    if kind in "iuf":
        return float(np.mean(values))
    labels = list(dict.fromkeys(str(v) for v in values.tolist()))
    if len(labels) <= _LISTED:
        return ", ".join(labels)
    return f"{labels[0]} ... {labels[-1]} ({len(labels)})"
