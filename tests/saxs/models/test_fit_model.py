"""The verb: what it finds, what it says of it, and what it refuses."""

import numpy as np
import pytest
import xarray as xr

import xrdkit as xk
from xrdkit.errors import EmptyResult, SchemaError, SpecError
from xrdkit.provenance import steps
from xrdkit.saxs.models import (
    DebyeAnderson,
    Flat,
    MeasuredCurve,
    Model,
    ModelSpec,
    Particles,
    Peak,
    PowerLaw,
    TeubnerStrey,
    UnifiedLevel,
    fit_model,
    fixed,
    free,
    model_of,
    tied,
    unified,
)
from xrdkit.saxs.smearing import SmearingSpec, slit_smearing

SIMPLE = Model(components=(DebyeAnderson(), Flat()))


def simple(q, zero=50.0, length=3.0, flat=0.1):
    return zero / (1 + (q * length) ** 2) ** 2 + flat


def test_two_levels_are_found_without_a_start(curves):
    result = fit_model(
        curves.exact(curves.two_levels()), unified(2, power_law=False, packing=False)
    )
    assert result["verdict"].item() == "ok"
    for name, truth in curves.TWO_LEVELS.items():
        assert curves.value(result, name) == pytest.approx(truth, rel=2e-4), name
    assert curves.value(result, "level_2.cutoff") == curves.value(
        result, "level_1.radius_of_gyration"
    )
    np.testing.assert_allclose(
        result["component_intensity"].sum("component"), result["intensity_calculated"], rtol=1e-12
    )


@pytest.mark.parametrize(
    ("part", "truth"),
    [
        (TeubnerStrey(), {"intensity_zero": 30.0, "period": 14.0, "correlation_length": 5.0}),
        (Peak(), {"height": 4.0, "position": 0.7, "width": 0.2}),
        (PowerLaw(), {"prefactor": 0.02, "power": 3.3}),
        (UnifiedLevel(), {"guinier": 80.0, "radius_of_gyration": 5.0, "power": 3.6}),
    ],
    ids=["teubner_strey", "peak", "power_law", "level"],
)
def test_single_components_are_found_without_a_start(part, truth, curves):
    model = Model(components=(part, Flat()))
    name = model.names[0]
    local = {"cutoff": 0.0, "prefactor": 0.6} | truth
    clean = part.curve(curves.Q, local).value + 0.05
    result = fit_model(curves.noisy(clean, 3), model)
    assert result["verdict"].item() == "ok", result["verdict_reason"].item()
    for key, wanted in truth.items():
        found = curves.value(result, f"{name}.{key}")
        error = curves.value(result, f"{name}.{key}", "sigma")
        assert abs(found - wanted) < 4 * error < 0.5 * wanted, key


def test_errors_cover_the_truth_as_they_say(curves):
    """Mean square of the error over the standard error is 1: 60 draws leave it within 0.4."""
    ratios = []
    for seed in range(60):
        result = fit_model(curves.noisy(simple(curves.Q), seed), SIMPLE)
        for name, truth in (
            ("debye_anderson.intensity_zero", 50.0),
            ("debye_anderson.correlation_length", 3.0),
            ("flat.level", 0.1),
        ):
            error = curves.value(result, name) - truth
            ratios.append(error / curves.value(result, name, "sigma"))
    assert 0.6 < np.mean(np.square(ratios)) < 1.4
    assert abs(np.mean(ratios)) < 0.3


def test_wrong_error_bars_are_seen_and_corrected(curves):
    clean = simple(curves.Q)
    right = curves.noisy(clean, 5)
    half = right.assign(sigma=0.5 * right["sigma"])
    whole, scaled = fit_model(right, SIMPLE), fit_model(half, SIMPLE)
    assert scaled["sigma_scale"].item() == pytest.approx(2 * whole["sigma_scale"].item(), rel=1e-6)
    name = "debye_anderson.correlation_length"
    assert curves.value(scaled, name, "sigma") == pytest.approx(
        curves.value(whole, name, "sigma"), rel=1e-4
    )
    raw = fit_model(half, SIMPLE, ModelSpec(scale_errors=False))
    assert curves.value(raw, name, "sigma") * raw["gof"].item() == pytest.approx(
        curves.value(scaled, name, "sigma"), rel=1e-6
    )


