"""Masks from files: pixels a person or a program marked as bad."""

import contextlib
import io
import logging
import struct
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.calibration.mask_formats import holds_reasons
from xrdkit.calibration.mask_header import check_edf, check_fit2d, check_npy, check_tiff
from xrdkit.errors import (
    EmptyResult,
    FrameCorrupt,
    FrameFormatUnknown,
    FrameNotFound,
    FrameShapeMismatch,
)
from xrdkit.limits import Limits
from xrdkit.masks import ALL_REASONS, MaskReason, as_mask
from xrdkit.provenance import fingerprint

#: first bytes of the kinds that fabio reads here; Fit2D masks start with "M A S K" in 32 bits
_FABIO = {b"II*\x00": "TIFF", b"MM\x00*": "TIFF", b"M\x00\x00\x00A\x00\x00\x00": "Fit2D mask"}
_NPY = b"\x93NUMPY"
#: Masks hold one value, or a few as reasons; a frame taken for one would hide every pixel that
#: counted something.
_MOST_KINDS = 64
#: what fabio is seen to raise on bytes that make no sense
_BAD_BYTES = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RuntimeError,
    AssertionError,
    MemoryError,
    ArithmeticError,
    struct.error,
)


def load_mask(
    path: str | Path,
    *,
    flip: bool = False,
    shape: tuple[int, int] | None = None,
    limits: Limits | None = None,
) -> xr.DataArray:
    """Return the mask in an EDF, TIFF, NPY or Fit2D .msk file, uint16 over (y, x).

    Pixels that are not 0 in the file are left out: they become `MaskReason.USER`, others 0; a mask
    that `save_mask` wrote as EDF or TIFF has its own reasons again. With `flip` the rows are
    reversed, for programs that show frames upside down (Dioptas, Fit2D).
    `shape` (rows, columns) is what the mask must have, where that is known.

    Raises FrameNotFound, FrameFormatUnknown, FrameTruncated, FrameCorrupt for a file that cannot be
    read, LimitExceeded for one too large, FrameShapeMismatch where it is not one frame or not of
    `shape`, FrameFormatUnknown where it is an image with many values, EmptyResult where every pixel
    is left out.
    """
    source = Path(path)
    if not source.is_file():
        raise FrameNotFound("no such mask file", source=path)
    allowed = limits or Limits()
    # A mask packs no better than 1 to 1000; what is larger than its pixels is none.
    allowed.check("bytes_held", source.stat().st_size, source=path)
    content = _content(source)
    values = np.asarray(_values(content, source, allowed))
    if values.ndim == 3 and values.shape[0] == 1:
        values = values[0]
    if values.ndim != 2:
        raise FrameShapeMismatch(f"mask has shape {values.shape}, not (rows, columns)", source=path)
    allowed.check("pixels", values.size, source=path)
    if shape is not None and values.shape != tuple(shape):
        raise FrameShapeMismatch(
            f"mask of {values.shape} pixels, frames of {tuple(shape)}",
            source=path,
            hint="is it transposed, or of another detector?",
        )
    if values.dtype.kind not in "buif":
        raise FrameCorrupt(f"mask holds {values.dtype}, not numbers", source=path)
    bad = values != 0
    if bad.all():
        raise EmptyResult(
            "the mask leaves no pixel", source=path, hint="pixels that are not 0 are left out"
        )
    own = values.dtype == np.uint16 and holds_reasons(content)
    kinds = np.unique(values[bad]).size
    if kinds > _MOST_KINDS and not own:
        raise FrameFormatUnknown(
            f"holds {kinds} different values beside 0: an image, not a mask",
            source=path,
            hint="a mask has 0 where a pixel counts and one value, or a few, where it does not",
        )
    if own:
        marks = _own_reasons(values, source)
    else:
        marks = np.where(bad, MaskReason.USER, 0).astype(np.uint16)
    mask = as_mask(marks[::-1] if flip else marks)
    # Where it came from, so that a result can be replayed.
    return mask.assign_attrs(source_file=source.name, source_sha256=fingerprint(source))


def _own_reasons(values: NDArray[Any], source: Path) -> NDArray[np.uint16]:
    """Return the bits of a mask whose header says that it holds them."""
    bits = np.where(values & 1, values >> 1, 0).astype(np.uint16)
    if np.any((values != 0) & (bits == 0)) or np.any(bits > ALL_REASONS):
        raise FrameCorrupt("holds numbers that are no reasons, against its header", source=source)
    return bits


def _content(source: Path) -> bytes:
    try:
        return source.read_bytes()
    except OSError as exc:
        raise FrameNotFound("cannot be read", source=source) from exc


def _values(content: bytes, source: Path, limits: Limits) -> NDArray[Any]:
    if content.startswith(_NPY):
        check_npy(content, limits, source)
        try:
            return np.asarray(np.load(io.BytesIO(content), allow_pickle=False))
        except (ValueError, OSError, EOFError, MemoryError) as exc:
            raise FrameCorrupt(f"not a plain NPY array: {exc}", source=source) from exc
    kind = next((name for magic, name in _FABIO.items() if content.startswith(magic)), None)
    if kind is None and content[:64].lstrip()[:1] == b"{":
        kind = "EDF"
    if kind is None:
        raise FrameFormatUnknown(
            "no mask format that is known", source=source, hint="EDF, TIFF, NPY or Fit2D .msk"
        )
    {"EDF": check_edf, "TIFF": check_tiff, "Fit2D mask": check_fit2d}[kind](content, limits, source)
    return _through_fabio(source, kind)


def _through_fabio(source: Path, kind: str) -> NDArray[Any]:
    from fabio.edfimage import EdfImage
    from fabio.fit2dmaskimage import Fit2dMaskImage
    from fabio.tifimage import TifImage

    reader = {"EDF": EdfImage, "TIFF": TifImage, "Fit2D mask": Fit2dMaskImage}[kind]
    try:
        with _quiet(), reader().read(str(source)) as image:
            data = image.data
    except _BAD_BYTES as exc:
        raise FrameCorrupt(f"cannot be read as {kind}: {exc}", source=source) from exc
    if data is None:
        raise FrameCorrupt(f"holds no pixels that can be read as {kind}", source=source)
    return np.asarray(data)


@contextlib.contextmanager
def _quiet() -> Any:
    """Keep fabio's own log lines away: what goes wrong is said in our error."""
    log = logging.getLogger("fabio")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)
