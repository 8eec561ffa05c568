"""What is fixed about an instrument: the frames its detector writes, and its resolution."""

import tomllib
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from xrdkit.calibration.text import read_text
from xrdkit.errors import CalibrationSyntax, FrameShapeMismatch, SpecError


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """The lines of an ``instrument.toml``."""

    name: str
    """Name of the instrument, that of its folder."""
    detector: str
    """Detector as in pyFAI's list, or "Detector"."""
    shape: tuple[int, int]
    """Rows and columns of a frame."""
    dtype: str
    """Type of the pixels as numpy writes it, e.g. ``"uint32"``."""
    orientation: int = 3
    """How rows and columns run, 1 to 4 as in pyFAI."""
    saturation: float
    """Counts per pixel above which the detector is not linear, count."""
    resolution: float
    """Full width at half maximum of a sharp ring in 2θ, degree."""

    def __post_init__(self) -> None:
        if not (isinstance(self.shape, tuple) and len(self.shape) == 2):
            raise SpecError(f"shape is {self.shape!r}, not [rows, columns]")
        if not all(isinstance(n, int) and n > 0 for n in self.shape):
            raise SpecError(f"shape is {self.shape!r}, not two positive whole numbers")
        for name in ("name", "detector", "dtype"):
            if not (isinstance(getattr(self, name), str) and getattr(self, name)):
                raise SpecError(f"{name} is {getattr(self, name)!r}, not a text")
        try:
            kind = np.dtype(self.dtype).kind
        except TypeError as exc:
            raise SpecError(f"dtype {self.dtype!r} is not a type of pixels") from exc
        if kind not in "uif":
            raise SpecError(f"dtype {self.dtype!r} is not a type of pixels")
        if self.orientation not in (1, 2, 3, 4):
            raise SpecError(f"orientation is {self.orientation!r}, not 1 to 4")
        for name, top in (("saturation", np.inf), ("resolution", 10.0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise SpecError(f"{name} is {value!r}, not a number")
            if not 0 < value <= top:
                raise SpecError(f"{name} is {value}, not above 0 and up to {top:g}")

    def check_frame(self, shape: tuple[int, int], dtype: Any, *, source: object = None) -> None:
        """Raise FrameShapeMismatch where a frame is not of this instrument's shape and dtype."""
        if tuple(shape) != self.shape or np.dtype(dtype) != np.dtype(self.dtype):
            raise FrameShapeMismatch(
                f"frame of {tuple(shape)} {np.dtype(dtype)},"
                f" {self.name} writes {self.shape} {self.dtype}",
                source=source,
            )


def load_instrument(path: str | Path) -> Instrument:
    """Return the instrument that a TOML file describes, strictly: no key too many or too few.

    Raises CalibrationSyntax naming the file and the key.
    """
    try:
        table = tomllib.loads(read_text(path))
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        raise CalibrationSyntax(f"is not TOML: {exc}", source=path) from exc
    known = {field.name for field in fields(Instrument)}
    needed = {field.name for field in fields(Instrument) if field.default is MISSING}
    for text, keys in (("unknown", table.keys() - known), ("missing", needed - table.keys())):
        if keys:
            raise CalibrationSyntax(
                f"{text} keys: {', '.join(sorted(keys))}",
                source=path,
                hint=f"known: {', '.join(sorted(known))}",
            )
    if isinstance(table["shape"], list):
        table["shape"] = tuple(table["shape"])
    try:
        return Instrument(**table)
    except SpecError as exc:
        raise CalibrationSyntax(exc.message, source=path) from exc