def test_parameters_are_fixed_bounded_and_tied(curves):
    clean = simple(curves.Q)
    model = Model(
        components=(
            DebyeAnderson(correlation_length=tied("flat.level * 30"), intensity_zero=fixed(50.0)),
            Flat(),
        )
    )
    result = fit_model(curves.exact(clean), model)
    assert curves.value(result, "flat.level") == pytest.approx(0.1, rel=1e-5)
    tied_sigma = curves.value(result, "debye_anderson.correlation_length", "sigma")
    assert tied_sigma == pytest.approx(30 * curves.value(result, "flat.level", "sigma"), rel=1e-9)
    assert curves.value(result, "debye_anderson.intensity_zero", "sigma") == 0.0
    states = dict(zip(result["parameter"].values, result["parameter_verdict"].values, strict=True))
    assert states == {
        "debye_anderson.intensity_zero": "fixed",
        "debye_anderson.correlation_length": "tied",
        "flat.level": "free",
    }
    bounded = Model(components=(DebyeAnderson(correlation_length=free(high=2.0)), Flat()))
    result = fit_model(curves.exact(clean), bounded)
    assert result["verdict"].item() in ("at_bound", "misfit")
    assert "correlation_length = 2" in result["verdict_reason"].item()
    assert np.isnan(curves.value(result, "debye_anderson.correlation_length", "sigma"))


def test_a_flat_curve_is_background_alone(curves):
    result = fit_model(curves.noisy(np.full(200, 3.0), 1), SIMPLE)
    assert result["verdict"].item() == "unidentifiable"
    assert "background alone" in result["verdict_reason"].item()
    # The amounts have an upper limit, the sizes of nothing have no value.
    assert np.isnan(curves.value(result, "debye_anderson.correlation_length"))
    assert np.isnan(curves.value(result, "debye_anderson.correlation_length", "sigma"))
    assert curves.value(result, "flat.level") == pytest.approx(3.0, rel=0.01)


def test_a_component_that_is_not_there_is_called_so(curves):
    model = Model(components=(DebyeAnderson(), Peak(position=free(1.0), width=free(0.1)), Flat()))
    result = fit_model(curves.noisy(simple(curves.Q), 2), model)
    assert result["verdict"].item() == "unidentifiable"
    assert result["component_verdict"].sel(component="peak").item() == "absent"
    assert result["component_verdict"].sel(component="debye_anderson").item() == "ok"
    assert np.isnan(curves.value(result, "peak.position"))
    assert np.isnan(result["derived_value"].sel(derived="peak.spacing").item())
    assert curves.value(result, "debye_anderson.correlation_length") == pytest.approx(3.0, rel=0.02)


def test_what_two_components_share_is_called_unidentifiable(curves):
    model = Model(components=(PowerLaw(power=fixed(0.5)), PowerLaw(power=fixed(0.5)), Flat()))
    result = fit_model(curves.noisy(2.0 * curves.Q**-0.5 + 0.1, 2), model)
    assert result["verdict"].item() == "unidentifiable"
    assert "power_law_2" in result["verdict_reason"].item()


def test_a_wrong_model_is_a_misfit(curves):
    result = fit_model(curves.noisy(curves.two_levels(), 4), SIMPLE)
    assert result["verdict"].item() == "misfit"
    assert "χ²r" in result["verdict_reason"].item()


def test_frames_are_fitted_one_by_one(curves):
    clean = [simple(curves.Q, length=length) for length in (2.0, 3.0)]
    single = [curves.noisy(one, k) for k, one in enumerate(clean)]
    empty = single[0].assign(intensity=single[0]["intensity"] * np.nan)
    series = xr.concat([single[0], empty, single[1]], "frame").assign_coords(
        frame=("frame", [0, 1, 2], {"long_name": "frame"})
    )
    series = series.assign_coords(
        temperature=("frame", [20.0, 30.0, 40.0], {"units": "degC", "long_name": "temperature"})
    )
    before = series.copy(deep=True)
    result = fit_model(series, SIMPLE)
    assert series.identical(before)
    assert result["verdict"].values.tolist() == ["ok", "unidentifiable", "ok"]
    assert "0 usable points" in result["verdict_reason"].values[1]
    assert np.isnan(result["parameter_value"].values[1]).all()
    assert result["temperature"].values.tolist() == [20.0, 30.0, 40.0]
    for row, one in ((0, single[0]), (2, single[1])):
        alone = fit_model(one, SIMPLE)
        np.testing.assert_array_equal(
            result["parameter_value"].values[row], alone["parameter_value"].values
        )
        np.testing.assert_array_equal(
            result["parameter_covariance"].values[row], alone["parameter_covariance"].values
        )


