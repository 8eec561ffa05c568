"""``xrdkit phases``: powder patterns in, one result with tables and a report out."""

import csv
import json

import numpy as np
import pytest
from powder_patterns import counted
from typer.testing import CliRunner

import xrdkit as xk
from xrdkit.cli.main import app
from xrdkit.errors import CurveError, RecipeError
from xrdkit.phase import embedded_structure

SHARES = (0.2, 0.5, 0.8)
X = np.linspace(24.0, 62.0, 1901)


def call(*words):
    return CliRunner().invoke(app, ["phases", *[str(word) for word in words]])


@pytest.fixture(scope="module")
def patterns(tmp_path_factory):
    """Write three mixtures of silicon and zinc oxide, and a file that is none."""
    folder, rng = tmp_path_factory.mktemp("patterns"), np.random.default_rng(0)
    for k, share in enumerate(SHARES):
        volumes = {
            n: w / embedded_structure(n).density for n, w in (("Si", share), ("ZnO", 1 - share))
        }
        lines = counted(X, volumes, wavelength=1.5406, seed=None, background=1e-3)
        # As a diffractometer without a monochromator sees them.
        polarization = (1 + np.cos(np.radians(X)) ** 2) / 2
        counts = rng.poisson(lines["intensity"].values.ravel() * polarization + 200.0)
        np.savetxt(folder / f"mix_{k}.xye", np.stack([X, counts, np.sqrt(counts)], axis=1))
    (folder / "mix_7.xye").write_text("no pattern\n")
    (folder / "temperature.csv").write_text("temperature (K)\n300\n400\n500\n600\n")
    return folder


@pytest.fixture(scope="module")
def done(patterns):
    return call(
        patterns / "mix_*.xye", "--phase", "Si", "--phase", "ZnO", "--wavelength", "CuKa1",
        "--unit", "degree", "--into", patterns / "out",
        "--coordinates", patterns / "temperature.csv",
    )  # fmt: skip


def test_a_batch_gives_one_result_tables_and_a_report(patterns, done):
    assert done.exit_code == 3, done.output  # one file cannot be read
    result = xk.load(patterns / "out" / "patterns.phases.nc")
    assert result["source_file"].values.tolist() == [f"mix_{k}.xye" for k in range(3)]
    np.testing.assert_array_equal(result["temperature"], [300, 400, 500])
    silicon = result["weight_fraction"].sel(phase="Si")
    pull = (silicon - np.array(SHARES)) / result["weight_fraction_sigma"].sel(phase="Si")
    assert np.abs(pull).max() < 4
    with (patterns / "out" / "phases.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    values = [float(row["weight_fraction[Si]"]) for row in rows]
    np.testing.assert_array_equal(values, silicon)
    for name in ("fit.csv", "table.md", "patterns.profile.nc"):
        assert (patterns / "out" / name).stat().st_size > 0
    assert "mix_7.xye" in (patterns / "out" / "report.html").read_text()
    assert "mix_2.xye" in done.output
    assert "wt%" in done.output


def test_a_batch_is_what_the_verb_gives(patterns, done):
    assert done.exit_code == 3
    result = xk.load(patterns / "out" / "patterns.phases.nc")
    profiles = xk.load(patterns / "out" / "patterns.profile.nc")
    again = xk.refine_phases(profiles, ["Si", "ZnO"])
    np.testing.assert_array_equal(again["weight_fraction"], result["weight_fraction"])


def test_json_tells_every_fit_and_failure(patterns):
    ended = call(
        patterns / "mix_0.xye", patterns / "mix_7.xye", "--phase", "Si", "--phase", "ZnO",
        "--wavelength", "1.5406", "--unit", "degree", "--into", patterns / "json", "--json",
    )  # fmt: skip
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [line["outcome"] for line in lines] == ["fit", "failed", "end"]
    assert [one["phase"] for one in lines[0]["phases"]] == ["Si", "ZnO"]
    assert lines[0]["phases"][0]["weight_fraction_sigma"] > 0


def test_settings_have_paths_beside_their_file(patterns, tmp_path):
    from xrdkit.workflow.patterns import pattern_settings

    file = tmp_path / "settings.toml"
    file.write_text('[refine_phases]\nphases = ["Si", "own/x.cif"]\ninstrument = "instrument.toml"')
    table = pattern_settings(file).refine_phases
    assert table.phases == ("Si", str(tmp_path / "own" / "x.cif"))
    assert table.instrument == str(tmp_path / "instrument.toml")


@pytest.mark.parametrize(
    ("words", "error", "told"),
    [
        (["--phase", "Sy"], None, "unknown phase 'Sy'"),
        (["--phase", "Si", "--mode", "rietfeld"], RecipeError, "mode"),
        (["--phase", "Si", "--set", "refine_phases.backgrond=3"], RecipeError, "background"),
    ],
)
def test_wrong_settings_are_told(patterns, tmp_path, words, error, told):
    ended = call(patterns / "mix_0.xye", "--into", tmp_path / "out", *words)
    assert ended.exit_code != 0
    assert error is None or isinstance(ended.exception, error)
    assert told in str(ended.exception) + str(getattr(ended.exception, "hint", ""))
    assert not (tmp_path / "out").exists()


def test_a_phase_must_be_named(patterns):
    ended = call(patterns / "mix_0.xye")
    assert ended.exit_code == 2
    assert "--phase" in ended.output


def test_patterns_without_a_wavelength_are_no_patterns(patterns, tmp_path):
    ended = call(patterns / "mix_0.xye", "--phase", "Si", "--unit", "degree", "--into", tmp_path)
    assert ended.exit_code == 4
    assert "wavelength" in ended.output


def test_a_name_without_a_file_is_refused(tmp_path):
    ended = call(tmp_path / "nothing_*.xye", "--phase", "Si")
    assert isinstance(ended.exception, CurveError)


def test_a_file_of_several_scans_does_not_lose_the_batch(patterns, tmp_path, monkeypatch):
    def read(file, **options):
        one = xk.read_profile(file, **options)
        return one.expand_dims(frame=[0, 1]) if file.endswith("mix_1.xye") else one

    monkeypatch.setattr("xrdkit.workflow.curve_batch.read_profile", read)
    ended = call(
        patterns / "mix_0.xye", patterns / "mix_1.xye", "--phase", "Si", "--phase", "ZnO",
        "--wavelength", "1.5406", "--unit", "degree", "--into", tmp_path / "out",
    )  # fmt: skip
    assert ended.exit_code == 3, ended.output
    assert "holds 2 scans" in ended.output
    result = xk.load(tmp_path / "out" / "patterns.phases.nc")
    assert result["source_file"].values.tolist() == ["mix_0.xye"]


def test_a_missing_instrument_leaves_no_folder(patterns, tmp_path):
    ended = call(
        patterns / "mix_0.xye", "--phase", "Si", "--wavelength", "1.5406", "--unit", "degree",
        "--instrument", tmp_path / "none.toml", "--into", tmp_path / "out",
    )  # fmt: skip
    assert "none.toml" in str(ended.exception)
    assert not (tmp_path / "out").exists()
