"""Adding frames: sums, weights, and what becomes of every source of error."""

import numpy as np
import pytest
import xarray as xr
from profiles.known_profiles import known_profile

from xrdkit import errors, provenance, schema
from xrdkit.profiles import average
from xrdkit.uncertainty import error_model


def curve(q):
    return 20.0 / q**2 + 1.0


def test_frames_add_as_their_counts_do():
    data = known_profile(curve, np.random.default_rng(1), doses=(0.5, 2.0, 1.0))
    one = average(data)
    total = data.signal.sum("frame")
    np.testing.assert_allclose(one.intensity[0], total / data.normalization.sum("frame"), 1e-14)
    for name in ("counts", "signal", "normalization", "n_pixels"):
        np.testing.assert_allclose(one[name][0], data[name].sum("frame"), 1e-14)
    counting = np.sqrt(data.counts.sum("frame")) / data.normalization.sum("frame")
    np.testing.assert_allclose(one.errors.sel(source="counting")[0], counting, 1e-12)
    np.testing.assert_allclose(one.sigma[0], counting, 1e-12)
    assert int(one.n_frames[0]) == 3
    schema.validate(one, schema.PROFILE)
    assert [s.step for s in provenance.steps(one)] == ["average"]


def test_the_argument_is_not_changed():
    data = known_profile(curve, np.random.default_rng(2), doses=(1.0, 2.0), monitor=0.01, dark=1.0)
    before = data.copy(deep=True)
    average(data, keep=[True, False])
    xr.testing.assert_identical(data, before)


def test_one_frame_is_itself():
    data = known_profile(
        curve, np.random.default_rng(3), monitor=0.01, dark=1.0, scale_error=0.02, split=0.3
    )
    one = average(data)
    for name in ("intensity", "sigma", "errors", "covariance", "ledger", "q_mean", "q_spread"):
        np.testing.assert_allclose(one[name], data[name], 1e-12, 1e-15, err_msg=name)


def test_a_shared_dark_adds_linearly_and_counting_in_quadrature():
    data = known_profile(curve, np.random.default_rng(4), doses=(1.0,) * 16, dark=50.0)
    one, first = average(data), data.isel(frame=0)
    counting = (first.errors / one.errors[0]).sel(source="counting")
    np.testing.assert_allclose(counting.mean(), 4.0, 0.01)
    dark = one.errors[0].sel(source="dark") / first.errors.sel(source="dark")
    np.testing.assert_allclose(dark, 1.0, 1e-12)


def test_monitors_of_frames_of_one_shape_stay_one_common_source():
    data = known_profile(
        curve, np.random.default_rng(5), doses=(1.0,) * 9, pixels=1_000_000, monitor=0.03
    )
    one = average(data)
    assert one.source.values.tolist() == ["counting", "monitor"]
    share = one.errors[0].sel(source="monitor") / one.intensity[0]
    np.testing.assert_allclose(share, -0.01, 1e-2)
    assert float(share.std()) < 1e-4


def test_monitors_of_frames_of_unlike_shape_keep_their_covariance():
    rng = np.random.default_rng(6)
    q = np.linspace(1.02, 4.98, 100)
    shapes = np.stack([100 / q**2, 30 + 0 * q, 10 * q**1.5])
    data = known_profile(shapes, rng, doses=(1.0,) * 3, pixels=100_000, monitor=0.05)
    one = average(data)
    modes = [s for s in one.source.values.tolist() if s.startswith("monitor")]
    assert modes == ["monitor", "monitor_2", "monitor_3"]
    found = error_model(one, 0).common
    share = data.normalization / data.normalization.sum("frame")
    parts = (share * data.errors.sel(source="monitor")).values
    np.testing.assert_allclose(found.T @ found, parts.T @ parts, 1e-9, 1e-12)
    assert (one.source_bins.sel(source=modes) == "common").all()


