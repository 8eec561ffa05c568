"""What headers say wrongly is reported: against a calibration, a detector and themselves."""

import math
import re

import h5py
import numpy as np
import pytest
from faults.frame_files import cbf_bytes, edf_bytes, nexus, stack_of, tiff_bytes

import xrdkit as xk
from xrdkit.errors import SchemaError, SpecError
from xrdkit.frames.contradiction import Contradiction
from xrdkit.frames.headers import COORDINATES
from xrdkit.frames.known_detectors import detector_named, detectors_of

SHAPE = (40, 60)
PIXEL = 172e-6
DETECTOR = xk.Detector(pixel_size_y=PIXEL, pixel_size_x=PIXEL, shape=SHAPE)
CALIBRATION = xk.Calibration(
    distance=0.3,
    poni1=10.25 * PIXEL,
    poni2=45.5 * PIXEL,
    wavelength=1.0,
    detector=DETECTOR,
)
TRUE = {
    "SampleDistance": "0.3005 m",
    "WaveLength": "1.0005e-10",
    "PSize_1": 172.4e-6,
    "PSize_2": 171.6e-6,
    "Center_1": 45.0,
    "Center_2": 9.75,
}


def frames_with(tmp_path, stated=None, frames=1, **keys):
    stack = stack_of("u2", frames=frames, shape=SHAPE)
    (tmp_path / "a.edf").write_bytes(edf_bytes(stack, keys=keys))
    return xk.open_frames(tmp_path / "a.edf", stated=stated)


def one(found) -> Contradiction:
    assert len(found) == 1, [str(c) for c in found]
    return found[0]


def test_a_true_header_contradicts_nothing(tmp_path):
    assert xk.compare_headers(frames_with(tmp_path, **TRUE), CALIBRATION) == []


def test_a_header_that_says_nothing_contradicts_nothing(tmp_path):
    assert xk.compare_headers(frames_with(tmp_path), CALIBRATION) == []
    assert xk.compare_headers(frames_with(tmp_path)) == []


WRONG = [
    ({"SampleDistance": "0.304 m"}, "distance_header", 0.304, 0.3, r"\+1.3 % off"),
    ({"SampleDistance": "3.0 m"}, "distance_header", 3.0, 0.3, "10 times too large"),
    ({"WaveLength": "1.002e-10"}, "wavelength_header", 1.002, 1.0, "0.2 %"),
    ({"PhotonEnergy": "12.3 keV"}, "photon_energy_header", 12.3, 12.3984198, "energy"),
    ({"PSize_1": "150e-6"}, "pixel_size_x_header", 150e-6, PIXEL, "along x"),
    ({"PSize_2": "150e-6"}, "pixel_size_y_header", 150e-6, PIXEL, "along y"),
]


@pytest.mark.parametrize(("keys", "name", "said", "truth", "says"), WRONG, ids=str)
def test_a_wrong_number_is_reported(keys, name, said, truth, says, tmp_path):
    found = one(xk.compare_headers(frames_with(tmp_path, **{**TRUE, **keys}), CALIBRATION)[:1])
    assert found.name == name
    assert found.header_value == pytest.approx(said)
    assert found.true_value == pytest.approx(truth)
    assert found.unit == COORDINATES[name].unit
    assert found.source_key == next(iter(keys)).lower()
    assert found.frames == (0,)
    assert re.search(says, str(found))


CENTERS = [
    ((9.75, 45.0), "x and y are swapped "),
    ((45.0, 29.9), "y is counted from the last row "),
    ((14.0, 10.0), "x is counted from the last column "),
    ((14.0, 29.9), "x and y are counted from the last pixel "),
    ((29.9, 45.0), "x and y are swapped, and y is counted from the last row "),
]


@pytest.mark.parametrize(("center", "says"), CENTERS, ids=str)
def test_a_beam_centre_that_is_turned_is_explained(center, says, tmp_path):
    keys = {"Center_1": center[0], "Center_2": center[1]}
    found = one(xk.compare_headers(frames_with(tmp_path, **keys), CALIBRATION))
    assert found.name == "beam_center_header"
    assert found.header_value == center
    assert found.true_value == pytest.approx((45.5, 10.25))
    assert f"; {says}" in found.message


