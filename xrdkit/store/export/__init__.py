"""Results for other programs. One way only: the netCDF4 file is the truth."""

from xrdkit.store.export.csv import write_csv
from xrdkit.store.export.gsas import write_gsas
from xrdkit.store.export.nxazint import Origin, write_nxazint
from xrdkit.store.export.nxcansas import write_nxcansas
from xrdkit.store.export.pdcif import write_pdcif
from xrdkit.store.export.table import write_table
from xrdkit.store.export.xye import write_xye

__all__ = [
    "Origin",
    "write_csv",
    "write_gsas",
    "write_nxazint",
    "write_nxcansas",
    "write_pdcif",
    "write_table",
    "write_xye",
]