def test_sigma_is_the_scatter_over_many_draws():
    """Monitor, dark, scale and counting at once, with pixels split over bins."""
    rng = np.random.default_rng(7)
    pulls, total_pulls = [], []
    for _ in range(250):
        data = known_profile(
            lambda q: 400 + 0 * q, rng, edges=np.linspace(1, 3, 21), doses=(1.0, 0.5, 2.0),
            monitor=0.02, dark=20.0, scale_error=0.01, split=0.3,
        ).isel(q=slice(1, None))  # fmt: skip
        one = average(data)
        truth = np.full(data.sizes["q"], 400.0)
        model = error_model(one, 0)
        pulls.append(((one.intensity - truth) / one.sigma).values[0])
        total = (one.intensity[0].values - truth).sum()
        total_pulls.append(total / np.sqrt(model.propagate(np.ones((1, truth.size)))[0, 0]))
    assert np.std(pulls) == pytest.approx(1.0, abs=0.06)
    assert np.std(total_pulls) == pytest.approx(1.0, abs=0.1)
    assert np.mean(total_pulls) == pytest.approx(0.0, abs=0.15)


def test_covariance_of_split_pixels_adds_and_follows_the_dark():
    rng = np.random.default_rng(8)
    draws, model = [], None
    for _ in range(500):
        data = known_profile(
            lambda q: 50 + 0 * q, rng, edges=np.linspace(1, 2, 9), doses=(1.0, 3.0),
            dark=40.0, dark_frames=2, split=0.4, pixels=50,
        ).isel(q=slice(1, None))  # fmt: skip
        one = average(data)
        draws.append(one.intensity.values[0])
        model = error_model(one, 0)
    seen = np.cov(np.array(draws).T)
    stated = model.matrix()
    scale = np.sqrt(np.outer(np.diag(stated), np.diag(stated)))
    assert (np.diag(seen) / np.diag(stated)).mean() == pytest.approx(1.0, abs=0.06)
    for offset in (1, 2):
        found, wanted = (np.diag(c / scale, offset).mean() for c in (seen, stated))
        assert found == pytest.approx(wanted, abs=0.04)
    assert np.diag(stated / scale, 1).min() > 0.4


def test_background_subtracted_frames_average_as_subtracted_averages():
    rng = np.random.default_rng(9)
    data = known_profile(curve, rng, doses=(1.0, 4.0))
    below = 0.7 + 0.01 * np.arange(100)
    net = data.assign(intensity=(data.intensity - below).assign_attrs(data.intensity.attrs))
    np.testing.assert_allclose(average(net).intensity, average(data).intensity - below, rtol=1e-12)


def test_empty_bins_stay_empty_and_half_empty_ones_take_what_there_is():
    data = known_profile(curve, np.random.default_rng(10), doses=(1.0, 1.0), split=0.2)
    gap = xr.zeros_like(data.intensity, dtype=bool)
    gap[0, 3:6] = gap[1, 5:8] = True
    for name in ("intensity", "sigma", "errors", "covariance"):
        data[name] = data[name].where(~gap).transpose(*data[name].dims)
    for name in ("counts", "signal", "normalization", "n_pixels"):
        data[name] = data[name].where(~gap, 0).astype(data[name].dtype)
    one = average(data)
    assert np.flatnonzero(one.intensity.isnull()[0]).tolist() == [5]
    assert int(one.n_pixels[0, 5]) == 0
    assert int(one.n_pixels[0, 4]) == 100
    assert one.n_pixels.dtype == data.n_pixels.dtype
    np.testing.assert_allclose(one.intensity[0, 4], data.intensity[1, 4])
    np.testing.assert_allclose(one.sigma[0, 7], data.sigma[0, 7])
    assert one.sigma.isnull().values.tolist() == one.intensity.isnull().values.tolist()


def test_the_ledger_stays_intensity_over_raw_mean():
    data = known_profile(
        curve, np.random.default_rng(11), doses=(0.3, 1.0, 5.0), monitor=0.01, dark=2.0
    )
    one = average(data)
    raw = one.counts / one.n_pixels
    np.testing.assert_allclose(one.ledger.prod("correction"), one.intensity / raw, 1e-10)
    np.testing.assert_allclose(
        one.ledger.sel(correction="flat"), data.ledger.sel(correction="flat")[:1], 1e-12
    )


