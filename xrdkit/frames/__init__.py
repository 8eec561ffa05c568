"""Detector frames of any format as lazy Datasets.

`open_frames` is the verb; each format has its own module; `READERS` lists them and takes more
through the entry-point group ``xrdkit.readers``.
"""

from xrdkit.frames import bruker, cbf, edf, esperanto, ge, hdf5, mar345, npy, raxis, smv, tiff
from xrdkit.frames._reader import READERS, FrameSource, Reader, Stack
from xrdkit.frames.opening import open_frames

__all__ = [
    "READERS",
    "FrameSource",
    "Reader",
    "Stack",
    "bruker",
    "cbf",
    "edf",
    "esperanto",
    "ge",
    "hdf5",
    "mar345",
    "npy",
    "open_frames",
    "raxis",
    "smv",
    "tiff",
]
