"""Baselines against known backgrounds."""

import numpy as np
import pytest
import xarray as xr
from named_profiles import named

import xrdkit as xk
from xrdkit import schema
from xrdkit.errors import CurveError, SpecError
from xrdkit.phase.baseline import arpls, baseline, snip

X = np.arange(5.0, 90.0, 0.02)
TRUTH = 300 * np.exp(-X / 20) + 80 + 60 * np.exp(-(((X - 25) / 8) ** 2))


def peaks(seed: int, count: int = 30) -> np.ndarray:
    draw = np.random.default_rng(seed)
    places, heights = draw.uniform(10, 85, count), draw.uniform(50, 5000, count)
    return sum(h / (1 + ((X - c) / 0.06) ** 2) for c, h in zip(places, heights, strict=True))


def measured(seed: int, count: int = 30) -> xr.Dataset:
    mean = TRUTH + (peaks(seed, count) if count else 0)
    counts = np.random.default_rng(seed + 100).poisson(mean).astype(float)
    return xk.pattern(X, counts, np.sqrt(np.maximum(counts, 1)), wavelength=1.54)


@pytest.mark.parametrize(("method", "worst"), [("snip", 0.08), ("arpls", 0.16)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_known_background_is_found_under_peaks(method, worst, seed):
    result = baseline(measured(seed), method=method, width=8.0)
    wrong = result["baseline"].values / TRUTH - 1
    assert np.sqrt(np.mean(wrong**2)) < worst
    # Lorentzian tails between peaks count as background, so it is rather high than low.
    assert np.mean(wrong) > 0
    # What is said of the error is of its size.
    ratio = np.abs(result["baseline"].values - TRUTH) / result["baseline_spread"].values
    assert 0.3 < np.median(ratio) < 3


@pytest.mark.parametrize(("method", "worst"), [("snip", 0.8), ("arpls", 0.3)])
def test_pure_background_stays_what_it_is(method, worst):
    """In units of the noise of one point: clipping goes below noise, and below hills."""
    result = baseline(measured(5, count=0), method=method, width=8.0)
    off = (result["baseline"].values - TRUTH) / np.sqrt(TRUTH)
    assert np.sqrt(np.mean(off**2)) < worst
    assert off.mean() < 0


def test_areas_of_peaks_survive():
    clean = xk.pattern(X, TRUTH + peaks(3, 1), wavelength=1.54)
    result = baseline(clean, method="snip", width=6.0)
    near = np.abs(X - X[np.argmax(peaks(3, 1))]) < 1.5
    area = np.trapezoid(result["intensity"].values[near], X[near])
    assert area == pytest.approx(np.trapezoid(peaks(3, 1)[near], X[near]), rel=0.06)


def test_formulas_on_small_cases():
    line = np.linspace(50.0, 150.0, 200)
    np.testing.assert_allclose(snip(line, 10), line, rtol=0.02)
    np.testing.assert_allclose(arpls(line, 1e4), line, rtol=1e-6)
    spike = line.copy()
    spike[100] += 1000
    np.testing.assert_allclose(snip(spike, 10), line, rtol=0.02)
    np.testing.assert_allclose(arpls(spike, 1e4), line, rtol=1e-2)
    one = snip(np.full(50, 7.0), 5)
    np.testing.assert_allclose(one, 7.0)


def test_penalty_is_that_of_second_differences():
    """With equal weights arPLS is the smoother (1 + λ DᵀD)⁻¹ y; noise below the line keeps 1."""
    n, smoothness = 40, 30.0
    difference = np.diff(np.eye(n), 2, axis=0)
    y = np.cos(np.arange(n))
    whole = np.linalg.solve(np.eye(n) + smoothness * difference.T @ difference, y)
    assert np.corrcoef(arpls(y, smoothness), whole)[0, 1] > 0.9


@pytest.mark.parametrize("method", ["snip", "arpls"])
def test_errors_are_systematic_and_labelled(method):
    profile = measured(1)
    before = profile.copy(deep=True)
    result = baseline(profile, method=method, width=8.0)
    assert profile.identical(before)
    schema.validate(result, schema.PROFILE)
    total = profile["intensity"].values
    np.testing.assert_allclose(result["intensity"] + result["baseline"], total, atol=1e-9)
    spread = result["baseline_spread"].values
    assert np.all(spread >= 0)
    assert spread.mean() > 0
    assert list(result["source"].values) == ["profile", "baseline"]
    assert list(result["source_bins"].values) == ["independent", "common"]
    np.testing.assert_allclose(result["errors"].sel(source="baseline"), spread)
    np.testing.assert_allclose(result["sigma"], np.hypot(profile["sigma"], spread))
    model = xk.error_model(result)
    np.testing.assert_allclose(model.independent, profile["sigma"])


def test_sources_that_are_named_are_kept_and_frames_done_one_by_one():
    one = measured(1)
    both = xr.concat([one, measured(2)], "frame", combine_attrs="override", join="exact")
    both = both.assign_coords(wavelength=one.wavelength, emission_weight=one.emission_weight)
    sigma = both["sigma"].values
    both = named(both, {"counting": sigma}, {"transmission": 0.02 * both["intensity"].values})
    result = baseline(both, width=8.0)
    assert list(result["source"].values) == ["counting", "transmission", "baseline"]
    alone = baseline(one, width=8.0)
    np.testing.assert_allclose(result["baseline"].values[0], alone["baseline"].values)
    twice = baseline(result, width=8.0)
    assert len(set(twice["source"].values)) == 4


def test_points_without_data_have_no_baseline():
    profile = measured(1)
    values = profile["intensity"].values.copy()
    values[1000:1010] = np.nan
    profile = profile.assign(intensity=(("two_theta",), values, profile["intensity"].attrs))
    for method in ("snip", "arpls"):
        result = baseline(profile, method=method, width=8.0)
        gap = np.isnan(result["baseline"].values)
        np.testing.assert_array_equal(np.flatnonzero(gap), np.arange(1000, 1010))
    empty = profile.assign(intensity=profile["intensity"] * np.nan)
    empty["intensity"].attrs = profile["intensity"].attrs
    with pytest.raises(CurveError, match="only 0 points"):
        baseline(empty)


@pytest.mark.parametrize(
    "settings", [{"method": "rolling"}, {"width": 0.01}, {"width": 500.0}, {"width": np.nan}]
)
def test_refusals(settings):
    with pytest.raises(SpecError):
        baseline(measured(1), **settings)


@pytest.mark.parametrize("bad", [np.nan, 1e290], ids=["no data", "too large"])
@pytest.mark.parametrize("method", ["snip", "arpls"])
def test_a_frame_without_data_costs_the_others_nothing(bad, method):
    one = measured(1)
    rows = np.stack([one.intensity.values] * 3)
    rows[1] = bad
    dims = ("frame", "two_theta")
    series = one.drop_vars(["intensity", "sigma"]).assign(
        intensity=(dims, rows, one.intensity.attrs),
        sigma=(dims, np.sqrt(np.maximum(np.stack([one.intensity.values] * 3), 1)), one.sigma.attrs),
    )
    result = baseline(series, method=method, width=8.0)
    alone = baseline(one, method=method, width=8.0)
    for frame in (0, 2):
        np.testing.assert_array_equal(result.baseline.values[frame], alone.baseline.values)
        np.testing.assert_array_equal(
            result.baseline_spread.values[frame], alone.baseline_spread.values
        )
    assert np.isnan(result.baseline.values[1]).all()
    assert np.isnan(result.intensity.values[1]).all()
    assert list(result.baseline_verdict.values) == ["ok", "unidentifiable", "ok"]
    assert result.baseline_reason.values[1] != ""
    assert result.baseline_reason.values[0] == ""
    with pytest.raises(CurveError, match=r"only 0 points|no numbers"):
        baseline(series.isel(frame=[1]), method=method, width=8.0)
