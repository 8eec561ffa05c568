"""Where the frames of an HDF5 file lie: datasets, links, virtual datasets as a list of segments.

Links and virtual datasets are resolved here and not by the HDF5 library, which reads a missing
source as zeros and follows a link to anywhere.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import FrameCorrupt, FrameFormatUnknown, FrameTruncated, LinkRefused
from xrdkit.frames._files import confined
from xrdkit.frames.hdf5_safety import check_dataset, open_hdf5, walk
from xrdkit.limits import Limits

_MOST_HOPS = 16
_UNLIMITED = 2**63


@dataclass(frozen=True)
class Segment:
    """Frames of a stack that lie in one dataset, whole or as one rectangle of the detector."""

    target: range
    """Their numbers in the stack."""
    file: Path
    """The file that holds them."""
    dataset: str
    """Path of the dataset in it, by hard links."""
    first: range
    """Their numbers in the dataset, as many as in `target`."""
    box: tuple[slice, slice]
    """Rows and columns of the stack's frame that they fill."""
    source_box: tuple[slice, slice]
    """Rows and columns of the dataset that are taken."""


@dataclass(frozen=True, kw_only=True)
class Located:
    """A dataset of frames and where they lie."""

    shape: tuple[int, int, int]
    """Frames, rows, columns."""
    dtype: np.dtype[Any]
    """Native dtype."""
    segments: tuple[Segment, ...]
    """Where the frames are."""
    written: NDArray[np.bool_]
    """False for frames without stored numbers."""


