"""Curves that tell less than they seem to: what is said of them is right, or they are not `ok`."""

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.saxs.formfree_numbers import _quantiles

FORM_FREE = ["tikhonov", "maxent", "montecarlo"]
METHODS = ["lognormal", *FORM_FREE]
SIZES = ("mean_radius_volume", "width_volume", "median_radius_volume", "mode_radius_volume")


def measured(sets, clean, relative=0.006, absolute=1e-3, seed=21):
    sigma = relative * np.abs(clean) + absolute
    noise = np.random.default_rng(seed).standard_normal(clean.size)
    return xk.profile(sets.Q, clean + sigma * noise, sigma, unit="1/nm")


def fit(profile, method, **options):
    return xk.fit_sizes(profile, xk.SizeSpec(method=method, contrast=10.0, **options))


def verdict(result):
    return str(result.verdict.values)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scale_errors", [True, False])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_no_number_of_a_size_is_told_of_a_constant(sets, method, scale_errors, sign):
    curve = np.full(sets.Q.shape, sign)
    result = fit(
        xk.profile(sets.Q, curve, 0.01 * np.ones_like(curve), unit="1/nm"),
        method,
        scale_errors=scale_errors,
    )
    assert verdict(result) == "unidentifiable"
    for name in set(SIZES) & set(result):
        assert np.isnan(result[name])
        assert np.isnan(result[name + "_sigma"])
    assert np.all(np.isnan(result.distribution_volume))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("power", [0.0, 4.0])
def test_nor_of_an_exact_background(sets, method, power):
    curve = 1e-3 * sets.Q**-power
    for sigma in (0.01 * curve, None):
        result = fit(xk.profile(sets.Q, curve, sigma, unit="1/nm"), method)
        assert verdict(result) == "unidentifiable"
        assert np.isnan(result.mean_radius_volume)


@pytest.mark.parametrize("method", ["lognormal", "tikhonov", "maxent"])
@pytest.mark.parametrize("factor", [1e-9, 1.0, 1e9])
def test_an_exact_curve_is_exact_whatever_its_errors(sets, method, factor):
    clean = sets.truth("A")
    result = fit(xk.profile(sets.Q, clean, 0.01 * factor * clean, unit="1/nm"), method)
    assert float(result.mean_radius_volume) == pytest.approx(5.75137, rel=1e-4)
    assert np.isfinite(result.mean_radius_volume_sigma)
    raw = fit(xk.profile(sets.Q, clean, 1e3 * clean, unit="1/nm"), method, scale_errors=False)
    # Errors of a thousand times the curve are taken for what they are.
    assert verdict(raw) == "unidentifiable"
    assert np.isnan(raw.mean_radius_volume)


@pytest.mark.parametrize("method", ["tikhonov", "maxent"])
def test_two_decades_of_sizes_go_on_beyond_what_is_seen(sets, method):
    wide = measured(sets, sets.spheres(0.3, 1.0, 0.01) + 0.02)
    result = fit(wide, method)
    assert (
        float(result.mean_radius_volume)
        < 0.95 * sets.lognormal_moments(0.3, 1.0)["mean_radius_volume"]
    )
    assert verdict(result) == "at_bound"
    assert "goes on beyond" in str(result.verdict_reason.values)


@pytest.mark.parametrize("method", ["tikhonov", "maxent"])
@pytest.mark.parametrize(
    ("median", "width"), [(1.0, 0.2), (2.0, 0.5), (8.0, 0.4), (15.0, 0.25), (25.0, 0.2)]
)
def test_what_ends_within_the_range_is_not_doubted(sets, method, median, width):
    clean = sets.spheres(median, width, 0.02 if median < 5 else 0.001) + 1e-3
    result = fit(measured(sets, clean, absolute=1e-4), method)
    assert verdict(result) == "ok"
    true = sets.lognormal_moments(median, width)["mean_radius_volume"]
    assert float(result.mean_radius_volume) == pytest.approx(true, rel=6e-3)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("radius", [0.25, 0.4])
