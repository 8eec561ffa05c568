"""``xrdkit calibrate`` and the store on measured frames, as a user types it."""

import json

import pytest
from typer.testing import CliRunner

import xrdkit as xk
from xrdkit.cli.main import app
from xrdkit.workflow import load_recipe, make_plan

RECIPE = """
schema = "xrdkit/recipe/1"
name = "thermal"
title = "Polymers at two temperatures"

[detectors.waxs]
frames = "{frames}"
calibration = {{store = "{store}", instrument = "waxs"}}

[detectors.waxs.integrate]
unit = "two_theta"
range = [8.0, 24.0]
bins = 400
"""


def run(*words):
    outcome = CliRunner().invoke(app, ["calibrate", *map(str, words), "--json"])
    return outcome.exit_code, json.loads(outcome.stdout), outcome.stderr


def test_a_standard_is_stored_and_chosen_for_a_measurement_with_its_detector(
    data_dir, tmp_path, caplog
):
    folder = data_dir / "frames" / "aps_usaxs_matilda"
    code, fields, _ = run(
        folder / "tilt_lab6" / "LaB6_Normal_0042.hdf", "--calibrant", "LaB6", "--pixel-size", 75,
        "--wavelength", 0.59040066, "--store", tmp_path, "--instrument", "waxs",
    )  # fmt: skip
    assert (code, fields["verdict"]) == (0, "accepted"), fields["reasons"]
    assert fields["stored"].endswith("waxs/2025-04-05")
    assert fields["warnings"] == []
    recipe = tmp_path / "recipe.toml"
    frames = folder / "thermal_series" / "waxs" / "PU_*.hdf"
    recipe.write_text(RECIPE.format(frames=frames, store=tmp_path))
    plan = make_plan(load_recipe(recipe))
    assert plan.inputs["waxs"].chosen["measured"] == "2025-04-05"
    assert plan.inputs["waxs"].calibration.direct_distance == fields["distance_m"]
    # The series was measured before the standard.
    assert "none is before 2025-02-21" in caplog.text


def test_a_header_of_another_experiment_is_told_and_not_believed(data_dir, tmp_path):
    frame = data_dir / "frames" / "dioptas" / "LaB6_40keV_MarCCD.tif"
    code, fields, said = run(
        frame, "--calibrant", "LaB6", "--pixel-size", 79, "--wavelength", 0.31, "--into", tmp_path
    )
    assert (code, fields["verdict"]) == (0, "accepted"), fields["reasons"]
    assert "1.03318" in said
    assert any("1.03318" in text for text in fields["warnings"])
    poni = xk.load_calibration(fields["poni"])
    assert poni.direct_distance == pytest.approx(0.19668, rel=1e-3)


def test_a_frame_without_rings_writes_nothing(data_dir, tmp_path):
    frame = data_dir / "frames" / "jscatter" / "buffer.tiff"
    words = (frame, "--calibrant", "AgBh", "--detector", "Pilatus300k", "--wavelength", 1.3414)
    code, fields, _ = run(*words, "--into", tmp_path / "bad")
    assert (code, fields["verdict"], fields["poni"]) == (4, "rejected", None)
    assert fields["reasons"]
    assert not (tmp_path / "bad").exists()
