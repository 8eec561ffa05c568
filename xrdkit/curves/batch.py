"""Several curve files to one profile along ``frame``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.curves.facts import FACTS
from xrdkit.curves.profile import DECLARED, RESOLUTION, STATED
from xrdkit.curves.read import read_profile
from xrdkit.curves.series import coordinate_attrs
from xrdkit.errors import CurveError, SchemaError
from xrdkit.provenance import append, content_sha256, steps
from xrdkit.schema import FRAME, PROFILE, radial_dim, validate

Array = NDArray[np.float64]

#: Axes that differ by less, relatively, are one: files round their numbers.
_SAME_AXIS = 1e-6
_MOST_POINTS = 5000
#: What must be the same of all curves: it changes the model, not the numbers.
_ALIKE = ("slit_smeared", "slit_length", "slit_length_stated", "radiation", DECLARED, STATED)


def read_profiles(paths: Sequence[str | Path], **options: Any) -> xr.Dataset:
    """Return curve files, one curve in each, as one profile Dataset (PROFILE) along ``frame``.

    `paths` are the files in the order of the frames; `options` are those of `read_profile` and hold
    for every file. The coordinate ``source_file`` names the file of each frame; what the files
    state of the measurement becomes coordinates over ``frame``. See `join_profiles` for curves of
    different positions. Raises CurveError naming the file, as `read_profile` does.
    """
    if isinstance(paths, str | Path) or not paths:
        raise CurveError(
            "read_profiles takes a list of files", hint="read_profile reads a single one"
        )
    return join_profiles([read_profile(path, **options) for path in paths])


def join_profiles(curves: Sequence[xr.Dataset]) -> xr.Dataset:
    """Return profiles without ``frame`` as one along ``frame``, in their order.

    Where their positions agree to a millionth, the axis of the first holds. Where they differ, the
    axis has all positions of all curves, and the intensity of a curve is NaN at those that are not
    its own: fits leave these out and give the numbers of each curve by itself. The argument is not
    changed. Raises SchemaError for what is no such profile, CurveError where axes, units, presence
    of standard errors, or what is known of the smearing differ, or there would be more than 5000
    positions.
    """
    if not curves:
        raise CurveError("there is no curve to join")
    first = curves[0]
    for number, curve in enumerate(curves):
        validate(curve, PROFILE)
        if FRAME in curve.dims:
            raise SchemaError(f"curve {number} has several frames; join single curves")
        why = difference(first, curve)
        if why:
            raise CurveError(
                f"{why} of curves 0 and {number} differ",
                source=curve.attrs.get("source_file"),
                hint="read them separately",
            )
    axis = radial_dim(first)
    positions = _axis([np.asarray(c[axis].values, dtype=np.float64) for c in curves])
    variables = {
        name: _stacked(curves, name, axis, positions)
        for name in ("intensity", "sigma", RESOLUTION)
        if name in first
    }
    if RESOLUTION in variables:
        variables[RESOLUTION] = _shared(variables[RESOLUTION], first)
    coords: dict[str, Any] = {
        axis: (axis, positions, dict(first[axis].attrs)),
        FRAME: (FRAME, np.arange(len(curves)), {"long_name": "frame number"}),
        "source_file": (
            FRAME,
            np.array([str(c.attrs.get("source_file", "")) for c in curves]),
            {"long_name": "file of the curve"},
        ),
    }
    coords |= {str(n): c.variable for n, c in first.coords.items() if c.dims == ("emission_line",)}
    for name in FACTS:
        if any(name in c.coords for c in curves):
            empty: float | str = np.nan if FACTS[name].unit else ""
            values = [c.coords[name].item() if name in c.coords else empty for c in curves]
            kind = float if FACTS[name].unit else str
            coords[name] = (FRAME, np.array(values, dtype=kind), coordinate_attrs(name))
    attrs = {k: v for k, v in first.attrs.items() if all(c.attrs.get(k) == v for c in curves)}
    attrs.pop("provenance", None)
    attrs["dropped_points"] = int(sum(c.attrs.get("dropped_points", 0) for c in curves))
    data = xr.Dataset(variables, coords, {**attrs, "schema": PROFILE.name})
    inputs = [content_sha256(c) for c in curves]
    settings = {"others": [steps(c) for c in curves[1:]]}
    return validate(append(data, "join_profiles", settings, inputs=inputs, history=first), PROFILE)


def difference(first: xr.Dataset, one: xr.Dataset) -> str | None:
    """Return what keeps two curves from standing in one profile; None where nothing does."""
    if radial_dim(one) != radial_dim(first):
        return "the axes"
    if first["intensity"].attrs["units"] != one["intensity"].attrs["units"]:
        return "the units of the intensity"
    for name in ("sigma", RESOLUTION):
        if (name in first) != (name in one):
            return f"the variables (one has {name}, one has none)"
    for name in _ALIKE:
        if first.attrs.get(name) != one.attrs.get(name):
            return f"the values of {name}"
    for name in ("wavelength", "emission_weight"):
        if name in first.coords and not np.array_equal(first[name].values, one[name].values):
            return "the wavelengths"
    return None


def _axis(axes: Sequence[Array]) -> Array:
    first = axes[0]
    if all(a.size == first.size and np.allclose(a, first, rtol=_SAME_AXIS, atol=0) for a in axes):
        return first
    union: Array = np.unique(np.concatenate(axes))
    apart = np.diff(union, prepend=-np.inf) > _SAME_AXIS * np.abs(union)
    union = union[apart]
    if union.size > _MOST_POINTS:
        raise CurveError(
            f"the curves have {union.size} different positions together, more than {_MOST_POINTS}",
            hint="read the curves of one setting of the instrument together",
        )
    return union


def _stacked(curves: Sequence[xr.Dataset], name: str, axis: str, positions: Array) -> Any:
    rows = np.full((len(curves), positions.size), np.nan)
    for row, curve in zip(rows, curves, strict=True):
        own = np.asarray(curve[axis].values, dtype=np.float64)
        values = np.asarray(curve[name].values, dtype=np.float64)
        if name == RESOLUTION:
            # It belongs to the instrument: between the points of a curve it goes on.
            row[:] = np.interp(positions, own, values)
            continue
        after = np.searchsorted(positions, own * (1 - 2 * _SAME_AXIS))
        row[after] = values
    return ((FRAME, axis), rows, dict(curves[0][name].attrs))


def _shared(variable: Any, first: xr.Dataset) -> Any:
    """Return a resolution without ``frame`` where all curves have the same."""
    dims, rows, attrs = variable
    return (dims[1:], rows[0], attrs) if np.all(rows == rows[0]) else variable
