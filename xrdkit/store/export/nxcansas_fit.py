"""What a fit adds to an NXcanSAS entry: the fitted curve, the numbers, the distribution.

NXcanSAS has no place of its own for results of fits. Programs that read it find the measured curve
as ever; beside it stands the fitted one as a second SASdata, and plain NeXus groups hold the rest.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from xrdkit.store.export._hdf5 import Tree
from xrdkit.store.export.nxcansas_units import intensity_unit

_METHOD = "size_method"
_CURVES = {
    "intensity_calculated": ("sasdata_fit", "fitted curve"),
    "background": ("sasdata_background", "background of the fitted curve"),
}


def is_fit(data: xr.Dataset) -> bool:
    """Return whether `data` holds a measured curve over q beside a fitted one."""
    names = ("intensity", "intensity_calculated")
    return all(name in data and "q" in data[name].dims for name in names)


def put_fit(tree: Tree, entry: str, data: xr.Dataset) -> None:
    """Add to the group `entry` of `tree` what one frame of a fit has found.

    ``sasdata_fit`` and ``sasdata_background`` are curves over Q. ``distribution`` is an NXdata of
    every variable over ``radius``. ``results`` is an NXcollection of all further numbers, with
    units and long names; those that have labels carry them in the attribute ``labels``. Where
    several methods were compared, there is one of each for every method, with its name at the end.
    """
    for end, said, one in _methods(data):
        for name, (group, title) in _CURVES.items():
            if name in one:
                _curve(tree, f"{entry}/{group}{end}", one, name, title + said)
        _distribution(tree, f"{entry}/distribution{end}", one)
        _results(tree, f"{entry}/results{end}", one)


def _methods(data: xr.Dataset) -> Iterator[tuple[str, str, xr.Dataset]]:
    """Yield the ends of names and titles, and what was found, of each method that was fitted."""
    if _METHOD not in data.dims:
        yield "", "", data
        return
    for k, name in enumerate(map(str, data[_METHOD].values)):
        yield f"_{name}", f", {name}", data.isel({_METHOD: k})


def _curve(tree: Tree, path: str, data: xr.Dataset, name: str, title: str) -> None:
    q = np.asarray(data["q"].values, dtype=np.float64)
    values = np.asarray(data[name].values, dtype=np.float64)
    good = np.isfinite(values)
    if not good.any():
        return
    tree.group(
        path,
        "NXdata",
        canSAS_class="SASdata",
        signal="I",
        I_axes="Q",
        axes="Q",
        Q_indices=np.int64(0),
        title=title,
    )
    tree.put(f"{path}/Q", q[good], units="1/nm")
    tree.put(f"{path}/I", values[good], units=intensity_unit(data[name]))


def _distribution(tree: Tree, path: str, data: xr.Dataset) -> None:
    names = [n for n in map(str, data.data_vars) if data[n].dims == ("radius",)]
    if "distribution_volume" not in names:
        return
    tree.group(path, "NXdata", signal="distribution_volume", axes="radius", radius_indices=0)
    for name in ("radius", *names):
        tree.put(f"{path}/{name}", data[name].values.astype(np.float64), **_attrs(data[name]))


def _results(tree: Tree, path: str, data: xr.Dataset) -> None:
    tree.group(path, "NXcollection")
    for name in sorted(map(str, data.data_vars)):
        one = data[name]
        if len(one.dims) > 1 or any(d in ("q", "radius") for d in one.dims):
            continue
        attrs = _attrs(one)
        if one.dims and one.dims[0] in data.coords:
            labels = data[one.dims[0]].values
            attrs["labels"] = [str(label) for label in labels]
        if one.dtype.kind in "iuf":
            tree.put(f"{path}/{name}", one.values, **attrs)
        elif not one.dims:
            tree.put(f"{path}/{name}", str(one.values), **attrs)


def _attrs(one: xr.DataArray) -> dict[str, Any]:
    keys = ("units", "long_name")
    return {key: str(one.attrs[key]) for key in keys if one.attrs.get(key)}
