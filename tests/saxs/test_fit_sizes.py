"""Size fits on curves with known truth."""

import numpy as np
import pytest
import xarray as xr

import xrdkit as xk
from xrdkit import errors, provenance, schema

SEEDS = 30


def series(sets, name, count, factor=1.0):
    sigma, curves = sets.noisy(name, count)
    profiles = [xk.profile(sets.Q, row, sigma * factor, unit="1/nm") for row in curves]
    return xr.concat(profiles, dim="frame", join="exact")


def single(sets, name="A", factor=1.0):
    return series(sets, name, 1, factor).isel(frame=0)


def check(values, errors_, truth, bias):
    assert abs(values.mean() / truth - 1) < bias
    inside = np.abs(values - truth) < errors_
    # 68 % of 30: 20.4 with a standard deviation of 2.6; three of these either way.
    assert 12 <= inside.sum() <= 28


@pytest.mark.parametrize("name", ["A", "E"])
def test_one_population_is_recovered_with_honest_errors(sets, name):
    result = xk.fit_sizes(series(sets, name, SEEDS), xk.SizeSpec(contrast=sets.CONTRAST))
    truth = sets.lognormal_moments(5.0, 0.2) | {"volume_fraction": 0.01}
    limits = {"mean_radius_volume": 1e-3, "mean_radius_number": 1e-3, "volume_fraction": 1e-3}
    for key, value in truth.items():
        bias = limits.get(key, 5e-3)
        check(result[key].values, result[key + "_sigma"].values, value, bias)
    if name == "E":
        flat, porod = sets.BACKGROUND_E
        check(result.background_flat.values, result.background_flat_sigma.values, flat, 5e-3)
        check(result.background_porod.values, result.background_porod_sigma.values, porod, 0.05)
    assert set(result.verdict.values) == {"ok"}
    assert np.all(result.verdict_reason.values == "")
    assert np.mean(result.gof.values) == pytest.approx(1.0, abs=0.05)


def test_two_populations_are_recovered(sets):
    spec = xk.SizeSpec(contrast=sets.CONTRAST, populations=2)
    result = xk.fit_sizes(series(sets, "B", SEEDS), spec)
    assert set(result.verdict.values) == {"ok"}
    for k, median in enumerate((3.0, 10.0)):
        truth = sets.lognormal_moments(median, 0.15)
        truth = {n: truth[n] for n in ("mean_radius_volume", "width_volume")}
        for key, value in (truth | {"volume_fraction": 0.005}).items():
            found = result[f"population_{key}"].values[:, k]
            sigma = result[f"population_{key}_sigma"].values[:, k]
            check(found, sigma, value, 1e-2 if "width" in key else 2e-3)
    np.testing.assert_allclose(result.volume_fraction, 0.01, rtol=2e-3)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_wrong_input_errors_are_rescaled(sets, factor):
    right = xk.fit_sizes(single(sets), xk.SizeSpec())
    result = xk.fit_sizes(single(sets, factor=factor), xk.SizeSpec())
    assert float(result.sigma_scale * factor) == pytest.approx(float(right.sigma_scale), rel=1e-6)
    found, true = result.mean_radius_volume_sigma, right.mean_radius_volume_sigma
    assert float(found) == pytest.approx(float(true), rel=1e-5)
    raw = xk.fit_sizes(single(sets, factor=factor), xk.SizeSpec(scale_errors=False))
    assert float(raw.sigma_scale) == 1.0
    raw_sigma = float(found / result.sigma_scale)
    assert float(raw.mean_radius_volume_sigma) == pytest.approx(raw_sigma, rel=1e-6)


def test_series_gives_exactly_what_single_fits_give(sets):
    many = series(sets, "E", 4)
    together = xk.fit_sizes(many.isel(frame=[2, 0, 3, 1]))
    for place, frame in enumerate((2, 0, 3, 1)):
        alone = xk.fit_sizes(many.isel(frame=frame))
        for name in alone.data_vars:
            if "frame" in together[name].dims:
                np.testing.assert_array_equal(together[name].isel(frame=place), alone[name])


def test_argument_is_unchanged_and_result_is_labelled(sets):
    profile = series(sets, "A", 2).assign_coords(cell_voltage=("frame", [0.1, 0.2]))
    before = profile.copy(deep=True)
    result = xk.fit_sizes(profile, xk.SizeSpec(contrast=sets.CONTRAST))
    assert profile.identical(before)
    schema.validate(result, schema.SIZES)
    assert [s.step for s in provenance.steps(result)] == ["profile", "fit_sizes"]
    np.testing.assert_array_equal(result.cell_voltage, [0.1, 0.2])
    for name, variable in result.data_vars.items():
        assert "long_name" in variable.attrs, name
        assert "units" in variable.attrs or variable.dtype.kind in "OU", name
        if f"{name}_sigma" in result:
            assert variable.attrs["ancillary_variables"] == f"{name}_sigma"
    area = np.trapezoid(result.distribution_volume, result.radius, axis=-1)
    np.testing.assert_allclose(area, 1, rtol=1e-4)
    mean = np.trapezoid(result.distribution_volume * result.radius, result.radius, axis=-1)
    np.testing.assert_allclose(mean, result.mean_radius_volume, rtol=1e-4)