class Locator:
    """Resolves dataset paths; remembers which files were checked."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.checked: dict[Path, None] = {}

    def resolve(self, path: Path, name: str) -> tuple[Path, str]:
        """Return file and hard-link path of the object `name` in `path`, following links.

        Raises LinkRefused for circles and for links outside, FrameTruncated for missing targets.
        """
        for _ in range(_MOST_HOPS):
            moved = self._step(path, name)
            if moved is None:
                return path, name
            path, name = moved
        raise LinkRefused(f"links of {name} run in a circle", source=path)

    def _step(self, path: Path, name: str) -> tuple[Path, str] | None:
        """Follow the first link along `name` that is not a hard one; None where there is none."""
        with open_hdf5(path) as file:
            if path not in self.checked:
                walk(path, file)
                self.checked[path] = None
            parts = [p for p in name.split("/") if p not in ("", ".")]
            at = file["/"]
            for k, part in enumerate(parts):
                link = at.get(part, getlink=True) if isinstance(at, h5py.Group) else None
                rest = parts[k + 1 :]
                if link is None:
                    raise FrameTruncated(f"has no object {name}", source=path)
                if isinstance(link, h5py.ExternalLink):
                    target = confined(path.parent, link.filename, source=path)
                    return target, "/".join(["", *link.path.strip("/").split("/"), *rest])
                if isinstance(link, h5py.SoftLink):
                    base = [] if link.path.startswith("/") else parts[:k]
                    return path, "/".join(["", *base, *link.path.strip("/").split("/"), *rest])
                at = at[part]
        return None

    def locate(self, path: Path, name: str, depth: int = 0) -> Located:
        """Return where the frames of the dataset `name` of `path` lie.

        Raises FrameFormatUnknown where it is no 2D or 3D dataset of real numbers.
        """
        if depth > _MOST_HOPS:
            raise LinkRefused(f"virtual datasets of {name} run in a circle", source=path)
        path, name = self.resolve(path, name)
        with open_hdf5(path) as file:
            dataset = file[name]
            if not isinstance(dataset, h5py.Dataset):
                raise FrameFormatUnknown(f"{name} is a group, not a dataset", source=path)
            check_dataset(path, dataset)
            shape = _frames_shape(path, dataset)
            dtype = dataset.dtype.newbyteorder("=")
            self.limits.check("pixels", shape[1] * shape[2], source=path)
            self.limits.check("frames", shape[0], source=path)
            if dataset.is_virtual:
                maps = _virtual_maps(path, dataset, shape)
            else:
                if dataset.chunks:
                    chunk = int(np.prod(dataset.chunks, dtype=object)) * dtype.itemsize
                    self.limits.check("bytes_held", chunk, source=path)
                count = range(shape[0])
                segment = Segment(count, path, name, count, _whole(shape), _whole(shape))
                return Located(
                    shape=shape,
                    dtype=dtype,
                    segments=(segment,),
                    written=_written(dataset, shape),
                )
        return self._virtual(path, name, shape, dtype, maps, depth)

    def _virtual(
        self,
        path: Path,
        name: str,
        shape: tuple[int, int, int],
        dtype: np.dtype[Any],
        maps: list["_Map"],
        depth: int,
    ) -> Located:
        segments: list[Segment] = []
        filled = np.zeros(shape[0], dtype=np.int64)
        complete = np.ones(shape[0], dtype=bool)
        for item in maps:
            file = path if item.file == "." else confined(path.parent, item.file, source=path)
            inner = self.locate(file, item.dataset, depth + 1)
            if inner.dtype != dtype:
                raise FrameCorrupt(
                    f"virtual dataset {name} is {dtype}, its source {item.dataset} {inner.dtype}",
                    source=path,
                )
            taken, box = item.taken or (range(inner.shape[0]), _whole(inner.shape))
            short = item.taken is None and len(taken) < len(item.target)
            if short or taken.stop > inner.shape[0] or not _within(box, inner.shape):
                raise FrameTruncated(
                    f"virtual dataset {name} takes more of {item.dataset} than its {inner.shape}",
                    source=file,
                )
            if len(taken) != len(item.target) or _extent(box) != _extent(item.box):
                raise FrameFormatUnknown(
                    f"virtual dataset {name} maps frames to frames of another shape", source=path
                )
            rows, columns = _extent(box)
            filled[np.asarray(item.target)] += rows * columns
            complete[np.asarray(item.target)] &= inner.written[np.asarray(taken)]
            segments.extend(_nested(item, taken, box, inner))
        written = complete & (filled > 0) & (filled == filled.max(initial=0))
        return Located(shape=shape, dtype=dtype, segments=tuple(segments), written=written)


@dataclass(frozen=True)
class _Map:
    file: str
    dataset: str
    target: range
    box: tuple[slice, slice]
    taken: tuple[range, tuple[slice, slice]] | None
    """Frames and rectangle of the source; None is all of it."""


def _nested(
    item: _Map, taken: range, taken_box: tuple[slice, slice], inner: Located
) -> list[Segment]:
    """Return the segments of `inner` that a virtual mapping takes, renumbered to its target."""
    if len(inner.segments) == 1 and inner.segments[0].box == _whole(inner.shape):
        one = inner.segments[0]
        frames = one.first[taken.start : taken.stop : taken.step]
        box = _moved(one.source_box, taken_box)
        return [Segment(item.target, one.file, one.dataset, frames, item.box, box)]
    if taken_box != _whole(inner.shape):
        raise FrameFormatUnknown(f"virtual dataset of parts of a virtual dataset: {item.dataset}")
    found = []
    for part in inner.segments:
        for target, number in zip(item.target, taken, strict=True):
            if number in part.target:
                first = part.first[part.target.index(number)]
                box = _moved(item.box, part.box)
                one_frame = range(target, target + 1)
                found.append(
                    Segment(
                        one_frame,
                        part.file,
                        part.dataset,
                        range(first, first + 1),
                        box,
                        part.source_box,
                    )
                )
    return found


def _whole(shape: tuple[int, int, int]) -> tuple[slice, slice]:
    return slice(0, shape[1]), slice(0, shape[2])


def _extent(box: tuple[slice, slice]) -> tuple[int, int]:
    return box[0].stop - box[0].start, box[1].stop - box[1].start


def _within(box: tuple[slice, slice], shape: tuple[int, int, int]) -> bool:
    return bool(box[0].stop <= shape[1] and box[1].stop <= shape[2])


def _moved(outer: tuple[slice, slice], inner: tuple[slice, slice]) -> tuple[slice, slice]:
    rows, columns = (
        slice(a.start + b.start, a.start + b.stop) for a, b in zip(outer, inner, strict=True)
    )
    return rows, columns


def _frames_shape(path: Path, dataset: Any) -> tuple[int, int, int]:
    shape = tuple(int(n) for n in dataset.shape or ())
    if dataset.dtype.kind not in "iuf" or len(shape) not in (2, 3) or 0 in shape[-2:]:
        raise FrameFormatUnknown(
            f"dataset {dataset.name} of {dataset.dtype} and shape {shape} holds no frames",
            source=path,
            hint="name the dataset as file.h5::/path/of/dataset",
        )
    return (1, shape[0], shape[1]) if len(shape) == 2 else (shape[0], shape[1], shape[2])


def _written(dataset: Any, shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Return for each frame whether all its numbers are stored in the file."""
    if dataset.chunks is None:
        stored = dataset.id.get_storage_size() > 0 or dataset.size == 0
        return np.full(shape[0], stored)
    deep, high, wide = (1, *dataset.chunks) if dataset.ndim == 2 else dataset.chunks
    per_layer = -(-shape[1] // high) * -(-shape[2] // wide)
    layers = -(-shape[0] // deep)
    if dataset.id.get_num_chunks() == per_layer * layers:
        return np.ones(shape[0], dtype=bool)
    stored_chunks = np.zeros(layers, dtype=np.int64)

    def count(chunk: Any) -> None:
        stored_chunks[0 if dataset.ndim == 2 else chunk.chunk_offset[0] // deep] += 1

    dataset.id.chunk_iter(count)
    return np.repeat(stored_chunks == per_layer, deep)[: shape[0]]


def _virtual_maps(path: Path, dataset: Any, shape: tuple[int, int, int]) -> list[_Map]:
    maps = []
    for source in dataset.virtual_sources():
        if "%" in source.file_name or "%" in source.dset_name:
            raise FrameFormatUnknown(
                "virtual datasets with numbered sources are not read", source=path
            )
        target, box = _selection(path, source.vspace, shape)
        taken = None
        if source.src_space.get_select_type() != h5py.h5s.SEL_ALL:
            taken = _selection(path, source.src_space, (len(target), 0, 0))
        maps.append(_Map(source.file_name, source.dset_name, target, box, taken))
    if not maps:
        raise FrameTruncated(f"virtual dataset {dataset.name} has no source", source=path)
    return maps


def _selection(
    path: Path, space: Any, shape: tuple[int, int, int]
) -> tuple[range, tuple[slice, slice]]:
    """Return the frames and the rectangle that an HDF5 selection takes."""
    if space.get_select_type() == h5py.h5s.SEL_ALL:
        return range(shape[0]), (slice(0, shape[1]), slice(0, shape[2]))
    if space.get_select_type() == h5py.h5s.SEL_HYPERSLABS and space.is_regular_hyperslab():
        start, stride, count, block = space.get_regular_hyperslab()
    else:
        raise FrameFormatUnknown("a virtual dataset is not made of rectangles", source=path)
    lead = [(0, 1, 1, 1)] if len(start) == 2 else []
    axes = lead + [
        tuple(int(v) for v in axis) for axis in zip(start, stride, count, block, strict=True)
    ]
    at, step, number, size = axes[0]
    if number >= _UNLIMITED or size >= _UNLIMITED:
        number, size = -(-(shape[0] - at) // step), 1
    if size > 1 and number > 1 and size != step:
        raise FrameFormatUnknown("a virtual dataset interleaves blocks of frames", source=path)
    taken = range(at, at + number * step, step) if size == 1 else range(at, at + number * size)
    box = []
    for low, gap, repeat, width in axes[1:]:
        if repeat > 1 and gap != width:
            raise FrameFormatUnknown("a virtual dataset interleaves pixels", source=path)
        box.append(slice(low, low + repeat * width))
    return taken, (box[0], box[1])
