"""A virtual instrument with known truth: detector frames as real ones, whose answer is known."""

from xrdkit.simulate.calibrant import CalibrantRings, expose_calibrant
from xrdkit.simulate.expose import Exposure, Scatterer, expected_counts, expose
from xrdkit.simulate.frames import write_edf, write_eiger, write_mask, write_tiff
from xrdkit.simulate.instrument import VirtualInstrument, coarser, pose
from xrdkit.simulate.population import LognormalSpheres
from xrdkit.simulate.presets import virtual_laboratory, virtual_saxs, virtual_waxs
from xrdkit.simulate.samples import CrystalPhase, Hump, Sample, SpherePhase, pt_on_carbon
from xrdkit.simulate.series import PotentialHold, SimulatedSeries, simulate_series
from xrdkit.simulate.truth import read_truth, truth_dataset, write_truth

__all__ = [
    "CalibrantRings",
    "CrystalPhase",
    "Exposure",
    "Hump",
    "LognormalSpheres",
    "PotentialHold",
    "Sample",
    "Scatterer",
    "SimulatedSeries",
    "SpherePhase",
    "VirtualInstrument",
    "coarser",
    "expected_counts",
    "expose",
    "expose_calibrant",
    "pose",
    "pt_on_carbon",
    "read_truth",
    "simulate_series",
    "truth_dataset",
    "virtual_laboratory",
    "virtual_saxs",
    "virtual_waxs",
    "write_edf",
    "write_eiger",
    "write_mask",
    "write_tiff",
    "write_truth",
]
