"""NumPy .npy files of one frame (y, x) or a stack (frame, y, x); never pickled objects."""

import re
from pathlib import Path

import numpy as np

from xrdkit.errors import FrameCorrupt, FrameTruncated
from xrdkit.frames._files import ByteSource
from xrdkit.frames._lazy import RawFrames
from xrdkit.frames._reader import READERS, Stack
from xrdkit.limits import Limits

_MAGIC = b"\x93NUMPY"
#: The one form in which NumPy writes the header of a plain array.
_HEADER = re.compile(
    r"\{'descr': '([<>|=])([iuf][1248])', 'fortran_order': (True|False), "
    r"'shape': \(([0-9]{1,12}), ([0-9]{1,12})(?:, ([0-9]{1,12}))?\), *\}\s*"
)


class NpyReader:
    """NumPy arrays in C order, of integers or floats."""

    magic: tuple[bytes, ...] = (_MAGIC,)

    def recognises(self, head: bytes) -> bool:
        """See Reader."""
        return head.startswith(self.magic)

    def open(self, path: Path, data: ByteSource, part: str | None, limits: Limits) -> Stack:
        """See Reader."""
        lead = data.read(0, 12)
        wide = 2 if lead[6] == 1 else 4
        start = 8 + wide + int.from_bytes(lead[8 : 8 + wide], "little")
        limits.check("header_bytes", start, source=path)
        text = data.read(8 + wide, start - 8 - wide).decode("latin-1")
        match = _HEADER.fullmatch(text)
        if lead[6] not in (1, 2, 3) or match is None:
            raise FrameCorrupt(
                f"holds no plain array of frames: {text.strip()[:120]}",
                source=path,
                hint="save numbers as (frame, y, x)",
            )
        order, kind, fortran, *sizes = match.groups()
        shape = [int(n) for n in sizes if n is not None]
        if fortran == "True" or min(shape) < 1 or kind in ("f1",):
            raise FrameCorrupt(f"holds {kind} of shape {shape}, not frames", source=path)
        count, rows, columns = (1, *shape) if len(shape) == 2 else shape
        limits.check("pixels", rows * columns, source=path)
        limits.check("frames", count, source=path)
        dtype = np.dtype((order if order in "<>" else "=") + kind)
        step = rows * columns * dtype.itemsize
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
