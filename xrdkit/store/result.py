"""`save` and `load`."""

import hashlib
from pathlib import Path

import xarray as xr

from xrdkit.atomic import write_file
from xrdkit.limits import Limits
from xrdkit.provenance import content_sha256
from xrdkit.schema import validate
from xrdkit.store.netcdf import to_bytes
from xrdkit.store.seal import sealed
from xrdkit.store.verify import StoredResult, read, schema_of

__all__ = ["StoredResult", "load", "save"]


def save(result: xr.Dataset, path: str | Path, *, overwrite: bool = False) -> StoredResult:
    """Write a result to one netCDF4 file, whole or not at all, and return its identity.

    `result` must name its schema in the attribute ``schema`` and keep it; it is not changed. The
    same Dataset gives the same bytes. xarray.open_dataset opens the file with either netCDF engine;
    `load` does so with all checks.

    Raises SchemaError where the Dataset breaks its schema or holds what a result may not,
    ResultExists where `path` exists (pass ``overwrite=True``), LinkRefused where it is a symbolic
    link, StoreFull, StoreError; an older file is then as it was.
    """
    target = Path(path)
    validate(result, schema_of(result))
    Limits().check("bytes_held", result.nbytes, source=target)
    data = result.compute()
    digest = content_sha256(data)
    payload = sealed(to_bytes(data, digest))
    write_file(target, payload, overwrite=overwrite)
    return StoredResult(
        path=target,
        content_sha256=digest,
        file_sha256=hashlib.sha256(payload).hexdigest(),
    )


def load(path: str | Path) -> xr.Dataset:
    """Return the result at `path`, in memory, after checking every byte, the digest and the schema.

    Raises StoreError where there is no such file or it was not written by xrdkit, ResultCorrupt
    where it is damaged or breaks its schema, LinkRefused where its data lie in another file.
    """
    return read(Path(path), Limits())[0]
