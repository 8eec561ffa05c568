"""Small-angle curves of instruments: read, written, read again, and fitted as a user would."""

import json

import numpy as np
import pytest
from nxcansas_facts import complaints
from typer.testing import CliRunner

import xrdkit as xk
from xrdkit import errors
from xrdkit.cli.main import app
from xrdkit.store.export import write_csv, write_nxcansas

#: What a user has to say of each file, and whether it has a standard deviation of q.
FILES = {
    "esrf_colloid/Colloid_dilute.dat": ({}, False),
    "raw_gi/glucose_isomerase.dat": ({"unit": "1/angstrom"}, False),
    "sasdata/1umSlitSmearSphere.ABS": ({}, False),
    "sasdata/Anton-Paar.pdh": ({}, False),
    "sasdata/Ludox_silica.xml": ({}, True),
    "sasdata/sphere_80.txt": ({"unit": "1/angstrom"}, False),
    "sasdata/apoferritin.txt": ({"unit": "1/angstrom"}, True),
    "sasdata/33837rear_1D_1.75_16.5_NXcanSAS.h5": ({}, False),
    "srm3600/srm3600_glassy_carbon.csv": ({}, False),
    "didsr/data-hydroxyapatite.txt": ({}, False),
    "didsr/data-veroclear.txt": ({"range": (0.01, 2.0)}, False),
    "pyirena/bimodal-test1.h5": ({"sort": True}, False),
    "pyirena/TestUnifiedFit.h5": ({}, True),
    "pyirena/CS_300A_10A_50_20_0.h5": ({}, False),
}


@pytest.mark.parametrize("name", list(FILES))
def test_resolution_of_q_is_kept_where_a_file_has_it(data_dir, name):
    options, has = FILES[name]
    data = xk.read_profile(data_dir / "saxs" / name, **options)
    assert ("q_resolution" in data) == has
    if has:
        spread = data["q_resolution"]
        assert spread.attrs["units"] == "1/nm"
        assert bool((spread >= 0).all())
        assert float((spread / data["q"]).max()) < 0.3


@pytest.mark.parametrize("name", list(FILES))
def test_curves_come_back_from_nxcansas_and_csv(data_dir, tmp_path, name):
    data = xk.read_profile(data_dir / "saxs" / name, **FILES[name][0])
    path = write_nxcansas(data, tmp_path / "a.h5")
    assert complaints(path) == []
    write_csv(data, tmp_path / "a.csv")
    known = {"q", "intensity", "sigma", "q_resolution"} & {*data.data_vars, "q"}
    for again in (xk.read_profile(path), xk.read_profile(tmp_path / "a.csv")):
        for variable in known:
            np.testing.assert_array_equal(again[variable].values, data[variable].values)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("sasdata/Ludox_silica.xml", 0.0144239, None),
        ("sasdata/apoferritin.txt", 0.008935321, 0.08348604),
    ],
)
def test_numbers_of_the_resolution(data_dir, name, first, last):
    spread = xk.read_profile(data_dir / "saxs" / name, **FILES[name][0])["q_resolution"].values
    assert spread[0] == pytest.approx(first, rel=1e-6)
    if last is not None:
        assert spread[-1] == pytest.approx(last, rel=1e-6)


def call(*words):
    return CliRunner().invoke(app, ["sizes", *map(str, words), "--json"])


def results(done):
    return [json.loads(line) for line in done.output.splitlines() if line.startswith("{")]


@pytest.mark.parametrize(
    ("name", "words", "radius", "within"),
    [
        ("esrf_colloid/Colloid_dilute.dat", ["--set", "read.range=[0.008,0.45]"], 98.9, 0.5),
        ("sasdata/1umSlitSmearSphere.ABS", [], 500.0, 5.0),
        ("sasdata/sphere_80.txt", ["--unit", "1/angstrom"], 8.0, 0.01),
        ("pyirena/bimodal-test1.h5",
         ["--set", "read.sort=true", "--set", "fit_sizes.populations=2"], 13.258, 0.26),
    ],
)  # fmt: skip
def test_sizes_that_are_known_come_from_the_command(
    data_dir, tmp_path, name, words, radius, within
):
    done = call(data_dir / "saxs" / name, "--into", tmp_path, *words)
    assert done.exit_code == 0, done.output
    assert results(done)[0]["mean_radius_volume"] == pytest.approx(radius, abs=within)


def test_a_folder_of_anything_gives_what_can_be_had_and_says_the_rest(data_dir, tmp_path):
    done = call(data_dir / "saxs/sasdata/*", "--unit", "1/angstrom", "--into", tmp_path)
    assert done.exit_code == 3, done.output
    failed = [line for line in results(done) if line["outcome"] == "failed"]
    assert len(failed) >= 3
    assert all(line["hint"] for line in failed)


def test_a_slit_of_unknown_length_asks_for_it(data_dir):
    curve = xk.read_profile(data_dir / "saxs/sasdata/Anton-Paar.pdh")
    assert curve.attrs["slit_length_stated"] == pytest.approx(1.5576, rel=1e-4)
    with pytest.raises(errors.CurveError, match="slit"):
        xk.fit_sizes(curve)
