"""HDF5 files are walked before they are read: no way out of their folder, no endless walk."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from xrdkit.errors import (
    FrameCorrupt,
    FrameError,
    FrameTruncated,
    LinkRefused,
    XrdkitError,
)
from xrdkit.files import endless_heap
from xrdkit.frames._files import confined, open_regular

DEEPEST = 32
MOST_OBJECTS = 100_000
_FOREIGN = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, MemoryError)


@dataclass(frozen=True, kw_only=True)
class DatasetEntry:
    """One dataset that the walk met."""

    path: str
    """Path by hard links from the root."""
    shape: tuple[int, ...]
    """Shape; () for scalars and empty datasets."""
    kind: str
    """Kind letter of the dtype."""
    size: int
    """Number of elements."""
    group_class: str
    """NX_class of the group that holds it."""
    same_as: str
    """The first path by which the walk met it; its own where it has no other."""


@dataclass(frozen=True, kw_only=True)
class Walk:
    """What an HDF5 file holds."""

    datasets: tuple[DatasetEntry, ...]
    """Datasets, under each path that a hard link gives them."""
    groups: tuple[tuple[str, str], ...]
    """(path, NX_class) of every group."""


@contextmanager
def translated(path: Path, frame: int | None = None) -> Iterator[None]:
    """Turn errors of the HDF5 library into FrameTruncated or FrameCorrupt naming `path`."""
    try:
        yield
    except XrdkitError:
        raise
    except BlockingIOError as exc:
        raise FrameError(
            "is being written by another program", source=path, frame=frame, hint="try again later"
        ) from exc
    except _FOREIGN as exc:
        text = str(exc)
        if "truncated" in text or "eof" in text.lower() or "end of file" in text.lower():
            raise FrameTruncated(f"is cut: {text}", source=path, frame=frame) from exc
        raise FrameCorrupt(f"cannot be read as HDF5: {text}", source=path, frame=frame) from exc


@contextmanager
def open_hdf5(path: Path) -> Iterator[Any]:
    """Yield the h5py.File of a regular file, opened read-only and closed at the end."""
    with open_regular(path):
        pass
    with translated(path):
        at = endless_heap(path)
    if at is not None:
        raise FrameCorrupt(
            f"is damaged: its texts have free space of no length at byte {at}",
            source=path,
            hint="take the file from its source again",
        )
    with translated(path), h5py.File(path, "r") as file:
        yield file


def text_of(value: object) -> str:
    """Return an attribute or string value as text, bytes decoded; "" where it is neither."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""


def attribute(item: Any, name: str) -> str:
    """Return a text attribute of an HDF5 object, "" where it is absent or no single text."""
    # Other types are never read: of damaged ones, the HDF5 library (2.0) may end the process.
    if name not in item.attrs or (
        item.attrs.get_id(name).get_type().get_class() != h5py.h5t.STRING
    ):
        return ""
    value = item.attrs[name]
    if getattr(value, "shape", None) == (1,):
        value = value[0]
    return text_of(value)


def walk(path: Path, file: Any) -> Walk:
    """Return what `file` (an h5py.File of `path`) holds, after checking every object and link.

    Raises LinkRefused for external raw storage, for external links and virtual sources outside the
    folder of the file, for a group inside itself, deeper than `DEEPEST` or more objects than
    `MOST_OBJECTS`. No link is followed; a linked file that is missing is no error here.
    """
    datasets: list[DatasetEntry] = []
    groups: list[tuple[str, str]] = []
    seen: set[object] = set()
    first_paths: dict[object, str] = {}
    pending: deque[tuple[str, tuple[object, ...]]] = deque([("/", ())])
    met = 0
    while pending:
        name, above = pending.popleft()
        group = file[name]
        token = _token(group)
        if token in above:
            raise LinkRefused(f"group {name} contains itself", source=path)
        if len(above) > DEEPEST:
            raise LinkRefused(f"groups are nested deeper than {DEEPEST}", source=path)
        if token in seen:
            continue
        seen.add(token)
        group_class = attribute(group, "NX_class")
        groups.append((name, group_class))
        for child in group:
            met += 1
            if met > MOST_OBJECTS:
                raise LinkRefused(f"holds more than {MOST_OBJECTS:,} objects", source=path)
            link = group.get(child, getlink=True)
            full = f"{name.rstrip('/')}/{child}"
            if isinstance(link, h5py.ExternalLink):
                _check_inside(path, link.filename)
            if not isinstance(link, h5py.HardLink):
                continue
            kind = group.get(child, getclass=True)
            if kind is h5py.Group:
                pending.append((full, (*above, token)))
            elif kind is h5py.Dataset:
                dataset = group[child]
                first = first_paths.setdefault(_token(dataset), full)
                if first == full:
                    check_dataset(path, dataset)
                datasets.append(_entry(full, dataset, group_class, first))
    return Walk(datasets=tuple(datasets), groups=tuple(groups))


def check_dataset(path: Path, dataset: Any) -> None:
    """Raise LinkRefused where a dataset keeps its numbers outside the folder of its file."""
    if dataset.external:
        raise LinkRefused(
            f"dataset {dataset.name} keeps its numbers in the file {dataset.external[0][0]!r}",
            source=path,
            hint="external raw storage is never read",
        )
    if dataset.is_virtual:
        for source in dataset.virtual_sources():
            if source.file_name != ".":
                _check_inside(path, source.file_name)


def _entry(full: str, dataset: Any, group_class: str, first: str) -> DatasetEntry:
    try:
        kind = dataset.dtype.kind
    except TypeError:
        kind = "V"  # an HDF5 type that NumPy has no name for
    return DatasetEntry(
        path=full,
        shape=tuple(dataset.shape or ()),
        kind=kind,
        size=int(dataset.size or 0),
        group_class=group_class,
        same_as=first,
    )


def _check_inside(path: Path, name: str) -> None:
    try:
        confined(path.parent, name, source=path)
    except FrameTruncated:
        return  # missing matters only where the frames themselves need the file


def _token(item: Any) -> object:
    info = h5py.h5o.get_info(item.id)
    return (info.fileno, info.addr)
