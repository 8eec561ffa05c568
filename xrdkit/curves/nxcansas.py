"""NXcanSAS: 1D data Q, I, Idev in HDF5.

Source: NeXus application definition NXcanSAS, manual.nexusformat.org/classes/applications.
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from xrdkit.curves.columns import Array, Columns
from xrdkit.curves.raw import RawCurve
from xrdkit.errors import CurveError, LinkRefused, SpecError, XrdkitError
from xrdkit.files import endless_heap
from xrdkit.units import canonical, factor

MAGIC = b"\x89HDF\r\n\x1a\n"
_DATA = "SASdata"
#: What h5py is seen to raise on bytes that make no sense.
_BAD_BYTES = (OSError, RuntimeError, LookupError, ValueError, TypeError, OverflowError)
_ABSOLUTE = {"1/cm", "cm^-1", "cm-1", "[cm2/cm3]", "cm2/cm3", "cm^2/cm^3"}


def read(file: Path, entry: str | None = None) -> RawCurve:
    """Return the curve of an NXcanSAS file; `entry` is the path of its data group.

    Without `entry` the file's ``default`` attributes decide, and without those the file must hold
    one data group. Raises CurveError where that is not so, Q and I are missing or unequal, or Q has
    no unit.
    """
    try:
        _refuse_endless(file)
        with h5py.File(file, "r") as tree:
            group = _data_group(tree, entry, file)
            return _curve(group, file)
    except XrdkitError:
        raise
    except _BAD_BYTES as exc:
        raise CurveError(f"is not a readable HDF5 file: {exc}", source=file) from exc


def _refuse_endless(file: Path) -> None:
    at = endless_heap(file)
    if at is not None:
        raise CurveError(
            f"is damaged: its texts have free space of no length at byte {at}",
            source=file,
            hint="take the file from its source again",
        )


def _is_data(node: Any) -> bool:
    if not isinstance(node, h5py.Group):
        return False
    return any(_said(node, key) == _DATA for key in ("canSAS_class", "NX_class"))


def _said(node: Any, *names: str, default: str = "") -> str:
    """Return the first attribute of these names that is a text; `default` where none is.

    Other types are never read: of damaged ones, the HDF5 library (2.0) may end the process.
    """
    for name in names:
        if name in node.attrs and node.attrs.get_id(name).get_type().get_class() == h5py.h5t.STRING:
            return _text(node.attrs[name])
    return default


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        value = value.ravel()[0] if value.size else ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _data_group(tree: h5py.File, entry: str | None, file: Path) -> h5py.Group:
    found: list[h5py.Group] = []
    tree.visititems(lambda _, node: found.append(node) if _is_data(node) else None)
    found = [g for g in found if "Q" in g and "I" in g]
    names = [str(g.name) for g in found]
    if entry is not None:
        wanted = "/" + entry.strip("/")
        if wanted not in names:
            raise CurveError(f"has no data {entry!r}", source=file, hint=f"it has {names}")
        return found[names.index(wanted)]
    if not found:
        own = _said(tree, "schema").startswith("xrdkit/")
        hint = "xrdkit.load opens results of this package" if own else None
        raise CurveError("holds no NXcanSAS data (SASdata with Q and I)", source=file, hint=hint)
    if len(found) == 1:
        return found[0]
    node: Any = tree
    while isinstance(node, h5py.Group) and not _is_data(node) and (name := _said(node, "default")):
        node = node.get(name)
    if isinstance(node, h5py.Group) and node.name in names:
        return found[names.index(str(node.name))]
    raise CurveError(
        f"holds {len(found)} curves", source=file, hint=f"choose one: entry= one of {names}"
    )


def _curve(group: h5py.Group, file: Path) -> RawCurve:
    q, intensity = _array(group, "Q", file), _array(group, "I", file)
    signal = group["I"]
    named = _said(signal, "uncertainties", "uncertainty", default="Idev")
    sigma = _array(group, named, file) if named in group else None
    for name, array in (("I", intensity), (named, sigma)):
        if array is not None and array.shape != q.shape:
            raise CurveError(
                f"{group.name}: {name} has shape {array.shape}, Q has {q.shape}", source=file
            )
    attrs: dict[str, str | int | float] = {"entry": str(group.name)}
    unit = _unit(group["Q"], file)
    stated = _said(group["Q"], "resolutions", default="Qdev").split(",")
    resolutions = [name.strip() for name in stated]
    resolution = None
    if "dQl" in resolutions and "dQl" in group:
        # dQl is the half length of a slit; a curve that was not desmeared carries it.
        attrs["slit_smeared"] = 1
        own = _unit(group["dQl"], file) or unit
        if own is not None:
            attrs["slit_length"] = float(np.max(group["dQl"][()])) * factor(own, "1/nm")
        # dQw is the resolution along the scan, by the definition a standard deviation.
        if "dQw" in resolutions and "dQw" in group:
            resolution = _resolution(group, "dQw", unit, q.shape, file)
    elif resolutions[0] in group:
        resolution = _resolution(group, resolutions[0], unit, q.shape, file)
    return RawCurve(
        columns=Columns(
            abscissa=q,
            intensity=intensity,
            sigma=sigma,
            resolution=resolution,
            source=str(file),
        ),
        unit=unit,
        intensity_unit=_intensity_unit(signal),
        attrs=attrs,
    )


def _resolution(
    group: h5py.Group, name: str, unit: str | None, shape: tuple[int, ...], file: Path
) -> Array | None:
    """Return the standard deviation of Q in the unit of Q; None where it is 0 everywhere."""
    node = group[name]
    values = (
        np.asarray(node[()], dtype=np.float64) if node.shape == () else _array(group, name, file)
    )
    if values.shape not in (shape, (1,), ()):
        raise CurveError(
            f"{group.name}: {name} has shape {values.shape}, Q has {shape}", source=file
        )
    own = _unit(group[name], file) or unit
    scale = factor(own, unit) if own is not None and unit is not None else 1.0
    spread: Array = np.broadcast_to(values * scale, shape).copy()
    return spread if np.any(spread > 0) else None


def _array(group: h5py.Group, name: str, file: Path) -> Array:
    link = group.get(name, getlink=True)
    if isinstance(link, h5py.ExternalLink):
        raise LinkRefused(f"{group.name}/{name} is a link to another file", source=file)
    node = group.get(name)
    if not isinstance(node, h5py.Dataset) or node.dtype.kind not in "iuf":
        raise CurveError(f"{group.name}/{name} does not consist of numbers", source=file)
    if node.ndim != 1:
        raise CurveError(
            f"{group.name}/{name} has {node.ndim} dimensions, a curve has one", source=file
        )
    return np.asarray(node[()], dtype=np.float64)


def _unit(node: h5py.Dataset, file: Path) -> str | None:
    stated = _said(node, "units", "unit")
    if not stated:
        return None
    try:
        return canonical(stated)
    except SpecError as exc:
        raise CurveError(f"{node.name} is in unknown unit {stated!r}", source=file) from exc


def _intensity_unit(node: h5py.Dataset) -> str | None:
    stated = _said(node, "units", "unit").strip()
    if stated in _ABSOLUTE:
        return "1/cm"
    return "count" if stated.lower() in ("count", "counts") else None
