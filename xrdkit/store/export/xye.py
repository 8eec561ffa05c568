"""Three columns (axis, intensity, standard error), one file for each profile."""

from pathlib import Path

import numpy as np
import xarray as xr

from xrdkit.errors import EmptyResult, SchemaError
from xrdkit.schema import radial_dim
from xrdkit.store.export._result import write_frames


def write_xye(data: xr.Dataset, path: str | Path, *, overwrite: bool = False) -> list[Path]:
    """Write the profile(s) of `data` as .xye and return the files.

    `data` has ``intensity`` and ``sigma`` over an axis, and optionally ``frame``: then the number
    of the frame is put before the suffix (``a.xye`` -> ``a-000007.xye``). A first line with ``#``
    names axis, units and wavelength; bins without a pixel are left out, as are frames of a series
    without a point.

    Raises SchemaError where there is no ``sigma``, EmptyResult where a profile has no point,
    StoreError and its kin as `save`.
    """
    target = Path(path)
    axis = radial_dim(data)
    for name in ("intensity", "sigma"):
        if name not in data:
            raise SchemaError(f"{name!r} is missing, .xye needs it", source=target)
    return write_frames(data, target, lambda one, file: _text(one, axis, file), overwrite=overwrite)


def _text(data: xr.Dataset, axis: str, path: Path) -> bytes:
    columns = [np.asarray(data[name].values, dtype=float) for name in (axis, "intensity", "sigma")]
    table = np.stack(columns, axis=1)
    table = table[np.all(np.isfinite(table), axis=1)]
    if table.size == 0:
        raise EmptyResult("the profile has no point", source=path)
    head = [f"{n} ({data[n].attrs.get('units', '1')})" for n in (axis, "intensity", "sigma")]
    note = ""
    if "wavelength" in data.coords:
        lines = np.atleast_1d(np.asarray(data["wavelength"].values, dtype=float))
        note = f"; wavelength {', '.join(f'{w:.10g}' for w in lines)} angstrom"
    rows = [" ".join(f"{number:.10g}" for number in row) for row in table.tolist()]
    return "\n".join([f"# {' '.join(head)}{note}", *rows, ""]).encode()
