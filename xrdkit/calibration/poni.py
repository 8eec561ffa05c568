"""PONI files: pyFAI's text format for a geometry, read strictly."""

import json
import logging
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np

from xrdkit.calibration.named import detector_config, named_detector
from xrdkit.canonical import plain
from xrdkit.errors import CalibrationError, CalibrationImplausible, CalibrationSyntax
from xrdkit.geometry import PARAMETERS, Calibration, Detector
from xrdkit.provenance import package_version

LOG = logging.getLogger("xrdkit")
#: versions of the format that are understood; 3 only adds a parallax switch and the sensor
VERSIONS = ("1", "2", "2.0", "2.1", "3", "3.0")
_USUAL_DISTANCE = (0.02, 20.0)
_FARTHEST_PONI = 5.0
_GEOMETRY = ("distance", "poni1", "poni2", "rot1", "rot2", "rot3", "wavelength")
_KNOWN = {
    *_GEOMETRY,
    *("poni_version", "detector", "detector_config", "pixelsize1", "pixelsize2", "splinefile"),
    "parallax",
}
_HEADER = re.compile(r"^#\s*(nota\s*:|calibration done)", re.IGNORECASE)
_COVARIANCE = re.compile(r"^#\s*covariance of [a-z0-9, ]+:\s*(\[.*\])$", re.IGNORECASE)
_VERDICT = re.compile(r"^#\s*verdict:\s*(rejected|doubtful)\b(.*)$", re.IGNORECASE)
_WRITTEN_WITH = re.compile(r"^#\s*geometry as in pyFAI (\S+)", re.IGNORECASE)
_NEUTRAL = Calibration(
    distance=1.0,
    poni1=0.0,
    poni2=0.0,
    wavelength=1.0,
    detector=Detector(pixel_size_y=1e-4, pixel_size_x=1e-4),
)


@dataclass(frozen=True, kw_only=True)
class _Entry:
    text: str
    line: int


_Record = dict[str, _Entry]
_NOTHING = _Entry(text="", line=0)


def read_poni(
    text: str, source: str, *, wavelength: float | None = None, quiet: bool = False
) -> Calibration:
    """Return the geometry in the text of a PONI file; the last complete record counts.

    `source` names the file in errors. A `wavelength` in ångström stands in where a file has none,
    as pyFAI writes it without calibrant. Of a verdict that is not good a warning goes to the log,
    except where `quiet`. Raises CalibrationSyntax and CalibrationImplausible.
    """
    records, versions = _records(text, source)
    if wavelength is not None:
        for record in records:
            if record.get("wavelength", _NOTHING).text.lower() in ("", "none"):
                record["wavelength"] = _Entry(text=_shifted(repr(float(wavelength)), -10), line=0)
    chosen = _last_complete(records, source)
    calibration = _calibration(records[chosen], source)
    if "verdict" in records[chosen] and not quiet:
        LOG.warning("%s: says of itself: %s", source, records[chosen]["verdict"].text)
    _say_what_is_odd(calibration, versions[chosen], source)
    return calibration


def poni_text(calibration: Calibration, *, verdict: str = "") -> str:
    """Return `calibration` as a PONI file of version 2.1, with its verdict in a comment."""
    name, config = detector_config(calibration.detector)
    metre = _shifted(repr(float(calibration.wavelength)), -10)
    lines = [
        "# Nota: C-Order, 1 refers to the Y axis, 2 to the X axis",
        f"# Written by xrdkit {package_version()}",
        f"# Geometry as in pyFAI {package_version('pyFAI')}",
        *([f"# Verdict: {' '.join(verdict.split())}"] if verdict else []),
        "poni_version: 2.1",
        f"Detector: {name}",
        f"Detector_config: {config}",
        f"Distance: {float(calibration.distance)!r}",
        *(
            f"{key.capitalize()}: {float(getattr(calibration, key))!r}"
            for key in ("poni1", "poni2", "rot1", "rot2", "rot3")
        ),
        f"Wavelength: {metre}",
    ]
    if calibration.covariance is not None:
        # A comment: other programs read past it.
        table = json.dumps(plain(calibration.covariance))
        lines.append(f"# Covariance of {', '.join(PARAMETERS)}: {table}")
    return "\n".join([*lines, ""])


