"""NXcanSAS: Q, I and Idev in HDF5, as programs for small-angle scattering read them.

Source: NeXus application definition NXcanSAS 1.1, manual.nexusformat.org/classes/applications.
"""

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from xrdkit.errors import EmptyResult, SchemaError
from xrdkit.provenance import ATTRIBUTE, package_version
from xrdkit.schema import FRAME, PROFILE, validate
from xrdkit.store.export._hdf5 import Tree
from xrdkit.store.export._result import has_points
from xrdkit.store.export.nxcansas_fit import is_fit, put_fit
from xrdkit.store.export.nxcansas_units import intensity_unit

_RESOLUTION = "q_resolution"


def write_nxcansas(
    data: xr.Dataset, path: str | Path, *, title: str = "", overwrite: bool = False
) -> Path:
    """Write the profile(s) of `data` over q as NXcanSAS and return the file.

    Each frame becomes one SASentry (``sasentry``, or ``sasentry_000007`` after its number) with
    ``Q`` in 1/nm (the coordinate of the bins), ``Qmean`` and ``Qdev`` where the profile has them
    (mean position of the pixels; standard deviation of q: the resolution, and the positions of the
    pixels, in quadrature where both are known), ``I`` and ``Idev``, the standard error. Numbers are
    written as they are; bins without a pixel are left out. `title` says what was measured.
    `xrdkit.read_profile` reads the file back. A slit becomes the resolution ``dQl``.

    A fit of such a curve (sizes, models) is written as the curve that was fitted, with the fitted
    curve, all numbers and the size distribution beside it (`xrdkit.store.export.nxcansas_fit`).

    Raises SchemaError where `data` is neither over q, EmptyResult where one has no point,
    ResultExists, StoreFull, StoreError.
    """
    target = Path(path)
    fit = is_fit(data)
    if data.attrs.get("schema") != PROFILE.name and not fit:
        raise SchemaError("NXcanSAS holds profiles and fits of them over q", source=target)
    if not fit:
        validate(data, PROFILE)
    if "q" not in data["intensity"].dims:
        raise SchemaError("NXcanSAS holds profiles over q only", source=target)
    framed = FRAME in data["intensity"].dims
    names = ["sasentry"]
    if framed:
        numbers = data[FRAME].values if FRAME in data.coords else range(data.sizes[FRAME])
        names = [f"sasentry_{int(k):06d}" for k in numbers]
    # A frame of a series without a point has no entry.
    places = [k for k in range(len(names)) if not framed or has_points(data.isel({FRAME: k}))]
    if not places:
        raise EmptyResult("there is no profile with a point to write", source=target)
    tree = Tree(names[places[0]])
    for k in places:
        name = names[k]
        one = data.isel({FRAME: k}) if framed else data
        _entry(tree, name, one, title or target.stem, target)
        if fit:
            put_fit(tree, name, one)
    tree.write(target, overwrite=overwrite)
    return target


def _entry(tree: Tree, name: str, data: xr.Dataset, title: str, target: Path) -> None:
    tree.group(name, "NXentry", canSAS_class="SASentry", version="1.1", default="sasdata")
    tree.put(f"{name}/definition", "NXcanSAS")
    tree.put(f"{name}/title", title)
    tree.put(f"{name}/run", _text(data, FRAME) or "1")
    _curve(tree, f"{name}/sasdata", data, target)
    _instrument(tree, f"{name}/sasinstrument", data)
    _sample(tree, f"{name}/sassample", data, title)
    process = f"{name}/sasprocess"
    tree.group(process, "NXprocess", canSAS_class="SASprocess")
    tree.put(f"{process}/name", "xrdkit")
    tree.put(f"{process}/version", package_version())
    tree.group(f"{process}/sasprocessnote", "NXnote", canSAS_class="SASprocessnote")
    tree.put(f"{process}/sasprocessnote/type", "application/json")
    tree.put(f"{process}/sasprocessnote/data", str(data.attrs.get(ATTRIBUTE, "[]")))


def _curve(tree: Tree, path: str, data: xr.Dataset, target: Path) -> None:
    columns = {"Q": data["q"], "I": data["intensity"]}
    for name, variable in (("Idev", "sigma"), ("Qmean", "q_mean")):
        if variable in data and data[variable].dims == ("q",):
            columns[name] = data[variable]
    spreads = [data[n] for n in (_RESOLUTION, "q_spread") if n in data and data[n].dims == ("q",)]
    if spreads:
        columns["Qdev"] = spreads[0] if len(spreads) == 1 else sum(s**2 for s in spreads) ** 0.5
    values = {name: np.asarray(c.values, dtype=np.float64) for name, c in columns.items()}
    good = np.all(np.isfinite(np.stack([values["Q"], values["I"]])), axis=0)
    if not good.any():
        raise EmptyResult("the profile has no point", source=target)
    tree.group(
        path,
        "NXdata",
        canSAS_class="SASdata",
        signal="I",
        I_axes="Q",
        axes="Q",
        Q_indices=np.int64(0),
    )
    unit = intensity_unit(data["intensity"])
    more: dict[str, dict[str, Any]] = {name: {} for name in values}
    if "Idev" in values:
        more["I"]["uncertainties"] = "Idev"
    if "Qdev" in values:
        more["Q"]["resolutions"] = "Qdev"
    slit = data.attrs.get("slit_length")
    if slit is not None:
        # Qdev then is what the bins add, which readers of slit-smeared curves do not look for.
        more["Q"]["resolutions"] = "dQl"
    for name, column in values.items():
        units = unit if name in ("I", "Idev") else "1/nm"
        tree.put(f"{path}/{name}", column[good], units=units, **more[name])
    if slit is not None:
        tree.put(f"{path}/dQl", np.full(int(good.sum()), float(slit)), units="1/nm")


def _instrument(tree: Tree, path: str, data: xr.Dataset) -> None:
    tree.group(path, "NXinstrument", canSAS_class="SASinstrument")
    tree.group(f"{path}/sassource", "NXsource", canSAS_class="SASsource")
    tree.put(f"{path}/sassource/probe", "x-ray")
    if "wavelength" in data.coords:
        wavelength = float(np.atleast_1d(data["wavelength"].values)[0])
        tree.put(f"{path}/sassource/incident_wavelength", wavelength, units="angstrom")


def _sample(tree: Tree, path: str, data: xr.Dataset, title: str) -> None:
    tree.group(path, "NXsample", canSAS_class="SASsample")
    tree.put(f"{path}/name", title)
    for name in ("transmission", "thickness", "temperature"):
        value = data.coords.get(name)
        if value is not None and value.ndim == 0 and np.isfinite(float(value)):
            attrs = {"units": str(value.attrs["units"])} if "units" in value.attrs else {}
            tree.put(f"{path}/{name}", float(value), **attrs)


def _text(data: xr.Dataset, name: str) -> str:
    return str(data[name].values) if name in data.coords else ""
