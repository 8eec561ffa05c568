"""A virtual instrument with known truth: detector frames as real ones, whose answer is known."""

from xrdkit.simulate.calibrant import CalibrantRings, expose_calibrant
from xrdkit.simulate.expose import Exposure, expected_counts, expose
from xrdkit.simulate.frames import write_edf, write_eiger, write_mask, write_tiff
from xrdkit.simulate.instrument import VirtualInstrument, coarser, pose
from xrdkit.simulate.population import LognormalSpheres
from xrdkit.simulate.presets import virtual_laboratory, virtual_saxs, virtual_waxs

__all__ = [
    "CalibrantRings",
    "Exposure",
    "LognormalSpheres",
    "VirtualInstrument",
    "coarser",
    "expected_counts",
    "expose",
    "expose_calibrant",
    "pose",
    "virtual_laboratory",
    "virtual_saxs",
    "virtual_waxs",
    "write_edf",
    "write_eiger",
    "write_mask",
    "write_tiff",
]
