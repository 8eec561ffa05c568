"""Resolution from calibrant frames that others measured."""

import numpy as np
import pytest
from real.test_calibration import CASES, start_of

import xrdkit as xk
from xrdkit.calibration.resolution import angular_curve
from xrdkit.calibration.resolution_rings import typical_width
from xrdkit.calibration.rings import calibrant_rings
from xrdkit.workflow.frame_resolution import frame_resolution


def resolution(data_dir, name):
    """Return the resolution of a case, its profile over 2θ, and the calibrant."""
    case, folder = CASES[name], data_dir / "frames"
    frames = xk.open_frames(folder / case.file)
    mask = (frames["counts"].isel(frame=0) == 0).astype(np.uint16) if case.zero_is_gap else None
    result = xk.calibrate(frames, calibrant=case.calibrant, start=start_of(name, folder), mask=mask)
    spec = xk.IntegrationSpec(unit="two_theta", bins=max(frames.sizes.values()), mask=mask)
    profile = xk.integrate(frames, result.calibration, spec)
    return frame_resolution(frames, result, mask=mask), profile


@pytest.mark.parametrize(
    ("name", "rings", "share"),
    # pixel detectors write nearly Gaussian rings, the CCD behind its phosphor Lorentzian ones
    [
        ("ceria", 15, (0.0, 0.3)),
        ("normal", 8, (0.0, 0.3)),
        ("tilt1", 8, (0.0, 0.3)),
        ("marccd", 20, (0.8, 1.1)),
    ],
)
def test_rings_of_measured_standards_give_widths(data_dir, name, rings, share):
    found, profile = resolution(data_dir, name)
    assert len(found.rings) >= rings
    middle = float(np.mean(found.two_theta_range))
    assert share[0] <= found.lorentzian(middle)[0] <= share[1]
    # the width at half height, counted without a fit
    curve = angular_curve(profile, found.wavelength)
    expected = np.degrees(calibrant_rings(found.calibrant, found.wavelength).two_theta)
    expected = expected[(expected > curve.angle[0]) & (expected < curve.angle[-1])]
    by_eye = typical_width(curve, expected)
    strong = found.rings[: len(found.rings) // 2]
    width = np.median(found.fwhm(np.array([r.two_theta for r in strong])))
    assert width == pytest.approx(by_eye, rel=0.25)
    assert np.isfinite(found.gof)
