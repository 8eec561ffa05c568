"""Results as plain text for other programs. One way only: the netCDF4 file is the truth."""

from xrdkit.store.export.csv import write_csv
from xrdkit.store.export.xye import write_xye

__all__ = ["write_csv", "write_xye"]
