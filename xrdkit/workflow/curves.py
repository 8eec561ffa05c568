"""A batch of curve files to one Dataset of sizes, its tables and a report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import xarray as xr
from pydantic import BaseModel, ValidationError, field_validator

from xrdkit.curves import join_profiles, read_profile
from xrdkit.curves.batch import difference
from xrdkit.errors import CurveError, FrameNotFound, SpecError, XrdkitError
from xrdkit.files import make_folder
from xrdkit.report import write_report
from xrdkit.saxs import SizeSpec, fit_sizes
from xrdkit.schema import FRAME
from xrdkit.store import save
from xrdkit.store.export import write_csv
from xrdkit.units import canonical
from xrdkit.workflow.calibration_table import Text
from xrdkit.workflow.coordinates import read_coordinates
from xrdkit.workflow.outcome import Failed, failed
from xrdkit.workflow.refusal import refusal
from xrdkit.workflow.series import find_files
from xrdkit.workflow.settings import CONFIG, Settings, settings_model
from xrdkit.workflow.toml import merged, read_toml

LABEL = "curves"

if TYPE_CHECKING:
    SizesTable = Settings
else:
    SizesTable = settings_model(SizeSpec)


class ReadSettings(BaseModel):
    """How the files are read: the arguments of `read_profile`."""

    model_config = CONFIG

    unit: Literal["1/nm", "1/angstrom"] | None = None
    """Unit of q in files that do not state it; ``"1/A"`` and other spellings are understood."""
    intensity_unit: Literal["1/cm", "count", "1"] | None = None
    """Unit of the intensity in files that do not state it."""
    range: tuple[float, float] | None = None
    """Smallest and largest q that are read, in the unit of the file."""
    columns: tuple[int, ...] | None = None
    """Numbers, from 0, of the columns with q, intensity, standard error, resolution."""
    header_lines: int | None = None
    """Lines to skip."""
    entry: Text | None = None
    """Data group of NXcanSAS files with several."""
    scan: int | Text | None = None
    """Number or name of one curve of files with several."""
    sort: bool = False
    """Whether points are put in order."""

    @field_validator("unit", "intensity_unit", mode="before")
    @classmethod
    def _any_spelling(cls, value: Any) -> Any:
        try:
            return canonical(value) if isinstance(value, str) else value
        except SpecError:
            return value


class CurveSettings(BaseModel):
    """What is done with a batch of curves. Frozen; unknown keys are refused."""

    model_config = CONFIG

    title: Text = "Sizes from small-angle curves"
    """Title of the report."""
    coordinates: Text | None = None
    """CSV file with one row for each curve; columns are named ``temperature (K)``."""
    read: ReadSettings = ReadSettings()
    """How the files are read."""
    fit_sizes: SizesTable = SizesTable()
    """Fields of `SizeSpec`."""


@dataclass(frozen=True, kw_only=True)
class CurveBatch:
    """What became of a batch."""

    sizes: xr.Dataset | None
    """Fits of all curves that could be read (SIZES), along ``frame``; None where there is none."""
    failures: tuple[Failed, ...]
    """One for each file that could not be read."""
    files: tuple[Path, ...]
    """Files that were written: results, tables, report."""


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

    `patterns` are files or patterns (``*``, ``?``), sorted by name, numbers by value; each file is
    one frame. A file that cannot be read, or whose curve is of another kind than the first (units,
    with or without errors, smearing), is left out and listed. Written are
    ``curves.profile.nc``, ``curves.sizes.nc``, tables of the numbers (``sizes.csv``), the
    distributions (``distribution.csv``) and the fits (``fit.csv``), and ``report.html``; files of
    these names are replaced.

    Raises CurveError where a pattern names no file, RecipeError for coordinates that do not fit,
    StoreError where files cannot be written.
    """
    folder = Path(into)
    try:
        found = find_files(patterns)
    except FrameNotFound as exc:
        raise CurveError(
            "there is no such curve file",
            source=exc.source,
            hint="a pattern has its * or ? in the name of the file, not of a folder",
        ) from exc
    coordinates = (
        {}
        if settings.coordinates is None
        else read_coordinates(Path(settings.coordinates), len(found))
    )
    curves: list[xr.Dataset] = []
    kept: list[int] = []
    failures: list[Failed] = []
    for number, file in enumerate(found):
        try:
            curves.append(_like(curves, read_profile(file, **settings.read.model_dump()), file))
            kept.append(number)
        except XrdkitError as exc:
            failures.append(failed(exc, label=LABEL, product="profile", frame=number))
    if not curves:
        return CurveBatch(sizes=None, failures=tuple(failures), files=())
    profiles = join_profiles(curves)
    profiles = profiles.assign_coords({FRAME: (FRAME, kept, profiles[FRAME].attrs)})
    profiles = profiles.assign_coords({n: c.isel({FRAME: kept}) for n, c in coordinates.items()})
    sizes = fit_sizes(profiles, settings.fit_sizes.spec())
    files = _write(profiles, sizes, folder, settings, failures)
    return CurveBatch(sizes=sizes, failures=tuple(failures), files=files)


def _like(curves: Sequence[xr.Dataset], one: xr.Dataset, file: str) -> xr.Dataset:
    """Return `one`; raise CurveError where it cannot stand beside `curves`."""
    why = difference(curves[0], one) if curves else None
    if why is not None:
        raise CurveError(
            f"{why} differ from those of {curves[0].attrs.get('source_file')}",
            source=file,
            hint="fit it in a batch of its own",
        )
    return one


def _write(
    profiles: xr.Dataset,
    sizes: xr.Dataset,
    folder: Path,
    settings: CurveSettings,
    failures: Sequence[Failed],
) -> tuple[Path, ...]:
    make_folder(folder)
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
