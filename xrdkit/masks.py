"""Why a pixel is left out: a bit field of reasons, and the rule for no-data values."""

from collections.abc import Mapping, Sequence
from enum import IntFlag
from typing import Any

import numpy as np
from numpy.typing import NDArray

NO_DATA_32 = 2**32 - 1
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


#: CF attributes of a mask variable.
MASK_ATTRS: dict[str, Any] = {
    "long_name": "reasons why a pixel is left out",
    "flag_masks": np.array([r.value for r in MaskReason if r.value], dtype=np.int64),
    "flag_meanings": " ".join(r.name.lower() for r in MaskReason if r.value and r.name),
}


def declared_sentinels(attrs: Mapping[Any, Any]) -> list[int]:
    """Return the raw values that a file declares to be no data, from the attributes of counts."""
    return [int(v) for v in np.ravel(attrs.get("sentinels", ()))]


def no_data_reasons(frame: NDArray[Any], sentinels: Sequence[int] = ()) -> NDArray[np.uint16]:
    """Return the reasons (uint16, shape of `frame`) for which raw pixels of a frame hold no data.

    The rule depends on the values, so that the same frame stored in another dtype loses the same
    pixels, whatever the detector is called:

    * 2^32-1 is no data in every dtype, as are the `sentinels` the file itself declares;
    * the largest value of an unsigned dtype is no data;
    * 65535 is no data in wider dtypes too where no valid pixel of the frame exceeds it, which is
      what a 16-bit frame stored wider looks like;
    * a negative value is no data in signed integers (counts cannot be negative), and in floating
      point where every negative value of the frame is one of -1, -2 (a frame from which a dark was
      subtracted has others);
    * NaN and infinity are `NOT_FINITE`.

    `frame` is at least the values of one frame, any shape; it is not changed.
    """
    values = np.asarray(frame)
    reasons = np.zeros(values.shape, dtype=np.uint16)
    kind = values.dtype.kind
    if kind == "f":
        finite = np.isfinite(values)
        reasons[~finite] = np.uint16(MaskReason.NOT_FINITE)
    bad = values == NO_DATA_32
    if kind == "u":
        bad |= values == np.iinfo(values.dtype).max
    elif kind == "i":
        bad |= values < 0
    elif kind == "f":
        negative = values < 0
        marks = (values == -1) | (values == -2)
        if not np.any(negative & ~marks & finite):
            bad |= marks
    if kind == "f" or values.dtype.itemsize > 2:
        bad |= _clipped_at_16_bit(values, bad | (reasons > 0))
    for sentinel in sentinels:
        bad |= values == sentinel
    reasons[bad] |= np.uint16(MaskReason.SENTINEL)
    return reasons


def _clipped_at_16_bit(values: NDArray[Any], bad: NDArray[np.bool_]) -> NDArray[np.bool_]:
    top = values == NO_DATA_16
    if not top.any() or np.any((values > NO_DATA_16) & ~bad):
        return np.zeros(values.shape, dtype=bool)
    return top
