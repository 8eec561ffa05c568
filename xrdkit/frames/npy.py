"""NumPy .npy files of one frame (y, x) or a stack (frame, y, x); never pickled objects."""

import io
from pathlib import Path

import numpy as np

from xrdkit.errors import FrameCorrupt, FrameTruncated
from xrdkit.frames._files import ByteSource
from xrdkit.frames._lazy import RawFrames
from xrdkit.frames._reader import READERS, Stack
from xrdkit.limits import Limits

_LONGEST_HEADER = 2**16


class NpyReader:
    """NumPy arrays in C order, of integers or floats."""

    magic: tuple[bytes, ...] = (np.lib.format.MAGIC_PREFIX,)

    def recognises(self, head: bytes) -> bool:
        """See Reader."""
        return head.startswith(self.magic)

    def open(self, path: Path, data: ByteSource, part: str | None, limits: Limits) -> Stack:
        """See Reader."""
        stream = io.BytesIO(data.read(0, data.size_at_most(_LONGEST_HEADER)))
        try:
            version = np.lib.format.read_magic(stream)
            if version == (1, 0):
                shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
            else:
                shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
        except (ValueError, SyntaxError, TypeError, RecursionError) as exc:
            whole = data.size_at_most(_LONGEST_HEADER) < 128
            kind = FrameTruncated if whole else FrameCorrupt
            raise kind("its array header cannot be read", source=path) from exc
        if dtype.kind not in "iuf" or fortran or len(shape) not in (2, 3) or min(shape) < 1:
            raise FrameCorrupt(
                f"holds {dtype} of shape {shape}, not frames",
                source=path,
                hint="save (frame, y, x)",
            )
        count, rows, columns = (1, *shape) if len(shape) == 2 else shape
        limits.check("pixels", rows * columns, source=path)
        limits.check("frames", count, source=path)
        start, step = stream.tell(), rows * columns * dtype.itemsize
        end = start + count * step
        present = data.size_at_most(end + 1)
        if present < end:
            raise FrameTruncated(
                f"holds {present - start:,} of {end - start:,} bytes",
                source=path,
                frame=(present - start) // step,
            )
        if present > end:
            raise FrameCorrupt("has more bytes than its header announces", source=path)
        offsets = range(start, end, step)
        return Stack(source=RawFrames(data, offsets, rows, columns, dtype), files=(path,))


READERS.add("npy", NpyReader())
