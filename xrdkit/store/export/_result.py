"""What exporters ask of a Dataset: its frames, its numbers with errors, its structures."""

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from xrdkit.atomic import write_file
from xrdkit.errors import EmptyResult
from xrdkit.provenance import steps
from xrdkit.schema import FRAME

_LOG = logging.getLogger(__name__)
_REFINEMENT = "refine_phases"


def frames(data: xr.Dataset, path: Path) -> Iterator[tuple[xr.Dataset, Path]]:
    """Yield each frame of `data` with its file: ``a.cif`` -> ``a-000007.cif`` where it has several.

    The frames keep the coordinate ``frame``; a Dataset without one is its only frame.
    """
    if FRAME not in data.dims:
        yield data, path
        return
    for k in range(data.sizes[FRAME]):
        one = data.isel({FRAME: k})
        number = int(one[FRAME]) if FRAME in data.coords else k
        yield one, path.with_name(f"{path.stem}-{number:06d}{path.suffix}")


def has_points(data: xr.Dataset) -> bool:
    """Whether one frame has an intensity anywhere."""
    return bool(np.isfinite(np.asarray(data["intensity"].values, dtype=float)).any())


def write_frames(
    data: xr.Dataset, path: Path, content: Callable[[xr.Dataset, Path], bytes], *, overwrite: bool
) -> list[Path]:
    """Write each frame of `data` with what `content` makes of it, and return the files.

    Of several frames, those that `content` raises EmptyResult for have no file, and the log says
    so. Raises EmptyResult where no frame is left.
    """
    files, empty = [], []
    for one, file in frames(data, path):
        try:
            made = content(one, file)
        except EmptyResult:
            if FRAME not in data.dims:
                raise
            empty.append(file.stem)
            continue
        write_file(file, made, overwrite=overwrite)
        files.append(file)
    if not files:
        raise EmptyResult("no frame has a point", source=path)
    if empty:
        _LOG.warning("no file for frames without a point: %s", ", ".join(empty))
    return files


def number(data: xr.Dataset, name: str) -> float:
    """Return the one number called `name`; NaN where there is none such."""
    if name not in data.variables or data[name].size != 1:
        return float("nan")
    value = data[name].values.item()
    return float(value) if isinstance(value, int | float) else float("nan")


def pair(data: xr.Dataset, name: str, scale: float = 1.0, **place: int) -> tuple[float, float]:
    """Return value and standard error of `name` at `place`, times `scale`; NaN where missing."""
    found = []
    for key in (name, f"{name}_sigma"):
        if key not in data:
            found.append(float("nan"))
            continue
        variable = data[key].isel({d: k for d, k in place.items() if d in data[key].dims})
        found.append(float(variable) * scale if variable.size == 1 else float("nan"))
    return found[0], found[1]


def settings(data: xr.Dataset, step: str = _REFINEMENT) -> Mapping[str, Any]:
    """Return the settings of the last step of this name; empty where there is none."""
    found = [s.settings for s in steps(data) if s.step == step]
    return dict(found[-1]) if found else {}


def structures(data: xr.Dataset) -> dict[str, Mapping[str, Any]]:
    """Return the structures that went into the refinement, by name of the phase."""
    listed = settings(data).get("phases", [])
    if not isinstance(listed, list):
        return {}
    return {str(s["name"]): s for s in listed if isinstance(s, Mapping) and "name" in s}


def phase_names(data: xr.Dataset) -> list[str]:
    """Return the names of the phases, in order."""
    if "phase" not in data.dims:
        return []
    if "phase" in data.coords:
        return [str(p) for p in data["phase"].values]
    return [f"phase {k + 1}" for k in range(data.sizes["phase"])]


def wavelengths(data: xr.Dataset) -> tuple[list[float], list[float]]:
    """Return emission lines in ångström and their weights relative to the first, or nothing."""
    if "wavelength" not in data.coords:
        return [], []
    lines = np.atleast_1d(np.asarray(data["wavelength"].values, dtype=float))
    if "emission_weight" in data.coords:
        weights = np.atleast_1d(np.asarray(data["emission_weight"].values, dtype=float))
    else:
        weights = np.ones_like(lines)
    return lines.tolist(), (weights / weights[0]).tolist()
