"""The labelled Dataset of merged profiles."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import schema
from xrdkit.profiles.combining import with_modes
from xrdkit.profiles.scales import Scale
from xrdkit.profiles.stack import Stack, stack_coordinates, stack_variables
from xrdkit.provenance import ATTRIBUTE

Array = NDArray[np.float64]

PROFILE = "profile"


def merged_dataset(
    profiles: Sequence[xr.Dataset],
    axis: str,
    bins: tuple[Array, Array, Array],
    joined: Sequence[tuple[Stack, NDArray[np.int64]]],
    scales: Sequence[Sequence[Scale]],
    names: Sequence[str],
    reference: int,
    alpha: float,
) -> xr.Dataset:
    """Return the Dataset of merged curves, one of `joined` and `scales` for each frame."""
    template = profiles[reference]
    framed = any(schema.FRAME in p.dims for p in profiles)
    lead = (schema.FRAME,) if framed else ()
    stack = with_modes([curve for curve, _ in joined], [[] for _ in joined])
    origin = np.stack([bits for _, bits in joined])
    variables = stack_variables(stack, template, (*lead, axis))

    def rows(values: NDArray[Any]) -> NDArray[Any]:
        return values if framed else values[0]

    variables["origin"] = (
        (*lead, axis),
        rows(origin),
        {
            "units": "1",
            "long_name": "profiles that are in the bin",
            "flag_masks": np.array([1 << k for k in range(len(profiles))]),
            "flag_meanings": " ".join(names),
        },
    )
    for name, (values, text) in _outcome(scales, alpha).items():
        attrs = (
            {"long_name": text} if values.dtype.kind == "U" else {"units": "1", "long_name": text}
        )
        variables[name] = ((*lead, PROFILE), rows(values), attrs)
    data = xr.Dataset(variables, attrs=_agreed([p.attrs for p in profiles]))
    data = data.assign_coords(_coordinates(profiles, axis, bins, reference, framed))
    data = data.assign_coords(stack_coordinates(stack))
    return data.assign_coords({PROFILE: (PROFILE, list(names))})


def _outcome(
    scales: Sequence[Sequence[Scale]], alpha: float
) -> dict[str, tuple[NDArray[Any], str]]:
    def table(pick: Any) -> NDArray[Any]:
        return np.array([[pick(s) for s in row] for row in scales])

    def verdict(scale: Scale) -> str:
        if scale.joined is None or not np.isfinite(scale.joined.test.p_value):
            return "untested"
        return "agree" if scale.joined.test.p_value >= alpha else "disagree"

    def tested(name: str) -> Any:
        return lambda s: np.nan if s.joined is None else getattr(s.joined.test, name)

    return {
        "scale": (table(lambda s: s.factor), "factor that brings the profile onto the reference"),
        "scale_sigma": (table(lambda s: s.sigma), "standard error of scale"),
        "overlap_points": (
            table(lambda s: 0 if s.joined is None else s.joined.points),
            "number of bins compared in the overlap",
        ),
        "overlap_chi2": (table(tested("chi2")), "chi-square of the overlap after scaling"),
        "overlap_dof": (table(tested("mean")), "expectation of overlap_chi2 where shapes agree"),
        "overlap_p_value": (
            table(tested("p_value")),
            "probability of so large an overlap_chi2 where shapes agree",
        ),
        "overlap_verdict": (table(verdict), "whether the shapes agree in the overlap"),
    }


def _agreed(attributes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the attributes that all profiles have alike; the provenance is put in later."""
    first = attributes[0]
    return {
        key: value
        for key, value in first.items()
        if key != ATTRIBUTE
        and all(key in a and np.array_equal(a[key], value) for a in attributes[1:])
    }


def _coordinates(
    profiles: Sequence[xr.Dataset],
    axis: str,
    bins: tuple[Array, Array, Array],
    reference: int,
    framed: bool,
) -> dict[str, Any]:
    unit, name = schema.RADIAL[axis], schema.RADIAL_NAMES[axis]
    centre, low, high = bins
    coords: dict[str, Any] = {axis: (axis, centre, {"units": unit, "long_name": name})}
    if np.allclose(high[:-1], low[1:], rtol=1e-9, atol=0):
        label = {"units": unit, "long_name": f"bin edges of the {name}"}
        coords[f"{axis}_edges"] = (f"{axis}_edge", np.append(low, high[-1]), label)
    for end, values in (("low", low), ("high", high)):
        text = f"{'lower' if end == 'low' else 'upper'} edge of the bin"
        coords[f"{axis}_{end}"] = (axis, values, {"units": unit, "long_name": text})
    for profile in (profiles[reference], *profiles):
        for key, coord in profile.coords.items():
            alike = all(key in p.coords and p[key].equals(profile[key]) for p in profiles)
            over_frames = framed and coord.dims == (schema.FRAME,)
            rest = alike and coord.dims in ((), ("emission_line",))
            if (over_frames or rest) and key not in coords:
                coords[str(key)] = (coord.dims, coord.values, dict(coord.attrs))
    return coords
