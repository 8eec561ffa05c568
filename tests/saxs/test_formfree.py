"""Form-free size distributions by every method."""

import numpy as np
import pytest
import xarray as xr

import xrdkit as xk
from xrdkit import errors, schema
from xrdkit.saxs.kernel import kernel
from xrdkit.saxs.shapes import CoreShell, Spheroid

#: Methods, with the number of curves that they are tried on.
COUNTS = {"tikhonov": 15, "maxent": 8, "montecarlo": 5}
METHODS = list(COUNTS)
#: Share of the curves whose intervals of two standard errors hold the truth, at least.
LEAST_INSIDE = {"tikhonov": 0.81, "maxent": 0.81, "montecarlo": 0.8}


def spec(method, **options):
    return xk.SizeSpec(method=method, contrast=10.0, **options)


def series(sets, name, count, factor=1.0):
    sigma, curves = sets.noisy(name, count)
    profiles = [xk.profile(sets.Q, row, sigma * factor, unit="1/nm") for row in curves]
    return xr.concat(profiles, dim="frame", join="exact")


def inside(found, true, widths):
    return np.mean(np.abs(found.values - true) < widths)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["A", "E"])
def test_one_mode_is_recovered(sets, name, method):
    result = xk.fit_sizes(series(sets, name, COUNTS[method]), spec(method))
    schema.validate(result, schema.SIZES)
    truth = sets.lognormal_moments(5.0, 0.2) | {"volume_fraction": 0.01}
    median = 5.0 * np.exp(3 * 0.2**2)
    truth["specific_surface"] = 3.0 * np.exp(0.5 * 0.2**2) / median
    assert set(result.verdict.values) == {"ok"}
    assert set(result.verdict_reason.values) == {""}
    for key, bias in (
        ("mean_radius_volume", 1e-3),
        ("width_volume", 2e-2),
        ("volume_fraction", 1e-3),
        ("specific_surface", 1e-2),
    ):
        found, sigma = result[key], result[key + "_sigma"].values
        assert abs(found.values.mean() / truth[key] - 1) < bias
        assert inside(found, truth[key], 2 * sigma) >= LEAST_INSIDE[method]
    surface = result.volume_fraction * result.specific_surface
    np.testing.assert_allclose(result.surface_per_volume, surface, rtol=1e-3)
    assert np.all(np.isnan(result.mean_radius_number))
    assert np.all(result.modes == 1)
    np.testing.assert_array_equal(
        result.population_volume_fraction.values[:, 0], result.volume_fraction
    )
    area = np.trapezoid(result.distribution_volume, result.radius, axis=-1)
    np.testing.assert_allclose(area, 1, rtol=1e-3)


def test_mode_and_percentiles_are_those_of_the_distribution(sets):
    result = xk.fit_sizes(series(sets, "A", 12), spec("tikhonov"))
    median = 5.0 * np.exp(3 * 0.2**2)
    for found, sigma, true in (
        (result.mode_radius_volume, result.mode_radius_volume_sigma, median * np.exp(-(0.2**2))),
        (result.median_radius_volume, result.median_radius_volume_sigma, median),
    ):
        assert abs(found.values.mean() / true - 1) < 5e-3
        assert inside(found, true, 2 * sigma.values) > 0.8
    z = np.array([-1.2815515655446, 0.0, 1.2815515655446])
    found = result.radius_percentile_volume.values.mean(axis=0)
    np.testing.assert_allclose(found, median * np.exp(0.2 * z), rtol=1e-2)
    top = result.radius.values[result.distribution_volume.values.argmax(axis=1)]
    np.testing.assert_allclose(result.mode_radius_volume, top, rtol=0.03)


