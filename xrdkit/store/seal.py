"""A checksum behind the last byte that HDF5 looks at.

HDF5 ignores what follows its own end of file, so that any netCDF or HDF5 program opens a sealed
file. The seal covers every byte before it, attributes and structure too, and is checked before HDF5
sees the file: damaged structure can make HDF5 hang or crash.
"""

import hashlib

from xrdkit.errors import ResultCorrupt, StoreError

_MARK = b"\nxrdkit sha256 "
_LENGTH = len(_MARK) + 64 + 1
_HDF5 = b"\x89HDF\r\n\x1a\n"


def sealed(image: bytes) -> bytes:
    """Return `image` followed by its seal."""
    return image + _MARK + hashlib.sha256(image).hexdigest().encode() + b"\n"


def unsealed(payload: bytes, *, source: object) -> bytes:
    """Return the image inside `payload`.

    Raises StoreError where it is no HDF5 file or was never sealed, ResultCorrupt where a byte has
    changed since.
    """
    if not payload.startswith(_HDF5):
        raise StoreError("is not a netCDF4 file", source=source)
    image, seal = payload[:-_LENGTH], payload[-_LENGTH:]
    whole = seal == _MARK + hashlib.sha256(image).hexdigest().encode() + b"\n"
    if whole:
        return image
    if b"xrdkit" in payload[-2 * _LENGTH :] or b"xrdkit/" in payload:
        raise ResultCorrupt(
            "its bytes are not those that were written: the file is cut, or was changed",
            source=source,
            hint="restore it from a copy, or run again",
        )
    raise StoreError(
        "is a netCDF4 or HDF5 file, but not a result of xrdkit",
        source=source,
        hint="xarray.open_dataset opens any netCDF file",
    )
