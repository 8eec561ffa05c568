"""What the user states wins over the header, is bounded, and is recorded."""

import numpy as np
import pytest
from faults.frame_files import edf_bytes, stack_of

import xrdkit as xk
from xrdkit import provenance
from xrdkit.errors import SpecError
from xrdkit.frames.headers import COORDINATES


@pytest.fixture
def path(tmp_path):
    keys = {"ExposureTime": 2, "Intensity0": 1000, "Detector": "Maxipix"}
    (tmp_path / "a.edf").write_bytes(edf_bytes(stack_of("u2"), keys=keys))
    return tmp_path / "a.edf"


def test_a_stated_number_replaces_that_of_the_header(path):
    data = xk.open_frames(path, stated={"exposure_time": 1.5, "thickness": 0.1})
    assert data.exposure_time.values.tolist() == [1.5] * 3
    assert data.exposure_time.attrs == {
        "long_name": "exposure time",
        "units": "s",
        "source_key": "stated",
        "header_key": "exposuretime",
        "header_value": 2.0,
    }
    assert data.thickness.values.tolist() == [0.1] * 3
    assert "header_value" not in data.thickness.attrs
    assert data.monitor.attrs["source_key"] == "intensity0"
    (step,) = provenance.steps(data)
    assert step.settings["stated"] == {"exposure_time": 1.5, "thickness": 0.1}


@pytest.mark.parametrize("values", [[1.0, 2.0, 3.0], (1, 2, 3), np.array([1.0, 2.0, 3.0])])
def test_one_value_per_frame(path, values):
    data = xk.open_frames(path, stated={"transmission": np.divide(values, 4).tolist()})
    assert data.transmission.values.tolist() == [0.25, 0.5, 0.75]
    data = xk.open_frames(path, stated={"monitor": values})
    assert data.monitor.values.tolist() == [1, 2, 3]
    (step,) = provenance.steps(data)
    assert step.settings["stated"] == {"monitor": [1, 2, 3]}


def test_text_is_stated_too(path):
    names = ["a", "b", "c"]
    data = xk.open_frames(path, stated={"sample_name": names, "detector_name": "Eiger2 4M"})
    assert data.sample_name.values.tolist() == names
    assert data.detector_name.attrs["header_value"] == "Maxipix"


def test_nothing_stated_is_recorded_as_nothing(path):
    (step,) = provenance.steps(xk.open_frames(path))
    assert step.settings["stated"] == {}


WRONG = [
    ({"exposure": 1.0}, "known: exposure_time"),
    ({"counts": 1.0}, "no fact of frames"),
    ({"exposure_time": 0}, "above 0"),
    ({"exposure_time": -1}, "given in s"),
    ({"exposure_time": float("nan")}, "above 0"),
    ({"exposure_time": "1 s"}, "not a number in s"),
    ({"exposure_time": "2"}, "given in s"),
    ({"exposure_time": None}, "above 0|not a number"),
    ({"exposure_time": [1.0, 2.0]}, "2 values for 3 frames"),
    ({"exposure_time": []}, "0 values"),
    ({"exposure_time": [[1.0, 2.0, 3.0]]}, "one for each frame"),
    ({"transmission": 80}, "at most 1"),
    ({"wavelength_header": 1.54e-10}, "above 0.01"),
    ({"distance_header": 513.8}, "at most 200 m"),
    ({"pixel_size_x_header": 172}, "given in m"),
    ({"sample_name": 3.0}, "not text"),
    ({"sample_name": ["a", 3, "c"]}, "not text"),
]


@pytest.mark.parametrize(("stated", "says"), WRONG, ids=str)
def test_what_makes_no_sense_is_refused(path, stated, says):
    with pytest.raises(SpecError, match=says):
        xk.open_frames(path, stated=stated)


def test_every_name_can_be_stated(path):
    for name, what in COORDINATES.items():
        value = "x" if not what.unit else max(what.low, 0.0) * 1.5 + 1e-4
        value = 1.0 if what.unit in ("angstrom", "keV") else value
        data = xk.open_frames(path, stated={name: value})
        assert data[name].values.tolist() == [value] * 3
        assert data[name].attrs["source_key"] == "stated"
