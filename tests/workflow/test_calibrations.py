"""The store of calibrations: what is written, what is refused, which one is chosen, what moved."""

import re
import shutil
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest
from calibration_store import judged, measured, moved, store

import xrdkit as xk
from xrdkit.calibration import Instrument, load_instrument
from xrdkit.errors import (
    CalibrationRejected,
    CalibrationSyntax,
    EmptyResult,
    FrameShapeMismatch,
    ResultExists,
    SpecError,
    StoreError,
)
from xrdkit.files import file_sha256
from xrdkit.provenance import steps
from xrdkit.report.measured import value_with_error
from xrdkit.workflow import write_calibration as writing
from xrdkit.workflow.calibrations import load_stored, nearest_calibration, stored_folders
from xrdkit.workflow.check_calibrations import calibration_drift, check_calibrations
from xrdkit.workflow.write_calibration import write_calibration


@pytest.fixture(scope="module")
def standard(tmp_path_factory):
    return measured(tmp_path_factory.mktemp("standard"))


@pytest.fixture(scope="module")
def folder(standard, tmp_path_factory):
    """One folder of the store; tests do not change it."""
    return store(tmp_path_factory.mktemp("store"), standard, "2026-03-04")


def test_the_folder_holds_everything(standard, folder):
    frames, mask, result = standard
    assert (folder.parent.name, folder.name) == ("lab", "2026-03-04")
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "geometry.poni", "mask.edf", "instrument.toml", "README.md", "calibration.png",
        "calibration.html", "calibration.toml",
    }  # fmt: skip
    geometry = xk.load_calibration(folder / "geometry.poni")
    assert geometry.distance == result.calibration.distance
    np.testing.assert_allclose(geometry.covariance, result.calibration.covariance)
    np.testing.assert_array_equal(xk.load_mask(folder / "mask.edf"), mask)
    instrument = load_instrument(folder / "instrument.toml")
    assert instrument.shape == (frames.sizes["y"], frames.sizes["x"])
    assert instrument.dtype == frames["counts"].dtype.name
    # simulated with rings of 0.023 degree
    assert instrument.resolution == pytest.approx(0.023, rel=0.35)


def test_the_record_has_digests_of_the_standard_and_of_every_file(standard, folder):
    frames, _, result = standard
    record = load_stored(folder).record
    assert record.measured == date(2026, 3, 4)
    assert record.dated_by == "given"
    assert record.frame_files == ("agbh_0.npy",)
    assert record.frame_digests == steps(frames)[0].inputs
    assert re.fullmatch("[0-9a-f]{64}", record.frame_digests[0])
    assert record.verdict is result.verdict
    assert record.files["README.md"] == file_sha256(folder / "README.md")
    assert set(record.files) == {p.name for p in folder.iterdir()} - {"calibration.toml"}


def test_the_readme_says_what_when_and_how_sure(standard, folder):
    text = (folder / "README.md").read_text(encoding="utf-8")
    result, at = standard[2], standard[2].calibration
    for word in (
        "# lab, 2026-03-04", "**accepted**", "AgBh", "agbh_0.npy", "measured on 2026-03-04",
        value_with_error(1e3 * at.direct_distance, 1e3 * result.sigma["direct_distance"]),
        "calibration.png", "xrdkit",
    ):  # fmt: skip
        assert word in text
    assert str(folder.parent.parent) not in text


def test_the_day_is_that_of_the_header_where_none_is_given(standard, tmp_path, plain):
    folder = store(tmp_path, standard, None)
    assert folder.name == "2026-03-04"
    assert load_stored(folder).record.dated_by == "header"
    frames, mask, result = standard
    with pytest.raises(SpecError, match="when they were measured"):
        write_calibration(
            result, tmp_path, instrument="lab", frames=frames.drop_vars("start_time"), mask=mask
        )


def test_the_same_standard_gives_the_same_bytes(standard, folder, tmp_path):
    again = store(tmp_path, standard, "2026-03-04")
    for path in folder.iterdir():
        assert (again / path.name).read_bytes() == path.read_bytes(), path.name


