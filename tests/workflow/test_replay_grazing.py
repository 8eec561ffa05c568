"""Maps and cuts at grazing incidence computed again from their provenance."""

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.workflow.replay import replay

SHAPE = (60, 50)
CALIBRATION = xk.Calibration(
    distance=0.1,
    poni1=0.001,
    poni2=0.0042,
    rot1=0.02,
    wavelength=1.0,
    detector=xk.Detector(pixel_size_y=172e-6, pixel_size_x=172e-6, shape=SHAPE),
)


@pytest.fixture
def files(tmp_path):
    """Frames, a dark and a mask in files."""
    rng = np.random.default_rng(3)
    for k in range(2):
        np.save(tmp_path / f"frame_{k}.npy", rng.poisson(40.0, SHAPE).astype(np.uint32))
    np.save(tmp_path / "dark.npy", rng.poisson(2.0, SHAPE).astype(np.uint32))
    np.save(tmp_path / "mask.npy", (rng.random(SHAPE) < 0.05).astype(np.uint8))
    return tmp_path


def spec_of(folder):
    corrections = xk.IntegrationSpec(
        dark=xk.open_frames(folder / "dark.npy"),
        mask=xk.load_mask(folder / "mask.npy"),
        polarization=0.9,
    )
    return xk.GrazingSpec(
        incident_angle=0.4,
        sample_orientation=2,
        bins=(12, 15),
        in_plane_range=(-3.0, 3.0),
        corrections=corrections,
    )


@pytest.mark.parametrize("along", [None, "q_in_plane", "q_out_of_plane"])
@pytest.mark.parametrize("which", [slice(None), 1])
def test_maps_and_cuts_come_out_byte_for_byte(files, tmp_path, along, which):
    frames = xk.open_frames(str(files / "frame_*.npy"))
    if along is None:
        made = xk.grazing_map(frames, CALIBRATION, spec_of(files))
    else:
        made = xk.grazing_cut(frames, CALIBRATION, spec_of(files), along=along)
    path = tmp_path / "map.nc"
    xk.save(made.isel(frame=which), path)
    again = replay(path, inputs=files)
    assert again.verdict == "same"
    assert again.identical
    assert {i.path.name for i in again.inputs} >= {"mask.npy", "dark.npy"}