def _records(text: str, source: str) -> tuple[list[_Record], list[str | None]]:
    """Split a file at the comments with which pyFAI opens each record it appends."""
    records: list[_Record] = [{}]
    versions: list[str | None] = [None]
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if line.startswith("#"):
            if _HEADER.match(line) and records[-1]:
                records.append({})
                versions.append(None)
            elif found := _WRITTEN_WITH.match(line):
                versions[-1] = found.group(1)
            elif found := _COVARIANCE.match(line):
                records[-1]["covariance"] = _Entry(text=found.group(1), line=number)
            elif found := _VERDICT.match(line):
                said = f"{found.group(1).lower()}{found.group(2)}"
                records[-1]["verdict"] = _Entry(text=said, line=number)
            continue
        if not line:
            continue
        key, colon, value = line.partition(":")
        key = key.strip().lower()
        key = "distance" if key == "dist" else key
        if not colon or key not in _KNOWN:
            raise CalibrationSyntax(
                f"line {number}: {line[:60]!r} is not an entry of a PONI file",
                source=source,
                hint="entries are 'Key: value' with the keys that pyFAI writes",
            )
        if key in records[-1]:
            raise CalibrationSyntax(
                f"line {number}: {key.capitalize()} is given twice in one record,"
                f" first in line {records[-1][key].line}",
                source=source,
                hint="delete the one that is wrong",
            )
        records[-1][key] = _Entry(text=value.strip(), line=number)
    return records, versions


def _missing(record: _Record) -> list[str]:
    missing = [key for key in _GEOMETRY if key not in record]
    if "detector_config" in record:
        missing += [] if "detector" in record else ["detector"]
    elif "detector" not in record or _says_nothing(record["detector"]):
        missing += [key for key in ("pixelsize1", "pixelsize2") if key not in record]
    return missing


def _says_nothing(entry: _Entry) -> bool:
    return entry.text.lower() in ("", "none", "detector")


def _last_complete(records: Sequence[_Record], source: str) -> int:
    complete = [n for n, record in enumerate(records) if not _missing(record)]
    if not complete:
        missing = ", ".join(key.capitalize() for key in _missing(records[-1]))
        raise CalibrationSyntax(
            f"holds no complete record, missing: {missing}",
            source=source,
            hint="add the missing entries, lengths in metre",
        )
    if len(records) > 1:
        LOG.warning(
            "%s: holds %d records, the last complete one (number %d) is used",
            *(source, len(records), complete[-1] + 1),
        )
    return complete[-1]


def _calibration(record: _Record, source: str) -> Calibration:
    version = record.get("poni_version", _Entry(text="1", line=0))
    if version.text not in VERSIONS:
        raise CalibrationSyntax(
            f"line {version.line}: Poni_version {version.text!r} is not one of 1, 2, 2.1, 3",
            source=source,
        )
    parallax = record.get("parallax")
    if parallax is not None and parallax.text.lower() not in ("false", "none"):
        raise CalibrationSyntax(
            f"line {parallax.line}: Parallax is {parallax.text!r}; its correction is not supported",
            source=source,
            hint="calibrate without parallax correction",
        )
    detector = _detector(record, source)
    values = {}
    for key in _GEOMETRY:
        entry = record[key]
        value = _number(entry, key, source, shift=10 if key == "wavelength" else 0)
        _plausible(key, value, entry, source)
        values[key] = value
    return Calibration(detector=detector, covariance=_covariance(record, source), **values)


def _covariance(record: _Record, source: str) -> tuple[tuple[float, ...], ...] | None:
    """Return the covariance that a comment of xrdkit holds: m, rad and ångström."""
    entry = record.get("covariance")
    if entry is None:
        return None
    try:
        table = np.array(json.loads(entry.text), dtype=np.float64)
    except (ValueError, TypeError, RecursionError) as exc:
        raise CalibrationSyntax(
            f"line {entry.line}: the covariance is not a table of numbers", source=source
        ) from exc
    if table.ndim != 2:
        raise CalibrationSyntax(
            f"line {entry.line}: the covariance is not a table of rows", source=source
        )
    return tuple(tuple(row) for row in table.tolist())