def test_mean_position_and_spread_are_those_of_all_pixels():
    data = known_profile(curve, np.random.default_rng(12), doses=(1.0, 3.0))
    data["q_mean"][1] += 0.01
    one = average(data)
    np.testing.assert_allclose(one.q_mean[0] - data.q_mean[0], 0.0075, 1e-6)
    wider = np.sqrt(data.q_spread[0] ** 2 + 0.25 * 0.75 * 0.01**2)
    np.testing.assert_allclose(one.q_spread[0], wider, 1e-9)


def test_the_error_of_positions_stays_and_outliers_add():
    data = known_profile(curve, np.random.default_rng(15), doses=(1.0, 3.0))
    label = {"units": "1/nm", "long_name": "error of q"}
    data["q_sigma"] = (("frame", "q"), np.full((2, 100), 0.01), label)
    data["n_outliers"] = (("frame", "q"), np.full((2, 100), 2), {"units": "1", "long_name": "n"})
    data["spottiness"] = (("frame", "q"), np.ones((2, 100)), {"units": "1", "long_name": "s"})
    one = average(data)
    np.testing.assert_allclose(one.q_sigma, 0.01)
    assert (one.n_outliers == 4).all()
    assert "spottiness" not in one


def test_groups_by_a_coordinate():
    data = known_profile(curve, np.random.default_rng(13), doses=(1.0, 2.0, 3.0, 4.0))
    data = data.assign_coords(
        temperature=("frame", [300.0, 500.0, 300.0, 500.0], {"units": "K"}),
        temperature_sigma=("frame", [3.0, 3.0, 4.0, 3.0]),
        source_file=("frame", ["a", "b", "c", "d"]),
        good=("frame", [True, True, True, False]),
        start=("frame", np.array([0, 10, 20, 30], "M8[s]").astype("M8[ns]")),
        sample="steel",
    )
    both = average(data, groups="temperature")
    assert both.sizes["frame"] == 2
    assert both.temperature.values.tolist() == [300.0, 500.0]
    assert both.temperature.attrs["units"] == "K"
    assert both.temperature_sigma.values[0] == 2.5
    assert both.source_file.values.tolist() == ["a, c", "b, d"]
    assert both.good.values.tolist() == [True, False]
    assert both.start.values.astype("M8[s]").astype(int).tolist() == [10, 20]
    assert str(both["sample"].values) == "steel"
    np.testing.assert_allclose(both.monitor, [2.0, 3.0])
    alone = average(data.isel(frame=[1, 3]))
    np.testing.assert_array_equal(both.intensity[1], alone.intensity[0])
    labelled = average(data, groups=["x", "y", "x", "y"], keep=[True, True, True, False])
    assert labelled.group.values.tolist() == ["x", "y"]
    assert labelled.n_frames.values.tolist() == [2, 1]
    dropped = average(data, groups=["x", "y", "x", "y"], keep=[True, False, True, False])
    assert dropped.group.values.tolist() == ["x"]


def test_what_cannot_be_averaged_is_said():
    data = known_profile(curve, np.random.default_rng(14), doses=(1.0, 2.0))
    with pytest.raises(errors.EmptyResult, match="no frame is kept"):
        average(data, keep=[False, False])
    for keep in ([True], [1.0, 0.0], [1, 0]):
        with pytest.raises(errors.SpecError, match="for 2 frames"):
            average(data, keep=keep)
    with pytest.raises(errors.SpecError, match="'temperature'"):
        average(data, groups="temperature")
    with pytest.raises(errors.SpecError, match="3 labels for 2 frames"):
        average(data, groups=[1, 2, 3])
    with pytest.raises(errors.SpecError, match="frame 1 has no label"):
        average(data, groups=[1.0, np.nan])
    with pytest.raises(errors.SchemaError, match="no frames"):
        average(data.isel(frame=0, drop=True))
    with pytest.raises(errors.SchemaError, match="sigma"):
        average(data.drop_vars("sigma"))
