"""Which numbers, frames and axes of a series are shown."""

import time

import numpy as np
import xarray as xr

from xrdkit.report.binning import block_mean, fewer_rows, resampled
from xrdkit.report.choose import evenly, telling
from xrdkit.report.quantity import quantities
from xrdkit.report.series_axis import companions, series_axis
from xrdkit.report.table import fit_table


def test_frames_are_spread_and_the_worst_is_among_them(phases):
    data = phases(100, points=40)
    data["gof"].values[37] = 9.0
    assert telling(data) == [0, 25, 37, 50, 74, 99]


def test_failed_frames_are_passed_over(phases):
    assert telling(phases(4, points=40, failed=[0, 3])) == [1, 2]


def test_evenly_of_few_and_none():
    assert evenly(0, 3) == []
    assert evenly(2, 6) == [0, 1]
    assert evenly(1000, 3) == [0, 500, 999]


def with_time(values, units="s", name="time"):
    return xr.Dataset(coords={name: ("frame", values, {"units": units})})


def test_time_is_in_readable_units():
    assert series_axis(with_time([0.0, 60.0])).label == "time (s)"
    axis = series_axis(with_time([0.0, 1200.0]))
    assert axis.label == "time (min)"
    np.testing.assert_allclose(axis.values, [0, 20])
    assert series_axis(with_time([0.0, 36000.0])).label == "time (h)"


def test_start_times_are_counted_from_the_first():
    data = with_time(["2025-01-01T00:00:00", "2025-01-01T00:00:30"], "", "start_time")
    axis = series_axis(data)
    assert axis.label == "time (s)"
    np.testing.assert_allclose(axis.values, [0, 30])


def test_useless_coordinates_are_not_an_axis():
    for values in ([5.0, 5.0], [0.0, np.nan]):
        assert series_axis(with_time(values)).label == "frame"
    assert series_axis(with_time(["yesterday", "today"], "", "start_time")).label == "frame"


def test_what_was_varied_is_a_companion(sizes):
    data = sizes(20)
    assert [c.label for c in companions(data, series_axis(data))] == ["cell voltage (V)"]


def test_weight_fraction_of_a_single_phase_is_no_news(phases):
    names = {q.name for q in quantities(phases(2, names=("Pt",)))}
    assert "weight fraction" not in names
    assert {"crystallite size", "lattice a", "strain", "Rwp", "goodness of fit"} <= names


def test_shares_are_in_percent(phases):
    found = next(q for q in quantities(phases(2)) if q.name == "weight fraction")
    assert found.unit == "%"
    np.testing.assert_allclose(found.sigma, 0.4)


def test_populations_have_their_own_numbers(sizes):
    data = sizes(2)
    dims = ("frame", "population")
    for name in ("mean_radius_volume", "width_volume", "volume_fraction"):
        units = data[name].attrs["units"]
        data[f"population_{name}"] = (dims, [[1.0, 2.0]] * 2, {"units": units})
        data[f"population_{name}_sigma"] = (dims, [[0.1, 0.2]] * 2, {"units": units})
    found = [q for q in quantities(data) if q.of == "population 1"]
    assert [q.value[0] for q in found] == [2.0, 2.0, 2.0]
    assert [q.sigma[0] for q in found] == [0.2, 0.2, 0.2]


def test_unknown_number_has_no_column(sizes):
    data = sizes(3)
    data["volume_fraction"].values[:] = np.nan
    assert "volume fraction" not in {q.name for q in quantities(data)}


def test_table_of_one_frame_and_of_many(phases):
    one = fit_table(phases(None)).html
    assert one.count("<tr>") == 12
    assert "0.39227" in one
    assert fit_table(phases(20)).html.count("<tr>") == 22
    long = fit_table(phases(500, points=20)).html
    assert "26 of 500 frames" in long
    assert "misfit" in long


def test_block_mean_leaves_bad_pixels_out():
    values = np.arange(20.0).reshape(4, 5)
    good = np.ones((4, 5), dtype=bool)
    good[0, 0] = False
    good[2:, 4] = False
    mean = block_mean(values, good, 2)
    assert mean.shape == (2, 3)
    np.testing.assert_allclose(mean[0, 0], np.mean([1, 5, 6]))
    assert np.isnan(mean[1, 2])


def test_fewer_rows_is_the_mean_of_neighbours():
    rows = np.arange(10.0)[:, None] * np.ones(3)
    rows[4:6] = np.nan
    np.testing.assert_allclose(fewer_rows(rows, 5)[:, 0], [0.5, 2.5, np.nan, 6.5, 8.5])
    assert fewer_rows(rows, 20) is rows


def test_resampling_keeps_values_and_fills_between():
    x = np.array([0.5, 1.5, 3.6])
    row = np.array([[1.0, 2.0, 4.0]])
    found = resampled(row, x, np.arange(5.0))
    np.testing.assert_allclose(found, [[1, 2, 2, 4]])


def test_summer_time_of_the_machine_moves_no_frame(monkeypatch):
    """Between 01:30 and 03:30 of these times a clock in central Europe jumps by an hour."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        texts = ["2025-03-30T01:30:00", "2025-03-30T03:30:00.000000500"]
        data = xr.Dataset(coords={"start_time": ("frame", texts)})
        zoned = ["2025-03-30T01:30:00+01:00", "2025-03-30T03:30:00+02:00"]
        other = xr.Dataset(coords={"start_time": ("frame", zoned)})
        assert series_axis(data).values.tolist() == [0.0, 120.0]
        assert series_axis(other).values.tolist() == [0.0, 60.0]
    finally:
        monkeypatch.undo()
        time.tzset()
