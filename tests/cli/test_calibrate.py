"""``xrdkit calibrate`` as a user types it: output, files and exit codes."""

import json
from dataclasses import replace

import numpy as np
import pytest
import typer
from calibrant_frames import behenate, beside
from fabio.edfimage import EdfImage
from typer.testing import CliRunner

import xrdkit as xk
from xrdkit.calibration import CalibrationVerdict
from xrdkit.cli.calibrate import calibrate
from xrdkit.errors import CalibrationRejected, EmptyResult
from xrdkit.simulate import virtual_laboratory

APP = typer.Typer()
APP.command()(calibrate)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("calibrate")
    instrument = virtual_laboratory("corner")
    EdfImage(data=behenate(instrument)).write(str(place / "agbh.edf"))
    xk.save_calibration(beside(instrument.calibration), place / "start.poni")
    flat = np.random.default_rng(1).poisson(5.0, size=(619, 487)).astype(np.int32)
    EdfImage(data=flat).write(str(place / "flat.edf"))
    header = {"PSize_1": "8.6e-05", "PSize_2": "8.6e-05", "WaveLength": "1e-10"}
    EdfImage(data=behenate(instrument), header=header).write(str(place / "stated.edf"))
    (place / "cut.edf").write_bytes((place / "agbh.edf").read_bytes()[:5000])
    (place / "curve.xy").write_text("1.0 5\n1.1 6\n", encoding="utf-8")
    np.save(place / "curve.npy", np.arange(50.0))
    return place


def run(folder, *words, frame="agbh.edf", start="start.poni"):
    """Run the command with the usual options and more words."""
    words = [str(folder / frame), "--calibrant", "AgBh", "--wavelength", "1.5406", *words]
    if start:
        words += ["--start", str(folder / start)]
    return CliRunner().invoke(APP, words)


def test_an_accepted_geometry_is_printed_and_written(folder, tmp_path):
    into = tmp_path / "new"
    outcome = run(folder, "--pixel-size", "172", "--into", str(into), "--json")
    assert outcome.exit_code == 0, outcome.output
    fields = json.loads(outcome.stdout)
    assert fields["verdict"] == "accepted"
    assert fields["distance_m"] == pytest.approx(1.0, abs=1e-4)
    assert fields["beam_center_px"] == pytest.approx([60.0, 60.0], abs=0.05)
    assert fields["tilt_deg"] < 0.05
    assert fields["rms_px"] < 0.1
    assert fields["reasons"] == []
    assert fields["poni"] == str(into / "geometry.poni")
    assert xk.load_calibration(into / "geometry.poni").direct_distance == fields["distance_m"]
    assert (into / "calibration.png").read_bytes().startswith(b"\x89PNG")


def test_without_json_it_is_text_for_a_person(folder):
    outcome = run(folder, "--detector", "Pilatus300k")
    assert outcome.exit_code == 0
    for word in ("accepted", "distance", "± ", "beam centre", "rings"):
        assert word in outcome.stdout


def test_a_rejected_frame_writes_nothing(folder, tmp_path):
    into = tmp_path / "none"
    outcome = run(folder, "--pixel-size", "172", "--into", str(into), "--json", frame="flat.edf")
    assert outcome.exit_code == 4
    fields = json.loads(outcome.stdout)
    assert fields["verdict"] == "rejected"
    assert fields["reasons"]
    assert fields["poni"] is None
    assert not into.exists()


def test_without_a_start_the_rings_are_found(folder, tmp_path):
    into = tmp_path / "cold"
    outcome = run(folder, "--pixel-size", "172", "--into", str(into), "--json", start=None)
    assert outcome.exit_code == 0, outcome.output
    fields = json.loads(outcome.stdout)
    assert fields["verdict"] == "accepted"
    assert fields["distance_m"] == pytest.approx(1.0, abs=1e-4)
    assert fields["beam_center_px"] == pytest.approx([60.0, 60.0], abs=0.1)
    assert fields["poni"] == str(into / "geometry.poni")


def test_without_a_start_a_frame_without_rings_is_rejected(folder, tmp_path):
    into = tmp_path / "none"
    words = ("--pixel-size", "172", "--into", str(into), "--json")
    outcome = run(folder, *words, frame="flat.edf", start=None)
    assert outcome.exit_code == 4
    fields = json.loads(outcome.stdout)
    assert fields["verdict"] == "rejected"
    assert fields["reasons"]
    assert not into.exists()


@pytest.mark.parametrize(
    ("words", "frame", "says"),
    [
        (("--detector", "Pilatus300k", "--pixel-size", "172"), "agbh.edf", "not both"),
        (("--detector", "Pilatus300q"), "agbh.edf", "did you mean Pilatus300"),
        (("--detector", "Pilatus100k"), "agbh.edf", "(195, 487)"),
        (("--pixel-size", "0.172"), "agbh.edf", "pixel_size"),
        (("--pixel-size", "75"), "agbh.edf", "pixel_size"),
        (("--pixel-size", "172"), "absent.edf", "absent.edf"),
        (("--pixel-size", "172"), "start.poni", "start.poni"),
        (("--pixel-size", "172", "--mask", "absent.npy"), "agbh.edf", "absent.npy"),
        (("--pixel-size", "172", "--calibrant", "sand"), "agbh.edf", "sand"),
        (("--pixel-size", "172", "--calibrant", "AgBhe"), "agbh.edf", "did you mean AgBh"),
        (("--pixel-size", "172"), "curve.xy", "give the frame of a detector"),
        (("--pixel-size", "172"), "curve.npy", "curve.npy"),
        (("--pixel-size", "172"), "cut.edf", "cut.edf"),
    ],
)
def test_wrong_usage_is_one_message_and_exit_code_two(folder, words, frame, says):
    outcome = run(folder, *words, frame=frame)
    assert outcome.exit_code == 2
    assert says in outcome.stderr
    first, *more = outcome.stderr.splitlines()
    assert first.startswith(("error XRK-", "xrdkit calibrate: "))
    assert len(more) <= 1
    assert all(line.startswith("  hint: ") for line in more)
    assert outcome.stdout == ""
    assert "Traceback" not in outcome.output


