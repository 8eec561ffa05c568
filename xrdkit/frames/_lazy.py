"""Lazy arrays: nothing is read before it is asked for, and then only the frames asked for."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from xrdkit.errors import FrameShapeMismatch
from xrdkit.frames._files import ByteSource
from xrdkit.frames._reader import FrameSource
from xrdkit.limits import Limits
from xrdkit.masks import MaskReason, no_data_reasons


@dataclass(frozen=True)
class RawFrames:
    """Frames stored as plain numbers: one offset each."""

    data: ByteSource
    offsets: tuple[int, ...] | range
    rows: int
    columns: int
    stored: np.dtype[Any]
    """Dtype as stored, with its byte order."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """See FrameSource."""
        return len(self.offsets), self.rows, self.columns

    @property
    def dtype(self) -> np.dtype[Any]:
        """See FrameSource."""
        return self.stored.newbyteorder("=")

    def frames(self, indices: Sequence[int]) -> Iterator[NDArray[Any]]:
        """See FrameSource."""
        count = self.rows * self.columns * self.stored.itemsize
        for index in indices:
            raw = self.data.read(self.offsets[index], count)
            yield np.frombuffer(raw, self.stored).reshape(self.rows, self.columns)


@dataclass(frozen=True)
class JoinedFrames:
    """Several sources after one another."""

    parts: tuple[FrameSource, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """See FrameSource."""
        _, rows, columns = self.parts[0].shape
        return sum(part.shape[0] for part in self.parts), rows, columns

    @property
    def dtype(self) -> np.dtype[Any]:
        """See FrameSource."""
        return self.parts[0].dtype

    def frames(self, indices: Sequence[int]) -> Iterator[NDArray[Any]]:
        """See FrameSource."""
        ends = list(accumulate(part.shape[0] for part in self.parts))
        owners = np.searchsorted(ends, np.asarray(indices, dtype=np.int64), side="right")
        at = 0
        while at < len(indices):
            owner = int(owners[at])
            stop = at
            while stop < len(indices) and owners[stop] == owner:
                stop += 1
            part = self.parts[owner]
            start = ends[owner] - part.shape[0]
            yield from part.frames([index - start for index in indices[at:stop]])
            at = stop


def join(sources: Sequence[FrameSource], names: Sequence[str]) -> FrameSource:
    """Return the frames of all `sources` as one; raise FrameShapeMismatch where they differ."""
    first = sources[0]
    for source, name in zip(sources, names, strict=True):
        if source.shape[1:] != first.shape[1:] or source.dtype != first.dtype:
            raise FrameShapeMismatch(
                f"has frames of {_described(source)}, {names[0]} of {_described(first)}",
                source=name,
                hint="open files of unequal frames one by one",
            )
    return first if len(sources) == 1 else JoinedFrames(tuple(sources))


def _described(source: FrameSource) -> str:
    return f"{source.shape[1]} x {source.shape[2]} {source.dtype}"


class LazyFrames(BackendArray):
    """The (frame, y, x) array of a source, for xarray to index."""

    def __init__(self, source: FrameSource, limits: Limits) -> None:
        self.source = source
        self.limits = limits
        self.shape = source.shape
        self.dtype = source.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        """Return the values of an xarray indexer; raise LimitExceeded where they are too many."""
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._values
        )

    def _values(self, key: tuple[Any, ...]) -> NDArray[Any]:
        chosen = np.arange(self.shape[0])[key[0]]
        indices = [int(i) for i in np.atleast_1d(chosen)]
        rows, columns = (np.arange(n)[k] for n, k in zip(self.shape[1:], key[1:], strict=True))
        shape = (len(indices), np.size(rows), np.size(columns))
        self.limits.check("bytes_held", int(np.prod(shape)) * self.dtype.itemsize)
        values = np.empty(shape, dtype=self.dtype)
        where = np.ix_(np.atleast_1d(rows), np.atleast_1d(columns))
        whole = shape[1:] == self.shape[1:] and isinstance(key[1], slice)
        for at, frame in enumerate(self.source.frames(indices)):
            seen = self._seen(frame)
            values[at] = seen[key[1:]] if whole else seen[where]
        drop = tuple(axis for axis, k in enumerate(key) if isinstance(k, int | np.integer))
        return values.reshape([n for axis, n in enumerate(shape) if axis not in drop])

    def _seen(self, frame: NDArray[Any]) -> NDArray[Any]:
        """Return what is shown of a frame as stored."""
        return frame


class LazyReasons(LazyFrames):
    """The (frame, y, x) array of the reasons why pixels are left out, found as frames are read."""

    def __init__(
        self,
        source: FrameSource,
        limits: Limits,
        sentinels: Sequence[int],
        mask: NDArray[np.uint16] | None,
        saturation: float | None = None,
    ) -> None:
        super().__init__(source, limits)
        self.dtype = np.dtype(np.uint16)
        self.sentinels = tuple(sentinels)
        self.mask = mask
        self.saturation = saturation

    def _seen(self, frame: NDArray[Any]) -> NDArray[Any]:
        # The rule looks at the whole frame, whatever part of it is asked for.
        reasons = no_data_reasons(frame, self.sentinels)
        if self.saturation is not None:
            # a mark for no data lies above any cutoff too, and is none of a saturated pixel
            full = _from(frame, self.saturation) & (reasons == 0)
            reasons[full] |= np.uint16(MaskReason.SATURATED)
        return reasons if self.mask is None else reasons | self.mask


def _from(frame: NDArray[Any], cutoff: float) -> NDArray[np.bool_]:
    """Return where a frame reaches `cutoff`, compared in its own dtype where that is exact."""
    if frame.dtype.kind not in "iu":
        return np.asarray(frame >= np.float64(cutoff))
    whole = math.ceil(cutoff)
    if whole > np.iinfo(frame.dtype).max:
        return np.zeros(frame.shape, dtype=bool)
    return np.asarray(frame >= frame.dtype.type(whole))
