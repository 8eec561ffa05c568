"""Why a pixel is left out: a bit field of reasons, and the rule for no-data values."""

from collections.abc import Callable, Mapping, Sequence
from enum import IntFlag
from functools import cache
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.errors import FrameShapeMismatch, SpecError

NO_DATA_32 = 2**32 - 1
#: what 2^32-1 becomes in float32, and in whatever a float32 frame was stored as later
NO_DATA_32_ROUNDED = 2**32
NO_DATA_16 = 2**16 - 1


class MaskReason(IntFlag):
    """Reasons why a pixel carries no information; 0 is a good pixel."""

    GOOD = 0
    GAP = 1
    SENTINEL = 2
    HOT = 4
    DEAD = 8
    BEAMSTOP = 16
    SHADOW = 32
    ZINGER = 64
    SATURATED = 128
    USER = 256
    NOT_FINITE = 512


#: every bit that a mask may have
ALL_REASONS = sum(reason.value for reason in MaskReason)
#: CF attributes of a mask variable.
MASK_ATTRS: dict[str, Any] = {
    "long_name": "reasons why a pixel is left out",
    "flag_masks": np.array([r.value for r in MaskReason if r.value], dtype=np.int64),
    "flag_meanings": " ".join(r.name.lower() for r in MaskReason if r.value and r.name),
}


def declared_sentinels(attrs: Mapping[Any, Any]) -> list[int]:
    """Return the raw values that a file declares to be no data, from the attributes of counts."""
    return [int(v) for v in np.ravel(attrs.get("sentinels", ()))]


def combine_masks(*masks: xr.DataArray | NDArray[Any]) -> xr.DataArray:
    """Return the union of masks, uint16 `MaskReason` bits over (y, x).

    Each of `masks` is (y, x): `MaskReason` bits as unsigned or signed integers, or booleans, which
    count as the user's. A pixel has every reason that one of the masks gives. Raises SpecError
    without a mask or for one that holds no reasons, FrameShapeMismatch for unequal shapes.
    """
    if not masks:
        raise SpecError("there is no mask to combine")
    bits = [reason_bits(mask) for mask in masks]
    for each in bits:
        if each.shape != bits[0].shape:
            raise FrameShapeMismatch(f"masks of {bits[0].shape} and {each.shape} pixels")
    return as_mask(np.bitwise_or.reduce(bits))


def as_mask(bits: NDArray[Any]) -> xr.DataArray:
    """Return `MaskReason` bits (y, x) as a labelled mask, uint16."""
    return xr.DataArray(bits.astype(np.uint16), dims=("y", "x"), attrs=dict(MASK_ATTRS))


def reason_bits(mask: xr.DataArray | NDArray[Any]) -> NDArray[np.uint16]:
    """Return the bits of a mask as uint16 (y, x); booleans count as the user's.

    Raises SpecError for what holds no `MaskReason` bits, FrameShapeMismatch for other dimensions.
    """
    values = np.asarray(mask)
    if values.ndim != 2:
        raise FrameShapeMismatch(f"a mask is (y, x), this one has shape {values.shape}")
    if values.dtype == bool:
        return values * np.uint16(MaskReason.USER)
    if values.dtype.kind not in "ui":
        raise SpecError(
            f"a mask of {values.dtype} holds no reasons",
            hint="compare first, such as values < 1, for a mask of booleans",
        )
    if values.size and not 0 <= int(values.min()) <= int(values.max()) <= ALL_REASONS:
        raise SpecError(
            f"{int(values.min())} to {int(values.max())} in a mask are no MaskReason bits",
            hint="pass values != 0 for a mask of another program",
        )
    return values.astype(np.uint16)


def count_reasons(mask: xr.DataArray | NDArray[Any]) -> dict[str, int]:
    """Return how many pixels of a mask (y, x) are ``"good"``, and how many each reason leaves out.

    Reasons go by their names in lower case, in the order of `MaskReason`, those without a pixel
    left away. A pixel with several reasons counts in each. Raises as `combine_masks`.
    """
    bits = reason_bits(mask)
    counts = {"good": int(np.count_nonzero(bits == 0))}
    for reason in MaskReason:
        if reason.value and reason.name:
            number = int(np.count_nonzero(bits & np.uint16(reason)))
            if number:
                counts[reason.name.lower()] = number
    return counts


def describe_mask(mask: xr.DataArray | NDArray[Any]) -> str:
    """Return a summary for a reader: pixels left out in all and by each reason, a line each."""
    counts = count_reasons(mask)
    total = max(int(np.asarray(mask).size), 1)
    rows = [("left out", total - counts.pop("good")), *counts.items()]
    return "\n".join(
        f"{name.replace('_', ' '):<12}{n:>10} of {total} pixels  {100 * n / total:.3g} %"
        for name, n in rows
    )


