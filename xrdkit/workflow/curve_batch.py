"""A batch of curve files: read, sorted out, joined; what all commands on curves have in common."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr
from pydantic import BaseModel, field_validator

from xrdkit.curves import join_profiles, read_profile
from xrdkit.curves.batch import difference
from xrdkit.errors import CurveError, FrameNotFound, SpecError, XrdkitError
from xrdkit.schema import FRAME, radial_dim
from xrdkit.units import canonical
from xrdkit.workflow.calibration_table import Text
from xrdkit.workflow.coordinates import read_coordinates
from xrdkit.workflow.outcome import Failed, failed
from xrdkit.workflow.series import find_files
from xrdkit.workflow.settings import CONFIG


class ReadSettings(BaseModel):
    """How files are read: the arguments of `read_profile` that all curves have."""

    model_config = CONFIG

    intensity_unit: Literal["1/cm", "count", "1"] | None = None
    """Unit of the intensity in files that do not state it."""
    range: tuple[float, float] | None = None
    """Smallest and largest abscissa that are read, in the unit of the file."""
    columns: tuple[int, ...] | None = None
    """Numbers, from 0, of the columns with abscissa, intensity, standard error, resolution."""
    header_lines: int | None = None
    """Lines to skip."""
    entry: Text | None = None
    """Data group of NXcanSAS files with several."""
    scan: int | Text | None = None
    """Number or name of one curve of files with several."""
    sort: bool = False
    """Whether points are put in order."""

    @field_validator("unit", "intensity_unit", mode="before", check_fields=False)
    @classmethod
    def _any_spelling(cls, value: Any) -> Any:
        try:
            return canonical(value) if isinstance(value, str) else value
        except SpecError:
            return value


@dataclass(frozen=True, kw_only=True)
class CurveBatch:
    """What became of a batch."""

    result: xr.Dataset | None
    """Fits of all curves that could be used, along ``frame``; None where there is none."""
    failures: tuple[Failed, ...]
    """One for each file that could not be used."""
    files: tuple[Path, ...]
    """Files that were written: results, tables, report."""


def read_batch(
    patterns: Sequence[str],
    read: ReadSettings,
    check: Callable[[xr.Dataset], None],
    *,
    label: str,
    coordinates: str | None = None,
) -> tuple[xr.Dataset | None, list[Failed]]:
    """Return the curves of a batch as one profile, and the files that could not be used.

    `patterns` are files or patterns (``*``, ``?``), sorted by name, numbers by value; each file is
    one frame, numbered among all. A file is left out where it cannot be read, where `check` raises
    XrdkitError for its curve alone, and where it is of another kind than most (units, wavelength,
    with or without errors, smearing; other positions, where all together would be too many for one
    axis; of kinds with as many files the first holds). `label` names the batch in failures,
    `coordinates` a CSV file with a row for each file. Raises CurveError where a pattern names no
    file, RecipeError for coordinates that do not fit.
    """
    try:
        found = find_files(patterns)
    except FrameNotFound as exc:
        raise CurveError(
            "there is no such curve file",
            source=exc.source,
            hint="a pattern has its * or ? in the name of the file, not of a folder",
        ) from exc
    along = {} if coordinates is None else read_coordinates(Path(coordinates), len(found))
    usable: dict[int, xr.Dataset] = {}
    failures: list[Failed] = []

    def refuse(exc: XrdkitError, number: int) -> None:
        failures.append(failed(exc, label=label, product="profile", frame=number))

    for number, file in enumerate(found):
        try:
            usable[number] = _usable(read_profile(file, **read.model_dump()), check)
        except XrdkitError as exc:
            refuse(exc, number)
    same_axis = False
    kept, others = _alike(usable, same_axis=same_axis)
    try:
        profiles = join_profiles([usable[k] for k in kept]) if kept else None
    except CurveError:
        same_axis = True
        kept, others = _alike(usable, same_axis=same_axis)
        profiles = join_profiles([usable[k] for k in kept])
    for number in others:
        why = _difference(usable[kept[0]], usable[number], same_axis=same_axis)
        refuse(_unlike(usable[kept[0]], str(why), found[number]), number)
    failures.sort(key=lambda failure: failure.frame or 0)
    if profiles is None:
        return None, failures
    profiles = profiles.assign_coords({FRAME: (FRAME, kept, profiles[FRAME].attrs)})
    return profiles.assign_coords({n: c.isel({FRAME: kept}) for n, c in along.items()}), failures


def _usable(one: xr.Dataset, check: Callable[[xr.Dataset], None]) -> xr.Dataset:
    """Return `one`; raise XrdkitError where it could not be fitted even alone.

    What refuses a whole series must not cost the other curves their fits.
    """
    try:
        if FRAME in one.dims:
            raise CurveError(
                f"holds {one.sizes[FRAME]} scans, and each file is one frame",
                hint="choose one with read.scan, its number from 0, or take them in Python",
            )
        check(one)
    except XrdkitError as exc:
        exc.source = exc.source or one.attrs.get("source_file")
        raise
    return one


def _difference(first: xr.Dataset, one: xr.Dataset, *, same_axis: bool) -> str | None:
    why = difference(first, one)
    if why is None and same_axis:
        axis = radial_dim(first)
        if not np.array_equal(first[axis].values, one[axis].values):
            return "the positions"
    return why


def _alike(curves: Mapping[int, xr.Dataset], *, same_axis: bool) -> tuple[list[int], list[int]]:
    """Return the numbers of the curves of the commonest kind, and those of the others."""
    kinds: list[list[int]] = []
    for number, one in curves.items():
        for kind in kinds:
            if _difference(curves[kind[0]], one, same_axis=same_axis) is None:
                kind.append(number)
                break
        else:
            kinds.append([number])
    chosen = max(kinds, key=len, default=[])
    return chosen, [number for number in curves if number not in chosen]


def _unlike(first: xr.Dataset, why: str, file: str) -> CurveError:
    """Return the error for a curve that cannot stand beside `first`."""
    return CurveError(
        f"{why} differ from those of {first.attrs.get('source_file')}",
        source=file,
        hint="fit it in a batch of its own",
    )