@pytest.mark.parametrize("method", METHODS)
def test_two_modes_have_numbers_of_their_own(sets, method):
    result = xk.fit_sizes(series(sets, "B", COUNTS[method]), spec(method))
    assert np.all(result.modes == 2)
    assert np.all(result.modes_unresolved == 0)
    for k, median in enumerate((3.0, 10.0)):
        true = sets.lognormal_moments(median, 0.15)["mean_radius_volume"]
        found = result.population_mean_radius_volume.values[:, k]
        assert abs(found.mean() / true - 1) < 2e-3
        fraction = result.population_volume_fraction.values[:, k]
        assert abs(fraction.mean() / 0.005 - 1) < 3e-3
        scatter = result.population_volume_fraction_sigma.values[:, k]
        assert np.all((scatter > 1e-6) & (scatter < 1e-4))
        # Modes of relative width 0.15 are told from single sizes.
        assert np.all(result.population_resolution.values[:, k] < 0.13)


def test_modes_nearer_than_the_smoothing_are_one(sets):
    clean = sets.spheres(5.0, 0.03, 0.005) + sets.spheres(5.6, 0.03, 0.005)
    sigma = 0.05 * clean + 1e-4
    noise = np.random.default_rng(3).standard_normal(clean.shape)
    result = xk.fit_sizes(
        xk.profile(sets.Q, clean + sigma * noise, sigma, unit="1/nm"), spec("tikhonov")
    )
    assert float(result.modes) == 1


@pytest.mark.parametrize("rule", ["l_curve", "evidence"])
def test_other_ways_to_choose_the_smoothing(sets, rule):
    result = xk.fit_sizes(series(sets, "A", 6), spec("tikhonov", regularisation=rule))
    default = xk.fit_sizes(series(sets, "A", 6), spec("tikhonov"))
    true = sets.lognormal_moments(5.0, 0.2)
    for key, bias in (("mean_radius_volume", 2e-3), ("width_volume", 2e-2)):
        assert abs(result[key].values.mean() / true[key] - 1) < bias
    strength = result.parameter_value.sel(parameter="log10_regularisation")
    assert np.all(strength != default.parameter_value.sel(parameter="log10_regularisation"))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_errors_wrong_by_a_factor_change_nothing(sets, method, factor):
    right = xk.fit_sizes(series(sets, "A", 1).isel(frame=0), spec(method))
    other = xk.fit_sizes(series(sets, "A", 1, factor).isel(frame=0), spec(method))
    for key in ("mean_radius_volume", "width_volume", "width_volume_sigma", "volume_fraction"):
        np.testing.assert_allclose(other[key], right[key], rtol=1e-3)
    np.testing.assert_allclose(other.sigma_scale * factor, right.sigma_scale, rtol=1e-6)
    assert float(right.sigma_scale) == pytest.approx(1.0, abs=0.15)
    raw = xk.fit_sizes(series(sets, "A", 1, factor).isel(frame=0), spec(method, scale_errors=False))
    assert float(raw.sigma_scale) == 1.0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("factor", [1e-9, 1e9])
def test_absurd_errors_end_and_are_called_so(sets, method, factor):
    right = xk.fit_sizes(series(sets, "A", 1).isel(frame=0), spec(method))
    result = xk.fit_sizes(series(sets, "A", 1, factor).isel(frame=0), spec(method))
    assert float(result.mean_radius_volume) == pytest.approx(float(right.mean_radius_volume))
    assert str(result.verdict.values) == ("misfit" if factor < 1 else "ok")


@pytest.mark.parametrize("method", METHODS)
def test_series_gives_exactly_what_single_fits_give(sets, method):
    many = series(sets, "E", 3)
    together = xk.fit_sizes(many, spec(method))
    alone = xk.fit_sizes(many.isel(frame=2), spec(method))
    for name in ("mean_radius_volume", "width_volume_sigma", "distribution_volume"):
        np.testing.assert_array_equal(together[name].isel(frame=2), alone[name])


@pytest.mark.parametrize("method", METHODS)
def test_background_alone_is_no_particle(sets, method):
    noise = np.random.default_rng(2).standard_normal(sets.Q.shape)
    profile = xk.profile(sets.Q, 0.1 + 0.002 * noise, 0.002 + 0 * sets.Q, unit="1/nm")
    assert str(xk.fit_sizes(profile, spec(method)).verdict.values) == "unidentifiable"


