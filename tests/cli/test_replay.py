"""``xrdkit replay``."""

import json
import sys

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.cli.main import main
from xrdkit.provenance import ATTRIBUTE


@pytest.fixture
def result(tmp_path, monkeypatch):
    """A result file whose frame lies in another folder."""
    shape = (40, 30)
    (tmp_path / "raw").mkdir()
    counts = np.random.default_rng(5).poisson(30.0, shape).astype(np.uint32)
    np.save(tmp_path / "raw" / "one.npy", counts)
    calibration = xk.Calibration(
        distance=0.1,
        poni1=0.003,
        poni2=0.0025,
        wavelength=1.0,
        detector=xk.Detector(pixel_size_y=172e-6, pixel_size_x=172e-6, shape=shape),
    )
    spec = xk.IntegrationSpec(bins=10, range=(0.5, 2.0), polarization=0.9)
    profile = xk.integrate(xk.open_frames(tmp_path / "raw" / "one.npy"), calibration, spec)
    xk.save(profile, tmp_path / "one.nc")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "one.nc"


def call(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["xrdkit", *map(str, words)])
    with pytest.raises(SystemExit) as caught:
        main()
    return caught.value.code or 0


def test_the_same_result_ends_with_0(result, monkeypatch, capsys):
    assert call(monkeypatch, "replay", result, "--inputs", "raw") == 0
    out = capsys.readouterr().out
    assert "one.nc  same  (byte for byte)" in out
    assert "one.npy" in out
    assert call(monkeypatch, "replay", result, "--inputs", "raw", "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert record["verdict"] == "same"
    assert record["max_difference"] == 0.0
    assert [item["name"] for item in record["inputs"]] == ["one.npy"]


def test_a_result_that_differs_ends_with_3(result, monkeypatch, capsys):
    data = xk.load(result)
    data["intensity"] = data["intensity"] * 1.001
    xk.save(data.assign_attrs({ATTRIBUTE: data.attrs[ATTRIBUTE]}), result, overwrite=True)
    assert call(monkeypatch, "replay", result, "--inputs", "raw") == 3
    assert "differs" in capsys.readouterr().out


def test_a_missing_input_ends_with_2_and_its_name(result, monkeypatch, capsys):
    assert call(monkeypatch, "replay", result) == 2
    assert "one.npy" in capsys.readouterr().err


def test_a_correction_left_out_is_reported(result, monkeypatch, capsys):
    words = ("replay", result, "--inputs", "raw", "--without", "polarization")
    assert call(monkeypatch, *words) == 0
    out = capsys.readouterr().out
    assert "without polarization" in out
    assert "intensity" in out
