"""The small numbers of an HDF5 file that describe a detector, met without leaving the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import CalibrationSyntax, SpecError, XrdkitError
from xrdkit.units import factor

_DEEPEST, _MOST = 16, 20_000
_FOREIGN = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, MemoryError)
_UNITS = {
    **{"microns": "um", "micrometer": "um", "micrometre": "um", "millimeter": "mm"},
    **{"millimetre": "mm", "metres": "m", "meters": "m", "angstroms": "angstrom"},
}


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Yield the h5py.File at `path`; errors of the library become CalibrationSyntax."""
    try:
        with h5py.File(path, "r") as file:
            yield file
    except XrdkitError:
        raise
    except _FOREIGN as exc:
        raise CalibrationSyntax(f"cannot be read as HDF5: {exc}", source=path) from exc


def groups(file: Any) -> list[tuple[str, Any]]:
    """Return (NX_class, group) of every group that hard links lead to, nearest first."""
    found: list[tuple[str, Any]] = []
    seen: set[int] = set()
    pending = [(file, 0)]
    met = 0
    while pending:
        group, depth = pending.pop(0)
        address = int(h5py.h5o.get_info(group.id).addr)
        if address in seen or depth > _DEEPEST:  # a group may hold itself
            continue
        seen.add(address)
        found.append((text(group.attrs.get("NX_class")), group))
        for name in group:
            met += 1
            if met > _MOST:
                raise CalibrationSyntax(f"holds more than {_MOST} objects")
            if is_own(group, name) and group.get(name, getclass=True) is h5py.Group:
                pending.append((group[name], depth + 1))
    return found


def is_own(group: Any, name: str) -> bool:
    """Return whether `name` is a hard link, so that no other file is opened for it."""
    return isinstance(group.get(name, getlink=True), h5py.HardLink)


def dataset(group: Any, name: str) -> Any | None:
    """Return the dataset `name` of a group, None where there is none inside this file."""
    if name not in group or not is_own(group, name):
        return None
    item = group[name]
    if not isinstance(item, h5py.Dataset) or item.external or item.is_virtual:
        return None
    return item


def shape(group: Any, name: str) -> tuple[int, int] | None:
    """Return the last two dimensions of a dataset, None where it has not as many."""
    if name not in group or not is_own(group, name):
        return None
    item = group[name]
    if not isinstance(item, h5py.Dataset) or len(item.shape or ()) < 2:
        return None
    return int(item.shape[-2]), int(item.shape[-1])


def number(item: Any) -> float | None:
    """Return the one finite number that a dataset holds, None where it holds none or several."""
    if item is None or item.size is None or not 1 <= item.size <= 4096:
        return None
    if item.dtype.kind not in "iuf":
        return None
    values = np.unique(np.asarray(item[()], dtype=np.float64))
    return float(values[0]) if values.size == 1 and np.isfinite(values[0]) else None


def words(item: Any) -> str:
    """Return the one text that a dataset holds, "" where it holds none."""
    if item is None or item.dtype.kind not in "SO" or item.size != 1:
        return ""
    return text(np.asarray(item[()])).strip("\0 ")


def unit(item: Any) -> str:
    """Return the unit that a dataset states, "" where it states none."""
    stated = text(item.attrs.get("units")).strip()
    return _UNITS.get(stated.lower(), stated)


def converted(value: float, stated: str, wanted: str, what: str) -> float:
    """Return a value in another unit; raise CalibrationSyntax where `stated` is no such unit."""
    try:
        return value * factor(stated, wanted)
    except SpecError as exc:
        raise CalibrationSyntax(f"{what} is in {stated!r}, not a unit of its kind") from exc


def vector(item: Any, name: str) -> NDArray[np.float64] | None:
    """Return an attribute of three numbers, None where it is absent."""
    if name not in item.attrs:
        return None
    values = np.asarray(item.attrs[name], dtype=np.float64).ravel()
    if values.size != 3 or not np.all(np.isfinite(values)):
        raise CalibrationSyntax(f"attribute {name} of {item.name} is not three numbers")
    return values


def text(value: object) -> str:
    """Return an attribute as text, "" where it is none."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value) if isinstance(value, str) else ""
