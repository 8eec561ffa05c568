"""PONI files: every version pyFAI writes, agreement with pyFAI, and what is refused."""

import logging
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyFAI
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyFAI.detectors import ALL_DETECTORS
from pyFAI.io.ponifile import PoniFile

import xrdkit as xk
from xrdkit.calibration.named import module_gaps, named_detector
from xrdkit.errors import (
    CalibrationError,
    CalibrationImplausible,
    CalibrationSyntax,
    StoreError,
)

SHAPE = (41, 53)
GOOD = """# Nota: C-Order, 1 refers to the Y axis, 2 to the X axis
# Calibration done on Mon Jan  6 10:00:00 2025
poni_version: 2.1
Detector: Detector
Detector_config: {"pixel1": 0.0001, "pixel2": 0.00012, "max_shape": [41, 53], "orientation": 3}
Distance: 0.3
Poni1: 0.01
Poni2: 0.05
Rot1: 0.1
Rot2: -0.2
Rot3: 0.3
Wavelength: 1.5406e-10
"""


def geometry(orientation=3, **changes):
    detector = xk.Detector(
        pixel_size_y=1e-4, pixel_size_x=1.2e-4, shape=SHAPE, orientation=orientation
    )
    values = {"distance": 0.3, "poni1": 0.01, "poni2": 0.05, "rot1": 0.1, "rot2": -0.2, "rot3": 0.3}
    return xk.Calibration(**{**values, **changes}, wavelength=1.5406, detector=detector)


def written(tmp_path, text, name="geometry.poni"):
    path = tmp_path / name
    path.write_text(text)
    return path


def line_of(text, key):
    return next(n for n, line in enumerate(text.splitlines(), 1) if line.startswith(key))


def changed(key, value):
    """Return `GOOD` with the value of one key changed."""
    return "\n".join(
        f"{key}: {value}" if line.startswith(f"{key}:") else line for line in GOOD.splitlines()
    )


@pytest.mark.parametrize("orientation", [1, 2, 3, 4])
@pytest.mark.parametrize("name", ["Detector", "Pilatus100k", "Perkin"])
def test_pyfai_sees_the_pixels_of_a_saved_file_where_we_do(tmp_path, orientation, name):
    calibration = geometry(orientation)
    if name != "Detector":
        detector = replace(named_detector(name), orientation=orientation)
        calibration = replace(calibration, detector=detector)
    path = xk.save_calibration(calibration, tmp_path / "saved.poni")
    theirs = pyFAI.load(str(path)).position_array(corners=False)
    shape = calibration.detector.shape
    ours = calibration.positions(shape)
    assert theirs.shape[:2] == shape
    for axis, values in ((1, ours[0]), (2, ours[1]), (0, ours[2])):
        np.testing.assert_allclose(theirs[..., axis], values, rtol=0, atol=1e-9)
    assert xk.load_calibration(path) == calibration
    assert pyFAI.load(str(path)).wavelength == pytest.approx(1.5406e-10, rel=1e-15)


@pytest.mark.parametrize(
    ("version", "orientation"), [(1, 3), (2, 3), *((v, o) for v in (2.1, 3) for o in (1, 2, 3, 4))]
)
def test_files_that_pyfai_writes_put_pixels_where_pyfai_does(tmp_path, version, orientation):
    device = pyFAI.detectors.Detector(1e-4, 1.2e-4, max_shape=SHAPE, orientation=orientation)
    integrator = pyFAI.geometry.Geometry(0.3, 0.01, 0.05, 0.1, -0.2, 0.3, detector=device)
    integrator.wavelength = 1.5406e-10
    poni = PoniFile(integrator)
    poni.API_VERSION = version
    path = tmp_path / "pyfai.poni"
    with path.open("w") as stream:
        poni.write(stream)
    calibration = xk.load_calibration(path)
    assert calibration.wavelength == 1.5406
    assert calibration.detector.orientation == orientation
    theirs = integrator.position_array(shape=SHAPE, corners=False)
    ours = calibration.positions(SHAPE)
    for axis, values in ((1, ours[0]), (2, ours[1]), (0, ours[2])):
        np.testing.assert_allclose(theirs[..., axis], values, rtol=0, atol=1e-9)


def test_orientation_keeps_the_scattering_angle_of_a_flipped_frame():
    """A frame upside down with orientation 2 for 3 has the same angles upside down."""
    upright = geometry(3).two_theta(SHAPE)
    flipped = geometry(2).two_theta(SHAPE)
    np.testing.assert_array_equal(flipped, upright[::-1])


def test_what_is_saved_is_loaded_to_the_last_digit(tmp_path):
    random = np.random.default_rng(4)
    for _ in range(30):
        calibration = replace(
            geometry(),
            distance=random.uniform(0.03, 5),
            poni1=random.normal(),
            rot1=random.normal() / 3,
            wavelength=random.uniform(0.1, 2.3),
        )
        assert xk.load_calibration(xk.save_calibration(calibration, tmp_path / "a")) == calibration


