"""GE amorphous-silicon panels: a binary header of 8192 bytes, then 16-bit frames.

The header begins with ``ADEPT``. At the Advanced Photon Source it is blank since about 2018: then
the frames are 2048 x 2048 of 16 bits, which only a file size that fits can confirm.
"""

import struct
from pathlib import Path

import numpy as np

from xrdkit.errors import FrameCorrupt, FrameFormatUnknown, FrameTruncated
from xrdkit.frames._files import ByteSource, PlainBytes
from xrdkit.frames._lazy import RawFrames
from xrdkit.frames._reader import HEAD_BYTES, READERS, Stack
from xrdkit.frames.headers import Fact, fact, time_fact
from xrdkit.limits import Limits

_START = b"ADEPT"
_SHORTEST = 3332
_BLANK_HEADER, _BLANK_SIDE = 8192, 2048
_STORED = {8: "u1", 16: "<u2", 32: "<u4"}
_MICROSECONDS = 1e-6


class GeReader:
    """GE frames, any number per file."""

    magic: tuple[bytes, ...] = (_START,)

    def recognises(self, head: bytes) -> bool:
        """See Reader."""
        return head.startswith(_START) or (len(head) == HEAD_BYTES and not any(head))

    def open(self, path: Path, data: ByteSource, part: str | None, limits: Limits) -> Stack:
        """See Reader."""
        present = data.size_at_most(_SHORTEST)
        if present < _SHORTEST:
            raise FrameTruncated(f"ends {_SHORTEST - present:,} bytes early", source=path)
        header = data.read(0, _SHORTEST)
        if not header.startswith(_START):
            return Stack(source=_blank(path, data, limits), files=(path,))
        (own,) = struct.unpack_from("<L", header, 12)
        (user,) = struct.unpack_from("<L", header, 18)
        frames, rows, columns, bits = struct.unpack_from("<HHHH", header, 22)
        limits.check("header_bytes", own + user, source=path)
        if min(frames, rows, columns) < 1 or bits not in _STORED or own < _SHORTEST:
            raise FrameCorrupt(
                f"states {frames} frames of {rows} x {columns} pixels of {bits} bits", source=path
            )
        source = _frames(path, data, own + user, frames, (rows, columns), _STORED[bits], limits)
        return Stack(source=source, files=(path,), facts=_facts(header))


def _frames(
    path: Path,
    data: ByteSource,
    start: int,
    frames: int,
    shape: tuple[int, int],
    kind: str,
    limits: Limits,
) -> RawFrames:
    rows, columns = shape
    limits.check("pixels", rows * columns, source=path)
    limits.check("frames", frames, source=path)
    stored = np.dtype(kind)
    step = rows * columns * stored.itemsize
    end = start + frames * step
    present = data.size_at_most(end + 1)
    if present < end:
        raise FrameTruncated(
            f"holds {max(present - start, 0):,} of {end - start:,} bytes",
            source=path,
            frame=max(present - start, 0) // step,
        )
    if present > end:
        raise FrameCorrupt("has more bytes than its header announces", source=path)
    return RawFrames(data, range(start, end, step), rows, columns, stored)


def _blank(path: Path, data: ByteSource, limits: Limits) -> RawFrames:
    """Return the frames of a file whose header is blank, where its size leaves no doubt."""
    step = 2 * _BLANK_SIDE**2
    # a gzip file has to be unpacked to be measured: a bomb of zeros would be, too
    most = limits.frames * step if isinstance(data, PlainBytes) else limits.bytes_held
    size = data.size_at_most(_BLANK_HEADER + most + 1)
    frames, rest = divmod(size - _BLANK_HEADER, step)
    if frames < 1 or rest or any(data.read(0, _BLANK_HEADER)):
        raise FrameFormatUnknown(
            "begins with zeros and is no GE file of 2048 x 2048 frames",
            source=path,
            hint="is it cut, or still being written?",
        )
    shape = (_BLANK_SIDE, _BLANK_SIDE)
    return _frames(path, data, _BLANK_HEADER, frames, shape, "<u2", limits)


def _facts(header: bytes) -> dict[str, Fact]:
    (exposure,) = struct.unpack_from("<d", header, 540)
    (period,) = struct.unpack_from("<d", header, 520)
    facts: dict[str, Fact] = {}
    key = "ExposePresetTimeInMicrosecs"
    facts.update(fact("exposure_time", exposure * _MICROSECONDS, "s", key))
    key = "TimeBetweenFramesInMicrosecs"
    facts.update(fact("exposure_period", period * _MICROSECONDS, "s", key))
    date, time = (header[at : at + 20].split(b"\0")[0].decode("latin-1") for at in (30, 50))
    facts.update(time_fact(f"{date.strip()} {time.strip()}", "AcquisitionDate, AcquisitionTime"))
    return facts


READERS.add("ge", GeReader())
