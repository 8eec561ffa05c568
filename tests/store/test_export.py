"""Plain text exports, read back by other readers."""

import csv
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from result_datasets import profile

from xrdkit.errors import ResultExists, SchemaError
from xrdkit.store.export import write_csv, write_xye


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
