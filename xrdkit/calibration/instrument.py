"""What is fixed about an instrument: the frames its detector writes, and its resolution."""

import json
import tomllib
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from xrdkit.atomic import write_file
from xrdkit.calibration.resolution import Resolution
from xrdkit.calibration.resolution_rings import RingWidth
from xrdkit.calibration.text import read_text
from xrdkit.errors import CalibrationSyntax, FrameShapeMismatch, SpecError
from xrdkit.fitting import Verdict

#: Version of the table that holds a `Resolution`.
RESOLUTION_SCHEMA = "xrdkit/resolution/1"
_TABLE = "resolution_function"
#: Units, written beside the numbers.
_UNITS = {
    "wavelength": "angstrom",
    "two_theta_range": "degree, innermost and outermost ring used",
    "u": "degree2: H_G^2 = u tan(theta)^2 + v tan(theta) + w",
    "v": "degree2",
    "w": "degree2",
    "x": "degree: H_L = x / cos(theta) + y tan(theta)",
    "y": "degree",
    "covariance": "of u, v, w, x, y; 0 where one was held",
    "asymmetry": "right minus left half width over their sum",
    "gof": "of the rings about the curve",
    "two_theta": "degree, one value for each ring",
    "fwhm": "degree",
    "lorentzian": "share of the pseudo-Voigt, 0 to 1",
}


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
    resolution_function: Resolution | None = None
    """Widths over 2θ from a calibrant, where they were measured."""

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
        function = self.resolution_function
        if function is not None and not isinstance(function, Resolution):
            raise SpecError(f"resolution_function is {type(function).__name__}, not a Resolution")

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

    The table ``[resolution_function]`` of `save_instrument` may be absent. Raises CalibrationSyntax
    naming the file and the key.
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
    if _TABLE in table:
        table[_TABLE] = _resolution(table[_TABLE], path)
    try:
        return Instrument(**table)
    except SpecError as exc:
        raise CalibrationSyntax(exc.message, source=path) from exc


def save_instrument(instrument: Instrument, path: str | Path) -> Path:
    """Write an ``instrument.toml`` with units in its comments and return its path.

    The file is replaced in one step. Raises StoreFull, LinkRefused or StoreError as
    `save_calibration` does.
    """
    write_file(Path(path), instrument_text(instrument).encode(), overwrite=True)
    return Path(path)


def instrument_text(instrument: Instrument) -> str:
    """Return the text of an ``instrument.toml``; `load_instrument` reads it back the same."""
    said = {
        "shape": "rows, columns",
        "saturation": "counts per pixel",
        "resolution": "full width at half maximum of a sharp ring, degree in 2theta",
    }
    lines = [
        _line(field.name, getattr(instrument, field.name), said.get(field.name))
        for field in fields(Instrument)
        if field.name != _TABLE
    ]
    found = instrument.resolution_function
    if found is not None:
        lines += ["", f"[{_TABLE}]", _line("schema", RESOLUTION_SCHEMA)]
        lines += [
            _line(field.name, getattr(found, field.name), _UNITS.get(field.name))
            for field in fields(Resolution)
            if field.name != "rings"
        ]
        if found.rings:
            lines += ["", f"[{_TABLE}.rings]"]
            lines += [
                _line(f.name, [getattr(r, f.name) for r in found.rings], _UNITS.get(f.name))
                for f in fields(RingWidth)
            ]
    return "\n".join(lines) + "\n"


def _line(key: str, value: object, comment: str | None = None) -> str:
    # JSON of texts, finite numbers and lists of them is TOML.
    text = f"{key} = {json.dumps(value, allow_nan=False)}"
    return text if comment is None else f"{text}  # {comment}"


def _resolution(table: Any, path: str | Path) -> Resolution:
    """Return the resolution in a table of the file; raise CalibrationSyntax."""
    if not isinstance(table, dict) or table.get("schema") != RESOLUTION_SCHEMA:
        raise CalibrationSyntax(
            f"{_TABLE} is not of the schema {RESOLUTION_SCHEMA!r}",
            source=path,
            hint="measure it again, or use the version that wrote it",
        )
    given = {key: value for key, value in table.items() if key not in ("schema", "rings")}
    columns = table.get("rings", {})
    try:
        rows = zip(*columns.values(), strict=True)
        rings = tuple(RingWidth(**dict(zip(columns, row, strict=True))) for row in rows)
        given["verdict"] = Verdict(str(given.get("verdict")))
        given["two_theta_range"] = tuple(given.get("two_theta_range", ()))
        given["covariance"] = tuple(tuple(row) for row in given.get("covariance", ()))
        return Resolution(**given, rings=rings)
    except (TypeError, ValueError, AttributeError) as exc:
        raise CalibrationSyntax(f"{_TABLE} cannot be read: {exc}", source=path) from exc
