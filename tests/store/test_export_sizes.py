"""Sizes and small-angle curves for other programs."""

import csv

import h5py
import numpy as np
import pytest
import xarray as xr
from nxcansas_facts import complaints
from typer.testing import CliRunner

import xrdkit as xk
from xrdkit.cli.main import app
from xrdkit.curves import join_profiles
from xrdkit.errors import SchemaError
from xrdkit.store.export import write_csv, write_nxcansas

Q = np.geomspace(0.08, 3.0, 80)


def curve(radius=5.0, **options):
    x = Q * radius
    form = (3 * (np.sin(x) - x * np.cos(x)) / x**3) ** 2
    rng = np.random.default_rng(5)
    sigma = 0.02 * (40 * form + 0.01)
    return xk.profile(Q, 40 * form + 0.01 + sigma * rng.standard_normal(80), sigma, unit="1/nm",
                      **options)  # fmt: skip


@pytest.fixture(scope="module")
def series():
    profiles = join_profiles([curve(5.0), curve(6.0)])
    profiles = profiles.assign_coords(
        temperature=("frame", [300.0, 320.0], {"units": "K", "long_name": "temperature"})
    )
    return xk.fit_sizes(profiles, xk.SizeSpec(contrast=10.0, porod=False))


def rows(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize(
    "options",
    [{}, {"resolution": 0.03 * Q}, {"intensity_unit": "1"}],
    ids=["plain", "resolution", "arbitrary"],
)
def test_a_curve_comes_back_bit_by_bit(tmp_path, options):
    data = curve(**options)
    path = write_nxcansas(data, tmp_path / "a.h5")
    again = xk.read_profile(path)
    assert complaints(path) == []
    assert set(again.data_vars) == set(data.data_vars)
    for name in data.data_vars:
        np.testing.assert_array_equal(again[name].values, data[name].values)
        assert again[name].attrs["units"] == data[name].attrs["units"]
    np.testing.assert_array_equal(again["q"].values, data["q"].values)


def test_a_slit_length_comes_back(tmp_path):
    path = write_nxcansas(curve().assign_attrs(slit_smeared=1, slit_length=0.7), tmp_path / "a.h5")
    again = xk.read_profile(path)
    assert complaints(path) == []
    assert (again.attrs["slit_smeared"], again.attrs["slit_length"]) == (1, 0.7)


def test_the_checker_complains_of_what_is_wrong(tmp_path):
    path = write_nxcansas(curve(resolution=0.03 * Q), tmp_path / "a.h5")
    with h5py.File(path, "a") as tree:
        data = tree["sasentry/sasdata"]
        data["Q"].attrs["units"] = "nm^-1"
        data["I"].attrs["units"] = "counts"
        del data["Idev"]
        del tree["sasentry/run"]
        tree["sasentry/sassample"].attrs["NX_class"] = "NXdata"
        tree.attrs["default"] = "elsewhere"
    assert len(complaints(path)) == 7


def test_fits_are_entries_with_the_fitted_curve_beside_the_measured(tmp_path, series):
    before = series.copy(deep=True)
    path = write_nxcansas(series, tmp_path / "a.h5")
    xr.testing.assert_identical(series, before)
    assert complaints(path) == []
    for k in range(2):
        entry = f"sasentry_{k:06d}"
        again = xk.read_profile(path, entry=f"{entry}/sasdata")
        np.testing.assert_array_equal(again["intensity"], series["intensity"][k])
        np.testing.assert_array_equal(again["sigma"], series["sigma"][k])
        fitted = xk.read_profile(path, entry=f"{entry}/sasdata_fit")
        np.testing.assert_array_equal(fitted["intensity"], series["intensity_calculated"][k])
        with h5py.File(path) as tree:
            found = tree[f"{entry}/results"]
            for name in ("mean_radius_volume", "mean_radius_volume_sigma", "volume_fraction"):
                assert found[name][()] == series[name].values[k]
            assert found["mean_radius_volume"].attrs["units"] == "nm"
            assert found["verdict"].asstr()[()] == str(series["verdict"].values[k])
            labels = [str(name) for name in series["parameter"].values]
            assert list(found["parameter_value"].attrs["labels"]) == labels
            shown = tree[f"{entry}/distribution"]
            density = shown["distribution_volume"][()]
            np.testing.assert_array_equal(density, series["distribution_volume"].values[k])
            assert shown["radius"].attrs["units"] == "nm"
    assert xk.read_profile(path).attrs["entry"] == "/sasentry_000000/sasdata"


def test_distributions_as_csv(tmp_path, series):
    table = rows(write_csv(series, tmp_path / "a.csv", along="radius"))
    assert len(table) == 2 * series.sizes["radius"]
    values = [float(row["distribution_volume (1/nm)"]) for row in table]
    np.testing.assert_array_equal(values, series["distribution_volume"].values.ravel())
    radii = [float(row["radius (nm)"]) for row in table]
    np.testing.assert_array_equal(radii, np.tile(series["radius"].values, 2))


def test_measured_and_fitted_curves_as_csv(tmp_path, series):
    table = rows(write_csv(series, tmp_path / "a.csv", along="q"))
    assert {row["frame"] for row in table} == {"0", "1"}
    for name in ("intensity", "sigma", "intensity_calculated", "background"):
        values = [float(row[f"{name} (1/cm)"]) for row in table]
        np.testing.assert_array_equal(values, series[name].values.ravel())


def test_numbers_as_csv_keep_the_coordinates_of_the_series(tmp_path, series):
    table = rows(write_csv(series, tmp_path / "a.csv"))
    assert [float(row["temperature (K)"]) for row in table] == [300.0, 320.0]
    for name in ("mean_radius_volume", "width_volume_sigma"):
        values = [float(row[f"{name} (nm)"]) for row in table]
        np.testing.assert_array_equal(values, series[name].values)
    with pytest.raises(SchemaError, match="has no 'two_theta' to write rows along"):
        write_csv(series, tmp_path / "b.csv", along="two_theta")


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("csv", "s.csv"),
        ("csv-distribution", "s.distribution.csv"),
        ("csv-fit", "s.fit.csv"),
        ("nxcansas", "s.nxcansas.h5"),
    ],
)
def test_the_command_writes_each_format(tmp_path, series, form, name):
    xk.save(series, tmp_path / "s.nc")
    done = CliRunner().invoke(app, ["export", str(tmp_path / "s.nc"), "--format", form])
    assert done.exit_code == 0, done.output
    assert done.output.strip() == str(tmp_path / name)
    assert (tmp_path / name).stat().st_size > 0


def test_each_of_several_methods_has_a_curve_and_numbers_of_its_own(tmp_path):
    one = curve()
    both = xk.compare_size_methods(one, methods=["lognormal", "tikhonov"])
    file = write_nxcansas(both, tmp_path / "methods.h5")
    measured = xk.read_profile(file, entry="sasentry/sasdata")
    assert np.array_equal(measured["intensity"], one["intensity"])
    for name in ("lognormal", "tikhonov"):
        fitted = xk.read_profile(file, entry=f"sasentry/sasdata_fit_{name}")["intensity"]
        assert np.array_equal(fitted, both["intensity_calculated"].sel(size_method=name))
        with h5py.File(file) as tree:
            radius = tree[f"sasentry/results_{name}/mean_radius_volume"][()]
        assert radius == both["mean_radius_volume"].sel(size_method=name)
