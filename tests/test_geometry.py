"""Geometry against pyFAI, and what no instrument can have."""

import numpy as np
import pytest
from pyFAI.detectors import Detector as PyFaiDetector
from pyFAI.integrator.azimuthal import AzimuthalIntegrator

from xrdkit.errors import CalibrationImplausible, FrameShapeMismatch, SpecError
from xrdkit.geometry import Calibration, Detector

SHAPE = (40, 50)


def pose(**changes):
    orientation = changes.pop("orientation", 3)
    detector = Detector(
        pixel_size_y=172e-6, pixel_size_x=150e-6, shape=SHAPE, orientation=orientation
    )
    values = {
        "distance": 0.2, "poni1": 0.003, "poni2": 0.004,
        "rot1": 0.1, "rot2": -0.2, "rot3": 0.3, "wavelength": 1.2,
    }  # fmt: skip
    return Calibration(**{**values, "detector": detector, **changes})


@pytest.mark.parametrize("orientation", [1, 2, 3, 4])
def test_pixel_maps_are_those_of_pyfai(orientation):
    calibration = pose(orientation=orientation)
    detector = PyFaiDetector(172e-6, 150e-6, max_shape=SHAPE, orientation=orientation)
    peer = AzimuthalIntegrator(
        0.2, 0.003, 0.004, 0.1, -0.2, 0.3, wavelength=1.2e-10, detector=detector
    )
    t3, t1, t2 = np.moveaxis(np.asarray(peer.position_array(SHAPE)), -1, 0)
    for ours, theirs in zip(calibration.positions(SHAPE), (t1, t2, t3), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-9)
    np.testing.assert_allclose(
        calibration.radial(SHAPE, "q"), peer.array_from_unit(SHAPE, "center", "q_nm^-1"), rtol=1e-6
    )
    np.testing.assert_allclose(
        calibration.radial(SHAPE, "radius"),
        peer.array_from_unit(SHAPE, "center", "r_mm"),
        rtol=1e-6,
    )
    np.testing.assert_allclose(calibration.solid_angle(SHAPE), peer.solidAngleArray(SHAPE), 1e-6)
    np.testing.assert_allclose(
        calibration.polarization(SHAPE, 0.9), peer.polarization(SHAPE, 0.9), rtol=1e-6
    )
    fit2d = peer.getFit2D()
    assert calibration.beam_center == pytest.approx((fit2d["centerX"], fit2d["centerY"]))
    assert calibration.tilt == pytest.approx(fit2d["tilt"])
    assert calibration.direct_distance * 1e3 == pytest.approx(fit2d["directDist"])


@pytest.mark.parametrize("orientation", [1, 2, 3, 4])
def test_beam_centre_on_the_frame_is_where_the_angle_is_smallest(orientation):
    calibration = pose(orientation=orientation, rot1=0.0, rot2=0.0)
    row, column = np.unravel_index(np.argmin(calibration.two_theta(SHAPE)), SHAPE)
    x, y = calibration.center_on_frame()
    assert (x, y) == pytest.approx((column + 0.5, row + 0.5), abs=0.5)
    assert calibration.center_on_frame(SHAPE) == (x, y)


def test_beam_centre_on_a_frame_of_unknown_shape():
    for orientation in (1, 2, 3, 4):
        detector = Detector(pixel_size_y=1e-4, pixel_size_x=1e-4, orientation=orientation)
        calibration = pose(detector=detector)
        if orientation == 3:
            assert calibration.center_on_frame() == calibration.beam_center
        else:
            with pytest.raises(SpecError, match="shape"):
                calibration.center_on_frame()


def test_azimuth_runs_from_x_to_y():
    calibration = pose(rot1=0.0, rot2=0.0, rot3=0.0)
    azimuth = calibration.azimuth(SHAPE)
    row, column = 3e-3 / 172e-6, 4e-3 / 150e-6
    assert azimuth[int(row), -1] == pytest.approx(0.0, abs=2.0)
    assert azimuth[-1, int(column)] == pytest.approx(90.0, abs=2.0)
    assert azimuth.max() <= 180.0
    assert azimuth.min() > -180.0


@pytest.mark.parametrize(
    "change",
    [
        {"wavelength": 1e-10}, {"wavelength": float("nan")}, {"wavelength": 0.0},
        {"distance": 200.0}, {"distance": 0.0}, {"distance": -0.2}, {"distance": float("nan")},
        {"rot1": float("inf")}, {"poni1": 41.0},
    ],
)  # fmt: skip
def test_impossible_geometry_is_refused(change):
    with pytest.raises(CalibrationImplausible, match=next(iter(change))):
        pose(**change)


def test_impossible_detectors_are_refused():
    for change in ({"pixel_size_y": 172.0}, {"orientation": 5}, {"shape": (0, 10)}):
        with pytest.raises(CalibrationImplausible):
            Detector(**{"pixel_size_y": 1e-4, "pixel_size_x": 1e-4, **change})


def test_transposed_frames_are_refused():
    with pytest.raises(FrameShapeMismatch, match="transposed"):
        pose().radial((50, 40), "q")


def test_digest_follows_every_value():
    reference = pose()
    assert reference.digest() == pose().digest()
    for change in ({"distance": 0.2000001}, {"rot3": 0.0}, {"wavelength": 1.3}, {"orientation": 1}):
        assert pose(**change).digest() != reference.digest()
    with pytest.raises(SpecError):
        reference.polarization(SHAPE, 1.5)
