"""Reading a result back, with every promise checked."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from xrdkit.errors import ResultCorrupt, SchemaError, StoreError
from xrdkit.files import read_at_most
from xrdkit.limits import Limits
from xrdkit.provenance import content_sha256
from xrdkit.schema import SCHEMAS, Schema, validate
from xrdkit.store.netcdf import from_bytes
from xrdkit.store.seal import unsealed


@dataclass(frozen=True, kw_only=True)
class StoredResult:
    """A result file, and what identifies it."""

    path: Path
    """Where it is."""
    content_sha256: str
    """SHA-256 over names, dimensions, units and values, as `provenance.content_sha256`."""
    file_sha256: str
    """SHA-256 of the file."""


def schema_of(data: xr.Dataset) -> Schema:
    """Return the schema that `data` names; raise SchemaError where it names none that is known."""
    if not isinstance(data, xr.Dataset):
        raise SchemaError(f"a {type(data).__name__} is no Dataset, which a result is")
    name = data.attrs.get("schema")
    if not isinstance(name, str) or name not in SCHEMAS:
        raise SchemaError(
            f"the attribute 'schema' is {name!r}", hint=f"one of {', '.join(sorted(SCHEMAS))}"
        )
    return SCHEMAS[name]


def read(path: Path, limits: Limits) -> tuple[xr.Dataset, StoredResult]:
    """Return the Dataset in the file at `path` and its identity; errors as `load`."""
    payload = _bytes_of(path, limits)
    data, stated = from_bytes(unsealed(payload, source=path), source=path, limits=limits)
    found = content_sha256(data)
    if found != stated:
        raise ResultCorrupt(
            f"its content has the digest {found[:12]}…, {stated[:12]}… is stated", source=path
        )
    try:
        validate(data, schema_of(data))
    except SchemaError as exc:
        raise ResultCorrupt(f"breaks its schema: {exc.message}", source=path) from exc
    file_sha256 = hashlib.sha256(payload).hexdigest()
    return data, StoredResult(path=path, content_sha256=found, file_sha256=file_sha256)


def verify(path: str | Path) -> StoredResult:
    """Return the identity of the result at `path` after all checks that `load` does."""
    return read(Path(path), Limits())[1]


def _bytes_of(path: Path, limits: Limits) -> bytes:
    try:
        limits.check("bytes_held", path.stat().st_size, source=path)
        return read_at_most(path, limits.bytes_held)
    except FileNotFoundError as exc:
        raise StoreError("no such file", source=path) from exc
    except OSError as exc:
        raise StoreError(f"cannot be read: {exc.strerror}", source=path) from exc