def test_percentiles_and_covariance(sets):
    result = xk.fit_sizes(single(sets))
    location, width = result.parameter_value.values[:2]
    expected = np.exp(location + np.exp(width) * np.array([-1.2815515655446, 0, 1.2815515655446]))
    np.testing.assert_allclose(result.radius_percentile_volume, expected, rtol=1e-5)
    variance = result.parameter_covariance.sel(parameter="location_0", parameter_2="location_0")
    sigma = float(result.median_radius_volume * np.sqrt(variance))
    assert float(result.median_radius_volume_sigma) == pytest.approx(sigma, rel=1e-3)


@pytest.mark.parametrize("method", ["schulz", "gaussian"])
def test_other_families_recover_their_own_truth(sets, method):
    from xrdkit.saxs.distribution import lattice_weights
    from xrdkit.saxs.families import FAMILIES
    from xrdkit.saxs.kernel import Kernel

    weights = lattice_weights(FAMILIES[method], np.log(4.0), 0.15, lowest_power=-3)
    kernel_weights = lattice_weights(FAMILIES[method], np.log(4.0), 0.15, lowest_power=-1)
    clean = 0.5 * Kernel(sets.Q).apply(
        kernel_weights.level, kernel_weights.first, kernel_weights.table[:, 0]
    )
    sigma = 0.01 * clean + 1e-5
    noise = np.random.default_rng(7).standard_normal(clean.shape)
    profile = xk.profile(sets.Q, clean + sigma * noise, sigma, unit="1/nm")
    result = xk.fit_sizes(profile, xk.SizeSpec(method=method, contrast=10.0))
    share, radius = weights.table[:, 0], weights.radius
    mean = share @ radius
    number = (share @ radius**-2) / (share @ radius**-3)
    for name, true in (
        ("mean_radius_volume", mean),
        ("width_volume", np.sqrt(share @ radius**2 - mean**2)),
        ("mean_radius_number", number),
        ("volume_fraction", 0.005),
    ):
        assert abs(float(result[name]) - true) < 4 * float(result[name + "_sigma"])
    if method == "gaussian":
        assert number == pytest.approx(4.0, rel=1e-6)


def test_noise_free_curve_gives_the_truth_back(sets):
    profile = xk.profile(sets.Q, sets.truth("E"), 0.01 * sets.truth("E"), unit="1/nm")
    result = xk.fit_sizes(profile, xk.SizeSpec(contrast=sets.CONTRAST))
    for name, true in sets.lognormal_moments(5.0, 0.2).items():
        assert float(result[name]) == pytest.approx(true, rel=1e-6)
    assert float(result.volume_fraction) == pytest.approx(0.01, rel=1e-6)
    assert str(result.verdict.values) == "ok"


def test_without_sigma_every_point_gets_the_same_relative_error(sets):
    clean = sets.truth("A")
    noise = 1 + 0.01 * np.random.default_rng(3).standard_normal(clean.shape)
    result = xk.fit_sizes(xk.profile(sets.Q, clean * noise, unit="1/nm"))
    assert "sigma" not in result
    assert np.isnan(result.gof)
    assert float(result.sigma_scale) == pytest.approx(0.01, rel=0.15)
    error = abs(float(result.mean_radius_volume) - 5.75137)
    assert error < 4 * float(result.mean_radius_volume_sigma)
    assert str(result.verdict.values) == "ok"


def test_volume_fraction_needs_contrast_and_absolute_intensity(sets):
    profile = single(sets)
    result = xk.fit_sizes(profile)
    assert np.isnan(result.volume_fraction)
    assert "no contrast" in str(result.verdict_reason.values)
    assert float(result.scattering_volume) == pytest.approx(1.0, rel=5e-3)
    relative = xk.profile(sets.Q, profile.intensity, profile.sigma, unit="1/nm", intensity_unit="1")
    result = xk.fit_sizes(relative, xk.SizeSpec(contrast=10.0))
    assert np.isnan(result.volume_fraction)
    assert "not in 1/cm" in str(result.verdict_reason.values)


def test_contrast_error_enters_the_volume_fraction(sets):
    result = xk.fit_sizes(single(sets), xk.SizeSpec(contrast=10.0, contrast_sigma=0.5))
    assert float(result.volume_fraction_sigma) == pytest.approx(0.001, rel=1e-2)
    too_weak = xk.fit_sizes(single(sets), xk.SizeSpec(contrast=0.5))
    assert str(too_weak.verdict.values) == "misfit"
    assert "impossible" in str(too_weak.verdict_reason.values)


