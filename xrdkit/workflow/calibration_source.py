"""From the keys of a recipe to the calibration and the resolution of an instrument."""

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from xrdkit.calibration import Instrument, load_calibration, load_instrument
from xrdkit.errors import EmptyResult, RecipeError, SpecError, StoreError
from xrdkit.files import file_sha256
from xrdkit.fitting import Verdict
from xrdkit.frames import open_frames
from xrdkit.geometry import Calibration, Detector
from xrdkit.phase.widths import InstrumentWidths
from xrdkit.workflow.calibration_record import RECORD
from xrdkit.workflow.calibration_table import STORED, CalibrationTable
from xrdkit.workflow.calibrations import (
    INSTRUMENT,
    StoredCalibration,
    day_of,
    load_stored,
    nearest_calibration,
)
from xrdkit.workflow.recipe import DetectorRecipe, Recipe
from xrdkit.workflow.series import Series

LOG = logging.getLogger("xrdkit")
#: Wavelengths that differ by more are another instrument.
_SAME_LIGHT = 1e-3


@dataclass(frozen=True, kw_only=True)
class CalibrationSource:
    """A geometry, and what a result has to say of where it is from."""

    calibration: Calibration
    """The geometry."""
    stored: StoredCalibration | None = None
    """The folder of the store, where it is from one."""
    when: str = ""
    """Day of the measurement that it was chosen for; empty where it was named by its own day."""

    @property
    def record(self) -> dict[str, Any] | None:
        """What the provenance says of the choice; None where a file was named."""
        if self.stored is None:
            return None
        record = self.stored.record
        return {
            "instrument": record.instrument,
            "measured": record.measured.isoformat(),
            "chosen_for": self.when,
            "verdict": record.verdict.value,
            "calibrant": record.calibrant,
            "sha256": file_sha256(self.stored.folder / RECORD),
        }


def choose_calibrations(recipe: Recipe, series: Mapping[str, Series]) -> Recipe:
    """Return `recipe` with the day of the calibration written in where it is to be chosen.

    Workers then take what was chosen, also when the store grows meanwhile. Raises RecipeError where
    the store has none that may be used, or the frames do not say when they were measured.
    """
    detectors = []
    for detector in recipe.detectors:
        table = detector.calibration
        if isinstance(table, CalibrationTable) and table.store is not None and table.date is None:
            stored, day = _nearest(detector, table, table.store, series[detector.label])
            late = stored.record.measured > day
            LOG.log(
                logging.WARNING if late else logging.INFO, "%s: %s", detector.label, stored.choice
            )
            own = stored.record.measured.isoformat()
            chosen = table.model_copy(update={"date": own, "when": day.isoformat()})
            detectors.append(detector.model_copy(update={"calibration": chosen}))
        else:
            detectors.append(detector)
    return recipe.model_copy(update={"detectors": tuple(detectors)})


def open_calibration(detector: DetectorRecipe) -> CalibrationSource:
    """Return the calibration that a recipe names; one of the store has to have its day.

    Raises CalibrationError naming the file, SpecError and RecipeError naming the key.
    """
    table = detector.calibration
    if isinstance(table, str):
        table = CalibrationTable(file=table)
    if table.store is not None:
        place = Path(table.store) / str(table.instrument) / str(table.date)
        stored = load_stored(place)
        verdict = stored.record.verdict
        if verdict.value == "rejected":
            raise RecipeError(
                f"{_key(detector)}: the calibration is rejected: {_reasons(stored)}", source=place
            )
        if verdict.value != "accepted":
            LOG.warning("%s: %s is %s: %s", detector.label, place, verdict.value, _reasons(stored))
        found = stored.calibration
        if table.wavelength is not None and not _same(found.wavelength, table.wavelength):
            raise RecipeError(
                f"{_key(detector)}: of {found.wavelength:g} Å, {table.wavelength:g} Å is asked for",
                source=place,
            )
        return CalibrationSource(
            calibration=_turned(found, detector), stored=stored, when=table.when or ""
        )
    device: Detector | str | None = table.detector
    if table.pixel_size is not None:
        device = Detector(pixel_size_y=table.pixel_size, pixel_size_x=table.pixel_size)
    return CalibrationSource(
        calibration=load_calibration(
            str(table.file),
            wavelength=table.wavelength,
            detector=device,
            orientation=detector.orientation,
            transposed=table.transposed,
            format=table.format,
        )
    )