def test_nothing_is_overwritten(standard, folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ResultExists, match="exists"):
        store(folder.parent.parent, standard, "2026-03-04", result=moved(standard[2], 1.0))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_rejected_result_needs_force(standard, tmp_path, plain):
    bad = judged(standard[2], "rejected", "points lie astray")
    with pytest.raises(CalibrationRejected, match="points lie astray"):
        store(tmp_path, standard, "2026-03-04", result=bad)
    assert not any(tmp_path.iterdir())
    folder = store(tmp_path, standard, "2026-03-04", result=bad, force=True)
    assert "points lie astray" in (folder / "README.md").read_text(encoding="utf-8")


def test_a_failure_leaves_nothing(standard, tmp_path, monkeypatch):
    def full(*_args, **_more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "save_mask", full)
    with pytest.raises(StoreError, match="No space left"):
        store(tmp_path, standard, "2026-03-04")
    assert list((tmp_path / "lab").iterdir()) == []


def test_frames_of_another_shape_or_kind_are_refused(standard, tmp_path):
    frames, mask, result = standard
    with pytest.raises(FrameShapeMismatch):
        write_calibration(
            result, tmp_path, instrument="lab", date="2026-03-04", frames=frames.isel(y=slice(9))
        )
    other = Instrument(
        name="lab", detector="Detector", shape=(frames.sizes["y"], frames.sizes["x"]),
        dtype="float32", saturation=1e5, resolution=0.1,
    )  # fmt: skip
    with pytest.raises(FrameShapeMismatch, match="float32"):
        write_calibration(
            result, tmp_path, instrument=other, date="2026-03-04", frames=frames, mask=mask
        )


@pytest.mark.parametrize(
    ("name", "day"), [("Lab 1", "2026-03-04"), ("../lab", "2026-03-04"), ("lab", "yesterday")]
)
def test_names_and_days_are_strict(standard, tmp_path, name, day):
    frames, mask, result = standard
    with pytest.raises(SpecError):
        write_calibration(result, tmp_path, instrument=name, date=day, frames=frames, mask=mask)
    assert not any(tmp_path.iterdir())


@pytest.fixture
def copied(folder, tmp_path):
    """A folder of the store of its own."""
    return Path(shutil.copytree(folder, tmp_path / "lab" / "2026-03-04"))


@pytest.fixture
def plain(monkeypatch):
    """No pictures, which take longest."""
    monkeypatch.setattr(writing, "_pictures", lambda *_: None)


@pytest.fixture(scope="module")
def history(standard, tmp_path_factory):
    """A store of five days: accepted, accepted, rejected, moved by 2 mm, changed by hand."""
    root = tmp_path_factory.mktemp("history")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "_pictures", lambda *_: None)
        store(root, standard, "2026-01-10")
        store(root, standard, "2026-02-10")
        store(root, standard, "2026-03-10", result=judged(standard[2], "rejected"), force=True)
        store(root, standard, "2026-04-10", result=moved(standard[2], 2.0))
        touched = store(root, standard, "2026-05-10")
    with (touched / "geometry.poni").open("a") as stream:
        stream.write("# by hand\n")
    return root


@pytest.mark.parametrize(
    ("when", "day", "says"),
    [
        ("2026-02-10", "2026-02-10", "0 days before"),
        (date(2026, 2, 9), "2026-01-10", "30 days before"),
        (datetime(2026, 3, 20, 8), "2026-02-10", r"passed over: 2026-03-10: rejected"),
        ("2026-06-01T10:00:00+02:00", "2026-04-10", "changed after it was stored"),
        (np.datetime64("2025-12-31T23:00"), "2026-01-10", "first accepted one after, by 10 days"),
    ],
)
def test_the_newest_accepted_one_before_is_chosen_and_said(history, when, day, says):
    chosen = nearest_calibration(history, "lab", when)
    assert chosen.folder.name == day
    assert re.search(says, chosen.choice), chosen.choice


def test_another_detector_or_energy_is_passed_over(history, standard):
    frames = standard[0]
    assert (
        nearest_calibration(
            history, "lab", "2026-02-20", frames=frames, wavelength=1.5405
        ).folder.name
        == "2026-02-10"
    )
    with pytest.raises(EmptyResult, match=r"2026-01-10: 1\.5406 Å"):
        nearest_calibration(history, "lab", "2026-02-20", wavelength=0.7)
    with pytest.raises(EmptyResult, match="lab writes"):
        nearest_calibration(history, "lab", "2026-02-20", frames=frames.isel(y=slice(50)))


