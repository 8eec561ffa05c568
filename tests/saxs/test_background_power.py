"""Low-angle upturns that no particle makes: power laws fitted with the particles, and alarms."""

import numpy as np
import pytest

import xrdkit as xk
from xrdkit import errors, schema
from xrdkit.saxs import slit_smearing
from xrdkit.saxs.background import background_columns, background_names, pivot
from xrdkit.workflow.curves import curve_settings

FORM_FREE = ["tikhonov", "maxent", "montecarlo"]
METHODS = ["lognormal", *FORM_FREE]


def upturn(sets, exponent, ratio, seed=11):
    """Small spheres on a flat background with an upturn `ratio` times as strong at the lowest q."""
    base = sets.spheres(5.0, 0.2, 0.01)
    amount = ratio * base[0] * sets.Q[0] ** exponent
    clean = base + amount * sets.Q**-exponent + 0.02
    sigma = 0.006 * clean + 1e-3
    noise = np.random.default_rng(seed).standard_normal(clean.size)
    return amount, xk.profile(sets.Q, clean + sigma * noise, sigma, unit="1/nm")


def spec(method, **options):
    return xk.SizeSpec(method=method, contrast=10.0, **options)


def near(result, name, true, widths=4.0):
    found, sigma = float(result[name]), float(result[name + "_sigma"])
    assert abs(found - true) < widths * sigma, (name, found, sigma)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("exponent", "ratio"), [(3.5, 10.0), (3.0, 1.0), (4.0, 10.0)])
def test_exponent_and_particles_are_found_together(sets, method, exponent, ratio):
    amount, profile = upturn(sets, exponent, ratio)
    result = xk.fit_sizes(profile, spec(method, power_law=(2.0, 4.5)))
    schema.validate(result, schema.SIZES)
    assert str(result.verdict.values) == "ok"
    assert "background_porod" not in result.parameter.values
    assert float(result.mean_radius_volume) == pytest.approx(5.75137, rel=0.02)
    assert float(result.volume_fraction) == pytest.approx(0.01, rel=0.02)
    near(result, "background_exponent", exponent)
    assert float(result.background_exponent_sigma) < 0.3
    if method != "montecarlo":
        near(result, "mean_radius_volume", 5.75137)
        near(result, "background_power", amount)
    place = list(result.parameter.values).index("background_exponent")
    value = float(result.parameter_value[place])
    assert value == float(result.background_exponent)


@pytest.mark.parametrize("method", FORM_FREE)
def test_without_it_an_upturn_is_not_called_large_particles_with_ok(sets, method):
    _, profile = upturn(sets, 3.5, 10.0)
    result = xk.fit_sizes(profile, spec(method))
    # Too large by ten percent, which is many times the error that is told.
    assert float(result.mean_radius_volume) > 5.95
    assert str(result.verdict.values) != "ok"
    if method != "montecarlo":
        assert str(result.verdict.values) == "at_bound"
        assert "q R > 1 at the lowest q" in str(result.verdict_reason.values)
        assert "power_law" in str(result.verdict_reason.values)


@pytest.mark.parametrize("method", ["tikhonov", "maxent"])
@pytest.mark.parametrize("name", ["A", "B", "E"])
def test_no_false_alarm_where_there_is_no_upturn(sets, method, name):
    sigma, curves = sets.noisy(name, 4)
    for row in curves:
        result = xk.fit_sizes(xk.profile(sets.Q, row, sigma, unit="1/nm"), spec(method))
        assert str(result.verdict.values) == "ok"
        assert str(result.verdict_reason.values) == ""


@pytest.mark.parametrize("method", ["tikhonov", "maxent"])
@pytest.mark.parametrize(("radius", "width"), [(15.0, 0.15), (22.0, 0.1), (27.0, 0.08)])
def test_no_false_alarm_of_large_particles_whose_knee_is_seen(sets, method, radius, width):
    clean = sets.spheres(radius, width, 0.001) + 0.02
    sigma = 0.006 * clean + 1e-3
    noise = np.random.default_rng(3).standard_normal(clean.size)
    profile = xk.profile(sets.Q, clean + sigma * noise, sigma, unit="1/nm")
    result = xk.fit_sizes(profile, spec(method))
    true = sets.lognormal_moments(radius, width)["mean_radius_volume"]
    assert float(result.mean_radius_volume) == pytest.approx(true, rel=0.01)
    assert "q R > 1" not in str(result.verdict_reason.values)


def test_an_exponent_that_is_stated_is_held(sets):
    amount, profile = upturn(sets, 3.5, 1.0)
    for method in ("lognormal", "tikhonov"):
        result = xk.fit_sizes(profile, spec(method, power_law=3.5))
        near(result, "background_power", amount)
        assert "background_exponent" not in result
        assert result.background_power.attrs["units"] == "1/cm"
    same = xk.fit_sizes(profile, spec("lognormal", power_law=4.0))
    porod = xk.fit_sizes(profile, spec("lognormal"))
    assert float(same.background_power) == pytest.approx(float(porod.background_porod))


