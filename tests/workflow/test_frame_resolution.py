"""Resolution from a simulated frame whose rings have a known width."""

import numpy as np
import pytest
from calibration_store import measured

import xrdkit as xk
from xrdkit.errors import FitFailed
from xrdkit.simulate import expose_calibrant, virtual_waxs
from xrdkit.workflow.frame_resolution import frame_resolution


def test_width_of_rings_and_of_pixels_come_out(tmp_path):
    virtual = virtual_waxs()
    np.save(
        tmp_path / "lab6.npy",
        expose_calibrant(virtual, "LaB6", counts=2000.0, fwhm=0.12, decay=30.0),
    )
    frames, mask = xk.open_frames(tmp_path / "lab6.npy"), virtual.mask()
    result = xk.calibrate(frames, calibrant="LaB6", start=virtual.calibration, mask=mask)
    found = frame_resolution(frames, result, mask=mask, bins=1500)
    assert found.verdict == "ok"
    assert len(found.rings) >= 15
    pixel = 75e-6
    for angle in (12.0, 25.0, 40.0):
        # a ring cut by square pixels: variances add, pitch²/12 along the radius
        pitch = np.degrees(pixel / 0.06) * np.cos(np.radians(angle)) ** 2
        expected = np.hypot(0.12, 2.3548 * pitch / np.sqrt(12))
        assert found.fwhm(angle)[0] == pytest.approx(expected, rel=0.03)
        assert found.lorentzian(angle)[0] < 0.05
    assert abs(found.asymmetry) < 4 * found.asymmetry_sigma


def test_a_frame_of_one_family_of_near_rings_is_no_standard(tmp_path):
    frames, mask, result = measured(tmp_path)
    cut = mask.copy()
    angle = np.degrees(result.calibration.two_theta(mask.shape))
    cut.values[angle > 4.0] = 1
    with pytest.raises(FitFailed, match="5 are needed"):
        frame_resolution(frames, result, mask=cut)