def no_data_reasons(frame: NDArray[Any], sentinels: Sequence[int] = ()) -> NDArray[np.uint16]:
    """Return the reasons (uint16, shape of `frame`) for which raw pixels of a frame hold no data.

    The rule depends on the values, so that the same frame stored in another dtype loses the same
    pixels, whatever the detector is called:

    * 2^32-1 is no data in every dtype, and so is 2^32, which it becomes in float32; as are the
      `sentinels` the file itself declares;
    * the largest value of an unsigned dtype is no data;
    * 65535 is no data in wider dtypes too where no valid pixel of the frame exceeds it, which is
      what a 16-bit frame stored wider looks like;
    * a negative value is no data in signed integers (counts cannot be negative), and in floating
      point where every negative value of the frame is one of -1, -2 (a frame from which a dark was
      subtracted has others);
    * NaN and infinity are `NOT_FINITE`.

    `frame` is at least the values of one frame, any shape; it is not changed. Raises SpecError
    where it holds no real numbers.
    """
    values = np.asarray(frame)
    kind = values.dtype.kind
    if kind not in "biuf":
        raise SpecError(f"a frame of {values.dtype} holds no counts")
    flat = np.ascontiguousarray(values).ravel()
    if kind == "b":
        flat = flat.view(np.int8)
    elif kind == "f" and flat.dtype.itemsize not in (4, 8):
        flat = flat.astype(np.float32 if flat.dtype.itemsize == 2 else np.float64)
    elif not flat.dtype.isnative:
        flat = flat.astype(flat.dtype.newbyteorder("="))
    reasons = np.empty(flat.size, dtype=np.uint16)
    if kind == "f":
        above, at_16_bit, counted_below, marks = _kernels()[1](flat, reasons)
        if marks and not counted_below:
            reasons[(flat == -1) | (flat == -2)] = MaskReason.SENTINEL
    else:
        above, at_16_bit = _kernels()[0](flat, reasons, *_integer_marks(flat.dtype))
    declared = [s for s in sentinels if not (kind == "i" and s < 0) and s != NO_DATA_32]
    for sentinel in declared:
        reasons[flat == sentinel] |= np.uint16(MaskReason.SENTINEL)
    if at_16_bit and (kind == "f" or flat.dtype.itemsize > 2):
        if above and declared:
            above = bool(np.any((flat > NO_DATA_16) & (reasons == 0)))
        if not above:
            reasons[flat == NO_DATA_16] |= np.uint16(MaskReason.SENTINEL)
    return reasons.reshape(values.shape)


def _integer_marks(dtype: np.dtype[Any]) -> list[Any]:
    """Return the three no-data values of an integer dtype, in that dtype.

    One that it cannot hold is replaced by one that is no data anyway.
    """
    limits = np.iinfo(dtype)
    known = limits.max if dtype.kind == "u" else -1
    wanted = (NO_DATA_32, NO_DATA_32_ROUNDED, known)
    return [dtype.type(value if value <= limits.max else known) for value in wanted]


@cache
def _kernels() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the compiled passes over integers and floats; the compiler is loaded on first use."""
    from xrdkit.compiled import compiled

    return compiled()(_mark_integers), compiled()(_mark_floats)


def _mark_integers(
    values: NDArray[Any], reasons: NDArray[np.uint16], first: Any, second: Any, third: Any
) -> tuple[bool, bool]:
    """Fill `reasons`; return whether valid values exceed 16 bits, and whether 65535 is there.

    Without a branch within the loop, which then runs on several pixels at once.
    """
    above = at_16_bit = False
    for i in range(values.size):
        v = values[i]
        bad = (v == first) | (v == second) | (v == third) | (v < 0)
        reasons[i] = 2 * bad
        above |= (v > 65535) & (not bad)
        at_16_bit |= v == 65535
    return above, at_16_bit


def _mark_floats(
    values: NDArray[Any], reasons: NDArray[np.uint16]
) -> tuple[bool, bool, bool, bool]:
    """Fill `reasons`; return the flags of `_mark_integers`, and whether other negative values than
    -1 and -2 are there, and whether those are."""
    above = at_16_bit = counted_below = marks = False
    for i in range(values.size):
        v = values[i]
        missing = not (abs(v) < np.inf)
        bad = (v == 4294967295.0) | (v == 4294967296.0)
        mark = (v == -1.0) | (v == -2.0)
        reasons[i] = 2 * bad + 512 * missing
        above |= (v > 65535.0) & (not bad) & (not missing)
        at_16_bit |= v == 65535.0
        counted_below |= (v < 0.0) & (not mark) & (not missing)
        marks |= mark
    return above, at_16_bit, counted_below, marks
