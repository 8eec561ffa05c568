"""Compressed HDF5 chunks are checked before a filter sees them.

The bitshuffle and LZ4 filters believe the sizes inside a chunk and read beyond it where these are
damaged, which ends the whole process. Layout of a bitshuffle chunk (hdf5plugin, bitshuffle 0.5):
unpacked size (8 bytes, big-endian), block size (4 bytes; 0 stands for 8192), then per block its
packed size (4 bytes) and the packed bytes, then the elements beyond a multiple of eight as they
are. LZ4 chunks are the same without that rest.
"""

import itertools
import struct
from pathlib import Path
from typing import Any

from xrdkit.errors import FrameCorrupt

_BITSHUFFLE, _LZ4 = 32008, 32004
_DEFAULT_BLOCK = 8192
_LARGEST_BLOCK = 2**30
_HEAD = struct.Struct(">QI")
_SIZE = struct.Struct(">I")
_ELEMENTS_TOGETHER = 8


def check_chunks(path: Path, dataset: Any, key: tuple[Any, ...], frame: int | None) -> None:
    """Check all chunks that `key` (frame number and slices) of `dataset` needs.

    Raises FrameCorrupt where the sizes in a bitshuffle or LZ4 chunk contradict each other.
    """
    if dataset.chunks is None:
        return
    plist = dataset.id.get_create_plist()
    filters = [plist.get_filter(k) for k in range(plist.get_nfilters())]
    known = [f for f in filters if f[0] in (_BITSHUFFLE, _LZ4)]
    if not known:
        return
    code, _, settings, _ = known[-1]
    itemsize = dataset.dtype.itemsize
    size = itemsize
    for length in dataset.chunks:
        size *= length
    packs = code == _LZ4 or (len(settings) > 4 and settings[4] in (2, 3))
    together = 1
    if code == _BITSHUFFLE:
        together = _ELEMENTS_TOGETHER * itemsize
        if len(settings) < 3 or settings[2] != itemsize:
            raise FrameCorrupt(f"its filter has settings {settings}", source=path, frame=frame)
    if len(filters) > 1 or not packs:
        return  # another filter stands between the stored bytes and this one, or nothing is packed
    for place in _places(dataset, key):
        stored = dataset.id.get_chunk_info_by_coord(place)
        if stored.byte_offset is None or stored.size > 2 * size + _DEFAULT_BLOCK:
            raise FrameCorrupt(f"chunk {place} is out of place", source=path, frame=frame)
        mask, raw = dataset.id.read_direct_chunk(place)
        if mask == 0 and not _consistent(raw, size, together):
            raise FrameCorrupt(f"compressed chunk {place} is damaged", source=path, frame=frame)


def _places(dataset: Any, key: tuple[Any, ...]) -> list[tuple[int, ...]]:
    """Return the offsets of the chunks that a selection touches."""
    axes = []
    for part, length in zip(key, dataset.chunks, strict=True):
        low, high = (part.start, part.stop) if isinstance(part, slice) else (part, part + 1)
        axes.append(range(low // length * length, high, length))
    return list(itertools.product(*axes))


def _consistent(raw: bytes, size: int, together: int) -> bool:
    """Tell whether the block sizes of a packed chunk add up to its length."""
    if len(raw) < _HEAD.size:
        return False
    unpacked, block = _HEAD.unpack_from(raw)
    block = block or _DEFAULT_BLOCK
    if unpacked != size or block > _LARGEST_BLOCK or block % together:
        return False
    full, rest = divmod(size, block)
    blocks = full + (rest // together > 0)
    at = _HEAD.size
    for _ in range(blocks):
        if at + _SIZE.size > len(raw):
            return False
        at += _SIZE.size + _SIZE.unpack_from(raw, at)[0]
    return at + rest % together == len(raw)
