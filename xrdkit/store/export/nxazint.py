"""NXazint1d and NXazint2d: azimuthally integrated frames in HDF5.

Source: NeXus application definitions NXazint1d and NXazint2d (release 2025.11),
github.com/nexusformat/definitions.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from xrdkit.constants import HC_KEV_ANGSTROM
from xrdkit.errors import SchemaError
from xrdkit.provenance import ATTRIBUTE, package_version, steps
from xrdkit.schema import CAKE, FRAME, PROFILE, radial_dim, validate
from xrdkit.store.export._hdf5 import Tree

_ARBITRARY = "arbitrary units"
_LONG = {"q": "q", "two_theta": "2theta"}
_UNIT = {"q": "q", "two_theta": "2th"}
_DATA, _INPUT = "entry/data", "entry/reduction/input"
_NOT_STATED = "not stated"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a definition asks for and a result does not know."""

    instrument: str = _NOT_STATED
    """Name of the instrument or beamline."""
    laboratory: str = _NOT_STATED
    """Name of the laboratory."""
    source_type: str | None = None
    """Kind of source in NeXus' words, such as ``"Synchrotron X-ray Source"``, ``"Rotating Anode
    X-ray"`` or ``"Fixed Tube X-ray"``; None leaves it out."""
    date: str | None = None
    """When the file was made, ISO 8601; None: now."""


