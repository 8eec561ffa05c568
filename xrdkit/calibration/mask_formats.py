"""Writing masks for other programs, and with their reasons for this one."""

import io
import struct
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.errors import SpecError
from xrdkit.files import make_folder, store_error
from xrdkit.masks import MaskReason, reason_bits

MaskFormat = Literal["edf", "tif", "npy", "msk", "mask"]
#: Says in the header of EDF and TIFF what the numbers are. They are odd where a pixel is left out,
#: so that programs that keep 8 bits of a mask (pyFAI) or compare with 1 see every such pixel.
REASONS_MARK = "xrdkit mask: value = 1 + 2 * (" + " + ".join(
    f"{r.value} {r.name.lower()}" for r in MaskReason if r.value and r.name
) + "), 0 is good"  # fmt: skip
_MARK_START = b"xrdkit mask: value = 1 + 2 * ("
_SUFFIXES: dict[str, MaskFormat] = {
    ".edf": "edf", ".tif": "tif", ".tiff": "tif", ".npy": "npy", ".msk": "msk", ".mask": "mask",
}  # fmt: skip
_EDF_BLOCK = 512


def save_mask(
    mask: xr.DataArray | NDArray[Any],
    path: str | Path,
    *,
    format: MaskFormat | None = None,  # noqa: A002 - the field's word for it
    flip: bool = False,
) -> Path:
    """Write a mask and return its path; `load_mask` reads it back.

    `mask` (y, x) holds `MaskReason` bits, or booleans. `format` is by default that of the name:

    * ``"edf"``, ``"tif"``: unsigned 16-bit, 0 where good, else 1 + 2 · bits, which `load_mask`
      turns into the reasons again, and which every other program takes for not 0;
    * ``"npy"``: NumPy, 8-bit, 0 and 1 (pyFAI); ``"msk"``: Fit2D, one bit a pixel; ``"mask"``:
      Dioptas, an 8-bit TIFF of 0 and 1. These hold no reasons.

    The first row written is the first row of the frame file (y = 0), as pyFAI and fabio have it.
    With `flip` it is the last: for Dioptas and Fit2D, which put the first row of a frame at the
    bottom or turn frames when they read them. Read with the same `flip`, a mask is what it was.

    Raises SpecError for an unknown format or a mask without reasons, FrameShapeMismatch where it
    is not (y, x), StoreError where it cannot be written.
    """
    target = Path(path)
    kind = _SUFFIXES.get(target.suffix.lower()) if format is None else format
    if kind is None or kind not in _SUFFIXES.values():
        raise SpecError(
            f"no mask format for {target.name!r}" if format is None else f"no format {format!r}",
            hint=f"one of {', '.join(sorted(set(_SUFFIXES.values())))}",
        )
    bits = reason_bits(mask)
    bits = bits[::-1] if flip else bits
    marks = (bits != 0).astype(np.uint8)
    odd = np.where(bits, 2 * bits + 1, 0).astype("<u2")
    content = {
        "edf": lambda: _edf(odd),
        "tif": lambda: _tiff(odd, REASONS_MARK),
        "npy": lambda: _npy(marks),
        "msk": lambda: _fit2d(marks),
        "mask": lambda: _tiff(marks, "mask"),
    }[kind]()
    make_folder(target.parent)
    try:
        target.write_bytes(content)
    except OSError as exc:
        raise store_error(exc, target) from exc
    return target


def holds_reasons(content: bytes) -> bool:
    """Return whether the header of an EDF or TIFF file says that `save_mask` wrote reasons."""
    return _MARK_START in (content[: 4 * _EDF_BLOCK] if content[:1] == b"{" else content[-2048:])


def _edf(values: NDArray[Any]) -> bytes:
    rows, columns = values.shape
    keys = {
        "HeaderID": "EH:000001:000000:000000",
        "Image": "1",
        "ByteOrder": "LowByteFirst",
        "DataType": "UnsignedShort",
        "Dim_1": columns,
        "Dim_2": rows,
        "Size": values.nbytes,
        "Title": REASONS_MARK,
    }
    text = "{\n" + "".join(f"{key} = {value} ;\n" for key, value in keys.items())
    length = -(-(len(text) + 2) // _EDF_BLOCK) * _EDF_BLOCK
    return text.ljust(length - 2).encode("ascii") + b"}\n" + values.tobytes()


def _tiff(values: NDArray[Any], description: str) -> bytes:
    """Return one uncompressed strip: header, pixels, directory, and the text at the end."""
    rows, columns = values.shape
    text = description.encode("ascii") + b"\0"
    pixels = values.tobytes() + b"\0" * (values.nbytes % 2)
    entries = 11
    directory = 8 + len(pixels)
    at_text = directory + 2 + 12 * entries + 4
    tags = [
        (256, 4, 1, columns), (257, 4, 1, rows), (258, 3, 1, 8 * values.itemsize),
        (259, 3, 1, 1), (262, 3, 1, 1), (270, 2, len(text), at_text), (273, 4, 1, 8),
        (277, 3, 1, 1), (278, 4, 1, rows), (279, 4, 1, values.nbytes), (339, 3, 1, 1),
    ]  # fmt: skip
    body = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    head = b"II*\0" + struct.pack("<I", directory)
    return head + pixels + struct.pack("<H", entries) + body + bytes(4) + text


def _npy(values: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values, allow_pickle=False)
    return stream.getvalue()


def _fit2d(values: NDArray[Any]) -> bytes:
    """Return a Fit2D mask: 1024 bytes of header, rows of bits padded to 32, lowest bit first."""
    rows, columns = values.shape
    head = b"M\0\0\0A\0\0\0S\0\0\0K\0\0\0" + struct.pack("<III", columns, rows, 1)
    padded = np.zeros((rows, -(-columns // 32) * 32), dtype=np.uint8)
    padded[:, :columns] = values
    return head.ljust(1024, b"\0") + np.packbits(padded, axis=1, bitorder="little").tobytes()
