"""Sampling of the posterior."""

import numpy as np
import pytest
import xarray as xr

import xrdkit as xk
from xrdkit import errors, schema
from xrdkit.saxs import sphere_intensity
from xrdkit.saxs.ensemble import autocorrelation_time, sample


def profile(sets, name="A"):
    sigma, curves = sets.noisy(name, 1)
    return xk.profile(sets.Q, curves[0], sigma, unit="1/nm")


def test_sampler_finds_a_normal_distribution_of_any_scale():
    rng = np.random.default_rng(1)
    mean = np.array([3.0, -2e4, 1e-3])
    root = np.diag([1.0, 1e3, 1e-5]) @ np.array([[1, 0, 0], [0.9, 0.5, 0], [-0.5, 0.2, 1]])
    inverse = np.linalg.inv(root)

    def log_probability(x):
        z = inverse @ (x - mean)
        return -0.5 * float(z @ z)

    start = mean + rng.standard_normal((20, 3)) @ root.T
    chain, acceptance = sample(log_probability, start, 4000, rng)
    assert 0.4 < acceptance < 0.9
    flat = chain[500:].reshape(-1, 3)
    covariance = root @ root.T
    scale = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose((flat.mean(axis=0) - mean) / scale, 0, atol=0.1)
    np.testing.assert_allclose(
        np.cov(flat.T) / np.outer(scale, scale), covariance / np.outer(scale, scale), atol=0.12
    )
    assert 5 < autocorrelation_time(chain) < 200


def test_autocorrelation_time_of_a_known_process():
    rng = np.random.default_rng(2)
    memory = 0.9
    chain = np.zeros((20000, 8, 1))
    for i in range(1, len(chain)):
        chain[i] = memory * chain[i - 1] + rng.standard_normal((8, 1))
    expected = (1 + memory) / (1 - memory)
    assert autocorrelation_time(chain) == pytest.approx(expected, rel=0.1)


def test_intervals_are_those_of_the_covariance_where_the_model_is_linear(sets):
    spec = xk.SizeSpec(contrast=10.0)
    before = profile(sets)
    result = xk.sample_sizes(before, spec, xk.PosteriorSpec(walkers=16, steps=4000))
    schema.validate(result, schema.SIZES)
    assert before.identical(profile(sets))
    assert str(result.verdict_reason.values) == ""
    for name in ("mean_radius_volume", "width_volume", "mean_radius_number", "volume_fraction"):
        low, high = float(result[f"{name}_low"]), float(result[f"{name}_high"])
        sigma = float(result[f"{name}_sigma"])
        assert (high - low) / 2 == pytest.approx(sigma, rel=0.25)
        assert (high + low) / 2 == pytest.approx(float(result[name]), abs=0.4 * sigma)
        assert result[f"{name}_low"].attrs["units"] == result[name].attrs["units"]
    assert 0.2 < float(result.posterior_acceptance) < 0.9
    names = list(result.parameter.values)
    porod = result.posterior_sample.values[:, names.index("background_porod")]
    assert porod.min() >= 0


def test_stated_errors_are_taken_as_they_are(sets):
    data = profile(sets)
    wrong = data.assign(sigma=data.sigma * 2.0)
    sampling = xk.PosteriorSpec(walkers=16, steps=600, burn_in=200)
    widths = {}
    for scaled in (True, False):
        spec = xk.SizeSpec(scale_errors=scaled)
        result = xk.sample_sizes(wrong, spec, sampling)
        widths[scaled] = float(result.mean_radius_volume_high - result.mean_radius_volume_low)
    assert widths[False] / widths[True] == pytest.approx(2.0, rel=0.3)


def test_a_series_with_a_frame_without_particles(sets):
    noise = np.random.default_rng(2).standard_normal(sets.Q.shape)
    empty = xk.profile(sets.Q, 0.1 + 0.002 * noise, 0.002 + 0 * sets.Q, unit="1/nm")
    many = xr.concat([profile(sets), empty], dim="frame", join="exact")
    sampling = xk.PosteriorSpec(steps=40, burn_in=10)
    result = xk.sample_sizes(many, xk.SizeSpec(), sampling)
    assert np.isfinite(result.mean_radius_volume_low.values).tolist() == [True, False]
    assert result.posterior_sample.dims == ("frame", "sample", "parameter")
    assert "more steps" in str(result.verdict_reason.values[0])
    alone = xk.sample_sizes(profile(sets), xk.SizeSpec(), sampling)
    np.testing.assert_array_equal(
        alone.mean_radius_volume_low, result.mean_radius_volume_low.isel(frame=0)
    )


@pytest.mark.parametrize("wrong", [{"walkers": 5}, {"steps": 1}, {"seed": -1}, {"burn_in": 0.5}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(errors.SpecError, match=next(iter(wrong))):
        xk.PosteriorSpec(**wrong)


def test_what_has_no_posterior_is_refused(sets):
    data = profile(sets)
    with pytest.raises(errors.SpecError, match="tikhonov"):
        xk.sample_sizes(data, xk.SizeSpec(method="tikhonov"))
    with pytest.raises(errors.SchemaError, match="sigma"):
        xk.sample_sizes(data.drop_vars("sigma"))
    with pytest.raises(errors.SpecError, match="walkers"):
        xk.sample_sizes(data, sampling=xk.PosteriorSpec(walkers=4, steps=10))


def test_frames_of_a_series_are_sampled_one_by_one():
    q = np.geomspace(0.05, 4.0, 60)
    rng = np.random.default_rng(5)
    curves = []
    for median in (3.0, 4.0):
        clean = sphere_intensity(
            q, median_number=median, width=0.2, volume_fraction=0.01, contrast=10.0
        )
        sigma = 0.01 * clean
        curves.append(
            xk.profile(q, clean + sigma * rng.standard_normal(q.size), sigma, unit="1/nm")
        )
    series = xk.join_profiles(curves)
    series["intensity"].values[0] = np.nan  # a frame without a curve loses nothing but itself
    told = xk.sample_sizes(series, xk.SizeSpec(), xk.PosteriorSpec(steps=40, burn_in=20))
    assert list(np.isfinite(told["mean_radius_volume_low"].values)) == [False, True]
    assert told["mean_radius_volume_low"][1] < told["mean_radius_volume"][1]
    assert told["mean_radius_volume"][1] < told["mean_radius_volume_high"][1]
