"""Which attributes a result may carry, and how they come back from a file as they went in."""

from typing import Any

import numpy as np
import xarray as xr

from xrdkit.errors import SchemaError

#: Attributes that belong to the file, not to the Dataset: set by `save`, removed by `load`.
CONTENT_DIGEST = "content_sha256"
#: netCDF stores an array of one number as a number: "owner/attribute" of those that were arrays.
SINGLE = "single_value_arrays"
FILE_ATTRIBUTES = (CONTENT_DIGEST, SINGLE)
_INT64 = 2**63


def refuse_odd_attributes(data: xr.Dataset) -> None:
    """Raise SchemaError for an attribute that is not a str, int, float or array of numbers."""
    for owner, attrs in _owners(data):
        for name, value in attrs.items():
            if not isinstance(name, str) or not name or "/" in name:
                raise SchemaError(f"{owner or 'Dataset'}: {name!r} is no name of an attribute")
            fault = _fault(value)
            if fault:
                raise SchemaError(
                    f"{owner or 'Dataset'}: attribute {name!r} {fault}",
                    hint="attributes are str, int, float or arrays of numbers",
                )


def single_value_arrays(data: xr.Dataset) -> str:
    """Return "owner/attribute" of each attribute that is an array of one number, one per line."""
    found = [
        f"{owner}/{name}"
        for owner, attrs in _owners(data)
        for name, value in attrs.items()
        if isinstance(value, np.ndarray) and value.size == 1
    ]
    return "\n".join(sorted(found))


def restored(data: xr.Dataset) -> xr.Dataset:
    """Return `data` as it was before `save`: numbers as Python's own, arrays as arrays."""
    arrays = set(str(data.attrs.get(SINGLE, "")).split("\n"))
    out = data.copy(deep=False)
    for owner, attrs in _owners(out):
        for name, value in list(attrs.items()):
            if f"{owner}/{name}" in arrays:
                attrs[name] = np.atleast_1d(value)
            elif isinstance(value, np.generic):
                attrs[name] = value.item()
    for name in FILE_ATTRIBUTES:
        out.attrs.pop(name, None)
    return out


def _owners(data: xr.Dataset) -> list[tuple[str, dict[Any, Any]]]:
    return [("", data.attrs), *((str(name), data[name].attrs) for name in data.variables)]


def _fault(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "is a truth value: store 0 or 1"
    if isinstance(value, str):
        return "holds a null character" if "\0" in value else ""
    if isinstance(value, int):
        return "" if -_INT64 <= value < _INT64 else "does not fit into 64 bits"
    if isinstance(value, float | np.integer | np.floating):
        return ""
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "iuf":
            return f"is an array of {value.dtype}"
        return "" if value.ndim == 1 else f"is an array of {value.ndim} dimensions, not 1"
    return f"is a {type(value).__name__}"
