"""Results for other programs. One way only: the netCDF4 file is the truth."""

from xrdkit.store.export.csv import write_csv
from xrdkit.store.export.nxazint import Origin, write_nxazint
from xrdkit.store.export.nxcansas import write_nxcansas
from xrdkit.store.export.xye import write_xye

__all__ = ["Origin", "write_csv", "write_nxazint", "write_nxcansas", "write_xye"]