@pytest.mark.parametrize("background", [lambda q: 0.1 + 0 * q, lambda q: 0.1 + 1e-3 * q**-4])
def test_background_alone_is_no_particle(sets, background):
    clean = background(sets.Q)
    rng = np.random.default_rng(5)
    for _ in range(10):
        noisy = clean * (1 + 0.02 * rng.standard_normal(clean.shape))
        result = xk.fit_sizes(xk.profile(sets.Q, noisy, 0.02 * clean, unit="1/nm"))
        assert str(result.verdict.values) == "unidentifiable"


@pytest.mark.parametrize("method", ["lognormal", "schulz", "gaussian", "tikhonov"])
@pytest.mark.parametrize("with_sigma", [True, False])
@pytest.mark.parametrize("value", [0.0, 1.0, -1.0])
def test_constant_curves_are_no_particles(sets, method, with_sigma, value):
    intensity = np.full(sets.Q.shape, value)
    sigma = np.ones(sets.Q.shape) if with_sigma else None
    profile = xk.profile(sets.Q, intensity, sigma, unit="1/nm")
    result = xk.fit_sizes(profile, xk.SizeSpec(method=method, contrast=10.0))
    assert str(result.verdict.values) == "unidentifiable"


def test_particles_that_q_cannot_tell_are_refused(sets):
    small = sets.Q < 0.1
    profile = single(sets).isel(q=small)
    result = xk.fit_sizes(profile)
    assert str(result.verdict.values) != "ok"


def test_a_population_too_many_is_reported(sets):
    result = xk.fit_sizes(single(sets), xk.SizeSpec(populations=2))
    assert str(result.verdict.values) != "ok"


def test_wrong_model_is_reported(sets):
    q = sets.Q
    clean = 100.0 / (1 + (2.0 * q) ** 2) ** 1.5
    result = xk.fit_sizes(xk.profile(q, clean, 0.01 * clean, unit="1/nm"))
    assert str(result.verdict.values) == "misfit"


def test_frames_without_data_get_nan_and_a_reason(sets):
    profile = series(sets, "A", 3)
    intensity = profile.intensity.copy()
    intensity[1, :195] = np.nan
    result = xk.fit_sizes(profile.assign(intensity=intensity))
    assert list(result.verdict.values) == ["ok", "unidentifiable", "ok"]
    assert "5 usable points" in str(result.verdict_reason.values[1])
    assert np.isnan(result.mean_radius_volume.values[1])
    assert list(result.points.values) == [200, 5, 200]


def test_range_and_gaps(sets):
    profile = single(sets, "E")
    result = xk.fit_sizes(profile, xk.SizeSpec(range=(0.1, 3.0)))
    assert 0.1 <= float(result.q[0]) < float(result.q[-1]) <= 3.0
    assert abs(float(result.mean_radius_volume) / 5.75137 - 1) < 3e-3
    with pytest.raises(errors.EmptyResult, match=r"q run from 0\.04 to 5"):
        xk.fit_sizes(profile, xk.SizeSpec(range=(6.0, 9.0)))


def test_other_profiles_are_refused(sets):
    pattern = xk.pattern(sets.Q, sets.truth("A"), wavelength=1.0)
    with pytest.raises(errors.SchemaError, match="unit='q'"):
        xk.fit_sizes(pattern)


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "magic"},
        {"shape": "cube"},
        {"populations": 0},
        {"populations": 5},
        {"populations": True},
        {"populations": 1.5},
        {"contrast": 0.0},
        {"contrast": float("nan")},
        {"contrast": 1e11},
        {"contrast": 10.0, "contrast_sigma": -1.0},
        {"contrast_sigma": 1.0},
        {"range": (2.0, 1.0)},
        {"range": (1.0, 2.0, 3.0)},
        {"range": ("a", "b")},
        {"contrast": "10"},
        {"flat": 1},
        {"max_evaluations": 0},
    ],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(errors.SpecError, match=next(iter(wrong)).split("_")[0]):
        xk.SizeSpec(**wrong)


def test_points_lie_where_the_pixels_of_their_bins_do(sets):
    data = single(sets)
    spec = xk.SizeSpec(contrast=sets.CONTRAST)
    expected = xk.fit_sizes(data, spec)
    label = {"units": "1/nm", "long_name": "mean q"}
    shifted = data.assign_coords(q=("q", data["q"].values * 1.01, data["q"].attrs))
    mean = shifted.assign(q_mean=("q", data["q"].values, label))
    found = xk.fit_sizes(mean, spec)
    for name in ("mean_radius_volume", "width_volume", "volume_fraction"):
        assert float(found[name]) == float(expected[name])
    wrong = float(xk.fit_sizes(shifted, spec)["mean_radius_volume"])
    assert wrong < 0.995 * float(expected["mean_radius_volume"])