def test_sizes_below_what_the_range_tells_are_not_ok(sets, method, radius):
    clean = sets.spheres(radius, 0.1, 0.05)
    assert verdict(fit(measured(sets, clean, 0.01, 2e-5), method)) != "ok"


@pytest.mark.parametrize("method", FORM_FREE)
@pytest.mark.parametrize("share", [0.5, 0.03])
def test_modes_three_times_apart_are_two(sets, method, share):
    parts = sets.spheres(4.0, 0.12, 0.01 * share), sets.spheres(12.0, 0.12, 0.01 * (1 - share))
    result = fit(measured(sets, sum(parts) + 0.02), method)
    assert verdict(result) == "ok"
    assert int(result.modes) == 2
    means = [sets.lognormal_moments(m, 0.12)["mean_radius_volume"] for m in (4.0, 12.0)]
    np.testing.assert_allclose(result.population_mean_radius_volume, means, rtol=0.02)
    amounts = [0.01 * share, 0.01 * (1 - share)]
    np.testing.assert_allclose(result.population_volume_fraction, amounts, rtol=0.1)


def test_a_tenth_of_cylinders_shows_in_the_methods(sets):
    """Spheres of some sizes scatter like a few rods: no single fit of them can know."""
    clean = 0.9 * sets.spheres(5.0, 0.2, 0.01) + 0.1 * sets.cylinders() + 0.02
    profile = measured(sets, clean)
    both = xk.compare_size_methods(
        profile, xk.SizeSpec(contrast=10.0), methods=["lognormal", "tikhonov"]
    )
    assert list(both.verdict.values) == ["misfit", "ok"]
    assert float(both.width_volume_method_spread) > 5 * float(both.width_volume_sigma[1])


@pytest.mark.parametrize("method", ["lognormal", "tikhonov", "maxent"])
def test_negative_points_after_subtraction_are_points(sets, method):
    profile = measured(sets, sets.spheres(5.0, 0.2, 0.01) - 0.02, absolute=3e-2)
    assert np.mean(profile.intensity.values < 0) > 0.1
    result = fit(profile, method)
    assert verdict(result) == "ok"
    wrong = float(result.mean_radius_volume) - 5.75137
    assert abs(wrong) < 4 * float(result.mean_radius_volume_sigma)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("told", [1 / 3, 3.0], ids=["too small", "too large"])
def test_errors_wrong_by_three_are_found(sets, method, told):
    profile = measured(sets, sets.spheres(5.0, 0.2, 0.01) + 0.02)
    profile = profile.assign(sigma=profile.sigma.copy(data=profile.sigma.values * told))
    result = fit(profile, method)
    assert verdict(result) == "ok"
    assert float(result.sigma_scale) == pytest.approx(1 / told, rel=0.15)
    wrong = float(result.mean_radius_volume) - 5.75137
    assert abs(wrong) < 4 * float(result.mean_radius_volume_sigma)


@pytest.mark.parametrize("method", METHODS)
def test_waves_in_the_residuals_are_a_misfit(sets, method):
    clean = sets.spheres(5.0, 0.2, 0.01)
    waves = 0.03 * clean * np.sin(6 * np.log(sets.Q))
    result = fit(measured(sets, clean + waves + 0.02), method)
    assert verdict(result) != "ok"


def test_percentiles_are_exact_on_coarse_nodes():
    step = 2.0**-5
    for width in (0.1, 0.15, 0.3):
        log = np.arange(-60, 61) * step + 0.4 * step
        share = np.exp(-0.5 * (log / width) ** 2)
        share /= share.sum()
        found = log[0] + step * _quantiles(share, np.array([10.0, 50.0, 90.0]))
        expected = width * np.array([-1.2815515655446, 0.0, 1.2815515655446])
        np.testing.assert_allclose(found, expected, atol=1e-4)