def test_smoothing_is_a_part_of_the_error(sets):
    result = xk.fit_sizes(series(sets, "A", 3), spec("tikhonov"))
    for key in ("mean_radius_volume", "width_volume", "scattering_volume"):
        smoothing = np.abs(result[key + "_smoothing"].values)
        assert np.all(smoothing > 0)
        assert np.all(smoothing < result[key + "_sigma"].values)
        assert result[key + "_smoothing"].attrs["units"] == result[key].attrs["units"]
    band = result.distribution_volume_sigma.values
    assert np.all(np.isfinite(band))
    assert np.all(band.max(axis=1) < 0.2 * result.distribution_volume.values.max(axis=1))
    assert "smoothed" in result.distribution_volume_sigma.attrs["long_name"]


def test_particles_that_are_no_spheres(sets):
    shape = Spheroid(aspect_ratio=1.5, fit_aspect_ratio=False)
    profile = series(sets, "A", 1).isel(frame=0)
    spheres = xk.fit_sizes(profile, spec("tikhonov"))
    result = xk.fit_sizes(profile, spec("tikhonov", shape=shape))
    # The same curve, told as that of longer particles: thinner, with more surface.
    assert float(result.mean_radius_volume) < 0.95 * float(spheres.mean_radius_volume)
    assert float(result.radius_of_gyration) == pytest.approx(
        float(spheres.radius_of_gyration), rel=0.02
    )
    assert float(result.volume_fraction) == pytest.approx(0.01, rel=0.02)


def test_core_shell_particles_are_counted_whole(sets):
    shape = CoreShell(
        core_contrast=30.0, shell_contrast=5.0, shell_thickness=2.0, fit_shell_thickness=False
    )
    first, count, level = 20, 60, 5
    radius = np.exp(np.arange(first, first + count) * 2.0**-level)
    weights = np.exp(-0.5 * (np.log(radius / 5.0) / 0.2) ** 2)
    weights *= 0.002 / weights.sum()
    clean = kernel(sets.Q, shape=shape).apply(level, first, weights)
    whole = weights * shape.volume(radius, shape.stated)
    sigma = 0.01 * clean + 1e-4
    noise = np.random.default_rng(5).standard_normal(clean.shape)
    profile = xk.profile(sets.Q, clean + sigma * noise, sigma, unit="1/nm")
    result = xk.fit_sizes(profile, xk.SizeSpec(method="tikhonov", shape=shape))
    assert str(result.verdict.values) == "ok"
    assert float(result.volume_fraction) == pytest.approx(whole.sum(), rel=0.01)
    mean = float(whole @ radius / whole.sum())
    assert abs(float(result.mean_radius_volume) - mean) < 4 * float(result.mean_radius_volume_sigma)
    assert float(result.mean_radius_volume) == pytest.approx(mean, rel=0.01)


def test_smeared_curves_give_the_same_sizes(sets):
    from xrdkit.saxs import slit_smearing

    smearing = slit_smearing(sets.Q, 0.3)
    clean = smearing.apply(sets.spheres(5.0, 0.2, 0.01, smearing.q_model))
    sigma = 0.01 * clean + 1e-4
    noise = np.random.default_rng(4).standard_normal(clean.shape)
    profile = xk.profile(sets.Q, clean + sigma * noise, sigma, unit="1/nm")
    settings = xk.SmearingSpec(slit_length=0.3)
    for method in METHODS:
        result = xk.fit_sizes(profile, spec(method, smearing=settings))
        assert str(result.verdict.values) == "ok"
        wrong = float(result.mean_radius_volume) - 5.75137
        assert abs(wrong) < 4 * float(result.mean_radius_volume_sigma)
        assert float(result.volume_fraction) == pytest.approx(0.01, rel=0.01)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"method": "tikhonov", "populations": 2}, "populations"),
        ({"method": "maxent", "regularisation": "evidence"}, "regularisation"),
        ({"method": "tikhonov", "regularisation": "magic"}, "regularisation"),
        ({"method": "montecarlo", "contributions": 1}, "contributions"),
        ({"method": "montecarlo", "repetitions": 0}, "repetitions"),
        ({"method": "montecarlo", "seed": -1}, "seed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_settings_that_make_no_sense(wrong, word):
    with pytest.raises(errors.SpecError, match=word):
        xk.SizeSpec(**wrong)
