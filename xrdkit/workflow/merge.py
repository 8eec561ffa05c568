"""Results of consecutive frames joined into one."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from xrdkit.canonical import canonical_json
from xrdkit.errors import SchemaError
from xrdkit.provenance import ATTRIBUTE
from xrdkit.schema import FRAME


def join(parts: Sequence[xr.Dataset]) -> xr.Dataset:
    """Return `parts` after one another along ``frame``.

    What does not depend on the frame (bins, wavelength, mask, attributes) must be equal in all. The
    steps of the provenance must have the same settings; their inputs and files are listed together.
    A coordinate that some parts lack is NaN there, and so are numbers for a label (a reflection,
    say) that some parts lack. Raises SchemaError where the parts do not fit.
    """
    if len(parts) == 1:
        return parts[0]
    filled = _with_all_labels(_with_all_coordinates(parts))
    provenance = _joined_provenance([str(p.attrs.get(ATTRIBUTE, "[]")) for p in parts])
    bare = [p.assign_attrs({ATTRIBUTE: provenance}) for p in filled]
    try:
        return xr.concat(
            bare,
            dim=FRAME,
            data_vars="minimal",
            coords="minimal",
            compat="equals",
            join="exact",
            combine_attrs="identical",
        )
    except (ValueError, xr.MergeError) as exc:
        raise SchemaError(f"blocks of frames do not fit together: {exc}") from exc


def _with_all_coordinates(parts: Sequence[xr.Dataset]) -> list[xr.Dataset]:
    known: dict[str, xr.DataArray] = {}
    for part in parts:
        for name, array in part.coords.items():
            if array.dims == (FRAME,):
                known.setdefault(str(name), array)
    out = []
    for part in parts:
        missing = [name for name in known if name not in part.coords]
        more = {n: (FRAME, _nothing(known[n], part.sizes[FRAME]), known[n].attrs) for n in missing}
        out.append(part.assign_coords(more))
    return out


def _with_all_labels(parts: Sequence[xr.Dataset]) -> list[xr.Dataset]:
    """Return the parts with the same labels along dimensions that have only label variables.

    The labels of such a dimension (``reflection``) are all variables over it alone.
    """
    out = list(parts)
    for dim in sorted({str(d) for part in parts for d in part.dims if d != FRAME}):
        if any(dim in part.indexes or dim not in part.dims for part in out):
            continue
        names = [_labels(part, dim) for part in out]
        if all(found == names[0] for found in names):
            continue
        everything = list(dict.fromkeys(name for found in names for name in found))
        if any(len(set(found)) != len(found) for found in names):
            raise SchemaError(f"blocks of frames differ along {dim!r}, which has no labels")
        source = {name: (k, found.index(name)) for k, found in enumerate(names) for name in found}
        places = [source[name] for name in everything]
        whole = {
            variable: np.array([out[k][variable].values[i] for k, i in places])
            for variable in _label_variables(out[0], dim)
        }
        aligned = []
        for part, found in zip(out, names, strict=True):
            more = part.drop_vars(list(whole)).assign_coords({dim: found})
            more = more.reindex({dim: everything}).drop_vars(dim)
            attrs = {v: part[v].attrs for v in whole}
            aligned.append(more.assign({v: (dim, a, attrs[v]) for v, a in whole.items()}))
        out = aligned
    return out


def _label_variables(data: xr.Dataset, dim: str) -> list[str]:
    return sorted(str(name) for name, v in data.variables.items() if v.dims == (dim,))


def _labels(data: xr.Dataset, dim: str) -> list[str]:
    columns = [data[name].values.tolist() for name in _label_variables(data, dim)]
    return [repr(row) for row in zip(*columns, strict=True)]


def _nothing(like: xr.DataArray, count: int) -> np.ndarray[Any, Any]:
    return np.full(count, "") if like.dtype.kind in "UOT" else np.full(count, np.nan)


def _joined_provenance(texts: Sequence[str]) -> str:
    first, *others = [json.loads(text) for text in texts]
    for other in others:
        first = _joined(first, other, top=True)
    return canonical_json(first)


def _joined(first: Any, other: Any, *, top: bool = False) -> Any:
    """Return what two records say together: lists of names and digests are united."""
    if first == other:
        return first
    if isinstance(first, dict) and isinstance(other, dict) and first.keys() == other.keys():
        return {key: _joined(first[key], other[key]) for key in first}
    if isinstance(first, list) and isinstance(other, list):
        if top and len(first) == len(other):
            return [_joined(a, b) for a, b in zip(first, other, strict=True)]
        texts = all(isinstance(item, str) for item in [*first, *other])
        if not top and texts:
            return list(dict.fromkeys([*first, *other]))
    raise SchemaError("blocks of frames were made with different settings or software")