def test_a_beam_centre_that_is_simply_wrong_is_not_explained(tmp_path):
    found = one(
        xk.compare_headers(frames_with(tmp_path, Center_1=51.0, Center_2=12.0), CALIBRATION)
    )
    assert ";" not in found.message.replace("center_1; center_2", "")


def test_the_centre_is_that_of_the_frame_in_any_orientation(tmp_path):
    turned = xk.Detector(pixel_size_y=PIXEL, pixel_size_x=PIXEL, shape=SHAPE, orientation=2)
    calibration = xk.Calibration(
        distance=0.3, poni1=10.25 * PIXEL, poni2=45.5 * PIXEL, wavelength=1.0, detector=turned
    )
    right = frames_with(tmp_path, Center_1=45.5, Center_2=40 - 10.25)
    assert xk.compare_headers(right, calibration) == []
    wrong = frames_with(tmp_path, Center_1=45.5, Center_2=10.25)
    assert "last row" in one(xk.compare_headers(wrong, calibration)).message


def test_both_distances_of_a_tilted_detector_are_true(tmp_path):
    tilted = xk.Calibration(
        distance=0.3, poni1=0.0, poni2=0.0, rot1=math.radians(12), wavelength=1.0, detector=DETECTOR
    )
    for distance in (0.3, tilted.direct_distance):
        frames = frames_with(tmp_path, SampleDistance=f"{distance} m")
        assert xk.compare_headers(frames, tilted) == []
    assert len(xk.compare_headers(frames_with(tmp_path, SampleDistance="0.303 m"), tilted)) == 1


def test_each_value_is_reported_with_its_frames(tmp_path):
    stated = {"distance_header": [0.3, 0.4, 0.4]}
    frames = frames_with(tmp_path, stated=stated, frames=3)
    found = one(xk.compare_headers(frames, CALIBRATION))
    assert found.frames == (1, 2)
    assert found.source_key == "stated"


def test_frames_of_another_shape(tmp_path):
    other = xk.Detector(pixel_size_y=PIXEL, pixel_size_x=PIXEL, shape=SHAPE[::-1])
    found = one(xk.compare_headers(frames_with(tmp_path), other))
    assert (found.name, found.header_value, found.true_value) == ("shape", SHAPE, SHAPE[::-1])
    assert "transposed" in found.message


def test_tolerances_are_stated(tmp_path):
    frames = frames_with(tmp_path, SampleDistance="0.304 m")
    assert xk.compare_headers(frames, CALIBRATION)
    loose = xk.HeaderTolerance(distance=0.02)
    assert xk.compare_headers(frames, CALIBRATION, tolerance=loose) == []
    with pytest.raises(SpecError, match="positive"):
        xk.HeaderTolerance(distance=0.0)


def test_what_was_stated_against_the_header(tmp_path):
    stated = {"exposure_time": 3.0, "monitor": 7.0}
    frames = frames_with(tmp_path, stated=stated, ExposureTime=2, Intensity0=7)
    found = one(xk.compare_headers(frames))
    assert (found.name, found.header_value, found.true_value) == ("exposure_time", 2.0, 3.0)
    assert found.source_key == "exposuretime"


SAXSLAB = (
    '<SAXSLABparameters><param name="det_exposure_time">1185</param><param name="livetime">{live}'
    '</param><param name="det_exposure_period">{period}</param></SAXSLABparameters>'
)


@pytest.mark.parametrize(
    ("live", "period", "names"),
    [(1185, 1190, []), (1200, 1190, ["exposure_time"]), (1184, 1180, ["exposure_period"])],
)
def test_times_that_contradict_each_other(live, period, names, tmp_path):
    text = SAXSLAB.format(live=live, period=period)
    (tmp_path / "a.tif").write_bytes(tiff_bytes(stack_of("i4")[:1], tags={315: text.encode()}))
    found = xk.compare_headers(xk.open_frames(tmp_path / "a.tif"))
    assert [c.name for c in found] == names