def open_instrument(
    detector: DetectorRecipe, source: CalibrationSource
) -> tuple[InstrumentWidths, dict[str, Any]] | None:
    """Return the widths that the refinement is to hold, and what the provenance says of them.

    None where the recipe names no file. Raises CalibrationSyntax naming the file; RecipeError where
    it has no resolution, or one of another wavelength than the calibration.
    """
    named = None if detector.refine_phases is None else detector.refine_phases.instrument
    if not isinstance(named, str):
        return None
    key = f"detectors.{detector.label}.refine_phases.instrument"
    path = Path(named)
    if named == STORED:
        if source.stored is None:
            raise RecipeError(
                f"{key}: there is no stored calibration that it could lie beside",
                hint="calibration = {store = ..., instrument = ...}, or give the path of a file",
            )
        path = source.stored.folder / INSTRUMENT
    widths, record = widths_of(path, source.calibration.wavelength, key=key)
    if record["verdict"] != Verdict.OK:
        LOG.warning("%s: %s: the resolution is a %s", detector.label, path, record["verdict"])
    return widths, record


def widths_of(
    path: Path, wavelength: float, *, key: str
) -> tuple[InstrumentWidths, dict[str, Any]]:
    """Return the widths in an ``instrument.toml``, and what the provenance says of them.

    `wavelength` (ångström) is that of the measurement, `key` names the setting in errors. Raises
    CalibrationSyntax naming the file, RecipeError where it has no resolution or another wavelength.
    """
    known: Instrument = load_instrument(path)
    found = known.resolution_function
    if found is None:
        raise RecipeError(
            f"{key}: holds no resolution",
            source=path,
            hint="measure it with instrument_resolution, or store the calibration with it",
        )
    if not _same(found.wavelength, wavelength):
        raise RecipeError(
            f"{key}: measured at {found.wavelength:g} Å, the calibration is of {wavelength:g} Å",
            source=path,
            hint="widths in 2θ hold for the wavelength at which they were measured",
        )
    low, high = found.two_theta_range
    record = {
        "instrument": known.name,
        "calibrant": found.calibrant,
        "wavelength": found.wavelength,
        "two_theta_range": [low, high],
        "verdict": found.verdict.value,
        "sha256": file_sha256(path),
    }
    return InstrumentWidths(u=found.u, v=found.v, w=found.w, x=found.x, y=found.y), record


def mask_path(detector: DetectorRecipe, source: CalibrationSource) -> str | None:
    """Return the path of the mask that a recipe names; None where it names none.

    Raises RecipeError where it is to be that of the stored calibration, and there is none.
    """
    if detector.mask != STORED:
        return detector.mask
    key = f"detectors.{detector.label}.mask"
    if source.stored is None:
        raise RecipeError(
            f"{key}: there is no stored calibration that it could lie beside",
            hint="calibration = {store = ..., instrument = ...}, or give the path of a file",
        )
    if detector.mask_flip:
        raise RecipeError(
            f"detectors.{detector.label}.mask_flip: a stored mask has the rows of its frames",
            hint="leave mask_flip out",
        )
    if source.stored.mask_path is None:
        raise RecipeError(
            f"{key}: no mask lies beside the stored calibration",
            source=source.stored.folder,
            hint="store the calibration with its mask, or give the path of a file",
        )
    return str(source.stored.mask_path)


def _nearest(
    detector: DetectorRecipe, table: CalibrationTable, store: str, series: Series
) -> tuple[StoredCalibration, date]:
    """Return the calibration for the frames of a series, and the day of these."""
    file = next(file for file in series.files if file.layout == series.layout)
    frames = open_frames(file.path, reader=series.reader, stated=series.stated)
    try:
        day = day_of(table.when or _measured(detector, frames))
        name = str(table.instrument)
        return (
            nearest_calibration(store, name, day, frames=frames, wavelength=table.wavelength),
            day,
        )
    except (EmptyResult, SpecError, StoreError) as exc:
        raise RecipeError(
            f"{_key(detector)}: {exc.message}", source=exc.source, hint=exc.hint
        ) from exc


def _measured(detector: DetectorRecipe, frames: xr.Dataset) -> str:
    """Return the earliest moment that the header of any frame states."""
    if "start_time" in frames.coords:
        moments = [str(v) for v in np.atleast_1d(frames["start_time"].values) if str(v).strip()]
        if moments:
            return min(moments)
    raise RecipeError(
        f"{_key(detector)}: the frames do not say when they were measured",
        hint=f"give {_key(detector)}.when, such as 2026-11-01",
    )


def _turned(found: Calibration, detector: DetectorRecipe) -> Calibration:
    if detector.orientation not in (None, found.detector.orientation):
        raise RecipeError(
            f"detectors.{detector.label}.orientation is {detector.orientation}, that of the stored"
            f" calibration {found.detector.orientation}",
            hint="leave it out: the store knows how the frames run",
        )
    return found


def _reasons(stored: StoredCalibration) -> str:
    return "; ".join(stored.record.reasons)


def _key(detector: DetectorRecipe) -> str:
    return f"detectors.{detector.label}.calibration"


def _same(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=_SAME_LIGHT)
