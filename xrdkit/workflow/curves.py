"""A batch of curve files to one Dataset of sizes, its tables and a report."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import xarray as xr
from pydantic import BaseModel, ValidationError

from xrdkit.files import make_folder
from xrdkit.report import write_report
from xrdkit.saxs import SizeSpec, fit_sizes, smearing_of
from xrdkit.saxs.selection import select
from xrdkit.store import save
from xrdkit.store.export import write_csv
from xrdkit.workflow.calibration_table import Text
from xrdkit.workflow.curve_batch import CurveBatch, ReadSettings, read_batch
from xrdkit.workflow.outcome import Failed
from xrdkit.workflow.refusal import refusal
from xrdkit.workflow.settings import CONFIG, Settings, settings_model
from xrdkit.workflow.toml import merged, read_toml

LABEL = "curves"

if TYPE_CHECKING:
    SizesTable = Settings
else:
    SizesTable = settings_model(SizeSpec)


class CurveReadSettings(ReadSettings):
    """How small-angle curves are read."""

    unit: Literal["1/nm", "1/angstrom"] | None = None
    """Unit of q in files that do not state it; ``"1/A"`` and other spellings are understood."""


class CurveSettings(BaseModel):
    """What is done with a batch of curves. Frozen; unknown keys are refused."""

    model_config = CONFIG

    title: Text = "Sizes from small-angle curves"
    """Title of the report."""
    coordinates: Text | None = None
    """CSV file with one row for each curve; columns are named ``temperature (K)``."""
    read: CurveReadSettings = CurveReadSettings()
    """How the files are read."""
    fit_sizes: SizesTable = SizesTable()
    """Fields of `SizeSpec`."""


def curve_settings(
    path: str | Path | None, overrides: dict[tuple[str, ...], Any] | None = None
) -> CurveSettings:
    """Return the settings in the TOML file `path` (None: defaults) with `overrides` put in.

    Tables are ``[read]`` and ``[fit_sizes]``. Raises RecipeError naming the key.
    """
    raw = {} if path is None else read_toml(Path(path))
    complete = merged(raw, overrides or {})
    try:
        return CurveSettings.model_validate(complete)
    except ValidationError as exc:
        raise refusal(exc, CurveSettings, complete, path or "settings") from exc


def sizes_of_curves(
    patterns: Sequence[str], into: str | Path, settings: CurveSettings
) -> CurveBatch:
    """Read curve files, fit sizes to each, and write what was found to the folder `into`.

    `patterns` are files or patterns, each file is one frame; which are left out is told by
    `read_batch`. Written are ``curves.profile.nc``, ``curves.sizes.nc``, tables of the numbers
    (``sizes.csv``), the distributions (``distribution.csv``) and the fits (``fit.csv``), and
    ``report.html``; files of these names are replaced.

    Raises CurveError where a pattern names no file, RecipeError for coordinates that do not fit,
    StoreError where files cannot be written.
    """
    folder = Path(into)
    spec = settings.fit_sizes.spec()

    def check(one: xr.Dataset) -> None:
        smearing_of(select(one, spec.range, "sizes are fitted"), given=spec.smearing)

    profiles, failures = read_batch(
        patterns, settings.read, check, label=LABEL, coordinates=settings.coordinates
    )
    if profiles is None:
        return CurveBatch(result=None, failures=tuple(failures), files=())
    make_folder(folder)  # before the fits, which may take long
    sizes = fit_sizes(profiles, spec)
    files = _write(profiles, sizes, folder, settings, failures)
    return CurveBatch(result=sizes, failures=tuple(failures), files=files)


def _write(
    profiles: xr.Dataset,
    sizes: xr.Dataset,
    folder: Path,
    settings: CurveSettings,
    failures: Sequence[Failed],
) -> tuple[Path, ...]:
    files = []
    for product, data in (("profile", profiles), ("sizes", sizes)):
        files.append(folder / f"{LABEL}.{product}.nc")
        save(data, files[-1], overwrite=True)
    files.append(write_csv(sizes, folder / "sizes.csv", overwrite=True))
    for along, name in (("radius", "distribution.csv"), ("q", "fit.csv")):
        files.append(write_csv(sizes, folder / name, along=along, overwrite=True))
    results = {f"{LABEL}.profile": profiles, f"{LABEL}.sizes": sizes}
    files.append(
        write_report(results, folder / "report.html", title=settings.title, failed=failures)
    )
    return tuple(files)
