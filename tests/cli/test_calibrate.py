"""``xrdkit calibrate`` as a user types it: output, files and exit codes."""

import json

import numpy as np
import pytest
import typer
from calibrant_frames import behenate, beside
from fabio.edfimage import EdfImage
from typer.testing import CliRunner

import xrdkit as xk
from xrdkit.cli.calibrate import calibrate
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
        (("--detector", "Pilatus300q"), "agbh.edf", "Pilatus300q"),
        (("--pixel-size", "0.172"), "agbh.edf", "pixel_size"),
        (("--pixel-size", "75"), "agbh.edf", "pixel_size"),
        (("--pixel-size", "172"), "absent.edf", "absent.edf"),
        (("--pixel-size", "172"), "start.poni", "start.poni"),
        (("--pixel-size", "172", "--mask", "absent.npy"), "agbh.edf", "absent.npy"),
        (("--pixel-size", "172", "--calibrant", "sand"), "agbh.edf", "sand"),
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