def test_a_curve_without_errors_is_weighted_evenly(curves):
    clean = simple(curves.Q, flat=0.5)
    noise = np.random.default_rng(1).standard_normal(200)
    result = fit_model(xk.profile(curves.Q, clean * (1 + 0.02 * noise), None, unit="1/nm"), SIMPLE)
    assert result["verdict"].item() == "ok"
    assert np.isnan(result["gof"].item())
    name = "debye_anderson.correlation_length"
    error = curves.value(result, name, "sigma")
    assert abs(curves.value(result, name) - 3.0) < 4 * error < 0.2


def test_a_smeared_curve_gives_the_unsmeared_parameters(curves):
    q = np.geomspace(0.02, 4.0, 150)
    smearing = slit_smearing(q, 0.3)
    clean = smearing.apply(simple(smearing.q_model))
    spec = ModelSpec(smearing=SmearingSpec(slit_length=0.3))
    result = fit_model(curves.exact(clean, q=q), SIMPLE, spec)
    assert curves.value(result, "debye_anderson.correlation_length") == pytest.approx(3.0, rel=1e-4)
    assert curves.value(result, "debye_anderson.intensity_zero") == pytest.approx(50.0, rel=1e-4)
    blind = fit_model(curves.exact(clean, q=q), SIMPLE, ModelSpec(smearing="none"))
    assert abs(curves.value(blind, "debye_anderson.correlation_length") - 3.0) > 0.1


def test_a_measured_support_is_scaled_and_its_noise_counts(curves):
    q = curves.Q
    support, metal = 40.0 / (1 + (q * 8.0) ** 2) ** 2, Particles()
    values = {"amount": 0.3, "radius": 2.0, "width": 0.25}
    whole = metal.curve(q, values).value + 0.7 * support + 0.02
    results = []
    for noise in (0.001, 0.05):
        bare = curves.noisy(support, 8, relative=noise, floor=1e-6)
        model = Model(components=(metal, MeasuredCurve.of(bare, name="support"), Flat()))
        results.append(fit_model(curves.noisy(whole, 9), model))
    for result in results:
        assert result["verdict"].item() == "ok", result["verdict_reason"].item()
        for name, truth in (("support.scale", 0.7), ("particles.radius", 2.0)):
            error = curves.value(result, name, "sigma")
            assert abs(curves.value(result, name) - truth) < 4 * error
    assert curves.value(results[1], "support.scale", "sigma") > 1.5 * curves.value(
        results[0], "support.scale", "sigma"
    )
    short = curves.exact(support[50:], q=q[50:])
    with pytest.raises(SpecError, match="measured curve goes from"):
        fit_model(
            curves.noisy(whole, 9), Model(components=(metal, MeasuredCurve.of(short), Flat()))
        )


def test_errors_are_told_by_source(curves):
    profile = curves.noisy(simple(curves.Q), 6)
    counting, scale = profile["sigma"].values, 0.03 * profile["intensity"].values
    named = profile.assign(
        errors=(
            ("source", "q"),
            np.stack([scale, counting]),
            {"units": "1/cm", "long_name": "error from each source"},
        ),
        sigma=(
            "q",
            np.hypot(counting, scale),
            profile["sigma"].attrs,
        ),
    ).assign_coords(
        source=("source", ["thickness", "counting"], {"long_name": "source"}),
        source_bins=("source", ["common", "independent"], {"long_name": "between bins"}),
        source_frames=("source", ["common", "independent"], {"long_name": "between frames"}),
    )
    plain, result = fit_model(profile, SIMPLE), fit_model(named, SIMPLE)
    name = "debye_anderson.intensity_zero"
    assert curves.value(result, name) == pytest.approx(curves.value(plain, name), rel=1e-9)
    by_source = result["parameter_errors"].sel(parameter=name)
    assert by_source["source"].values.tolist() == ["counting", "thickness"]
    # 3 % of all intensities is 3 % of the amplitude, with its sign.
    common = by_source.sel(source="thickness").item()
    assert abs(common) == pytest.approx(0.03 * curves.value(result, name), rel=0.01)
    assert by_source.sel(source="counting").item() == pytest.approx(
        curves.value(plain, name, "sigma"), rel=1e-9
    )
    total = curves.value(result, name, "sigma")
    assert total == pytest.approx(float(np.sqrt((by_source**2).sum())), rel=1e-9)
    length = result["parameter_errors"].sel(parameter="debye_anderson.correlation_length")
    assert abs(length.sel(source="thickness").item()) < 0.1 * length.sel(source="counting").item()


