"""Which dataset of an HDF5 file holds the frames: the NeXus default, or the only one that can."""

from pathlib import Path
from typing import Any

import h5py

from xrdkit.errors import FrameFormatUnknown, FrameTruncated
from xrdkit.frames.hdf5_safety import DatasetEntry, Walk, attribute, open_hdf5
from xrdkit.frames.hdf5_segments import Locator

_DEPTH = 8
_NOT_FRAMES = ("mask", "flatfield", "flat_field", "dark", "background", "thumbnail")
_SMALLEST = 2


def choose_dataset(path: Path, found: Walk, locator: Locator) -> str:
    """Return the path of the dataset with the frames.

    In order: the signal of the default plot (NeXus ``default`` attributes), the one signal of all
    NXdata groups that has the shape of frames, the one 3D dataset, the one 2D dataset. Raises
    FrameFormatUnknown with the candidates where there are none or several.
    """
    signals = _signals(path, found)
    default = _default(path)
    if default is not None and _is_frames(locator, path, default):
        return default
    good: dict[tuple[Path, str], str] = {}
    missing: FrameTruncated | None = None
    for name in signals:
        try:
            if _is_frames(locator, path, name):
                good.setdefault(_identity(found, locator.resolve(path, name)), name)
        except FrameTruncated as exc:
            missing = exc
    if not good and missing is not None:
        raise missing
    if not good:
        for ndim in (3, 2):
            good = {(path, d.same_as): d.same_as for d in found.datasets if _can_be(d, ndim)}
            if good:
                break
    if len(good) == 1:
        return next(iter(good.values()))
    names = ", ".join(list(good.values())[:12])
    raise FrameFormatUnknown(
        f"holds several datasets that may be the frames: {names}" if good else "holds no frames",
        source=path,
        hint=f"name one, as in {path.name}::{next(iter(good.values()), '/entry/data/data')}",
    )


def _identity(found: Walk, place: tuple[Path, str]) -> tuple[Path, str]:
    """Return one name for all hard links to a dataset."""
    file, name = place
    return file, next((d.same_as for d in found.datasets if d.path == name), name)


def _can_be(entry: DatasetEntry, ndim: int) -> bool:
    name = entry.path.rpartition("/")[2].lower()
    return (
        len(entry.shape) == ndim
        and entry.kind in "iuf"
        and min(entry.shape[-2:]) >= _SMALLEST
        and not any(word in name for word in _NOT_FRAMES)
    )


def _is_frames(locator: Locator, path: Path, name: str) -> bool:
    """Tell whether `name` leads to a numeric dataset of 2 or 3 dimensions."""
    file, target = locator.resolve(path, name)
    with open_hdf5(file) as opened:
        item = opened[target]
        return (
            isinstance(item, h5py.Dataset)
            and item.dtype.kind in "iuf"
            and item.ndim in (2, 3)
            and min(item.shape[-2:]) >= _SMALLEST
        )


def _signals(path: Path, found: Walk) -> list[str]:
    names = []
    with open_hdf5(path) as file:
        for group, group_class in found.groups:
            if group_class == "NXdata":
                names.extend(_signal_of(file[group], group))
    return names


def _signal_of(group: Any, name: str) -> list[str]:
    """Return the path of the signal of an NXdata group; a list of none or one."""
    base = name.rstrip("/")
    signal = attribute(group, "signal")
    if signal and group.get(signal, getlink=True) is not None:
        return [f"{base}/{signal}"]
    for child in group:
        if not isinstance(group.get(child, getlink=True), h5py.HardLink):
            continue
        item = group[child]
        if isinstance(item, h5py.Dataset) and "signal" in item.attrs:
            return [f"{base}/{child}"]
    plain = group.get("data", getlink=True)
    return [f"{base}/data"] if plain is not None else []


def _default(path: Path) -> str | None:
    """Return the signal that the chain of NeXus ``default`` attributes leads to."""
    with open_hdf5(path) as file:
        group, name = file["/"], "/"
        for _ in range(_DEPTH):
            target = attribute(group, "default")
            if not target:
                break
            for step in target.strip("/").split("/"):
                if not isinstance(group.get(step, getlink=True), h5py.HardLink) or not isinstance(
                    group[step], h5py.Group
                ):
                    return None
                group, name = group[step], f"{name.rstrip('/')}/{step}"
        if attribute(group, "NX_class") != "NXdata":
            return None
        return next(iter(_signal_of(group, name)), None)
