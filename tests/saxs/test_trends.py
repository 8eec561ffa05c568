"""Trends along a series: a smooth course between the fits, with errors that cover it."""

import json

import numpy as np
import pytest
import xarray as xr

from xrdkit.errors import EmptyResult, SchemaError, SpecError
from xrdkit.saxs.smoothing_spline import smooth
from xrdkit.saxs.trends import smooth_trend


def variable(dims, values, units):
    return (dims, np.asarray(values), {"units": units, "long_name": "number"})


def series(values, sigma, *, time=None, **more):
    """A result of fits along frame, with a mean radius and a width."""
    values = np.asarray(values, dtype=float)
    count = values.size
    time = np.arange(count) * 30.0 if time is None else time
    sigma = np.broadcast_to(sigma, values.shape)
    data = {
        "mean_radius_volume": variable("frame", values, "nm"),
        "mean_radius_volume_sigma": variable("frame", sigma, "nm"),
        "width_volume": variable("frame", values / 5, "nm"),
        "width_volume_sigma": variable("frame", sigma / 5, "nm"),
        "verdict": ("frame", np.full(count, "ok")),
        **more,
    }
    coords = {
        "frame": np.arange(count),
        "time": variable("frame", time, "s"),
        "sample_name": ("frame", np.full(count, "a")),
    }
    return xr.Dataset(data, coords, {"schema": "xrdkit/sizes/1"})


def course(time):
    return 3 + 2 * (1 - np.exp(-np.asarray(time) / 400.0))


CASES = {"few": (10, False), "usual": (40, True), "many": (400, False)}


@pytest.mark.parametrize("case", list(CASES))
def test_the_errors_cover_a_smooth_course(case):
    """On average over the course and 60 series; one third of the misses of 1 sigma is allowed."""
    count, uneven = CASES[case]
    rng = np.random.default_rng(3)
    covered, closer, gof = [], [], []
    for _ in range(60):
        time = np.sort(rng.uniform(0, 1500, count)) if uneven else np.linspace(0, 1500, count)
        sigma = rng.uniform(0.05, 0.15, count)
        truth = course(time)
        data = series(truth + sigma * rng.standard_normal(count), sigma, time=time)
        found = smooth_trend(data, names=["mean_radius_volume"])
        error = found["mean_radius_volume_trend"].values - truth
        covered.append(np.mean(np.abs(error) < found["mean_radius_volume_trend_sigma"].values))
        closer.append(np.mean(error**2) / np.mean(sigma**2))
        gof.append(float(found["mean_radius_volume_trend_gof"]))
    assert 0.61 <= np.mean(covered) <= 0.75
    assert np.mean(gof) == pytest.approx(1.0, abs=0.12 if case == "few" else 0.06)
    assert np.mean(closer) < {"few": 0.75, "usual": 0.3, "many": 0.03}[case]


@pytest.mark.parametrize("count", [5, 30])
def test_a_straight_line_stays_one(count):
    x = np.linspace(0, 1, count)
    found = smooth(x, 2 - 3 * x, np.full(count, 0.1), x)
    np.testing.assert_allclose(found.value, 2 - 3 * x, atol=1e-5)  # of errors of 0.1
    assert found.freedom == pytest.approx(2.0, abs=0.05)
    # The covariance is that of a straight line through so many points.
    design = np.stack([np.ones(count), x], axis=1)
    wanted = 0.01 * design @ np.linalg.inv(design.T @ design) @ design.T
    np.testing.assert_allclose(np.diag(found.covariance), np.diag(wanted), rtol=0.03)


def test_points_are_weighted_by_their_errors():
    rng = np.random.default_rng(1)
    values = 4 + 0.05 * rng.standard_normal(30)
    sigma = np.full(30, 0.05)
    values[7], sigma[7] = 14.0, 10.0
    found = smooth_trend(series(values, sigma))
    assert np.abs(found["mean_radius_volume_trend"].values - 4).max() < 0.06


def test_fits_that_are_not_ok_do_not_count_unless_asked_for():
    values = np.full(12, 4.0)
    data = series(values, 0.1)
    data["mean_radius_volume"].values[5] = 9.0
    data = data.assign(verdict=("frame", np.where(np.arange(12) == 5, "misfit", "ok")))
    found = smooth_trend(data)
    np.testing.assert_allclose(found["mean_radius_volume_trend"], 4.0, atol=1e-6)
    both = smooth_trend(data, verdicts=("ok", "misfit"))
    assert np.ptp(both["mean_radius_volume_trend"].values) > 0.01


def test_nothing_is_extrapolated_and_gaps_are_bridged():
    values = course(np.arange(14) * 30.0)
    values[[0, 1, 6, 7, 13]] = np.nan
    found = smooth_trend(series(values, 0.01))
    known = np.isfinite(found["mean_radius_volume_trend"].values)
    np.testing.assert_array_equal(known, [False] * 2 + [True] * 11 + [False])
    spread = found["mean_radius_volume_trend_sigma"].values
    assert np.nanmin(spread[6:8]) > spread[4]


