"""The radial profile by which rings are told from what is no ring."""

import numpy as np
from frames_in_memory import reference_geometry

from xrdkit.calibration.contrast import RadialProfile
from xrdkit.calibration.frame import CalibrantFrame


def test_rings_beside_the_frame_make_nothing_strong():
    calibration = reference_geometry()
    shape = calibration.detector.shape
    counts = np.random.default_rng(1).poisson(50.0, shape).astype(float)
    frame = CalibrantFrame(counts=counts, valid=np.ones(shape, dtype=bool))
    profile = RadialProfile(frame, calibration, 3.0)
    beside = profile.radius(np.array([1.2, 1.3]))
    assert profile.peaks(1.0, beside).size == 0
