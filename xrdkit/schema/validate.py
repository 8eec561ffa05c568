"""Check of a Dataset against its schema."""

from collections.abc import Hashable

import numpy as np
import xarray as xr

from xrdkit.errors import SchemaError
from xrdkit.schema.fields import ANY_RADIAL, FRAME, OPTIONAL_FRAME, RADIAL, Field, Schema
from xrdkit.schema.positions import radial_dim
from xrdkit.schema.reduction import CAKE, PROFILE

#: Labels and flags that explain themselves by other attributes.
_FREE_FIELDS = {"mask", "mask_reasons", "verdict"}


def validate(data: xr.Dataset, schema: Schema) -> xr.Dataset:
    """Return `data` itself after checking it against `schema`.

    Checked are presence, dimensions, units and ``long_name`` of every field, that the radial
    coordinate is finite and strictly monotonic, and that sigma is never negative. Nothing is
    loaded that is not in memory. Raises SchemaError naming the variable and the fault.
    """
    if not isinstance(data, xr.Dataset):
        raise SchemaError(
            f"{schema.name}: a {type(data).__name__} is no Dataset",
            hint="open files first: open_frames, load or read_profile",
        )
    needs_radial = any(ANY_RADIAL in f.dims for f in schema.fields.values())
    radial = radial_dim(data) if needs_radial else ""
    if radial:
        _check_radial(data, radial)
    for name, wanted in schema.fields.items():
        if name not in data.variables:
            if wanted.required:
                raise SchemaError(f"{schema.name}: variable {name!r} is missing")
            continue
        _check_field(data, name, wanted, radial, schema.name)
    for key in data.data_vars:
        is_error = key == "sigma" or str(key).endswith("_sigma")
        if is_error and bool((data.variables[key].values < 0).any()):
            raise SchemaError(f"{schema.name}: {key!r} holds a negative standard error")
    return data


def validate_profile_or_cake(data: xr.Dataset) -> xr.Dataset:
    """Return `data` itself after checking it against `CAKE` if it says it is one, else `PROFILE`.

    Raises SchemaError as `validate`.
    """
    is_cake = isinstance(data, xr.Dataset) and data.attrs.get("schema") == CAKE.name
    return validate(data, CAKE if is_cake else PROFILE)


def _check_radial(data: xr.Dataset, radial: str) -> None:
    values = np.asarray(data[radial].values, dtype=float)
    if values.size == 0 or not np.all(np.isfinite(values)):
        raise SchemaError(f"coordinate {radial!r} is empty or not finite")
    if values.size > 1 and not (np.all(np.diff(values) > 0) or np.all(np.diff(values) < 0)):
        raise SchemaError(f"coordinate {radial!r} is not strictly monotonic")
    unit = data[radial].attrs.get("units")
    if unit != RADIAL[radial]:
        raise SchemaError(f"coordinate {radial!r} is in {unit!r}, stored unit is {RADIAL[radial]}")


def _check_field(data: xr.Dataset, name: str, wanted: Field, radial: str, schema: str) -> None:
    variable = data.variables[name]
    dims: list[Hashable] = [radial if d == ANY_RADIAL else d for d in wanted.dims]
    if OPTIONAL_FRAME in dims:
        at = dims.index(OPTIONAL_FRAME)
        dims[at : at + 1] = [FRAME] if FRAME in data.dims else []
    if list(variable.dims) != dims:
        raise SchemaError(f"{schema}: {name!r} has dimensions {variable.dims}, not {tuple(dims)}")
    unit = variable.attrs.get("units")
    if wanted.units and unit not in wanted.units:
        raise SchemaError(
            f"{schema}: {name!r} has units {unit!r}, not one of {', '.join(wanted.units)}"
        )
    if "long_name" not in variable.attrs and name not in _FREE_FIELDS:
        raise SchemaError(f"{schema}: {name!r} has no long_name")
