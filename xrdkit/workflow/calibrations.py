"""The store of calibrations: ``calibrations/<instrument>/<date>/``, written and found again."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from xrdkit.calibration import (
    CalibrationVerdict,
    Instrument,
    load_instrument,
)
from xrdkit.calibration.poni import read_poni
from xrdkit.calibration.text import read_text
from xrdkit.errors import CalibrationSyntax, EmptyResult, SpecError, StoreError, XrdkitError
from xrdkit.files import file_sha256, read_at_most
from xrdkit.geometry import Calibration
from xrdkit.workflow.calibration_record import RECORD, CalibrationRecord, read_record

GEOMETRY, INSTRUMENT, README = "geometry.poni", "instrument.toml", "README.md"
NAME = re.compile(r"[a-z0-9_]+")
_MOST_BYTES = 1_000_000
#: Wavelengths that differ by less are the same.
_SAME_LIGHT = 1e-3


@dataclass(frozen=True, kw_only=True)
class StoredCalibration:
    """One folder of the store, read."""

    folder: Path
    """Where it is."""
    record: CalibrationRecord
    """What it was made of and what it is worth."""
    calibration: Calibration
    """The geometry, with its covariance."""
    instrument: Instrument
    """What the frames of the detector are, and the resolution where it was measured."""
    choice: str = ""
    """Why `nearest_calibration` took it, in words."""

    @property
    def mask_path(self) -> Path | None:
        """The mask file, None where there is none."""
        return next((self.folder / n for n in self.record.files if n.startswith("mask.")), None)


def load_stored(folder: str | Path) -> StoredCalibration:
    """Return the calibration in a folder of the store.

    Every file must be there and have the digest of the record. Raises CalibrationSyntax naming the
    file where one is missing, changed or cannot be read.
    """
    place = Path(folder)
    path = place / RECORD
    try:
        content = read_at_most(path, _MOST_BYTES)
        text = content.decode("utf-8")
    except OSError as exc:
        raise CalibrationSyntax(f"cannot be read: {exc.strerror}", source=path) from exc
    except UnicodeDecodeError as exc:
        raise CalibrationSyntax("is not UTF-8", source=path) from exc
    if len(content) > _MOST_BYTES:
        raise CalibrationSyntax(f"is longer than {_MOST_BYTES} bytes", source=path)
    record = read_record(text, source=path)
    for name in (GEOMETRY, INSTRUMENT):
        if name not in record.files:
            raise CalibrationSyntax(f"does not list {name}", source=path)
    for name, digest in record.files.items():
        if Path(name).name != name:
            raise CalibrationSyntax(f"names a file outside its folder: {name!r}", source=path)
        try:
            found = file_sha256(place / name)
        except OSError as exc:
            raise CalibrationSyntax(f"cannot be read: {exc.strerror}", source=place / name) from exc
        if found != digest:
            raise CalibrationSyntax(
                "was changed after it was stored: its SHA-256 is not that of the record",
                source=place / name,
                hint="store the calibration again; nothing in these folders is edited",
            )
    instrument = load_instrument(place / INSTRUMENT)
    if instrument.name != record.instrument:
        raise CalibrationSyntax(
            f"is of {instrument.name!r}, the record of {record.instrument!r}",
            source=place / INSTRUMENT,
        )
    return StoredCalibration(
        folder=place,
        record=record,
        # The record tells the verdict: no warning for each time that it is looked at.
        calibration=read_poni(read_text(place / GEOMETRY), str(place / GEOMETRY), quiet=True),
        instrument=instrument,
    )


def stored_folders(root: str | Path, instrument: str | None = None) -> tuple[Path, ...]:
    """Return the folders ``<instrument>/<date>`` below `root`, by instrument and date.

    Raises StoreError where `root` is no folder.
    """
    top = Path(root)
    if not top.is_dir():
        raise StoreError("no such folder of calibrations", source=top)
    found = []
    for place in sorted(top.glob("*/*")):
        named = NAME.fullmatch(place.parent.name) and _day(place.name) is not None
        if named and place.is_dir() and instrument in (None, place.parent.name):
            found.append(place)
    return tuple(found)


def nearest_calibration(
    root: str | Path,
    instrument: str,
    when: date | str | np.datetime64,
    *,
    frames: xr.Dataset | None = None,
    wavelength: float | None = None,
) -> StoredCalibration:
    """Return the calibration of an instrument for a measurement, and in `choice` why that one.

    It is the newest accepted one not after the day of the measurement, since what is done to an
    instrument holds from then on; where there is none, the first after it. Doubtful, rejected and
    unreadable ones are passed over, and so are those of other frames or another wavelength where
    these are given; `choice` says which and why.

    Args:
        root: folder of the store.
        instrument: name of the instrument, that of its folder.
        when: day or moment of the measurement: a date, ISO 8601 text such as the coordinate
            ``start_time`` of frames, or datetime64.
        frames: FRAMES Dataset of the measurement: shape and type must be those of the instrument.
        wavelength: that of the measurement, ångström: must agree to 0.1 %.

    Raises EmptyResult where no accepted calibration is there, SpecError for a `when` that is no
    day, StoreError where `root` is no folder.
    """
    day = day_of(when)
    good: list[StoredCalibration] = []
    passed: list[str] = []
    for folder in stored_folders(root, instrument):
        try:
            stored = load_stored(folder)
            if frames is not None:
                shape = (frames.sizes["y"], frames.sizes["x"])
                stored.instrument.check_frame(shape, frames["counts"].dtype)
        except XrdkitError as exc:
            passed.append(f"{folder.name}: {exc}")
            continue
        light = stored.calibration.wavelength
        if stored.record.verdict is not CalibrationVerdict.ACCEPTED:
            passed.append(f"{folder.name}: {stored.record.verdict.value}")
        elif wavelength is not None and not math.isclose(light, wavelength, rel_tol=_SAME_LIGHT):
            passed.append(f"{folder.name}: {light:g} Å")
        else:
            good.append(stored)
    if not good:
        raise EmptyResult(
            f"no accepted calibration of {instrument!r}" + _passed(passed),
            source=root,
            hint="xrdkit calibrate --store, or write_calibration, stores one",
        )
    before = [s for s in good if s.record.measured <= day]
    chosen = before[-1] if before else good[0]
    days = abs((day - chosen.record.measured).days)
    rule = (
        f"newest accepted one not after {day.isoformat()}, {days} days before"
        if before
        else f"none is before {day.isoformat()}: the first accepted one after, by {days} days"
    )
    return StoredCalibration(
        folder=chosen.folder,
        record=chosen.record,
        calibration=chosen.calibration,
        instrument=chosen.instrument,
        choice=f"{instrument} {chosen.record.measured.isoformat()}: {rule}{_passed(passed)}",
    )


def day_of(when: Any) -> date:
    """Return the day of a date, a moment, ISO 8601 text or datetime64; raise SpecError.

    Of a moment with a time zone it is the day in that zone.
    """
    if isinstance(when, datetime):
        return when.date()
    if isinstance(when, date):
        return when
    text = str(when).strip()
    day = _day(text[:10])
    if day is None or (len(text) > 10 and text[10] not in "T "):
        raise SpecError(f"{when!r} is not a day", hint="ISO 8601, such as 2026-11-01")
    return day


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def _passed(passed: Iterable[str]) -> str:
    said = "; ".join(passed)
    return f" (passed over: {said})" if said else ""
