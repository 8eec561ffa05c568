"""``xrdkit sizes``: curve files in, one result with tables and a report out."""

import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

import xrdkit as xk
from xrdkit.cli.main import app
from xrdkit.errors import CurveError, RecipeError, StoreError

Q = np.geomspace(0.01, 0.4, 90)


def call(*words):
    return CliRunner().invoke(app, ["sizes", *[str(word) for word in words]])


def sphere(q, radius, width=0.15):
    radii = radius * np.exp(width * np.linspace(-5, 5, 201))
    weight = np.exp(-(np.log(radii / radius) ** 2) / (2 * width**2))
    x = q[:, None] * radii
    form = (3 * (np.sin(x) - x * np.cos(x)) / x**3) ** 2
    return (weight * radii**3 * form).sum(axis=1) / (weight * radii**3).sum()


@pytest.fixture
def folder(tmp_path):
    """Ten curves of growing spheres, in 1/angstrom, without a unit in the file; one is broken."""
    rng = np.random.default_rng(0)
    for k in range(1, 11):
        model = 20 * sphere(10 * Q, 3 + 0.2 * k) + 0.02
        sigma = 0.02 * model
        table = np.stack([Q, model + sigma * rng.standard_normal(Q.size), sigma], axis=1)
        np.savetxt(tmp_path / f"run_{k}.dat", table, header="Q I dI", comments="# ")
    lines = (tmp_path / "run_4.dat").read_text().splitlines()
    (tmp_path / "run_4.dat").write_text("\n".join([*lines[:30], "no numbers", *lines[30:]]))
    (tmp_path / "temperature.csv").write_text(
        "temperature (K)\n" + "\n".join(str(300 + 10 * k) for k in range(10)) + "\n"
    )
    return tmp_path


def test_a_batch_gives_one_result_tables_and_a_report(folder):
    into = folder / "out"
    done = call(
        folder / "run_*.dat", "--unit", "1/angstrom", "--into", into, "--contrast", 10,
        "--intensity-unit", "1/cm", "--coordinates", folder / "temperature.csv",
    )  # fmt: skip
    assert done.exit_code == 3, done.output  # one file cannot be read
    sizes = xk.load(into / "curves.sizes.nc")
    assert sizes["source_file"].values.tolist() == [f"run_{k}.dat" for k in range(1, 11) if k != 4]
    assert sizes["frame"].values.tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    np.testing.assert_array_equal(sizes["temperature"], [300, 310, 320, *range(340, 400, 10)])
    assert set(sizes["verdict"].values) == {"ok"}
    truth = 3 + 0.2 * np.array([1, 2, 3, 5, 6, 7, 8, 9, 10])
    pull = (sizes["median_radius_volume"] - truth) / sizes["median_radius_volume_sigma"]
    assert np.abs(pull).max() < 4
    assert np.isfinite(sizes["volume_fraction"]).all()
    with (into / "sizes.csv").open(newline="") as stream:
        table = list(csv.DictReader(stream))
    assert [row["source_file"] for row in table] == sizes["source_file"].values.tolist()
    values = [float(row["mean_radius_volume (nm)"]) for row in table]
    np.testing.assert_array_equal(values, sizes["mean_radius_volume"])
    for name in ("distribution.csv", "fit.csv", "curves.profile.nc", "report.html"):
        assert (into / name).stat().st_size > 0
    page = (into / "report.html").read_text()
    assert "run_4.dat" in page
    assert "is not 3 numbers" in page
    assert "run_10.dat" in done.output


def test_a_batch_is_bit_identical_to_single_files(folder):
    call(folder / "run_*.dat", "--unit", "1/A", "--into", folder / "all")
    call(folder / "run_7.dat", "--unit", "1/angstrom", "--into", folder / "one")
    together, alone = (xk.load(folder / n / "curves.sizes.nc") for n in ("all", "one"))
    at = together["source_file"].values.tolist().index("run_7.dat")
    for name in ("mean_radius_volume", "width_volume_sigma", "gof", "distribution_volume"):
        np.testing.assert_array_equal(together[name].values[at], alone[name].values[0])


def test_settings_come_from_a_file_and_from_the_line(folder):
    (folder / "mine.toml").write_text(
        'title = "growth"\n[read]\nunit = "1/angstrom"\nrange = [0.012, 0.3]\n'
        '[fit_sizes]\nmethod = "schulz"\nporod = false\n'
    )
    into = folder / "out"
    done = call(folder / "run_7.dat", "--settings", folder / "mine.toml", "--into", into,
                "--set", "fit_sizes.scale_errors=false", "--json")  # fmt: skip
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in done.output.splitlines()]
    assert [line["outcome"] for line in lines] == ["fit", "end"]
    assert lines[0]["file"] == "run_7.dat"
    assert lines[0]["mean_radius_volume"] == pytest.approx(4.45, abs=0.1)
    assert lines[0]["volume_fraction"] is None
    sizes = xk.load(into / "curves.sizes.nc")
    settings = json.loads(sizes.attrs["provenance"])[-1]["settings"]
    assert (settings["method"], settings["porod"]) == ("schulz", False)
    assert settings["scale_errors"] is False
    assert float(sizes["q"].max()) <= 3.0
    assert "growth" in (into / "report.html").read_text()


