"""Dataset <-> the bytes of a netCDF4 file, in memory: HDF5 never touches the disk.

HDF5 on a full disk ends in a segmentation fault and a killed HDF5 leaves files that read wrong, so
that a file image is made in memory and written by `atomic`. Same Dataset, same bytes: there is no
clock, host or user inside.
"""

import io
from typing import Any

import h5py
import netCDF4
import numpy as np
import xarray as xr
from xarray.coders import CFTimedeltaCoder

from xrdkit.errors import LinkRefused, ResultCorrupt, SchemaError, StoreError
from xrdkit.limits import Limits
from xrdkit.store.attributes import (
    CONTENT_DIGEST,
    SINGLE,
    refuse_odd_attributes,
    restored,
    single_value_arrays,
)

_NUMBERS = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8", "b1")
_MAX_OBJECTS = 10_000
#: What HDF5, h5py, h5netcdf and xarray are seen to raise on bytes that make no sense.
_BAD_BYTES = (
    OSError,
    LookupError,
    ValueError,
    RuntimeError,
    TypeError,
    AttributeError,
    ArithmeticError,
    MemoryError,
)


def to_bytes(data: xr.Dataset, content_sha256: str) -> bytes:
    """Return `data`, which must be in memory, as the bytes of a netCDF4 file.

    Every numeric variable is compressed and carries a Fletcher-32 checksum per chunk. Raises
    SchemaError for a variable or attribute that netCDF4 cannot hold as it is.
    """
    refuse_odd_attributes(data)
    encoding = {str(name): _encoding(data, str(name)) for name in data.variables}
    marked = data.drop_encoding().assign_attrs({CONTENT_DIGEST: content_sha256})
    single = single_value_arrays(data)
    if single:
        marked = marked.assign_attrs({SINGLE: single})
    try:
        image = marked.to_netcdf(engine="h5netcdf", format="NETCDF4", encoding=encoding)
    except (ValueError, TypeError, NotImplementedError) as exc:
        raise SchemaError(f"cannot be stored as netCDF4: {exc}") from exc
    return bytes(image)


def from_bytes(image: bytes, *, source: object, limits: Limits) -> tuple[xr.Dataset, str]:
    """Return the Dataset in the bytes of a netCDF4 file, and the content digest stated there.

    Raises LinkRefused for links and storage outside the file, LimitExceeded before more is unpacked
    than `limits` allow, StoreError where there are no such bytes.
    """
    try:
        with h5py.File(io.BytesIO(image), "r") as tree:
            _look_over(tree, source, limits)
        coder = CFTimedeltaCoder(decode_via_units=False)
        # Of the two libraries, netCDF4 reads many small variables eight times faster.
        with netCDF4.Dataset("result", mode="r", memory=image) as tree:
            store = xr.backends.NetCDF4DataStore(tree)  # type: ignore[no-untyped-call]  # xarray has none
            data = xr.open_dataset(store, decode_timedelta=coder).load()
    except StoreError:
        raise
    except _BAD_BYTES as exc:
        raise ResultCorrupt(
            f"cannot be read as netCDF4: {type(exc).__name__}: {exc}", source=source
        ) from exc
    stated = data.attrs.get(CONTENT_DIGEST)
    if not isinstance(stated, str):
        raise StoreError(
            f"has no attribute {CONTENT_DIGEST!r}: it was not written by xrdkit",
            source=source,
            hint="xarray.open_dataset opens any netCDF file",
        )
    return restored(data.drop_encoding()), stated


def _encoding(data: xr.Dataset, name: str) -> dict[str, Any]:
    if getattr(data.indexes.get(name), "nlevels", 1) > 1:
        raise SchemaError(
            f"{name!r} is a multi-index, which netCDF4 cannot hold",
            hint=f"reset_index({name!r}) first",
        )
    values = data[name].variable
    kind = values.dtype.kind
    if kind in "OUT":
        if not all(isinstance(v, str) for v in values.values.ravel().tolist()):
            raise SchemaError(f"{name!r} holds objects that are not text")
        return {}
    filters: dict[str, Any] = {}
    if values.ndim and values.size:
        filters = {"zlib": True, "complevel": 4, "shuffle": True, "fletcher32": True}
    if kind == "M":
        return {**filters, "units": "nanoseconds since 1970-01-01", "dtype": "int64"}
    if kind == "m":
        return {**filters, "units": "nanoseconds", "dtype": "int64"}
    if values.dtype.newbyteorder("=") not in [np.dtype(n) for n in _NUMBERS]:
        raise SchemaError(f"{name!r} is of type {values.dtype}, which results do not hold")
    return {**filters, "_FillValue": None}


def _look_over(tree: h5py.File, source: object, limits: Limits) -> None:
    size = 0
    if len(tree) > _MAX_OBJECTS:
        raise StoreError(f"holds {len(tree)} objects, no result does", source=source)
    for name in tree:
        if not isinstance(tree.get(name, getlink=True), h5py.HardLink):
            raise LinkRefused(f"{name!r} is a link", source=source)
        item = tree[name]
        if not isinstance(item, h5py.Dataset):
            raise StoreError(f"{name!r} is a group: this is not a result of xrdkit", source=source)
        if item.external or item.is_virtual:
            raise LinkRefused(f"{name!r} is stored in another file", source=source)
        size += item.size * item.dtype.itemsize
    limits.check("bytes_held", size, source=source)