@pytest.mark.parametrize("method", METHODS)
def test_where_there_is_no_upturn_none_is_found(sets, method):
    _, profile = upturn(sets, 3.5, 0.0)
    result = xk.fit_sizes(profile, spec(method, power_law=(3.0, 4.0)))
    assert str(result.verdict.values) == "ok"
    assert np.isnan(result.background_exponent)
    assert "no larger than its error" in str(result.verdict_reason.values)
    near(result, "mean_radius_volume", 5.75137)


def test_an_exponent_at_its_bound_is_said_to_be(sets):
    _, profile = upturn(sets, 3.9, 10.0)
    result = xk.fit_sizes(profile, spec("lognormal", power_law=(3.0, 3.5)))
    assert float(result.background_exponent) == 3.5
    assert np.isnan(result.background_exponent_sigma)
    assert "stopped at its bound 3.5" in str(result.verdict_reason.values)


def test_a_smeared_upturn(sets):
    slit = slit_smearing(sets.Q, 0.1)
    clean = sets.spheres(5.0, 0.2, 0.01, slit.q_model) + 1e-3 * slit.q_model**-3.5
    seen = slit.apply(clean)
    sigma = 0.006 * seen + 1e-3
    noise = np.random.default_rng(4).standard_normal(seen.size)
    profile = xk.profile(sets.Q, seen + sigma * noise, sigma, unit="1/nm")
    smearing = xk.SmearingSpec(slit_length=0.1)
    for method in ("lognormal", "tikhonov"):
        result = xk.fit_sizes(profile, spec(method, power_law=(3.0, 4.0), smearing=smearing))
        near(result, "background_exponent", 3.5)
        near(result, "mean_radius_volume", 5.75137)


def test_series_gives_exactly_what_single_fits_give(sets):
    profiles = [upturn(sets, 3.5, ratio)[1] for ratio in (10.0, 0.0, 1.0)]
    together = xk.fit_sizes(
        xk.join_profiles(profiles), spec("tikhonov", power_law=(3.0, 4.0), seed=1)
    )
    for k, profile in enumerate(profiles):
        alone = xk.fit_sizes(profile, spec("tikhonov", power_law=(3.0, 4.0), seed=1))
        for name in ("background_exponent", "background_power_sigma", "mean_radius_volume"):
            np.testing.assert_array_equal(together[name].values[k], alone[name])


def test_the_tangent_is_the_derivative():
    q = np.geomspace(0.05, 2.0, 30)
    change = 1e-6
    at, above = (
        background_columns(q, flat=False, porod=False, power=3.2 + d, tangent=True)
        for d in (0.0, change)
    )
    middle = pivot(q)
    scaled = (above["background_power"] * middle**change - at["background_power"]) / change
    np.testing.assert_allclose(at["background_exponent"], scaled, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("law", [None, 4.0, (3.0, 4.0)], ids=str)
@pytest.mark.parametrize("porod", [True, False])
def test_names_are_those_of_the_columns(law, porod):
    fitted = isinstance(law, tuple)
    power = 3.0 if fitted else law
    columns = background_columns(
        np.ones(3), flat=True, porod=porod, slope=True, power=power, tangent=fitted
    )
    assert background_names(xk.SizeSpec(power_law=law, porod=porod, slope=True)) == list(columns)


@pytest.mark.parametrize(
    "wrong",
    [0.5, 7.0, (4.0, 3.0), (3.0, 3.0), (3.0,), ("a", "b"), "4", (3.0, float("nan")), True],
    ids=str,
)
def test_exponents_that_make_no_sense_are_refused(wrong):
    with pytest.raises(errors.SpecError, match="power_law"):
        xk.SizeSpec(power_law=wrong)


def test_a_posterior_needs_the_exponent(sets):
    _, profile = upturn(sets, 3.5, 1.0)
    with pytest.raises(errors.SpecError, match="background_exponent"):
        xk.sample_sizes(profile, xk.SizeSpec(power_law=(3.0, 4.0)))
    sampling = xk.PosteriorSpec(steps=20, burn_in=10)
    result = xk.sample_sizes(profile, xk.SizeSpec(power_law=3.5), sampling)
    assert np.isfinite(result.mean_radius_volume_low)


def test_recipes_and_the_command_line_reach_it():
    settings = curve_settings(None, {("fit_sizes", "power_law"): (3.0, 4.0)})
    assert settings.fit_sizes.spec().power_law == (3.0, 4.0)
    settings = curve_settings(None, {("fit_sizes", "power_law"): 4.0})
    assert settings.fit_sizes.spec().power_law == 4.0