def test_what_is_missing_is_said(folder):
    done = call(folder / "run_7.dat", "--into", folder / "out")
    assert done.exit_code == 4
    assert "does not state the unit" in done.output
    assert "unit='1/nm', '1/angstrom'" in done.output
    done = call(folder / "absent_*.dat")
    assert isinstance(done.exception, CurveError)
    assert "no such curve file" in str(done.exception)
    done = call(folder / "run_7.dat", "--set", "fit_sizes.methode=lognormal")
    assert isinstance(done.exception, RecipeError)
    assert "methode" in str(done.exception)


def test_a_unit_that_is_hardly_right_is_doubted_in_the_verdict(folder):
    done = call(folder / "run_7.dat", "--unit", "1/nm", "--into", folder / "out")
    assert "if it is in 1/angstrom, sizes are ten times smaller" in done.output
    done = call(folder / "run_7.dat", "--unit", "1/angstrom", "--into", folder / "out")
    assert "ten times" not in done.output


def test_a_curve_of_another_kind_is_left_out_and_said(folder):
    np.savetxt(folder / "run_11.dat", np.stack([Q, 20 * sphere(10 * Q, 4.0) + 0.02], axis=1))
    done = call(folder / "run_1.dat", folder / "run_11.dat", "--unit", "1/angstrom", "--into",
                folder / "out")  # fmt: skip
    assert done.exit_code == 3
    assert "one has sigma, one has none" in done.output
    assert xk.load(folder / "out" / "curves.sizes.nc").sizes["frame"] == 1


def slit_curve(folder):
    """Write run_0.pdh, the curve of a slit camera whose file does not state the beam's slit."""
    lines = ["", "SAXS BOX", f"{Q.size} 0 0 0 0 0 0 0", " 0.0 261.2", " 25.0 1.5"]
    values = 20 * sphere(10 * Q, 4.0) + 0.02
    lines += [f"{10 * q:.6E} {v:.6E} {0.02 * v:.6E}" for q, v in zip(Q, values, strict=True)]
    lines += ["<?xml?><value>n_m^-1</value>"]
    lines += ['<parameter key="CounterSlitLength"><value key="value">1.5</value>']
    lines += ['<value key="unit">n_m^-1</value></parameter>']
    (folder / "run_0.pdh").write_text("\n".join(lines) + "\n")
    for k in (1, 2):
        table = np.loadtxt(folder / f"run_{k}.dat") * [10, 1, 1]
        np.savetxt(folder / f"run_{k}.dat", table, header="q(1/nm) I dI")


def without_a_usable_q(folder):
    table = np.loadtxt(folder / "run_7.dat")
    np.savetxt(folder / "run_0.dat", table * [-1, 1, 1])


def without_errors(folder):
    np.savetxt(folder / "run_0.dat", np.loadtxt(folder / "run_7.dat")[:, :2])


def with_few_points(folder):
    np.savetxt(folder / "run_0.dat", np.loadtxt(folder / "run_7.dat")[:20])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (slit_curve, "run_0.pdh: the curve is smeared by a slit whose length is not stated"),
        (without_a_usable_q, "q is not positive"),
        (without_errors, "run_0.dat: the variables (one has sigma, one has none) differ"),
        (with_few_points, "run_0.dat: 3 points of the profile lie in 0.2 to 3 1/nm"),
    ],
)
def test_a_first_curve_that_cannot_be_used_does_not_lose_the_others(folder, spoil, said):
    spoil(folder)
    words = [] if spoil is slit_curve else ["--unit", "1/angstrom"]
    done = call(folder / "run_[0-2].*", *words, "--set", "fit_sizes.range=[0.2, 3.0]", "--into",
                folder / "out")  # fmt: skip
    assert done.exit_code == 3, done.output
    assert said in done.output
    sizes = xk.load(folder / "out" / "curves.sizes.nc")
    assert sizes["source_file"].values.tolist() == ["run_1.dat", "run_2.dat"]
    assert sizes["frame"].values.tolist() == [1, 2]
    assert set(sizes["verdict"].values) == {"ok"}


def test_a_slit_that_is_stated_makes_such_a_curve_usable(folder):
    slit_curve(folder)
    done = call(folder / "run_0.pdh", "--set", "fit_sizes.smearing.slit_length=0.75",
                "--into", folder / "out")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "slit" in xk.load(folder / "out" / "curves.sizes.nc").attrs["smearing"]


def test_a_folder_that_cannot_be_made_is_said_before_the_fits(folder, monkeypatch):
    (folder / "taken").write_text("")
    monkeypatch.setattr("xrdkit.workflow.curves.fit_sizes", None)
    done = call(folder / "run_1.dat", "--unit", "1/angstrom", "--into", folder / "taken")
    assert isinstance(done.exception, StoreError)
    assert "the folder cannot be made" in str(done.exception)
