"""Named sources of errors and banded covariance, against dense matrices and drawn noise."""

import numpy as np
import pytest
import xarray as xr
from frames_in_memory import SHAPE, make_frames, reference_geometry
from named_profiles import Smoothed, named

import xrdkit as xk
from xrdkit.errors import SchemaError
from xrdkit.uncertainty import (
    ErrorModel,
    effective_points,
    error_model,
    independent_sigma,
    neighbour_correlation,
    weighted_mean,
)

N = 60
SIGMA = np.linspace(1.0, 3.0, N)


def example() -> tuple[Smoothed, ErrorModel]:
    smoothed = Smoothed(SIGMA, width=3.0)
    share = np.linspace(0.2, 0.9, N)
    model = ErrorModel(
        band=smoothed.band,
        common=np.stack([0.5 * np.ones(N), -0.1 * np.arange(N)]),
        common_sources=("monitor", "transmission"),
        single=np.stack([np.sqrt(share) * SIGMA, np.sqrt(1 - share) * SIGMA]),
        single_sources=("counting", "dark"),
    )
    return smoothed, model


def dense(model: ErrorModel) -> np.ndarray:
    return model.matrix() - model.common.T @ model.common


def flat(intensity: np.ndarray, sigma: np.ndarray) -> xr.Dataset:
    return xk.profile(np.arange(1.0, N + 1), intensity, sigma, unit="1/nm")


def test_the_band_is_the_covariance_of_the_kernel():
    smoothed, model = example()
    np.testing.assert_allclose(dense(model), smoothed.matrix, atol=1e-12)
    np.testing.assert_allclose(model.independent, SIGMA)
    np.testing.assert_allclose(model.sigma**2, np.diag(model.matrix()))


def test_propagation_is_that_of_the_dense_matrix():
    _, model = example()
    estimator = np.random.default_rng(0).standard_normal((4, N))
    expected = estimator @ model.matrix() @ estimator.T
    np.testing.assert_allclose(model.propagate(estimator), expected, rtol=1e-12)
    where = np.arange(N) % 7 != 3
    some = estimator[:, where] @ model.matrix()[np.ix_(where, where)] @ estimator[:, where].T
    np.testing.assert_allclose(model.propagate(estimator[:, where], where), some, rtol=1e-12)
    parts, shifts = model.parts(estimator), model.shifts(estimator)
    assert parts.shape == (2, 4, 4)
    whole = parts.sum(axis=0) + shifts.T @ shifts
    np.testing.assert_allclose(whole, expected, rtol=1e-10)
    np.testing.assert_allclose(shifts, model.common @ estimator.T)


def test_parts_of_uncorrelated_points_are_those_of_each_source():
    _, model = example()
    plain = ErrorModel(
        band=model.band[:1],
        common=model.common,
        common_sources=model.common_sources,
        single=model.single,
        single_sources=model.single_sources,
    )
    estimator = np.random.default_rng(1).standard_normal((3, N))
    for part, errors in zip(plain.parts(estimator), model.single, strict=True):
        np.testing.assert_allclose(part, (estimator * errors**2) @ estimator.T, rtol=1e-10)


@pytest.mark.parametrize(
    "at",
    [np.arange(10, 40), np.flatnonzero(np.arange(N) % 3 != 1), np.arange(N)[::-1], np.array([5])],
)
def test_a_part_of_the_points_keeps_their_covariance(at):
    _, model = example()
    found = model.select(at)
    np.testing.assert_allclose(dense(found), dense(model)[np.ix_(at, at)], atol=1e-12)
    np.testing.assert_allclose(found.common, model.common[:, at])
    np.testing.assert_allclose(found.single, model.single[:, at])


def test_division_and_product():
    _, model = example()
    sigma = np.geomspace(1.0, 4.0, N)
    scaled = model.over(sigma)
    np.testing.assert_allclose(dense(scaled), dense(model) / np.outer(sigma, sigma), atol=1e-12)
    np.testing.assert_allclose(scaled.common, model.common / sigma)
    columns = np.random.default_rng(2).standard_normal((N, 5))
    np.testing.assert_allclose(model.times(columns), dense(model) @ columns, rtol=1e-10)


