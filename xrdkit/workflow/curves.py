"""A batch of curve files to one Dataset of sizes, its tables and a report."""

from collections.abc import Mapping, Sequence
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
from xrdkit.saxs import SizeSpec, fit_sizes, smearing_of
from xrdkit.saxs.selection import select
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
    one frame. A file is left out and listed where it cannot be read, where its curve alone could
    not be fitted (a slit of unknown length, too few points in the range), and where it is of
    another kind than most (units, with or without errors, smearing; of kinds with as many files the
    first holds). Written are
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
    spec = settings.fit_sizes.spec()
    usable: dict[int, xr.Dataset] = {}
    failures: list[Failed] = []
    for number, file in enumerate(found):
        try:
            usable[number] = _usable(read_profile(file, **settings.read.model_dump()), spec)
        except XrdkitError as exc:
            failures.append(failed(exc, label=LABEL, product="profile", frame=number))
    kept, others = _alike(usable)
    failures += [
        failed(
            _unlike(usable[kept[0]], usable[k], found[k]), label=LABEL, product="profile", frame=k
        )
        for k in others
    ]
    failures.sort(key=lambda failure: failure.frame or 0)
    curves = [usable[k] for k in kept]
    if not curves:
        return CurveBatch(sizes=None, failures=tuple(failures), files=())
    make_folder(folder)  # before the fits, which may take long
    profiles = join_profiles(curves)
    profiles = profiles.assign_coords({FRAME: (FRAME, kept, profiles[FRAME].attrs)})
    profiles = profiles.assign_coords({n: c.isel({FRAME: kept}) for n, c in coordinates.items()})
    sizes = fit_sizes(profiles, spec)
    files = _write(profiles, sizes, folder, settings, failures)
    return CurveBatch(sizes=sizes, failures=tuple(failures), files=files)


def _usable(one: xr.Dataset, spec: Any) -> xr.Dataset:
    """Return `one`; raise XrdkitError where it could not be fitted even alone.

    What refuses a whole series (`fit_sizes` raises) must not cost the other curves their fits.
    """
    try:
        smearing_of(select(one, spec.range, "sizes are fitted"), given=spec.smearing)
    except XrdkitError as exc:
        exc.source = exc.source or one.attrs.get("source_file")
        raise
    return one


def _alike(curves: Mapping[int, xr.Dataset]) -> tuple[list[int], list[int]]:
    """Return the numbers of the curves of the commonest kind, and those of the others."""
    kinds: list[list[int]] = []
    for number, one in curves.items():
        for kind in kinds:
            if difference(curves[kind[0]], one) is None:
                kind.append(number)
                break
        else:
            kinds.append([number])
    chosen = max(kinds, key=len, default=[])
    return chosen, [number for number in curves if number not in chosen]


def _unlike(first: xr.Dataset, one: xr.Dataset, file: str) -> CurveError:
    """Return the error for a curve that cannot stand beside `first`."""
    return CurveError(
        f"{difference(first, one)} differ from those of {first.attrs.get('source_file')}",
        source=file,
        hint="fit it in a batch of its own",
    )


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
