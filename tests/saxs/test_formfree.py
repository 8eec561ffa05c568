"""Form-free size distributions, and the least squares beneath them."""

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import nnls

import xrdkit as xk
from xrdkit import errors, schema
from xrdkit.saxs.nonnegative import nonnegative

TIKHONOV = xk.SizeSpec(method="tikhonov", contrast=10.0)


def series(sets, name, count, factor=1.0):
    sigma, curves = sets.noisy(name, count)
    profiles = [xk.profile(sets.Q, row, sigma * factor, unit="1/nm") for row in curves]
    return xr.concat(profiles, dim="frame", join="exact")


@pytest.mark.parametrize("seed", range(20))
def test_nonnegative_least_squares_agrees_with_scipy(seed):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((40, 25))
    target = rng.standard_normal(40)
    gram, product = matrix.T @ matrix, matrix.T @ target
    free = np.zeros(25, dtype=bool)
    expected, _ = nnls(matrix, target)
    start = None if seed % 2 else rng.random(25) > 0.5
    found, positive = nonnegative(gram, product, free=free, start=start)
    np.testing.assert_allclose(found, expected, atol=1e-10)
    assert np.all(found[~positive] == 0)


def test_free_unknowns_may_be_negative():
    matrix = np.eye(3)
    free = np.array([True, False, False])
    found, _ = nonnegative(matrix, np.array([-1.0, -1.0, 2.0]), free=free)
    np.testing.assert_allclose(found, [-1, 0, 2])


@pytest.mark.parametrize("name", ["A", "E"])
def test_one_mode_is_recovered(sets, name):
    result = xk.fit_sizes(series(sets, name, 15), TIKHONOV)
    schema.validate(result, schema.SIZES)
    truth = sets.lognormal_moments(5.0, 0.2)
    assert set(result.verdict.values) == {"ok"}
    for key, true, bias in (
        ("mean_radius_volume", truth["mean_radius_volume"], 1e-3),
        ("width_volume", truth["width_volume"], 2e-2),
        ("volume_fraction", 0.01, 1e-3),
    ):
        found, sigma = result[key].values, result[key + "_sigma"].values
        assert abs(found.mean() / true - 1) < bias
        assert np.mean(np.abs(found - true) < 2 * sigma) > 0.8
    assert np.all(np.isnan(result.mean_radius_number))
    area = np.trapezoid(result.distribution_volume, result.radius, axis=-1)
    np.testing.assert_allclose(area, 1, rtol=1e-3)


def test_both_modes_appear(sets):
    result = xk.fit_sizes(series(sets, "B", 5), TIKHONOV)
    small = result.radius.values < 6.0
    step = np.diff(result.radius_edges.values)
    for density in result.distribution_volume.values:
        share = density * step
        assert share[small].sum() == pytest.approx(0.5, abs=0.01)
        for part, median in ((small, 3.0), (~small, 10.0)):
            mean = (share * result.radius.values)[part].sum() / share[part].sum()
            true = sets.lognormal_moments(median, 0.15)["mean_radius_volume"]
            assert mean == pytest.approx(true, rel=5e-3)


def test_errors_wrong_by_a_factor_change_nothing(sets):
    right = xk.fit_sizes(series(sets, "A", 1), TIKHONOV)
    for factor in (0.5, 2.0):
        other = xk.fit_sizes(series(sets, "A", 1, factor), TIKHONOV)
        for key in ("mean_radius_volume", "width_volume", "width_volume_sigma"):
            np.testing.assert_allclose(other[key], right[key], rtol=0.1)
        np.testing.assert_allclose(other.sigma_scale * factor, right.sigma_scale, rtol=0.02)


def test_series_gives_exactly_what_single_fits_give(sets):
    many = series(sets, "E", 3)
    together = xk.fit_sizes(many, TIKHONOV)
    alone = xk.fit_sizes(many.isel(frame=2), TIKHONOV)
    for name in ("mean_radius_volume", "width_volume_sigma", "distribution_volume"):
        np.testing.assert_array_equal(together[name].isel(frame=2), alone[name])


def test_background_alone_is_no_particle(sets):
    noise = np.random.default_rng(2).standard_normal(sets.Q.shape)
    profile = xk.profile(sets.Q, 0.1 + 0.002 * noise, 0.002 + 0 * sets.Q, unit="1/nm")
    assert str(xk.fit_sizes(profile, TIKHONOV).verdict.values) == "unidentifiable"


def test_several_form_free_populations_make_no_sense():
    with pytest.raises(errors.SpecError, match="populations"):
        xk.SizeSpec(method="tikhonov", populations=2)
