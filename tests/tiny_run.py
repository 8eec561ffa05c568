"""A small simulated experiment and recipes for it, for tests of whole runs."""

from pathlib import Path

from xrdkit.simulate import PotentialHold, simulate_series

FRAMES = 6

SAXS = """
[detectors.saxs]
frames = "saxs/frame_*.edf"
calibration = "saxs/geometry.poni"
mask = "saxs/mask.edf"
coordinates = "conditions.csv"

[detectors.saxs.integrate]
range = [0.2, 7.0]
bins = 50
polarization = 0.99

[detectors.saxs.integrate.normalization]
monitor = "frame"

[detectors.saxs.fit_sizes]
method = "lognormal"
"""
WAXS = """
[detectors.waxs]
frames = "waxs/series_master.h5"
calibration = "waxs/geometry.poni"
mask = "waxs/mask.edf"

[detectors.waxs.integrate]
range = [20.0, 70.0]
bins = 250
polarization = 0.99

[detectors.waxs.refine_phases]
phases = ["Pt"]
strain = false
"""


def recipe_text(*detectors: str, block_frames: int = 2) -> str:
    """Return a recipe with these detectors."""
    head = 'schema = "xrdkit/recipe/1"\nname = "tiny"\ntitle = "A tiny run"\n'
    return f"{head}\n{''.join(detectors)}\n[run]\nblock_frames = {block_frames}\n"


def make_source(folder: Path) -> Path:
    """Simulate the experiment in `folder`, write the recipes saxs.toml and both.toml; return it."""
    simulate_series(folder, hold=PotentialHold(frames=FRAMES), coarse=8)
    (folder / "saxs.toml").write_text(recipe_text(SAXS))
    (folder / "both.toml").write_text(recipe_text(SAXS, WAXS))
    return folder
