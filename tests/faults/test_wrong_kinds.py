"""A path, a dict or nothing where a verb wants something else is named, not stumbled over."""

import pytest

import xrdkit as xk
from xrdkit.errors import SchemaError, SpecError
from xrdkit.simulate import PotentialHold, simulate_series


@pytest.fixture(scope="module")
def saxs(tmp_path_factory):
    """Folder of a few frames with their geometry."""
    folder = tmp_path_factory.mktemp("kinds")
    simulate_series(folder, hold=PotentialHold(frames=3, resting_frames=1), coarse=8)
    return folder / "saxs"


@pytest.fixture(scope="module")
def frames(saxs):
    return xk.open_frames(saxs / "frame_*.edf")


@pytest.fixture(scope="module")
def calibration(saxs):
    return xk.load_calibration(saxs / "geometry.poni")


SPEC = xk.IntegrationSpec(bins=50, range=(0.2, 7.0))


@pytest.mark.parametrize("wrong", ["frame_0000.edf", {}, None])
def test_frames_that_are_none(wrong, calibration):
    with pytest.raises(SchemaError, match="open_frames"):
        xk.integrate(wrong, calibration, SPEC)


@pytest.mark.parametrize("wrong", ["geometry.poni", None])
def test_a_calibration_that_is_none(wrong, frames):
    with pytest.raises(SpecError, match="load_calibration"):
        xk.integrate(frames, wrong, SPEC)


@pytest.mark.parametrize("wrong", [{"bins": 5}, "q", None])
def test_settings_that_are_none(wrong, frames, calibration):
    with pytest.raises(SpecError, match="not an IntegrationSpec"):
        xk.integrate(frames, calibration, wrong)
    profile = xk.integrate(frames, calibration, SPEC)
    with pytest.raises(SpecError, match="not a SizeSpec"):
        xk.fit_sizes(profile, wrong)


@pytest.mark.parametrize("wrong", ["saxs.profile.nc", None])
def test_a_profile_that_is_none(wrong):
    with pytest.raises(SchemaError, match="is no Dataset"):
        xk.fit_sizes(wrong)
    with pytest.raises(SchemaError, match="is no Dataset"):
        xk.refine_phases(wrong, ["Pt"])