def _number(entry: _Entry, key: str, source: str, *, shift: int = 0) -> float:
    try:
        return float(_shifted(entry.text, shift))
    except (InvalidOperation, ValueError, OverflowError) as exc:
        raise CalibrationSyntax(
            f"line {entry.line}: {key.capitalize()} is {entry.text[:40]!r}, not a number",
            source=source,
        ) from exc


def _shifted(text: str, places: int) -> str:
    """Return the number in `text` times 10**places, without binary rounding."""
    if len(text) > 100:
        raise ValueError("no number is that long")
    number = Decimal(text)
    return str(number.scaleb(places)) if number.is_finite() else str(number)


def _plausible(key: str, value: float, entry: _Entry, source: str) -> None:
    hint = "lengths are in metre, angles in radian"
    try:
        replace(_NEUTRAL, **dict[str, Any]({key: value}))
        if key in ("poni1", "poni2") and abs(value) > _FARTHEST_PONI:
            raise CalibrationImplausible(f"{key} {value} m is farther than {_FARTHEST_PONI:g} m")
    except CalibrationImplausible as exc:
        if key == "wavelength" and value > 0 and math.isfinite(value):
            hint = f"it is in metre: write {entry.text}e-10 for {entry.text} Å, e-9 for nm"
        elif key != "wavelength" and math.isfinite(value) and value > 100:
            hint = f"lengths are in metre: write {value / 1000:g} for {entry.text} mm"
        raise CalibrationImplausible(
            f"line {entry.line}: {key.capitalize()}: {exc.message}", source=source, hint=hint
        ) from exc


def _detector(record: _Record, source: str) -> Detector:
    name = record.get("detector", _Entry(text="Detector", line=0))
    config: dict[str, Any] = {}
    first = record.get("detector_config", record.get("pixelsize1", name))
    if "detector_config" in record:
        config = _json(record["detector_config"], source)
    if "splinefile" in record:
        config["splinefile"] = record["splinefile"].text
    if "detector_config" not in record:
        for key, target in (("pixelsize1", "pixel1"), ("pixelsize2", "pixel2")):
            if key in record:
                config[target] = _number(record[key], key, source)
    elif "pixelsize1" in record or "pixelsize2" in record:
        raise CalibrationSyntax(
            f"line {first.line}: gives both Detector_config and PixelSize",
            source=source,
            hint="delete one of them",
        )
    try:
        return named_detector("Detector" if _says_nothing(name) else name.text, config)
    except CalibrationError as exc:
        raise type(exc)(f"line {first.line}: {exc.message}", source=source, hint=exc.hint) from exc


def _json(entry: _Entry, source: str) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key.lower() for key, _ in pairs]
        if len(set(keys)) != len(keys):
            raise ValueError("a key is given twice")
        return dict(pairs)

    try:
        config = json.loads(entry.text, object_pairs_hook=once)
    except (ValueError, RecursionError) as exc:
        raise CalibrationSyntax(
            f"line {entry.line}: Detector_config is not JSON: {exc}", source=source
        ) from exc
    if not isinstance(config, dict):
        raise CalibrationSyntax(
            f"line {entry.line}: Detector_config is not a JSON object", source=source
        )
    return config


def say_unusual_distance(calibration: Calibration, source: str) -> None:
    """Warn in the log of a distance that is possible and unusual."""
    low, high = _USUAL_DISTANCE
    if not low <= calibration.distance <= high:
        LOG.warning(
            "%s: a distance of %g m is unusual: is its unit right?", source, calibration.distance
        )


def _say_what_is_odd(calibration: Calibration, pyfai: str | None, source: str) -> None:
    say_unusual_distance(calibration, source)
    if calibration.detector.orientation != 3 and pyfai is None:
        # pyFAI changed what orientations 1, 2 and 4 mean in 2026.9 (its pull request 2911).
        LOG.warning(
            "%s: detector orientation %d, not saying which pyFAI wrote it; files of 2026.8 and"
            " before may mean another place",
            *(source, calibration.detector.orientation),
        )
