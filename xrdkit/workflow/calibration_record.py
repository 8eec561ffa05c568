"""``calibration.toml``: what a stored calibration was made of and what it is worth."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any

from xrdkit.calibration import CalibrationVerdict
from xrdkit.errors import CalibrationSyntax

SCHEMA = "xrdkit/calibration/1"
RECORD = "calibration.toml"
_COMMENTS = {
    "measured": "day on which the standard was measured",
    "dated_by": "where that day is from",
    "frame_digests": "SHA-256 of the files of the standard",
    "rms_px": "residual of the points used, pixel",
}


@dataclass(frozen=True, kw_only=True)
class CalibrationRecord:
    """The lines of a ``calibration.toml``."""

    instrument: str
    """Name of the instrument, that of the folder above."""
    measured: date
    """Day on which the standard was measured, the name of the folder."""
    dated_by: str
    """``"given"``, or ``"header"`` where the day is that of the frame's ``start_time``."""
    calibrant: str
    """Name of the standard."""
    verdict: CalibrationVerdict
    """What the calibration is worth."""
    reasons: tuple[str, ...] = ()
    """What keeps it from being accepted."""
    rms_px: float
    """Root mean square distance of the points from their rings, pixel."""
    frame_shape: tuple[int, int]
    """Rows and columns of the frames."""
    frame_files: tuple[str, ...]
    """Names of the files of the standard."""
    frame_digests: tuple[str, ...]
    """SHA-256 of each; of the counts where no file is known."""
    software: Mapping[str, str] = field(default_factory=dict)
    """Versions of what computed it."""
    files: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of the other files of the folder, by name."""


def record_text(record: CalibrationRecord) -> str:
    """Return the text of a ``calibration.toml``; `read_record` reads it back the same."""
    lines = [f'schema = "{SCHEMA}"']
    for item in fields(CalibrationRecord):
        value = getattr(record, item.name)
        if isinstance(value, Mapping):
            continue
        text = value.isoformat() if isinstance(value, date) else json.dumps(value)
        comment = f"  # {_COMMENTS[item.name]}" if item.name in _COMMENTS else ""
        lines.append(f"{item.name} = {text}{comment}")
    for name in ("software", "files"):
        lines += ["", f"[{name}]"]
        table = sorted(getattr(record, name).items())
        lines += [f"{json.dumps(key)} = {json.dumps(value)}" for key, value in table]
    return "\n".join(lines) + "\n"


def read_record(text: str, *, source: object) -> CalibrationRecord:
    """Return the record in the text of the file `source`; raise CalibrationSyntax naming the key.

    Keys are strict: none too many, none too few.
    """
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        raise CalibrationSyntax(f"is not TOML: {exc}", source=source) from exc
    schema = table.pop("schema", None)
    if schema != SCHEMA:
        raise CalibrationSyntax(f"has the schema {schema!r}, not {SCHEMA!r}", source=source)
    known = {item.name for item in fields(CalibrationRecord)}
    for said, keys in (("unknown", table.keys() - known), ("missing", known - table.keys())):
        if keys:
            raise CalibrationSyntax(f"{said} keys: {', '.join(sorted(keys))}", source=source)
    for key, value in table.items():
        if isinstance(value, list):
            table[key] = tuple(value)
    _check(table, source)
    return CalibrationRecord(**{**table, "verdict": CalibrationVerdict(table["verdict"])})


def _check(table: dict[str, Any], source: object) -> None:
    def texts(value: Any) -> bool:
        return isinstance(value, tuple) and all(isinstance(v, str) for v in value)

    def mapping(value: Any) -> bool:
        return isinstance(value, dict) and all(isinstance(v, str) for v in value.values())

    shape = table["frame_shape"]
    rules = {
        **{k: isinstance(table[k], str) for k in ("instrument", "dated_by", "calibrant")},
        **{k: texts(table[k]) for k in ("reasons", "frame_files", "frame_digests")},
        **{k: mapping(table[k]) for k in ("software", "files")},
        "measured": type(table["measured"]) is date,
        "verdict": table["verdict"] in [v.value for v in CalibrationVerdict],
        "rms_px": isinstance(table["rms_px"], float) and table["rms_px"] >= 0,
        "frame_shape": isinstance(shape, tuple) and [type(n) for n in shape] == [int, int],
    }
    for key, good in rules.items():
        if not good:
            raise CalibrationSyntax(f"{key} is {table[key]!r}", source=source)