def test_where_none_is_there_it_is_said(history, tmp_path):
    with pytest.raises(EmptyResult, match="no accepted calibration of 'waxs'"):
        nearest_calibration(history, "waxs", "2026-01-01")
    with pytest.raises(SpecError, match="not a day"):
        nearest_calibration(history, "lab", "spring")
    with pytest.raises(StoreError, match="no such folder"):
        nearest_calibration(tmp_path / "none", "lab", "2026-01-01")


def test_drift_is_told_with_its_errors(history):
    still, went = calibration_drift(history, "lab")
    assert not still.moved
    assert went.moved
    assert went.difference.direct_distance.value == pytest.approx(2e-3, rel=0.01)
    assert "2026-02-10 to 2026-04-10: direct distance +2" in went.text()
    assert "σ" in went.text()


def test_two_measurements_that_stood_still_show_no_drift(standard, tmp_path, plain):
    store(tmp_path, standard, "2026-01-10")
    store(tmp_path, measured(tmp_path, seed=1), "2026-01-11")
    [drift] = calibration_drift(tmp_path, "lab")
    assert drift.difference.direct_distance.value != 0.0
    assert not drift.moved


def test_the_check_finds_what_is_wrong(history):
    found = {(f.folder.name, f.level): f.text for f in check_calibrations(history)}
    assert set(found) == {
        ("2026-03-10", "warning"), ("2026-04-10", "warning"), ("2026-05-10", "error")
    }  # fmt: skip
    assert "rejected" in found["2026-03-10", "warning"]
    assert "moved" in found["2026-04-10", "warning"]
    assert "SHA-256" in found["2026-05-10", "error"]


def test_what_a_stopped_writer_left_is_found(copied, tmp_path):
    (tmp_path / "lab" / ".2026-03-05.0f.partial").mkdir()
    [found] = check_calibrations(tmp_path)
    assert found.level == "warning"
    assert "stopped" in found.text


def test_a_whole_store_has_no_finding(folder):
    assert check_calibrations(folder.parent.parent) == ()
    assert stored_folders(folder.parent.parent, "other") == ()


def rewritten(folder, name, old, new):
    """Change a file and its digest in the record."""
    path, record = folder / name, folder / "calibration.toml"
    before = file_sha256(path)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    record.write_text(record.read_text().replace(before, file_sha256(path)))


def test_a_shape_that_does_not_fit_is_an_error(copied, tmp_path):
    rewritten(copied, "instrument.toml", "shape = [619, 487]", "shape = [618, 487]")
    [found] = check_calibrations(tmp_path)
    assert found.level == "error"
    assert "(618, 487)" in found.text


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('schema = "xrdkit/calibration/1"', 'schema = "x"', "schema"),
        ('instrument = "lab"', 'instrument = "waxs"', "record of 'waxs'"),
        ("rms_px", "rms", "unknown keys: rms"),
        ("measured = 2026-03-04", 'measured = "today"', "measured"),
        ('verdict = "accepted"', 'verdict = "fine"', "verdict"),
        ('"mask.edf" =', '"../mask.edf" =', "outside its folder"),
        ('"geometry.poni" =', '"geometry2.poni" =', "does not list geometry.poni"),
        ("[files]", "[files", "TOML"),
    ],
)
def test_a_record_that_cannot_be_trusted_is_refused(copied, old, new, says):
    path = copied / "calibration.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(CalibrationSyntax, match=re.escape(says)):
        load_stored(copied)


def test_a_missing_file_is_named(copied):
    (copied / "mask.edf").unlink()
    with pytest.raises(CalibrationSyntax, match=r"mask\.edf"):
        load_stored(copied)


def test_a_stated_instrument_is_kept(standard, tmp_path, plain):
    frames, mask, result = standard
    known = Instrument(
        name="lab", detector=result.calibration.detector.name,
        shape=(frames.sizes["y"], frames.sizes["x"]), dtype=frames["counts"].dtype.name,
        saturation=5e4, resolution=0.02,
    )  # fmt: skip
    folder = write_calibration(
        result, tmp_path, instrument=known, date=date(2026, 3, 4), frames=frames, mask=mask,
        mask_format="msk",
    )  # fmt: skip
    assert load_stored(folder).instrument == known
    assert load_stored(folder).mask_path == folder / "mask.msk"
    assert replace(known, saturation=1.0) != load_stored(folder).instrument
