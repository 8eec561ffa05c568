"""instrument.toml: strict keys and values."""

import numpy as np
import pytest

from xrdkit.calibration import load_instrument
from xrdkit.errors import CalibrationSyntax, FrameShapeMismatch

GOOD = """name = "virtual"
detector = "Detector"
shape = [10, 20]
dtype = "uint32"
orientation = 3
saturation = 1e6
resolution = 0.05
"""


def written(tmp_path, text):
    path = tmp_path / "instrument.toml"
    path.write_text(text)
    return path


def test_what_the_file_says_is_what_is_held(tmp_path):
    instrument = load_instrument(written(tmp_path, GOOD))
    assert instrument.shape == (10, 20)
    assert instrument.saturation == 1e6
    assert instrument.resolution == 0.05
    without = load_instrument(written(tmp_path, GOOD.replace("orientation = 3\n", "")))
    assert without.orientation == 3


def test_frames_of_another_kind_are_refused(tmp_path):
    instrument = load_instrument(written(tmp_path, GOOD))
    instrument.check_frame((10, 20), np.uint32)
    for shape, dtype in (((20, 10), np.uint32), ((10, 20), np.int32)):
        with pytest.raises(FrameShapeMismatch, match=r"a\.tif.*virtual writes"):
            instrument.check_frame(shape, dtype, source="a.tif")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("saturation", "satturation", "unknown keys: satturation"),
        ("saturation = 1e6\n", "", "missing keys: saturation"),
        ("[10, 20]", "[10]", "shape"),
        ("[10, 20]", "[10, -20]", "shape"),
        ("[10, 20]", '"big"', "shape"),
        ("uint32", "complex64", "dtype"),
        ("uint32", "counts", "dtype"),
        ("orientation = 3", "orientation = 9", "orientation"),
        ("1e6", "-1", "saturation"),
        ("1e6", "nan", "saturation"),
        ("1e6", '"many"', "saturation"),
        ("0.05", "30", "resolution"),
        ("= 0.05", "", "TOML"),
    ],
)
def test_faults_name_file_and_key(tmp_path, old, new, says):
    with pytest.raises(CalibrationSyntax, match=says) as caught:
        load_instrument(written(tmp_path, GOOD.replace(old, new)))
    assert "instrument.toml" in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CalibrationSyntax, match="no such file"):
        load_instrument(tmp_path / "instrument.toml")
