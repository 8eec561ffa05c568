"""Results on disk: one verified netCDF4 file per Dataset, written whole or not at all."""

from xrdkit.store.result import StoredResult, load, save
from xrdkit.store.verify import verify

__all__ = ["StoredResult", "load", "save", "verify"]