def test_errors_that_all_frames_share_do_not_average_out():
    """An absolute scale with 2 %: the trend of a hundred frames knows it no better."""
    count = 100
    rng = np.random.default_rng(2)
    truth = np.full(count, 0.01)
    own = np.full(count, 1e-4)
    shared = 0.02 * truth
    data = series(np.ones(count), 0.1)
    data["volume_fraction"] = variable(
        "frame", truth * 1.02 + own * rng.standard_normal(count), "1"
    )
    data["volume_fraction_sigma"] = variable("frame", np.hypot(own, shared), "1")
    data["volume_fraction_errors"] = variable(
        ("frame", "source"), np.stack([own, shared], axis=1), "1"
    )
    data = data.assign_coords(
        source=["counting", "scale"], source_frames=("source", ["independent", "common"])
    )
    found = smooth_trend(data, names=["volume_fraction"])
    spread = found["volume_fraction_trend_sigma"].values
    assert np.all(spread >= 0.99 * shared)
    assert np.all(spread < 1.2 * shared)
    assert float(found["volume_fraction_trend_gof"]) == pytest.approx(1.0, abs=0.3)
    blind = smooth_trend(data.drop_vars("volume_fraction_errors"), names=["volume_fraction"])
    assert np.all(blind["volume_fraction_trend_sigma"] < 0.5 * shared)


def test_scatter_beyond_the_errors_makes_the_errors_larger():
    rng = np.random.default_rng(4)
    noise = 0.2 * rng.standard_normal(60)
    honest = smooth_trend(series(4 + noise, 0.2))
    small = smooth_trend(series(4 + noise, 0.05))
    assert float(small["mean_radius_volume_trend_gof"]) > 3
    ratio = small["mean_radius_volume_trend_sigma"] / honest["mean_radius_volume_trend_sigma"]
    assert float(ratio.mean()) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("count", [24, 60, 200])
def test_what_changes_at_once_is_told(count):
    """A jump of 12 standard errors is blurred over some frames: the trend there is wrong."""
    rng = np.random.default_rng(5)
    truth = np.where(np.arange(count) < count // 2, 3.0, 3.6)
    worst, told = [], 0
    for _ in range(20):
        found = smooth_trend(
            series(truth + 0.05 * rng.standard_normal(count), 0.05), names=["mean_radius_volume"]
        )
        error = np.abs(found["mean_radius_volume_trend"].values - truth)
        worst.append(np.max(error / found["mean_radius_volume_trend_sigma"].values))
        told += str(found["mean_radius_volume_trend_verdict"].values) == "misfit"
    assert np.mean(worst) > 4
    assert told >= 19


def test_smooth_courses_are_called_so():
    rng = np.random.default_rng(6)
    wrong = 0
    for count in (12, 60, 200):
        time = np.linspace(0, 1500, count)
        for _ in range(60):
            data = series(course(time) + 0.05 * rng.standard_normal(count), 0.05, time=time)
            found = smooth_trend(data, names=["mean_radius_volume"])
            wrong += str(found["mean_radius_volume_trend_verdict"].values) != "ok"
    assert wrong <= 3


def test_numbers_of_populations_have_trends_of_their_own():
    data = series(course(np.arange(20) * 30.0), 0.02)
    two = np.stack([data["mean_radius_volume"], 10 - data["mean_radius_volume"]], axis=1)
    data["population_mean_radius_volume"] = variable(("frame", "population"), two, "nm")
    data["population_mean_radius_volume_sigma"] = variable(
        ("frame", "population"), np.full_like(two, 0.02), "nm"
    )
    found = smooth_trend(data, names=["population_mean_radius_volume"])
    trend = found["population_mean_radius_volume_trend"]
    assert trend.dims == ("frame", "population")
    np.testing.assert_allclose(trend, two, atol=0.02)
    assert found["population_mean_radius_volume_trend_freedom"].dims == ("population",)


def test_the_result_is_the_argument_with_more_in_it():
    data = series(course(np.arange(20) * 30.0), 0.02)
    before = data.copy(deep=True)
    found = smooth_trend(data)
    assert before.identical(data)
    kept = found[list(data.data_vars)]
    xr.testing.assert_equal(kept, data)
    new = {n for n in found.data_vars if n not in data}
    assert new == {
        f"{name}_trend{what}"
        for name in ("mean_radius_volume", "width_volume")
        for what in ("", "_sigma", "_freedom", "_gof", "_verdict")
    }
    step = json.loads(found.attrs["provenance"])[-1]
    assert step["step"] == "smooth_trend"
    assert step["settings"]["along"] == "time"
    by_frame = smooth_trend(data, along="frame")
    np.testing.assert_allclose(
        by_frame["width_volume_trend"], found["width_volume_trend"], rtol=1e-6
    )


def test_few_usable_fits_have_no_trend():
    data = series(course(np.arange(8) * 30.0), 0.02)
    data = data.assign(verdict=("frame", ["ok"] * 4 + ["misfit"] * 4))
    found = smooth_trend(data)
    assert np.isnan(found["mean_radius_volume_trend"]).all()
    assert np.isnan(found["mean_radius_volume_trend_freedom"])


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"along": "temperature"}, SpecError, "is no coordinate on frame"),
        ({"along": "sample_name"}, SpecError, "not numeric"),
        ({"names": ["gof"]}, SpecError, "no 'gof' with a standard error"),
        ({"verdicts": ("fine",)}, SpecError, "verdicts"),
        ({"verdicts": "ok"}, SpecError, "verdicts"),
    ],
    ids=["coordinate", "words", "name", "verdict", "one word"],
)
def test_wrong_settings_are_refused(options, error, words):
    with pytest.raises(error, match=words):
        smooth_trend(series(np.ones(8), 0.1), **options)


def test_what_is_no_series_is_refused():
    with pytest.raises(SchemaError, match="needs a series"):
        smooth_trend(series(np.ones(8), 0.1).isel(frame=0))
    with pytest.raises(EmptyResult, match="fewer than 5"):
        smooth_trend(series(np.ones(8), 0.1, time=np.full(8, 2.0)))