def test_a_rejected_geometry_is_written_with_force_alone_and_says_so(
    folder, tmp_path, monkeypatch, caplog
):
    genuine = xk.calibrate

    def rejecting(*arguments, force=False, **words):
        found = genuine(*arguments, **words)
        bad = replace(found, verdict=CalibrationVerdict.REJECTED, reasons=("points lie astray",))
        if force:
            return bad
        refusal = CalibrationRejected("AgBh: points lie astray", hint="look again")
        refusal.result = bad
        raise refusal

    monkeypatch.setattr("xrdkit.calibration.calibrate", rejecting)
    into, store = tmp_path / "new", tmp_path / "store"
    words = ("--pixel-size", "172", "--into", str(into), "--store", str(store), "--json")
    words += ("--instrument", "lab", "--date", "2026-03-04")
    plain = run(folder, *words)
    assert plain.exit_code == 4
    fields = json.loads(plain.stdout)
    assert fields["verdict"] == "rejected"
    assert fields["reasons"] == ["points lie astray"]
    assert [fields[k] for k in ("distance_m", "beam_center_px", "tilt_deg", "rms_px", "poni")] == (
        [None] * 5
    )
    assert not into.exists()
    assert not store.exists()

    forced = run(folder, *words, "--force")
    assert forced.exit_code == 4
    fields = json.loads(forced.stdout)
    assert fields["verdict"] == "rejected"
    assert fields["distance_m"] == pytest.approx(1.0, abs=1e-4)
    text = (into / "geometry.poni").read_text(encoding="utf-8")
    assert "# Verdict: rejected: points lie astray" in text
    assert (into / "calibration.png").read_bytes().startswith(b"\x89PNG")
    assert "must not be used" in (into / "calibration.html").read_text(encoding="utf-8")
    caplog.clear()
    assert xk.load_calibration(into / "geometry.poni").direct_distance == fields["distance_m"]
    assert "says of itself: rejected: points lie astray" in caplog.text
    with pytest.raises(EmptyResult, match="2026-03-04: rejected"):
        xk.nearest_calibration(store, "lab", "2026-03-04")


def test_a_doubtful_geometry_is_written_and_says_so(folder, tmp_path, monkeypatch):
    genuine = xk.calibrate

    def doubting(*arguments, **words):
        found = genuine(*arguments, **words)
        return replace(found, verdict=CalibrationVerdict.DOUBTFUL, reasons=("few rings",))

    monkeypatch.setattr("xrdkit.calibration.calibrate", doubting)
    outcome = run(folder, "--pixel-size", "172", "--into", str(tmp_path))
    assert outcome.exit_code == 3
    assert outcome.stdout.startswith("doubtful: look at it before it is used\n")
    assert "few rings" in outcome.stdout
    assert "geometry.poni (marked doubtful)" in outcome.stdout
    text = (tmp_path / "geometry.poni").read_text(encoding="utf-8")
    assert "# Verdict: doubtful: few rings" in text


def test_what_is_missing_is_asked_for_and_the_header_quoted(folder):
    words = [str(folder / "stated.edf"), "--calibrant", "AgBh", "--json"]
    outcome = CliRunner().invoke(APP, words)
    assert outcome.exit_code == 2
    for text in ("--wavelength", "says 1:", "--pixel-size", "86 µm"):
        assert text in outcome.stderr
    fields = json.loads(outcome.stdout)
    assert fields["verdict"] is None
    assert fields["error"] == "XRK-V001"
    assert fields["reasons"]
    keys = {"distance_m", "beam_center_px", "tilt_deg", "rms_px", "poni"}
    assert {fields[key] for key in keys} == {None}


def test_what_the_header_contradicts_is_said(folder):
    outcome = run(folder, "--pixel-size", "172", "--json", frame="stated.edf")
    warnings = json.loads(outcome.stdout)["warnings"] + json.loads(outcome.stdout)["reasons"]
    for text in ("86", "172", "1.5406"):
        assert any(text in warning for warning in warnings)
    quiet = run(folder, "--pixel-size", "172", "--json")
    assert json.loads(quiet.stdout)["warnings"] == []


def test_what_the_store_refuses_is_written_nowhere(folder, tmp_path):
    words = ("--pixel-size", "172", "--store", str(tmp_path / "s"), "--instrument", "Lab 1")
    outcome = run(folder, *words, "--into", str(tmp_path / "new"), "--date", "2026-03-04")
    assert outcome.exit_code == 2
    assert "lower case letters" in outcome.stderr
    assert not any(tmp_path.iterdir())


def test_the_wavelength_of_the_start_counts_where_none_is_given(folder):
    words = [str(folder / "agbh.edf"), "--calibrant", "AgBh", "--json"]
    outcome = CliRunner().invoke(APP, [*words, "--start", str(folder / "start.poni")])
    assert outcome.exit_code == 0, outcome.output
    assert json.loads(outcome.stdout)["wavelength_angstrom"] == 1.5406
