"""Every folder under calibrations/ is complete, can be read, and agrees with itself."""

import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.calibration import load_instrument
from xrdkit.simulate import virtual_waxs
from xrdkit.workflow.check_calibrations import check_calibrations

ROOT = Path(__file__).parents[2] / "calibrations"
FOLDERS = sorted(path.parent for path in ROOT.rglob("*.poni"))


def name_of(folder):
    return folder.relative_to(ROOT).as_posix()


def test_there_is_an_example_and_every_folder_is_looked_at():
    assert FOLDERS
    holding = {path.parent for path in ROOT.rglob("*") if path.is_file()}
    assert sorted(holding) == FOLDERS


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_folder_is_instrument_and_date(folder):
    instrument, day = name_of(folder).split("/")
    assert re.fullmatch(r"[a-z0-9_]+", instrument)
    date.fromisoformat(day)
    names = {path.name for path in folder.iterdir()}
    masks = {name for name in names if name.startswith("mask.")}
    assert len(masks) == 1
    pictures = {"calibration.png", "calibration.html"}
    said = {"geometry.poni", "instrument.toml", "README.md", "calibration.toml"}
    assert names == said | masks | pictures


def test_what_is_stored_is_what_was_written_and_stood_still():
    assert check_calibrations(ROOT) == ()


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_geometry_mask_and_instrument_agree(folder, caplog):
    instrument = load_instrument(folder / "instrument.toml")
    calibration = xk.load_calibration(folder / "geometry.poni")
    mask = xk.load_mask(next(folder.glob("mask.*")), shape=instrument.shape)
    assert caplog.text == ""
    assert instrument.name == folder.parent.name
    assert calibration.detector.name == instrument.detector
    assert calibration.detector.shape == instrument.shape
    assert calibration.detector.orientation == instrument.orientation
    assert 0 < (mask > 0).mean() < 0.5


def test_the_virtual_example_is_where_the_virtual_instrument_is():
    folder = ROOT / "virtual_waxs" / "2026-11-01"
    found, truth = xk.load_calibration(folder / "geometry.poni"), virtual_waxs()
    assert found.direct_distance == pytest.approx(truth.calibration.direct_distance, rel=1e-4)
    assert found.beam_center == pytest.approx(truth.calibration.beam_center, abs=0.05)
    assert found.tilt == pytest.approx(truth.calibration.tilt, abs=0.01)
    mask = xk.load_mask(folder / "mask.msk")
    np.testing.assert_array_equal(mask.values > 0, truth.mask() > 0)
    instrument = load_instrument(folder / "instrument.toml")
    assert instrument.saturation == truth.saturation
    instrument.check_frame(truth.shape, truth.dtype)
