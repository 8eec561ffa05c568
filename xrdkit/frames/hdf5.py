"""HDF5 files of frames: NeXus and LImA stacks, plain datasets, Dectris Eiger masters."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hdf5plugin  # noqa: F401 - registers the bitshuffle, LZ4 and Zstandard filters
import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import FrameCorrupt, FrameTruncated
from xrdkit.frames._files import ByteSource
from xrdkit.frames._reader import READERS, Stack
from xrdkit.frames.eiger import locate_master
from xrdkit.frames.hdf5_chunks import check_chunks
from xrdkit.frames.hdf5_safety import Walk, check_dataset, open_hdf5, translated, walk
from xrdkit.frames.hdf5_segments import Located, Locator, Segment
from xrdkit.frames.nexus import choose_dataset
from xrdkit.frames.nexus_header import header_facts, pixel_mask
from xrdkit.limits import Limits
from xrdkit.masks import MaskReason

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_USER_BLOCKS = (0, 512, 1024, 2048)


@dataclass(frozen=True)
class Hdf5Frames:
    """Frames that lie in one or more HDF5 datasets; files are open only while frames are read."""

    path: Path
    """The file that was opened."""
    located: Located
    """Where the frames are."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """See FrameSource."""
        return self.located.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """See FrameSource."""
        return self.located.dtype

    def frames(self, indices: Sequence[int]) -> Iterator[NDArray[Any]]:
        """See FrameSource; raises FrameTruncated for a frame without stored numbers."""
        at = 0
        while at < len(indices):
            self._check_written(indices[at])
            segments = self._segments(indices[at])
            if len(segments) == 1 and segments[0].box == self._whole:
                stop = at
                while stop < len(indices) and indices[stop] in segments[0].target:
                    stop += 1
                yield from self._run(segments[0], indices[at:stop])
                at = stop
            else:
                frame = np.full(self.shape[1:], _no_data(self.dtype), dtype=self.dtype)
                for segment in segments:
                    for part in self._run(segment, [indices[at]]):
                        frame[segment.box] = part
                yield frame
                at += 1

    @property
    def _whole(self) -> tuple[slice, slice]:
        return slice(0, self.shape[1]), slice(0, self.shape[2])

    def _segments(self, index: int) -> list[Segment]:
        return [segment for segment in self.located.segments if index in segment.target]

    def _check_written(self, index: int) -> None:
        if not self.located.written[index]:
            raise FrameTruncated(
                "is declared but was never written",
                source=self.path,
                frame=index,
                hint="choose frames by the coordinate 'written'",
            )

    def _run(self, segment: Segment, indices: Sequence[int]) -> Iterator[NDArray[Any]]:
        rows, columns = segment.source_box
        with open_hdf5(segment.file) as file:
            dataset = file[segment.dataset]
            check_dataset(segment.file, dataset)
            if dataset.dtype.newbyteorder("=") != self.dtype:
                raise FrameCorrupt("changed since it was opened", source=segment.file)
            for index in indices:
                self._check_written(index)
                number = segment.first[segment.target.index(index)]
                with translated(segment.file, number):
                    key = (rows, columns) if dataset.ndim == 2 else (number, rows, columns)
                    check_chunks(segment.file, dataset, key, number)
                    values = np.asarray(dataset[key]).astype(self.dtype, copy=False)
                yield values

    def uncovered(self) -> NDArray[np.bool_]:
        """Return where no segment of the first written frame reaches, shape (y, x)."""
        gaps = np.ones(self.shape[1:], dtype=bool)
        if not self.located.written.any():
            return ~gaps
        for segment in self._segments(int(np.argmax(self.located.written))):
            gaps[segment.box] = False
        return gaps


def _no_data(dtype: np.dtype[Any]) -> float:
    if dtype.kind == "f":
        return float("nan")
    return int(np.iinfo(dtype).max) if dtype.kind == "u" else -1


class Hdf5Reader:
    """NeXus, LImA and Eiger files; one dataset can be named as ``file.h5::/path``."""

    magic: tuple[bytes, ...] = (_SIGNATURE,)

    def recognises(self, head: bytes) -> bool:
        """See Reader: the HDF5 signature, also after a user block."""
        return any(head[k : k + len(_SIGNATURE)] == _SIGNATURE for k in _USER_BLOCKS)

    def open(self, path: Path, data: ByteSource, part: str | None, limits: Limits) -> Stack:
        """See Reader."""
        path = path.resolve()
        with open_hdf5(path) as file:
            found = walk(path, file)
        locator = Locator(limits)
        located = None if part else locate_master(path, found, locator)
        if located is None:
            name = part or choose_dataset(path, found, locator)
            located = locator.locate(path, name)
        if located.shape[0] < 1:
            raise FrameTruncated("holds no frame", source=path)
        frames = Hdf5Frames(path, located)
        mask = _static_mask(path, found, frames)
        facts = header_facts(path, found, located)
        others = {segment.file: None for segment in located.segments} | locator.checked
        files = (path, *(f for f in others if f != path))
        return Stack(source=frames, files=files, facts=facts, written=located.written, mask=mask)


def _static_mask(path: Path, found: Walk, frames: Hdf5Frames) -> NDArray[np.uint16] | None:
    mask = pixel_mask(path, found, frames.shape[1:])
    gaps = frames.uncovered()
    if gaps.any():
        mask = np.zeros(gaps.shape, dtype=np.uint16) if mask is None else mask
        mask[gaps] |= np.uint16(MaskReason.GAP)
    return mask


READERS.add("hdf5", Hdf5Reader())