def test_save_replaces_in_one_step_and_leaves_nothing_behind(tmp_path, monkeypatch):
    path = xk.save_calibration(geometry(), tmp_path / "g.poni")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"g\.poni"):
        xk.save_calibration(geometry(distance=1.0), path)
    assert xk.load_calibration(path) == geometry()
    assert [p.name for p in tmp_path.iterdir()] == ["g.poni"]


def test_save_into_a_missing_folder_is_our_error(tmp_path):
    with pytest.raises(StoreError, match="nowhere"):
        xk.save_calibration(geometry(), tmp_path / "nowhere" / "g.poni")


def test_the_last_complete_record_counts_and_the_log_says_so(tmp_path, caplog):
    third = "\n".join(changed("Distance", "0.9").splitlines()[:8]) + "\n"
    path = written(tmp_path, GOOD + changed("Distance", "0.4") + "\n" + third)
    with caplog.at_level(logging.WARNING, logger="xrdkit"):
        assert xk.load_calibration(path).distance == 0.4
    assert "3 records" in caplog.text
    assert "number 2" in caplog.text


def test_a_key_twice_in_one_record_is_refused(tmp_path):
    text = GOOD + "Distance: 0.4\n"
    with pytest.raises(CalibrationSyntax, match=r"line 13: Distance .* line 6") as caught:
        xk.load_calibration(written(tmp_path, text))
    assert "delete" in caught.value.hint


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("Wavelength", "1.5406", "1.5406e-10"),
        ("Wavelength", "0.15406", "e-9 for nm"),
        ("Wavelength", "1.0", "1.0e-10"),
        ("Wavelength", "0", "metre"),
        ("Wavelength", "-1.5e-10", "metre"),
        ("Wavelength", "nan", "metre"),
        ("Distance", "208.689", "0.208689"),
        ("Distance", "0", "metre"),
        ("Distance", "-0.3", "metre"),
        ("Distance", "inf", "metre"),
        ("Poni1", "87.3", "metre"),
        ("Poni2", "nan", "metre"),
        ("Rot1", "nan", "radian"),
        ("Rot3", "45.0", "radian"),
    ],
)
def test_impossible_values_are_refused_with_key_line_and_remedy(tmp_path, key, value, says):
    text = changed(key, value)
    with pytest.raises(CalibrationImplausible) as caught:
        xk.load_calibration(written(tmp_path, text))
    message = str(caught.value)
    assert "geometry.poni" in message
    assert f"line {line_of(text, key)}: {key}" in message
    assert says in message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Distance", "three"),
        ("Distance", ""),
        ("Distance", "1" * 400),
        ("Detector_config", "{"),
        ("Detector_config", "[1]"),
        ("Detector_config", "[" * 2000),
        ("Detector_config", '{"pixel1": 0.0001}'),
        ("Detector_config", '{"pixel1": 0.0001, "pixel1": 0.1, "pixel2": 0.0001}'),
        ("Detector_config", '{"pixel1": "a", "pixel2": 0.0001}'),
        ("Detector_config", '{"pixel1": 1e-4, "pixel2": 1e-4, "max_shape": [1]}'),
        ("Detector_config", '{"pixel1": 1e-4, "pixel2": 1e-4, "splineFile": "a.spline"}'),
        ("Detector_config", '{"pixel1": 1e-4, "pixel2": 1e-4, "mood": "good"}'),
        ("Detector", "Titanic5M"),
        ("poni_version", "7"),
    ],
)
def test_entries_that_cannot_be_read_are_named(tmp_path, key, value):
    text = changed(key, value)
    with pytest.raises(CalibrationSyntax, match=r"geometry\.poni: line \d+"):
        xk.load_calibration(written(tmp_path, text))


def test_pixels_in_millimetre_are_refused(tmp_path):
    text = changed("Detector_config", '{"pixel1": 0.172, "pixel2": 0.172}')
    with pytest.raises(CalibrationImplausible, match="line 5: detector pixel_size_y"):
        xk.load_calibration(written(tmp_path, text))


@pytest.mark.parametrize(
    "key", ["Distance", "Poni1", "Poni2", "Rot1", "Rot2", "Rot3", "Wavelength"]
)
def test_a_missing_key_is_named(tmp_path, key):
    text = "\n".join(line for line in GOOD.splitlines() if not line.startswith(key))
    with pytest.raises(CalibrationSyntax, match=f"missing: {key}"):
        xk.load_calibration(written(tmp_path, text))


@pytest.mark.parametrize("line", ["Distnce: 0.3", "hello", "Parallax: True"])
def test_lines_that_mean_something_else_are_refused(tmp_path, line):
    with pytest.raises(CalibrationSyntax, match="line 13"):
        xk.load_calibration(written(tmp_path, GOOD + line + "\n"))


