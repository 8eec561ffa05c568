"""``xrdkit scale``."""

import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import xrdkit as xk
from xrdkit.cli.scale import scale
from xrdkit.corrections import srm3600
from xrdkit.errors import SpecError

TRUE = 0.02
Q = np.linspace(0.1, 2.4, 200)


def call(*words):
    app = typer.Typer()
    app.command()(scale)
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def folder(tmp_path):
    """The same measurement as a text file and as a result of two frames, the first spoiled."""
    level = srm3600().at(Q) / TRUE
    noise = 0.01 * level * np.random.default_rng(1).standard_normal(Q.size)
    np.savetxt(tmp_path / "carbon.dat", np.stack([Q, level + noise, 0.01 * level], axis=1))
    np.savetxt(tmp_path / "own.dat", np.stack([Q, 2 * level * TRUE, 0.05 * level], axis=1))
    tilted = level * (1 + 0.2 * np.log(Q))
    np.savetxt(tmp_path / "tilted.dat", np.stack([Q, tilted, 0.01 * level], axis=1))
    return tmp_path


def test_a_curve_against_srm_3600(folder):
    done = call(folder / "carbon.dat", "--unit", "1/nm", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert found["value"] == pytest.approx(TRUE, rel=3e-3)
    assert found["sigma"] / found["value"] == pytest.approx(0.0258, rel=0.02)
    text = call(folder / "carbon.dat", "--unit", "1/nm", "--range", 0.3, 2.0).output
    assert "K          0.0" in text
    assert "SRM3600" in text
    assert "2.58%" in text


def test_a_ratio_that_is_not_constant_exits_with_3(folder):
    done = call(folder / "tilted.dat", "--unit", "1/nm")
    assert done.exit_code == 3
    assert "(drift)" in done.output


def test_a_curve_of_the_user_is_a_standard(folder):
    done = call(folder / "carbon.dat", "--unit", "1/nm", "--standard", folder / "own.dat", "--json")
    assert json.loads(done.output)["value"] == pytest.approx(2 * TRUE, rel=3e-3)


def test_a_frame_of_a_result(folder):
    profile = xk.read_profile(folder / "carbon.dat", unit="1/nm")
    xk.save(profile.expand_dims(frame=[0]), folder / "one.nc")
    done = call(folder / "one.nc", "--frame", 0, "--json")
    assert json.loads(done.output)["value"] == pytest.approx(TRUE, rel=3e-3)
    wrong = call(folder / "one.nc", "--frame", 3)
    assert isinstance(wrong.exception, SpecError)


def test_water_needs_its_temperature(folder):
    done = call(folder / "carbon.dat", "--unit", "1/nm", "--standard", "water")
    assert isinstance(done.exception, SpecError)
    flat = call(
        folder / "carbon.dat", "--unit", "1/nm", "--standard", "water", "--temperature", 293.15
    )
    assert flat.exit_code == 3


def test_a_standard_that_is_no_name_and_no_file_is_named(tmp_path):
    curve = tmp_path / "a.csv"
    curve.write_text("q (1/nm),I\n" + "".join(f"{0.1 * k},1.0\n" for k in range(1, 20)))
    done = call(curve, "--standard", "SRM9")
    assert isinstance(done.exception, SpecError)
    assert "--standard SRM9: neither SRM3600 nor water, nor a file" in str(done.exception)
