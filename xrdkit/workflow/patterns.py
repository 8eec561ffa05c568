"""A batch of powder patterns to one Dataset of phases, its tables and a report."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import xarray as xr
from pydantic import BaseModel, ValidationError

from xrdkit import provenance
from xrdkit.files import make_folder
from xrdkit.phase import RefinementSpec, Structure, embedded_structure, load_structure
from xrdkit.phase import refine_phases as refine
from xrdkit.phase.observation import observe
from xrdkit.phase.widths import InstrumentWidths
from xrdkit.report import write_report
from xrdkit.schema import radial_dim
from xrdkit.store import save
from xrdkit.store.export import write_csv, write_table
from xrdkit.workflow.calibration_source import widths_of
from xrdkit.workflow.calibration_table import Text
from xrdkit.workflow.curve_batch import CurveBatch, ReadSettings, read_batch
from xrdkit.workflow.outcome import Failed
from xrdkit.workflow.phase_table import RefineTable
from xrdkit.workflow.refusal import refusal
from xrdkit.workflow.settings import CONFIG
from xrdkit.workflow.toml import merged, read_toml

LABEL = "patterns"
#: The resolution of an instrument in the results.
_STEP = "load_instrument"


class PatternReadSettings(ReadSettings):
    """How patterns are read: the arguments of `read_profile`."""

    unit: Literal["degree", "centidegree", "1/nm", "1/angstrom"] | None = None
    """Unit of the abscissa in files that do not state it."""
    wavelength: float | Text | None = None
    """Wavelength in Å, or lines (``"CuKa"``, ``"CuKa1"``), for files that do not state it."""


class PatternSettings(BaseModel):
    """What is done with a batch of patterns. Frozen; unknown keys are refused."""

    model_config = CONFIG

    title: Text = "Phases from powder patterns"
    """Title of the report."""
    coordinates: Text | None = None
    """CSV file with one row for each pattern; columns are named ``temperature (K)``."""
    read: PatternReadSettings = PatternReadSettings()
    """How the files are read."""
    refine_phases: RefineTable
    """``phases`` and the fields of `RefinementSpec`."""


def pattern_settings(
    path: str | Path | None, overrides: dict[tuple[str, ...], Any] | None = None
) -> PatternSettings:
    """Return the settings in the TOML file `path` (None: defaults) with `overrides` put in.

    Tables are ``[read]`` and ``[refine_phases]``; paths in the file are relative to it, those in
    `overrides` to the working directory. Raises RecipeError naming the key.
    """
    raw = {} if path is None else _resolved(read_toml(Path(path)), Path(path).resolve().parent)
    complete = merged(raw, overrides or {})
    try:
        return PatternSettings.model_validate(complete)
    except ValidationError as exc:
        raise refusal(exc, PatternSettings, complete, path or "settings") from exc


def phases_of_patterns(
    patterns: Sequence[str], into: str | Path, settings: PatternSettings
) -> CurveBatch:
    """Read powder patterns, refine their phases, and write what was found to the folder `into`.

    `patterns` are files or patterns, each file is one frame; which are left out is told by
    `read_batch`. Written are ``patterns.profile.nc``, ``patterns.phases.nc``, a table for print
    (``table.md``), the numbers (``phases.csv``), the fits (``fit.csv``) and ``report.html``; files
    of these names are replaced.

    Raises CurveError where a pattern names no file, RecipeError for coordinates or an instrument
    that do not fit, StructureError for phases that cannot be read, StoreError where files cannot be
    written.
    """
    folder, table = Path(into), settings.refine_phases
    structures = _structures(table.phases)
    known = table.spec(instrument=None) if not isinstance(table.instrument, str) else None

    def check(one: xr.Dataset) -> None:
        observe(one, RefinementSpec() if known is None else known)

    profiles, failures = read_batch(
        patterns,
        settings.read,
        check,
        label=LABEL,
        coordinates=settings.coordinates,
    )
    if profiles is None:
        return CurveBatch(result=None, failures=tuple(failures), files=())
    widths: InstrumentWidths | None = None
    if isinstance(table.instrument, str):
        wavelength = float(profiles["wavelength"].values[0])
        widths, record = widths_of(
            Path(table.instrument), wavelength, key="refine_phases.instrument"
        )
        facts = {key: value for key, value in record.items() if key != "sha256"}
        profiles = provenance.append(profiles, _STEP, facts, inputs=(record["sha256"],))
    make_folder(folder)  # before the fits, which may take long
    phases = refine(profiles, structures, table.spec(instrument=widths))
    files = _write(profiles, phases, folder, settings, failures)
    return CurveBatch(result=phases, failures=tuple(failures), files=files)


def _resolved(raw: dict[str, Any], base: Path) -> dict[str, Any]:
    """Return settings with the paths of CIF files and instruments made absolute."""
    table = raw.get("refine_phases")
    if not isinstance(table, dict):
        return raw
    out = dict(table)
    if isinstance(table.get("phases"), tuple | list):
        out["phases"] = tuple(
            str(base / one) if isinstance(one, str) and _is_cif(one) else one
            for one in table["phases"]
        )
    if isinstance(table.get("instrument"), str):
        out["instrument"] = str(base / table["instrument"])
    return {**raw, "refine_phases": out}


def _is_cif(name: str) -> bool:
    return name.lower().endswith(".cif")


def _structures(names: Sequence[str]) -> list[Structure]:
    return [load_structure(one) if _is_cif(one) else embedded_structure(one) for one in names]


def _write(
    profiles: xr.Dataset,
    phases: xr.Dataset,
    folder: Path,
    settings: PatternSettings,
    failures: Sequence[Failed],
) -> tuple[Path, ...]:
    files = []
    for product, data in (("profile", profiles), ("phases", phases)):
        files.append(folder / f"{LABEL}.{product}.nc")
        save(data, files[-1], overwrite=True)
    files.append(write_table(phases, folder / "table.md", overwrite=True))
    files.append(write_csv(phases, folder / "phases.csv", overwrite=True))
    files.append(write_csv(phases, folder / "fit.csv", along=radial_dim(phases), overwrite=True))
    results = {f"{LABEL}.profile": profiles, f"{LABEL}.phases": phases}
    files.append(
        write_report(results, folder / "report.html", title=settings.title, failed=failures)
    )
    return tuple(files)
