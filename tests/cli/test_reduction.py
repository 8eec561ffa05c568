"""What the commands say of the reduction: stated facts, wrong headers, errors, corrections."""

import sys
from pathlib import Path

import numpy as np
import pytest
from fabio.edfimage import EdfImage

from xrdkit.cli.main import COMMANDS, main
from xrdkit.report.budget import factors, shares
from xrdkit.store import load

PONI = """poni_version: 2
Detector: Detector
Detector_config: {"pixel1": 1e-3, "pixel2": 1e-3, "max_shape": [60, 50]}
Distance: 1.0
Poni1: 0.03
Poni2: 0.025
Rot1: 0
Rot2: 0
Rot3: 0
Wavelength: 1e-10
"""
RECIPE = """
schema = "xrdkit/recipe/1"
name = "made"
title = "Frames of one sample"

[detectors.d]
frames = "frame_*.edf"
calibration = "geometry.poni"

[detectors.d.integrate]
unit = "radius"
range = [1.0, 24.0]
bins = 20

[detectors.d.integrate.normalization]
transmission = 0.5
transmission_sigma = 0.01
"""


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Call the command line in this process: exit code, standard output, standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["xrdkit", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        captured = capsys.readouterr()
        return int(caught.value.code or 0), captured.out, captured.err

    return call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three frames whose header says 1.0 m and 1 angstrom, as the calibration does."""
    rng = np.random.default_rng(5)
    header = {"SampleDistance": "1.0", "WaveLength": "1e-10", "ExposureTime": "2.0 s"}
    for k in range(3):
        counts = rng.poisson(100.0, (60, 50)).astype(np.int32)
        EdfImage(data=counts, header=header).write(str(tmp_path / f"frame_{k}.edf"))
    (tmp_path / "geometry.poni").write_text(PONI)
    (tmp_path / "r.toml").write_text(RECIPE)
    return tmp_path


def test_every_command_is_reachable(say) -> None:
    code, out, _ = say("--help")
    assert code == 0
    assert "scale" in COMMANDS
    for name in COMMANDS:
        assert f"\n  {name} " in out
    code, out, _ = say("scale", "--help")
    assert code == 0
    assert "1/cm" in out


def test_check_is_silent_where_headers_agree(say, folder: Path) -> None:
    code, out, err = say("check", folder / "r.toml")
    assert (code, err) == (0, "")
    assert "stated" not in out
    assert "quality" not in out


def test_check_names_what_headers_contradict(say, folder: Path) -> None:
    (folder / "geometry.poni").write_text(PONI.replace("1e-10", "0.7e-10"))
    code, _, err = say("check", folder / "r.toml")
    assert code == 0
    first, second = err.splitlines()
    assert first.startswith("warning: d: ")
    assert "wavelength" in first
    assert second == (
        "  wavelength_header: header 1 angstrom (wavelength), true 0.7 angstrom, 3 of 3 frames"
    )


def test_check_tells_what_is_stated_and_asked(say, folder: Path) -> None:
    stated = ["stated.exposure_time=0.5", "stated.sensor_material=Si", "quality.alpha=0.05"]
    changes = [word for s in stated for word in ("--set", f"detectors.d.{s}")]
    code, out, err = say("check", folder / "r.toml", *changes)
    assert code == 0
    assert "stated       exposure_time 0.5, sensor_material Si\n" in out
    assert "quality      alpha 0.05, reference first" in out
    assert "results      profile, quality\n" in out
    assert "exposure_time: header 2 s (exposuretime), true 0.5 s, 3 of 3 frames" in err


def test_check_refuses_a_fact_that_does_not_exist(say, folder: Path) -> None:
    code, _, err = say("check", folder / "r.toml", "--set", "detectors.d.stated.exposure=1.0")
    assert code == 2
    assert "unknown key 'detectors.d.stated.exposure'" in err
    assert "did you mean 'exposure_" in err


def test_show_tells_sources_and_corrections_in_a_line_each(
    say, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import xrdkit.workflow.products as products

    monkeypatch.setattr(products, "write_report", lambda r, path, **k: path.write_text("x"))
    options = ("--into", folder / "out", "--engine", "local")
    code, out, _ = say(
        "run", folder / "r.toml", "--set", "detectors.d.quality.alpha=0.01", *options
    )
    assert code == 0
    assert "d.quality.nc" in out
    profile = load(folder / "out/d.profile.nc")
    code, out, _ = say("show", folder / "out/d.profile.nc")
    assert code == 0
    counting = 100 * shares(profile)[0].relative
    (errors,) = [line for line in out.splitlines() if line.startswith("errors ")]
    assert f"counting {counting:.2g} % independent, transmission 2 % common, total " in errors
    (corrections,) = [line for line in out.splitlines() if line.startswith("corrections ")]
    angle = factors(profile)[0].median
    assert corrections == (f"corrections solid_angle {angle:.4g}, transmission 2 (median factors)")
    code, out, _ = say("show", folder / "out/d.quality.nc")
    assert code == 0
    assert "open_frames > integrate > frame_quality" in out
    assert "scale" in out
    assert "corrections " not in out


def test_flagged_frames_are_said_on_standard_error(
    say, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import xrdkit.workflow.products as products

    monkeypatch.setattr(products, "write_report", lambda r, path, **k: path.write_text("x"))
    counts = np.random.default_rng(6).poisson(150.0, (60, 50)).astype(np.int32)
    EdfImage(data=counts).write(str(folder / "frame_2.edf"))
    change = ("--set", "detectors.d.quality.alpha=1e-4")
    code, _, err = say("run", folder / "r.toml", *change, "--into", folder / "out")
    assert code == 0
    assert "warning: d: 1 of 3 frames are flagged (none is left out): scale_changed 2" in err