def test_derived_numbers_carry_units_and_errors(curves):
    clean = Peak().curve(curves.Q, {"height": 4.0, "position": 0.7, "width": 0.2}).value + 0.05
    result = fit_model(curves.noisy(clean, 3), Model(components=(Peak(), Flat())))
    spacing = result.sel(derived="peak.spacing")
    assert spacing["derived_unit"].item() == "nm"
    assert result.sel(derived="peak.area")["derived_unit"].item() == "1/cm 1/nm"
    position = curves.value(result, "peak.position")
    assert spacing["derived_value"].item() == pytest.approx(2 * np.pi / position)
    assert spacing["derived_sigma"].item() == pytest.approx(
        2 * np.pi / position**2 * curves.value(result, "peak.position", "sigma")
    )


def test_the_result_says_what_was_done_and_can_be_saved(curves, tmp_path):
    profile = curves.noisy(simple(curves.Q), 1)
    result = fit_model(profile, SIMPLE, ModelSpec(range=(0.02, 4.0)))
    last = steps(result)[-1]
    assert last.step == "fit_model"
    assert model_of(last.settings["model"]) == SIMPLE
    assert last.settings["spec"]["range"] == [0.02, 4.0]
    assert float(result["q"].min()) >= 0.02
    xk.save(result, tmp_path / "model.h5")
    assert xk.load(tmp_path / "model.h5")["parameter_value"].identical(result["parameter_value"])


def test_what_cannot_be_fitted_is_refused(curves):
    profile = curves.noisy(simple(curves.Q), 1)
    with pytest.raises(SpecError, match="not a Model"):
        fit_model(profile, DebyeAnderson())
    with pytest.raises(SpecError, match="not a ModelSpec"):
        fit_model(profile, SIMPLE, {"range": (0, 1)})
    with pytest.raises(EmptyResult, match="at least 10"):
        fit_model(profile, SIMPLE, ModelSpec(range=(4.9, 5.0)))
    with pytest.raises(SchemaError):
        fit_model(xk.pattern(np.arange(5.0, 60.0), np.ones(55), None, wavelength="CuKa"), SIMPLE)
    with pytest.raises(SpecError, match="range"):
        ModelSpec(range=(2.0, 1.0))
    with pytest.raises(SpecError, match="smearing"):
        ModelSpec(smearing="slit")
    with pytest.raises(SpecError, match="max_evaluations"):
        ModelSpec(max_evaluations=1)


def test_a_frame_of_zeros_loses_nothing_but_itself(curves):
    clean = simple(curves.Q)
    result = fit_model(xk.profile(curves.Q, 0 * clean, 0.01 + 0 * clean, unit="1/nm"), SIMPLE)
    assert result["verdict"].item() == "unidentifiable"
    assert np.isnan(result["parameter_value"]).all()


@pytest.mark.parametrize("factor", [1e-15, 1e12])
def test_the_unit_of_the_intensity_does_not_matter(factor, curves):
    profile = curves.noisy(curves.two_levels(), 3)
    scaled = profile.assign(
        intensity=factor * profile["intensity"].assign_attrs(units="1/cm"),
        sigma=factor * profile["sigma"],
    )
    for name in ("intensity", "sigma"):
        scaled[name].attrs.update(profile[name].attrs)
    model = unified(2, power_law=False, packing=False)
    one, other = fit_model(profile, model), fit_model(scaled, model)
    assert other["verdict"].item() == "ok", other["verdict_reason"].item()
    for name in ("level_1.radius_of_gyration", "level_2.power"):
        assert curves.value(other, name) == pytest.approx(curves.value(one, name), rel=1e-4)
    for name in ("level_1.prefactor", "level_2.guinier", "flat.level"):
        for what in ("value", "sigma"):
            assert curves.value(other, name, what) == pytest.approx(
                factor * curves.value(one, name, what), rel=1e-3
            )


def test_fewer_points_than_parameters_are_no_fit(curves):
    few = curves.exact(curves.two_levels()).isel(q=slice(0, 200, 20))
    result = fit_model(few, unified(3, power_law=True, packing=False))
    assert result["verdict"].item() == "not_converged"
    assert "10 points cannot determine 15 parameters" in result["verdict_reason"].item()