def test_a_point_without_an_error_counts_with_that_of_its_weight():
    sigma = SIGMA.copy()
    sigma[3] = 0.0
    model = ErrorModel(band=sigma[None] ** 2, common=np.zeros((0, N)), common_sources=())
    np.testing.assert_allclose(model.over(SIGMA).band[0], 1.0)


@pytest.mark.parametrize("cut", [False, True])
def test_draws_have_the_covariance(cut):
    _, model = example()
    band = model.band[:2] if cut else model.band
    short = ErrorModel(band=band, common=model.common, common_sources=model.common_sources)
    draws = short.draw(np.random.default_rng(3), 20000)
    found = np.cov(draws.T) / np.outer(SIGMA, SIGMA)
    np.testing.assert_allclose(np.diag(found), 1.0, atol=0.06)
    if not cut:
        expected = dense(model) / np.outer(SIGMA, SIGMA)
        np.testing.assert_allclose(found, expected, atol=0.06)


def test_variances_that_are_zero_have_no_correlated_draws():
    band = np.zeros((2, N))
    band[1] = 1.0
    model = ErrorModel(band=band, common=np.zeros((0, N)), common_sources=())
    with pytest.raises(SchemaError, match="not positive"):
        model.draw(np.random.default_rng(0), 2)


def test_neighbours_and_effective_points():
    smoothed, model = example()
    rho = smoothed.matrix / np.outer(SIGMA, SIGMA)
    assert neighbour_correlation(model) == pytest.approx(np.mean(np.diag(rho, 1)))
    assert effective_points(model) == pytest.approx(N**2 / rho.sum())
    plain = ErrorModel(band=model.band[:1], common=model.common, common_sources=("a", "b"))
    assert neighbour_correlation(plain) == 0.0
    assert effective_points(plain) == N


def test_the_weighted_mean_of_flat_data_has_the_error_it_states():
    """Bins that overlap threefold, as 800 bins of split pixels do, under one wrong monitor."""
    runs, u = 400, 0.02
    smoothed = Smoothed(SIGMA, width=3.0)
    generator = np.random.default_rng(4)
    noise = smoothed.draw(generator, runs)
    factor = 1 + u * generator.standard_normal(runs)
    for common in (False, True):
        pulls, naive = [], []
        for k in range(runs):
            values = (20.0 + noise[k]) * (factor[k] if common else 1.0)
            profile = named(
                flat(values, SIGMA),
                {"counting": SIGMA},
                {"monitor": u * values} if common else {},
                smoothed.band,
            )
            mean, sigma = weighted_mean(values, error_model(profile))
            pulls.append((mean - 20.0) / sigma)
            naive.append((mean - 20.0) / np.sum(SIGMA**-2.0) ** -0.5)
        assert np.std(pulls) == pytest.approx(1.0, abs=0.1)
        assert abs(np.mean(pulls)) < 0.1
        assert np.std(naive) > 1.5


def test_the_weighted_mean_leaves_out_what_is_no_data():
    model = ErrorModel(
        band=np.array([[1.0, 4.0, np.nan, 0.0]]), common=np.zeros((0, 4)), common_sources=()
    )
    values = np.array([1.0, 2.0, np.nan, 50.0])
    mean, sigma = weighted_mean(values, model)
    assert mean == pytest.approx((1.0 + 2.0 / 4) / 1.25)
    assert sigma == pytest.approx(1.25**-0.5)
    assert np.isnan(weighted_mean(np.full(4, np.nan), model)).all()