@pytest.mark.parametrize(
    ("energy", "threshold", "names"),
    [
        (12.4, 6.2, []),
        (13.0, 6.2, ["wavelength_header"]),
        (12.4, 13.0, ["threshold_energy"]),
    ],
)
def test_energies_that_contradict_the_wavelength(energy, threshold, names, tmp_path):
    comment = (
        f"# Wavelength 1.0 A\n# Photon_energy {energy * 1000:.0f} eV\n"
        f"# Threshold_setting: {threshold * 1000:.0f} eV\n"
    )
    (tmp_path / "a.cbf").write_bytes(cbf_bytes(stack_of("i4"), comment=comment))
    found = xk.compare_headers(xk.open_frames(tmp_path / "a.cbf"))
    assert [c.name for c in found] == names


DETECTORS = [
    ("Pilatus 100K", (195, 487), 172e-6, []),
    ("Pilatus 100K", (195, 487), 150e-6, ["pixel_size_x_header"]),
    ("Pilatus", (195, 487), 150e-6, ["pixel_size_x_header"]),  # by its shape
    ("", (195, 487), 172e-9 * 1e4, ["pixel_size_x_header"]),
    ("PILATUS 300K-20Hz, S/N 3-0140", (619, 487), 172e-6, []),
    ("PILATUS 300K-20Hz, S/N 3-0140", (487, 619), 172e-6, ["shape"]),
    ("PILATUS 1M", (500, 490), 344e-6, []),  # binned by two
    ("PILATUS 1M", (500, 490), 172e-6, []),  # a part
    ("PILATUS 1M", (500, 490), 200e-6, ["pixel_size_x_header"]),
    ("Dectris EIGER2 CdTe 1M-W", (512, 2068), 75e-6, []),
    ("Dectris EIGER2 CdTe 1M-W", (512, 2068), 75e-5, ["pixel_size_x_header"]),
    ("Pixium RF4343", (1441, 1440), 296e-6, []),  # a family, not a model of pyFAI's list
    ("MAR CCD", (2048, 2048), 79e-6, []),
    ("something new", (100, 130), 33e-6, []),
]


@pytest.mark.parametrize(("name", "shape", "pixel", "names"), DETECTORS, ids=str)
def test_pixels_and_shape_of_known_detectors(name, shape, pixel, names, tmp_path):
    keys = {"PSize_1": pixel, "Detector": name or None}
    stack = np.zeros((1, *shape), np.uint16)
    (tmp_path / "a.edf").write_bytes(edf_bytes(stack, keys=keys))
    found = xk.compare_headers(xk.open_frames(tmp_path / "a.edf"))
    assert [c.name for c in found] == names


def test_a_detector_is_known_by_its_longest_name_or_a_rare_shape():
    known = detector_named("PILATUS 300K-W, S/N 1")
    assert known is not None
    assert known.shape == (195, 1475)
    assert detector_named("Camera") is None
    assert {d.name for d in detectors_of((195, 487))} == {"Pilatus 100k"}
    assert detectors_of((2048, 2048)) == detectors_of((512, 1024)) == ()


def test_a_sample_called_by_the_name_of_another_standard(tmp_path):
    path = nexus(tmp_path / "AgBehenate_228.h5", stack_of("u2"))
    with h5py.File(path, "a") as file:
        sample = file.create_group("entry/sample")
        sample.attrs["NX_class"] = "NXsample"
        sample["name"] = "Glassy carbon C6"
    found = one(xk.compare_headers(xk.open_frames(path)))
    assert (found.name, found.header_value) == ("sample_name", "Glassy carbon C6")
    assert found.true_value == "AgBehenate_228.h5"
    again = path.rename(tmp_path / "GC_5s.h5")
    assert xk.compare_headers(xk.open_frames(again)) == []
    again = again.rename(tmp_path / "scan_7.h5")
    assert xk.compare_headers(xk.open_frames(again)) == []


def test_no_pixel_is_read_and_the_frames_stay_as_they_are(tmp_path):
    frames = frames_with(tmp_path, **TRUE)
    before = frames.copy()
    (tmp_path / "a.edf").unlink()
    xk.compare_headers(frames, CALIBRATION)
    assert not frames["counts"].variable._in_memory
    for name in frames.coords:
        assert frames[name].identical(before[name])


def test_what_cannot_be_compared(tmp_path):
    with pytest.raises(SpecError, match="not with a str"):
        xk.compare_headers(frames_with(tmp_path), "geometry.poni")
    with pytest.raises(SchemaError, match="open_frames"):
        xk.compare_headers("a.edf", CALIBRATION)