def write_nxazint(
    data: xr.Dataset,
    path: str | Path,
    *,
    origin: Origin | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a profile as NXazint1d, or a cake as NXazint2d, and return the file.

    ``I`` (frame, radial) or (frame, azimuth, radial) and ``I_errors``, the standard error, are NaN
    where a bin has no pixel; ``radial_axis`` is in 1/nm or degree, with its edges; numbers are
    written as they are. ``n_pixels`` and ``normalization`` are added where the result has them, and
    the provenance is in ``reduction/input``. `origin` holds what the definition asks for and the
    result does not know. With a given date the same result gives the same bytes.

    Raises SchemaError where `data` is neither, or over another axis than q or the scattering angle,
    ResultExists, StoreFull, StoreError.
    """
    target, stated = Path(path), origin or Origin()
    is_cake = data.attrs.get("schema") == CAKE.name
    if data.attrs.get("schema") not in (PROFILE.name, CAKE.name):
        raise SchemaError("NXazint holds profiles and cakes, not other results", source=target)
    validate(data, CAKE if is_cake else PROFILE)
    axis = radial_dim(data)
    if axis not in _LONG:
        raise SchemaError(f"NXazint has no axis {axis!r}, only q and 2theta", source=target)
    tree = Tree("entry")
    tree.group("entry", "NXentry", default="data")
    tree.put("entry/definition", "NXazint2d" if is_cake else "NXazint1d")
    _flags(tree, data)
    _instrument(tree, data, stated)
    _reduction(tree, data, stated, _UNIT[axis], is_cake=is_cake)
    _monitor(tree, data)
    _data(tree, data, axis, is_cake=is_cake)
    tree.write(target, overwrite=overwrite)
    return target


def _flags(tree: Tree, data: xr.Dataset) -> None:
    tree.put("entry/solid_angle_applied", np.bool_(data.attrs.get("solid_angle_corrected", 0)))
    tree.put("entry/polarization_applied", np.bool_("polarization_factor" in data.attrs))
    tree.put("entry/normalization_applied", np.bool_(True))
    tree.put("entry/monitor_applied", np.bool_(data["intensity"].attrs["units"] != "count"))


def _instrument(tree: Tree, data: xr.Dataset, stated: Origin) -> None:
    path = "entry/instrument"
    tree.group(path, "NXinstrument")
    tree.put(f"{path}/name", stated.instrument)
    tree.group(f"{path}/monochromator", "NXmonochromator")
    if "wavelength" in data.coords:
        wavelength = float(np.atleast_1d(data["wavelength"].values)[0])
        tree.put(f"{path}/monochromator/wavelength", wavelength, units="angstrom")
        tree.put(f"{path}/monochromator/energy", HC_KEV_ANGSTROM / wavelength, units="keV")
    tree.group(f"{path}/source", "NXsource")
    tree.put(f"{path}/source/name", stated.laboratory)
    tree.put(f"{path}/source/probe", "x-ray")
    if stated.source_type is not None:
        tree.put(f"{path}/source/type", stated.source_type)


def _reduction(tree: Tree, data: xr.Dataset, stated: Origin, unit: str, *, is_cake: bool) -> None:
    path = "entry/reduction"
    tree.group(path, "NXprocess")
    tree.put(f"{path}/program", "xrdkit")
    tree.put(f"{path}/version", package_version())
    tree.put(f"{path}/date", stated.date or datetime.now(UTC).isoformat(timespec="seconds"))
    tree.put(f"{path}/reference", "https://github.com/xrdkit/xrdkit")
    tree.put(
        f"{path}/note",
        "intensity and standard error are per pixel at the point of normal incidence; azimuth is 0 "
        "along +x (columns) and 90 along +y (rows)",
    )
    tree.group(_INPUT, "NXparameters")
    tree.put(f"{_INPUT}/unit", unit)
    if is_cake:
        tree.put(f"{_INPUT}/azimuth_bins", np.int64(data.sizes["azimuth"]))
    if "polarization_factor" in data.attrs:
        tree.put(f"{_INPUT}/polarization_factor", float(data.attrs["polarization_factor"]))
    tree.put(f"{_INPUT}/intensity_unit", str(data["intensity"].attrs["units"]))
    tree.put(f"{_INPUT}/steps", " > ".join(step.step for step in steps(data)))
    tree.put(f"{_INPUT}/provenance", str(data.attrs.get(ATTRIBUTE, "[]")))


def _monitor(tree: Tree, data: xr.Dataset) -> None:
    if "monitor" in data.coords and data["monitor"].dims in ((FRAME,), ()):
        attrs = {k: str(v) for k, v in data["monitor"].attrs.items() if k == "units"}
        tree.group("entry/monitor", "NXmonitor")
        values = np.atleast_1d(np.asarray(data["monitor"].values, dtype=np.float64))
        tree.put("entry/monitor/data", values, **attrs)


def _data(tree: Tree, data: xr.Dataset, axis: str, *, is_cake: bool) -> None:
    inner = ["azimuth", axis] if is_cake else [axis]
    names = ["azimuthal_axis", "radial_axis"] if is_cake else ["radial_axis"]
    tree.group(
        _DATA,
        "NXdata",
        signal="I",
        axes=[".", *names],
        interpretation="image" if is_cake else "spectrum",
    )
    fields: dict[str, tuple[str, dict[str, Any]]] = {
        "I": ("intensity", {"long_name": "intensity", "units": _ARBITRARY}),
        "I_errors": ("sigma", {"long_name": "estimated intensity error", "units": _ARBITRARY}),
        "n_pixels": ("n_pixels", {"long_name": "number of pixels in the bin"}),
        "normalization": (
            "normalization",
            {"long_name": "sum of the pixel weights times the dose"},
        ),
    }
    for name, (variable, attrs) in fields.items():
        if variable in data:
            array = data[variable]
            array = array if FRAME in array.dims else array.expand_dims(FRAME)
            tree.put(f"{_DATA}/{name}", array.transpose(FRAME, *inner).values, **attrs)
    unit, text = str(data[axis].attrs["units"]), _LONG[axis]
    tree.put(f"{_DATA}/radial_axis", data[axis].values, units=unit, long_name=text)
    if f"{axis}_edges" in data.coords:
        edges = data[f"{axis}_edges"].values
        tree.put(f"{_DATA}/radial_axis_edges", edges, units=unit, long_name=f"{text} bin edges")
    if is_cake:
        azimuth, label = data["azimuth"].values, "azimuthal bin center"
        tree.put(f"{_DATA}/azimuthal_axis", azimuth, units="degree", long_name=label)
