"""Little-endian fields of a binary file, each read within its bounds."""

import struct
from dataclasses import dataclass

import numpy as np

from xrdkit.curves.columns import Array
from xrdkit.curves.source import Source
from xrdkit.errors import CurveError


@dataclass(frozen=True, kw_only=True)
class Fields:
    """Fields by their offset in bytes; CurveError where the file ends before one does."""

    source: Source
    """The file."""

    def _one(self, form: str, at: int) -> float:
        try:
            return struct.unpack_from(form, self.source.content, at)[0]
        except struct.error as exc:
            raise self.truncated(at) from exc

    def u16(self, at: int) -> int:
        """Return an unsigned integer of two bytes."""
        return int(self._one("<H", at))

    def u32(self, at: int) -> int:
        """Return an unsigned integer of four bytes."""
        return int(self._one("<I", at))

    def f32(self, at: int) -> float:
        """Return a number of four bytes."""
        return float(self._one("<f", at))

    def f64(self, at: int) -> float:
        """Return a number of eight bytes."""
        return float(self._one("<d", at))

    def text(self, at: int, length: int) -> str:
        """Return text up to its first zero byte, at most `length` bytes."""
        return self.source.content[at : at + length].split(b"\0")[0].decode("latin-1").strip()

    def floats(self, at: int, count: int, stride: int = 4) -> Array:
        """Return `count` numbers of four bytes, the first at `at`, each `stride` bytes on."""
        return self._column("<f4", at, count, stride)

    def doubles(self, at: int, count: int, stride: int = 8) -> Array:
        """Return `count` numbers of eight bytes, the first at `at`, each `stride` bytes on."""
        return self._column("<f8", at, count, stride)

    def _column(self, kind: str, at: int, count: int, stride: int) -> Array:
        width = np.dtype(kind).itemsize
        end = at + (count - 1) * stride + width
        if count < 1 or end > len(self.source.content):
            raise self.truncated(end)
        values = np.ndarray((count,), kind, self.source.content, offset=at, strides=(stride,))
        return values.astype(np.float64)

    def require(self, end: int) -> None:
        """Raise CurveError where the file has fewer than `end` bytes."""
        if end > len(self.source.content):
            raise self.truncated(end)

    def truncated(self, at: int) -> CurveError:
        """Return the error for a file that ends before the byte `at`."""
        return CurveError(
            f"has {len(self.source.content):,} bytes and asks for byte {at:,}",
            source=self.source.file,
            hint="the file is truncated or damaged; fetch it again",
        )


def even_angles(start: float, step: float, count: int, source: Source) -> Array:
    """Return `count` angles from `start` in equal steps, degree.

    Raises CurveError for a number of points, a start or a step that no scan has.
    """
    plausible = np.isfinite(start) and np.isfinite(step) and 0 < abs(step) < 10 and abs(start) < 360
    if not plausible or not 0 < count <= 10_000_000:
        raise CurveError(
            f"a range of {count} points from {start:g} in steps of {step:g} degree is none",
            source=source.file,
            hint="the file is damaged, or of a version that is not known",
        )
    return start + step * np.arange(count, dtype=np.float64)