def test_a_profile_gives_its_model_frame_by_frame():
    smoothed, model = example()
    rows = np.array([[10.0], [20.0]]) * np.ones(N)
    single = xr.concat([flat(r, SIGMA) for r in rows], dim="frame", join="exact")
    common = {"monitor": model.common[0], "transmission": 0.01 * rows}
    profile = named(
        single,
        dict(zip(model.single_sources, model.single, strict=True)),
        common,
        smoothed.band,
    )
    found = error_model(profile, 1)
    assert found.sources == ("counting", "dark", "monitor", "transmission")
    np.testing.assert_allclose(found.band, smoothed.band)
    np.testing.assert_allclose(found.common[1], 0.2)
    np.testing.assert_allclose(found.single, model.single)
    np.testing.assert_allclose(found.sigma, profile.sigma[1])
    weights = independent_sigma(profile)
    assert weights.dims == profile.sigma.dims
    np.testing.assert_allclose(weights[1], SIGMA)
    assert float(profile.sigma[1, 0]) > 1.05 * SIGMA[0]


def test_profiles_without_sources_have_one():
    profile = flat(np.ones(N), SIGMA)
    model = error_model(profile)
    assert model.sources == ()
    np.testing.assert_allclose(model.independent, SIGMA)
    assert independent_sigma(profile).identical(profile.sigma)
    assert error_model(profile.drop_vars("sigma")) is None
    with pytest.raises(SchemaError, match="sigma"):
        independent_sigma(profile.drop_vars("sigma"))
    lost = named(profile, {"counting": SIGMA}).drop_vars("source_bins")
    with pytest.raises(SchemaError, match="source_bins"):
        error_model(lost)


def test_empty_bins_have_no_weight():
    sigma = np.where(np.arange(N) == 7, np.nan, SIGMA)
    values = sigma / SIGMA
    profile = named(flat(np.ones(N), SIGMA), {"counting": sigma}, {"monitor": 0.1 * values})
    assert np.isnan(independent_sigma(profile).values[7])
    assert np.isnan(error_model(profile).independent[7])


def test_the_mean_through_a_profile_of_split_pixels_has_the_error_it_states():
    """800 bins narrower than a pixel: taken for independent, the error is half of what it is."""
    spec = xk.IntegrationSpec(
        unit="q", bins=800, range=(2.0, 10.0), splitting="full", solid_angle=False
    )
    generator = np.random.default_rng(6)
    pulls, naive = [], []
    for _ in range(10):
        counts = generator.poisson(100.0, (20, *SHAPE)).astype(np.uint16)
        profile = xk.integrate(make_frames(counts), reference_geometry(), spec)
        for k in range(20):
            model = error_model(profile, k)
            mean, sigma = weighted_mean(profile.intensity.values[k], model)
            pulls.append((mean - 100.0) / sigma)
            naive.append((mean - 100.0) / np.nansum(model.independent**-2.0) ** -0.5)
    assert neighbour_correlation(model) == pytest.approx(0.82, abs=0.03)
    assert effective_points(model) == pytest.approx(800 / 4, rel=0.2)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.1)
    assert np.std(naive) > 1.8


def test_weights_without_the_covariance_lose_next_to_nothing():
    """A line ten bins wide on bins that overlap fourfold, against the best linear estimator."""
    x = np.arange(200.0)
    line = np.exp(-0.5 * ((x - 100.3) / (10 / 2.355)) ** 2)
    slope = np.stack([line, np.gradient(line), np.gradient(np.gradient(line)), np.ones(200)])
    smoothed = Smoothed(np.sqrt(20.0 + 100.0 * line), width=4.0, fine=8)
    covariance = smoothed.matrix
    weighted = slope / np.diag(covariance)
    estimator = np.linalg.solve(weighted @ slope.T, weighted)
    ours = np.sqrt(np.diag(estimator @ covariance @ estimator.T))
    best = np.sqrt(np.diag(np.linalg.inv(slope @ np.linalg.solve(covariance, slope.T))))
    assert np.all(ours < 1.01 * best)
    stated = np.sqrt(np.diag(np.linalg.inv(weighted @ slope.T)))
    assert np.all(ours > 1.7 * stated)
    assert np.linalg.cond(covariance) > 1e4