def test_version_one_with_a_distortion_file_is_refused(tmp_path):
    keys = [line for line in GOOD.splitlines() if not line.startswith(("Detector", "poni_v"))]
    text = "\n".join([*keys, "PixelSize1: 1e-4", "PixelSize2: 1e-4", "SplineFile: {}"])
    assert xk.load_calibration(written(tmp_path, text.format("None"))).detector.shape is None
    with pytest.raises(CalibrationSyntax, match=r"frelon\.spline"):
        xk.load_calibration(written(tmp_path, text.format("frelon.spline")))


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe", b"a" * (2**20 + 1)])
def test_what_is_no_poni_file_is_refused(tmp_path, content):
    path = tmp_path / "x.poni"
    path.write_bytes(content)
    with pytest.raises(CalibrationSyntax, match=r"x\.poni"):
        xk.load_calibration(path)


def test_a_missing_file_and_a_fifo_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.poni")
    said = {"absent.poni": "no such file", "pipe.poni": "not a regular file", ".": "a folder"}
    for name, text in said.items():
        with pytest.raises(CalibrationSyntax, match=text):
            xk.load_calibration(tmp_path / name)


def test_a_detector_name_is_never_opened_as_a_file(tmp_path, monkeypatch):
    """pyFAI opens a file that has the name of a detector; here the list decides."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pilatus100k").write_text("not a detector")
    (tmp_path / "mine.h5").write_text("not a detector")
    config = '{"orientation": 3}'
    text = changed("Detector_config", config)
    named = written(tmp_path, text.replace("Detector: Detector", "Detector: Pilatus100k"))
    assert xk.load_calibration(named).detector.shape == (195, 487)
    for name in ("mine.h5", str(tmp_path / "mine.h5"), "/etc/passwd"):
        with pytest.raises(CalibrationSyntax, match="not in pyFAI's list"):
            xk.load_calibration(
                written(tmp_path, text.replace("Detector: Detector", f"Detector: {name}"))
            )


def test_every_detector_of_the_list_is_equal_pixels_or_refused():
    refused = {}
    names = sorted({cls.__name__ for cls in ALL_DETECTORS.values()} - {"Detector"})
    for name in names:
        device = pyFAI.detector_factory(name)
        try:
            detector = named_detector(name)
        except (CalibrationSyntax, CalibrationImplausible) as refusal:
            refused[name] = str(refusal)
            continue
        assert device.uniform_pixel
        assert device.IS_FLAT
        assert detector.shape == tuple(device.shape)
        assert (detector.pixel_size_y, detector.pixel_size_x) == (device.pixel1, device.pixel2)
    assert len(names) - len(refused) > 80
    assert all("not flat" in text or "is outside" in text for text in refused.values())
    for name in ("Pixirad1", "Xpad_flat", "Aarhus", "Cirpad"):
        with pytest.raises(CalibrationSyntax, match="not flat with equal"):
            named_detector(name)


def test_gaps_of_a_named_detector():
    gaps = module_gaps(named_detector("Pilatus1M"))
    assert gaps.shape == (1043, 981)
    assert gaps[195:212].all()
    assert gaps.sum() == 73533
    assert module_gaps(geometry().detector) is None


def test_odd_but_possible_geometry_is_said_in_the_log(tmp_path, caplog):
    far = written(tmp_path, changed("Distance", "45.0"))
    turned = written(tmp_path, GOOD.replace('"orientation": 3', '"orientation": 1'), "turned.poni")
    ours = xk.save_calibration(geometry(orientation=1), tmp_path / "ours.poni")
    with caplog.at_level(logging.WARNING, logger="xrdkit"):
        assert xk.load_calibration(far).distance == 45.0
        assert "45 m is unusual" in caplog.text
        caplog.clear()
        xk.load_calibration(turned)
        assert "orientation 1" in caplog.text
        caplog.clear()
        xk.load_calibration(ours)
        assert caplog.text == ""


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_damage_gives_another_error_or_a_number_out_of_range(data):
    """Lines dropped, doubled, swapped, cut or overwritten: our error, or a possible geometry."""
    lines = GOOD.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        k = data.draw(st.integers(0, len(lines) - 1))
        kind = data.draw(st.sampled_from(["drop", "double", "cut", "text", "value"]))
        key = lines[k].partition(":")[0]
        lines[k : k + 1] = {
            "drop": [],
            "double": [lines[k], lines[k]],
            "cut": [lines[k][: data.draw(st.integers(0, 40))]],
            "text": [data.draw(st.text(max_size=30))],
            "value": [f"{key}: {data.draw(st.floats())}"],
        }[kind] or ["# dropped"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "damaged.poni"
        path.write_text("\n".join(lines), encoding="utf-8")
        try:
            calibration = xk.load_calibration(path)
        except CalibrationError as refusal:
            assert "damaged.poni" in str(refusal)  # noqa: PT017
            return
    assert 5e-3 <= calibration.distance <= 100
    assert 0.01 <= calibration.wavelength <= 10
    assert 1e-6 <= calibration.detector.pixel_size_y <= 5e-3
    assert max(abs(calibration.poni1), abs(calibration.poni2)) <= 5
