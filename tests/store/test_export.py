"""Exports, read back by other readers."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import silx.io
import xarray as xr
from frames_in_memory import make_frames, reference_geometry
from result_datasets import profile
from silx.io.nxdata import get_default

from xrdkit import (
    IntegrationSpec,
    Normalization,
    cake,
    fit_sizes,
    integrate,
    load,
    read_profile,
    save,
)
from xrdkit.errors import EmptyResult, ResultExists, SchemaError
from xrdkit.store.export import Origin, write_csv, write_nxazint, write_nxcansas, write_xye

CALIBRATION = reference_geometry()
ORIGIN = Origin(date="2026-01-02T03:04:05+00:00", source_type="Synchrotron X-ray Source")


def reduced(**changes) -> xr.Dataset:
    """Two frames, integrated with everything that a profile can hold."""
    rng = np.random.default_rng(11)
    frames = make_frames(rng.poisson(3.0, (2, 487, 407)).astype(np.uint32), monitor=[2.0, 3.0])
    spec = IntegrationSpec(
        unit="q",
        bins=30,
        range=(1.0, 14.0),
        polarization=0.9,
        splitting="full",
        normalization=Normalization(monitor="frame", transmission=0.5, transmission_sigma=0.01),
    )
    verb = changes.pop("verb", integrate)
    return verb(frames, CALIBRATION, replace(spec, **changes))


def test_xye_holds_every_bin_with_pixels(tmp_path: Path) -> None:
    data = profile()
    before = data.copy(deep=True)
    files = write_xye(data, tmp_path / "a.xye")
    xr.testing.assert_identical(data, before)
    assert [f.name for f in files] == ["a-000000.xye", "a-000001.xye", "a-000002.xye"]
    table = np.loadtxt(files[1])
    good = np.isfinite(data["intensity"].values[1])
    np.testing.assert_allclose(table[:, 0], data["q"].values[good], rtol=1e-9)
    np.testing.assert_allclose(table[:, 1], data["intensity"].values[1][good], rtol=1e-9)
    np.testing.assert_allclose(table[:, 2], data["sigma"].values[1][good], rtol=1e-9)
    assert files[1].read_text().startswith("# q (1/nm) intensity (count) sigma (count); wave")
    with pytest.raises(ResultExists):
        write_xye(data, tmp_path / "a.xye")


def test_one_profile_is_one_file(tmp_path: Path) -> None:
    assert write_xye(profile().isel(frame=0), tmp_path / "b.xye") == [tmp_path / "b.xye"]


def test_xye_without_errors_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="sigma"):
        write_xye(profile().drop_vars("sigma"), tmp_path / "b.xye")


def test_a_profile_as_csv_has_a_row_for_each_bin(tmp_path: Path) -> None:
    data = profile()
    with write_csv(data, tmp_path / "a.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 3 * 40
    row = rows[40 + 5]
    assert row["frame"] == "1"
    assert float(row["q (1/nm)"]) == data["q"].values[5]
    assert float(row["intensity (count)"]) == data["intensity"].values[1, 5]
    assert row["source_file"] == "hold_01 µ"
    assert rows[43]["intensity (count)"] == ""


def test_fit_results_as_csv_have_a_row_for_each_frame(tmp_path: Path) -> None:
    data = xr.Dataset(
        {
            "lattice": (("frame", "phase", "edge"), np.arange(8.0).reshape(2, 2, 2)),
            "rwp": ("frame", [0.1, 0.2]),
            "intensity": (("frame", "q"), np.ones((2, 5))),
        },
        coords={"phase": ["Pt", "C"], "edge": ["a", "c"], "cell_voltage": ("frame", [0.6, 0.9])},
        attrs={"schema": "xrdkit/phases/1"},
    )
    data["lattice"].attrs["units"] = "nm"
    with write_csv(data, tmp_path / "a.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [float(r["lattice[C,a] (nm)"]) for r in rows] == [2.0, 6.0]
    assert [float(r["cell_voltage"]) for r in rows] == [0.6, 0.9]
    assert not any("intensity" in name for name in rows[0])


def test_covariances_and_edges_are_no_columns(tmp_path: Path) -> None:
    data = xr.Dataset(
        {
            "gof": ("frame", [1.0, 1.1]),
            "parameter_covariance": (("frame", "parameter", "parameter_2"), np.ones((2, 3, 3))),
            "radius_edges": ("radius_edge", np.arange(50.0)),
        },
        attrs={"schema": "xrdkit/sizes/1"},
    )
    with write_csv(data, tmp_path / "a.csv").open(newline="") as stream:
        assert next(csv.reader(stream)) == ["frame", "gof"]


def test_errors_covariance_and_ledger_break_no_export(tmp_path: Path) -> None:
    data = reduced()
    assert {"errors", "covariance", "ledger"} <= set(data.data_vars)
    before = data.copy(deep=True)
    for file in write_xye(data, tmp_path / "a.xye"):
        table = np.loadtxt(file)
        number = int(file.stem[-6:])
        good = np.isfinite(data["intensity"].values[number])
        assert 0 < good.sum() < good.size
        np.testing.assert_allclose(table[:, 2], data["sigma"].values[number][good], rtol=1e-9)
    with write_csv(data, tmp_path / "a.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 60
    assert float(rows[31]["errors[counting]"]) == data["errors"].sel(source="counting").values[1, 1]
    assert not [name for name in rows[0] if name.startswith(("covariance", "ledger", "source_b"))]
    write_nxcansas(data, tmp_path / "a.h5")
    write_nxazint(data, tmp_path / "b.h5")
    save(data, tmp_path / "a.nc")
    xr.testing.assert_identical(load(tmp_path / "a.nc"), data)
    xr.testing.assert_identical(data, before)


def test_nxcansas_comes_back_exactly(tmp_path: Path) -> None:
    scale = Normalization(absolute_scale=2.5)
    data = reduced(splitting="none", normalization=scale)
    file = write_nxcansas(data, tmp_path / "a.h5", title="glass")
    for k in range(2):
        again = read_profile(file, entry=f"sasentry_{k:06d}/sasdata")
        good = np.isfinite(data["intensity"].values[k])
        for name in ("q", "intensity", "sigma"):
            wanted = data[name].values if name == "q" else data[name].values[k]
            np.testing.assert_array_equal(again[name].values, wanted[good])
        assert again["intensity"].attrs["units"] == "1/cm"
    again = read_profile(file)  # the default of the file
    assert again.attrs["entry"] == "/sasentry_000000/sasdata"
    one = data.isel(frame=1)
    alone = read_profile(write_nxcansas(one, tmp_path / "one.h5"))
    assert alone.attrs["entry"] == "/sasentry/sasdata"
    assert np.nanmax(alone["intensity"]) == np.nanmax(one["intensity"])


def test_nxcansas_is_what_the_definition_asks_for(tmp_path: Path) -> None:
    data = reduced()
    file = write_nxcansas(data, tmp_path / "a.h5", title="glass")
    with h5py.File(file) as tree:
        entry = tree["sasentry_000001"]
        assert entry.attrs["canSAS_class"] == "SASentry"
        assert entry.attrs["version"] == "1.1"
        assert entry["definition"].asstr()[()] == "NXcanSAS"
        assert entry["title"].asstr()[()] == "glass"
        assert entry["run"].asstr()[()] == "1"
        group = entry[entry.attrs["default"]]
        assert group.attrs["canSAS_class"] == "SASdata"
        assert group.attrs["signal"] == "I"
        assert group.attrs["I_axes"] == "Q"
        assert group["I"].attrs["uncertainties"] == "Idev"
        assert group["I"].attrs["units"] == "arbitrary"
        assert group["Q"].attrs["units"] == "1/nm"
        assert group["Q"].attrs["resolutions"] == "Qdev"
        good = np.isfinite(data["intensity"].values[1])
        np.testing.assert_array_equal(group["Qdev"][()], data["q_spread"].values[1][good])
        np.testing.assert_array_equal(group["Qmean"][()], data["q_mean"].values[1][good])
        source = entry["sasinstrument/sassource"]
        assert source["incident_wavelength"][()] == 1.0
        note = entry["sasprocess/sasprocessnote/data"].asstr()[()]
        assert json.loads(note)[-1]["step"] == "integrate"
    with silx.io.open(str(file)) as tree:
        shown = get_default(tree)
        good = np.isfinite(data["intensity"].values[0])
        assert shown.is_curve
        np.testing.assert_array_equal(shown.signal, data["intensity"].values[0][good])


def test_nxcansas_refuses_what_it_cannot_hold(tmp_path: Path) -> None:
    angles = reduced(unit="two_theta", range=(5.0, 60.0))
    with pytest.raises(SchemaError, match="over q only"):
        write_nxcansas(angles, tmp_path / "a.h5")
    sizes = fit_sizes(reduced(range=(1.0, 10.0)))
    with pytest.raises(SchemaError, match="not other results"):
        write_nxazint(sizes, tmp_path / "a.h5")
    with pytest.raises(SchemaError, match="profiles and fits of them over q"):
        write_nxcansas(sizes.drop_vars("intensity_calculated"), tmp_path / "a.h5")
    empty = profile().isel(frame=0)
    empty["intensity"] = empty["intensity"] * np.nan
    empty["intensity"].attrs["units"] = "count"
    with pytest.raises(EmptyResult):
        write_nxcansas(empty, tmp_path / "a.h5")
    assert not (tmp_path / "a.h5").exists()


@pytest.mark.parametrize("unit", ["q", "two_theta"])
def test_nxazint1d_is_what_the_definition_asks_for(tmp_path: Path, unit: str) -> None:
    data = reduced(unit=unit, range=(1.0, 14.0) if unit == "q" else (5.0, 60.0))
    file = write_nxazint(data, tmp_path / "a.h5", origin=ORIGIN)
    with h5py.File(file) as tree:
        entry = tree[tree.attrs["default"]]
        assert entry["definition"].asstr()[()] == "NXazint1d"
        for name in ("solid_angle", "polarization", "normalization", "monitor"):
            field = entry[f"{name}_applied"]
            assert field.dtype == bool
            assert field[()]
        assert entry["instrument/monochromator/wavelength"].attrs["units"] == "angstrom"
        assert entry["instrument/monochromator/energy"][()] == pytest.approx(12.39841984)
        assert entry["instrument/source/type"].asstr()[()] == "Synchrotron X-ray Source"
        assert entry["instrument/source/probe"].asstr()[()] == "x-ray"
        for name in ("program", "version", "date", "reference"):
            assert entry[f"reduction/{name}"].asstr()[()]
        assert entry["reduction/input/polarization_factor"][()] == 0.9
        np.testing.assert_array_equal(entry["monitor/data"][()], [2.0, 3.0])
        group = entry[entry.attrs["default"]]
        assert list(group.attrs["axes"]) == [".", "radial_axis"]
        assert group.attrs["interpretation"] == "spectrum"
        np.testing.assert_array_equal(group["I"][()], data["intensity"].values)
        np.testing.assert_array_equal(group["I_errors"][()], data["sigma"].values)
        np.testing.assert_array_equal(group["radial_axis"][()], data[unit].values)
        edges = group["radial_axis_edges"]
        np.testing.assert_array_equal(edges[()], data[f"{unit}_edges"].values)
        assert group["radial_axis"].attrs["long_name"] == ("q" if unit == "q" else "2theta")
        assert group["radial_axis"].attrs["units"] == ("1/nm" if unit == "q" else "degree")
    with silx.io.open(str(file)) as tree:
        shown = get_default(tree)
        np.testing.assert_array_equal(shown.signal, data["intensity"].values)
        np.testing.assert_array_equal(shown.errors, data["sigma"].values)
        np.testing.assert_array_equal(shown.axes[-1], data[unit].values)


def test_nxazint2d_holds_a_cake(tmp_path: Path) -> None:
    data = reduced(verb=cake, azimuth_bins=8)
    file = write_nxazint(data, tmp_path / "a.h5", origin=ORIGIN)
    with h5py.File(file) as tree:
        assert tree["entry/definition"].asstr()[()] == "NXazint2d"
        group = tree["entry/data"]
        assert group["I"].shape == (2, 8, 30)
        np.testing.assert_array_equal(group["I"][()], data["intensity"].values)
        np.testing.assert_array_equal(group["azimuthal_axis"][()], data["azimuth"].values)
        assert tree["entry/reduction/input/azimuth_bins"][()] == 8
    with silx.io.open(str(file)) as tree:
        shown = get_default(tree)
        assert shown.interpretation == "image"
        np.testing.assert_array_equal(shown.signal, data["intensity"].values)


def test_one_profile_without_a_monitor_or_polarization_is_an_nxazint1d(tmp_path: Path) -> None:
    data = reduced(normalization=None, polarization=None, solid_angle=False).isel(frame=0)
    file = write_nxazint(data.drop_vars("monitor"), tmp_path / "a.h5")
    with h5py.File(file) as tree:
        assert tree["entry/data/I"].shape == (1, 30)
        assert "monitor" not in tree["entry"]
        for name in ("solid_angle", "polarization", "monitor"):
            assert not tree[f"entry/{name}_applied"][()]
    with pytest.raises(SchemaError, match="no axis 'd_spacing'"):
        write_nxazint(reduced(unit="d", range=(0.6, 3.0)), tmp_path / "b.h5")


def test_the_same_result_gives_the_same_bytes(tmp_path: Path) -> None:
    data = reduced()
    for k in range(2):
        write_nxcansas(data, tmp_path / f"sas{k}.h5", title="glass")
        write_nxazint(data, tmp_path / f"azint{k}.h5", origin=ORIGIN)
    for name in ("sas", "azint"):
        assert (tmp_path / f"{name}0.h5").read_bytes() == (tmp_path / f"{name}1.h5").read_bytes()
    with pytest.raises(ResultExists):
        write_nxcansas(data, tmp_path / "sas0.h5")
    with pytest.raises(ResultExists):
        write_nxazint(data, tmp_path / "azint0.h5")
