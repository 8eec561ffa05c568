"""Absolute scale: K and its error against known truth, standards, and profiles brought to 1/cm."""

import json

import numpy as np
import pytest
import xarray as xr
from frames_in_memory import make_frames, reference_geometry
from named_profiles import Smoothed, named

import xrdkit as xk
from xrdkit import schema
from xrdkit.corrections import AbsoluteIntensity, ScaleVerdict, absolute_scale, srm3600
from xrdkit.corrections.standards import SRM3600_RELATIVE_SIGMA, measured_standard, water_standard
from xrdkit.corrections.water import water_compressibility, water_cross_section, water_density
from xrdkit.errors import CorrectionFailed, EmptyResult, SchemaError, SpecError
from xrdkit.provenance import content_sha256, steps
from xrdkit.simulate import Exposure, expected_counts, expose, virtual_saxs
from xrdkit.uncertainty import error_model
from xrdkit.workflow.rebuilt import rebuilt

TRUE = 0.0137
Q = np.linspace(0.1, 2.4, 231)
LEVEL = srm3600().at(Q)


def curve(intensity, sigma, q=Q):
    return xk.profile(q, intensity, sigma, unit="1/nm", intensity_unit="count")


def noisy(rng, relative=0.05, scale=TRUE, q=Q):
    """A measurement of SRM 3600 with K = `scale`, whose error bars come from its own counts."""
    level = srm3600().at(q)
    counts = rng.poisson(level / level.mean() / relative**2)
    per_count = level.mean() * relative**2 / scale
    return curve(counts * per_count, np.sqrt(np.maximum(counts, 1)) * per_count, q)


@pytest.mark.parametrize("seed", range(10))
def test_k_within_half_a_percent_at_five_percent_noise(seed):
    """A thousand bins: counting alone then allows 0.16 %."""
    q = np.linspace(0.1, 2.4, 1000)
    scale = absolute_scale(noisy(np.random.default_rng(seed), q=q))
    assert scale.value == pytest.approx(TRUE, rel=5e-3)
    assert scale.sigma_statistical / scale.value == pytest.approx(0.05 / 1000**0.5, rel=0.03)
    assert scale.verdict is ScaleVerdict.OK
    assert scale.points + scale.rejected == 1000
    assert scale.rejected <= 1
    assert scale.gof == pytest.approx(1.0, abs=0.1)
    assert scale.scatter == pytest.approx(0.06, rel=0.25)


def test_k_is_exact_without_noise():
    """On bins of its own, between the points of the certificate, and over part of its range."""
    for q in (Q, np.geomspace(0.09, 2.4, 90), np.linspace(0.1, 0.8, 40)):
        level = srm3600().at(q)
        scale = absolute_scale(curve(level / TRUE, 0.01 * level / TRUE, q))
        assert scale.value == pytest.approx(TRUE, rel=1e-6)
        assert scale.verdict is ScaleVerdict.OK


def test_k_within_a_tenth_of_a_percent_by_another_interpolation_of_the_certificate():
    """The truth between the certified points is not known: a straight line is another guess."""
    standard = srm3600()
    straight = np.interp(Q, standard.q, standard.cross_section)
    scale = absolute_scale(curve(straight / TRUE, 0.01 * straight / TRUE))
    assert scale.value == pytest.approx(TRUE, rel=1e-3)


@pytest.mark.parametrize("points", [59, 231], ids=["as certified", "231 bins"])
def test_k_within_0_3_percent_at_one_percent_noise(points):
    """Nearly always: the standard error of 59 bins is 0.13 %, of which 0.3 % is 2.3."""
    q = srm3600().q[1:-1] if points == 59 else Q
    rng = np.random.default_rng(12)
    found = np.array([absolute_scale(noisy(rng, relative=0.01, q=q)).value for _ in range(100)])
    assert np.mean(np.abs(found / TRUE - 1) < 3e-3) >= 0.95
    assert found.mean() == pytest.approx(TRUE, rel=5e-4)


def test_error_of_k_describes_its_scatter_and_k_has_no_bias():
    rng = np.random.default_rng(2)
    scales = [absolute_scale(noisy(rng)) for _ in range(200)]
    pull = np.array([(s.value - TRUE) / s.sigma_statistical for s in scales])
    assert pull.std() == pytest.approx(1.0, abs=0.15)
    assert abs(pull.mean()) < 3 / np.sqrt(200)
    assert sum(s.verdict is ScaleVerdict.OK for s in scales) >= 198


def test_error_of_k_holds_where_certificate_and_transmission_err_too():
    """Each draw has its own wrong certificate, transmission and counts; u(K) covers all three."""
    rng = np.random.default_rng(3)
    pulls = []
    for _ in range(200):
        wrong = 1 + np.array([SRM3600_RELATIVE_SIGMA, 0.02]) @ rng.standard_normal(2)
        bare = noisy(rng, scale=TRUE / wrong)
        profile = named(
            bare, {"counting": bare.sigma.values}, {"transmission": 0.02 * bare.intensity.values}
        )
        scale = absolute_scale(profile)
        pulls.append((scale.value / TRUE - 1) / (scale.sigma / scale.value))
    assert np.std(pulls) == pytest.approx(1.0, abs=0.15)
    assert abs(np.mean(pulls)) < 3 / np.sqrt(200)


def test_correlated_bins_and_common_errors_do_not_average_down():
    level = LEVEL / TRUE
    noise = Smoothed(0.02 * level)
    exact = curve(level, 0.02 * level)
    single = absolute_scale(named(exact, {"counting": 0.02 * level}))
    banded = absolute_scale(named(exact, {"counting": 0.02 * level}, band=noise.band))
    # Each bin shares its noise with its neighbours over three: a third of the independent values.
    assert banded.sigma_statistical / single.sigma_statistical == pytest.approx(3**0.5, rel=0.02)
    rng = np.random.default_rng(4)
    values = [
        absolute_scale(
            named(exact + 0 * exact, {"counting": 0.02 * level}, band=noise.band).assign(
                intensity=exact.intensity + row
            )
        ).value
        for row in noise.draw(rng, 200)
    ]
    assert np.std(values) == pytest.approx(banded.sigma_statistical, rel=0.15)
    common = {"transmission": 0.02 * level, "thickness": -0.01 * level}
    scale = absolute_scale(named(exact, {"counting": 0.001 * level}, common))
    assert scale.sigma_measured / scale.value == pytest.approx(np.hypot(0.02, 0.01), rel=1e-9)
    assert dict(scale.measured_sources)["transmission"] == pytest.approx(0.02 * TRUE, rel=1e-6)
    assert scale.sigma_standard / scale.value == pytest.approx(SRM3600_RELATIVE_SIGMA, rel=1e-12)
    parts = (scale.sigma_statistical, scale.sigma_measured, scale.sigma_standard)
    assert scale.sigma == pytest.approx(np.sqrt(np.sum(np.square(parts))), rel=1e-12)


def test_outliers_do_not_move_k():
    rng = np.random.default_rng(5)
    profile = noisy(rng, relative=0.01)
    spoiled = profile.intensity.values.copy()
    hit = rng.choice(spoiled.size, 20, replace=False)
    spoiled[hit] *= rng.uniform(1.2, 5, 20)
    scale = absolute_scale(profile.assign(intensity=profile.intensity.copy(data=spoiled)))
    assert scale.rejected >= 20
    assert scale.value == pytest.approx(TRUE, rel=5e-3)


@pytest.mark.parametrize("change", [0.10, -0.10])
def test_a_ratio_that_is_not_constant_is_found_and_part_of_the_error(change):
    rng = np.random.default_rng(6)
    x = (np.log(Q) - np.log(Q[0])) / np.log(Q[-1] / Q[0])
    profile = noisy(rng, relative=0.01)
    drifting = profile.assign(intensity=profile.intensity * (1 - change * (x - 0.7)))
    scale = absolute_scale(drifting)
    assert scale.verdict is ScaleVerdict.DRIFT
    assert scale.drift == pytest.approx(change, abs=0.01)
    assert scale.drift_sigma == pytest.approx(0.003, rel=0.2)
    assert scale.sigma_drift == pytest.approx(scale.value * abs(scale.drift) / 12**0.5)
    assert scale.sigma > scale.sigma_drift


def test_errors_that_are_too_small_are_a_misfit_and_the_error_of_k_grows():
    rng = np.random.default_rng(7)
    profile = noisy(rng)
    proud = profile.assign(sigma=profile.sigma / 3)
    honest, scale = absolute_scale(profile), absolute_scale(proud)
    assert scale.verdict is ScaleVerdict.MISFIT
    assert scale.sigma_statistical == pytest.approx(honest.sigma_statistical, rel=0.15)


@pytest.mark.parametrize("limits", [(0.0827, 2.0), (0.1, 2.4741), (0.01, 0.2)])
def test_ranges_beyond_the_certificate_are_refused(limits):
    profile = noisy(np.random.default_rng(8))
    with pytest.raises(SpecError, match=r"0\.0827568 to 2\.47402 1/nm.*never extrapolated"):
        absolute_scale(profile, range=limits)


def test_bins_beyond_the_certificate_do_not_count_and_none_inside_is_refused():
    q = np.linspace(0.01, 5.0, 500)
    level = np.where(q < 2.4740, srm3600().at(np.clip(q, 0.083, 2.474)), 1e6)
    profile = curve(np.where(q < 0.0828, 1e6, level) / TRUE, 0.001 * level / TRUE, q)
    scale = absolute_scale(profile)
    assert 0.0827568 <= scale.range[0] < scale.range[1] <= 2.47402
    assert scale.value == pytest.approx(TRUE, rel=1e-9)
    assert absolute_scale(profile, range=(0.3, 2.0)).range[0] >= 0.3
    with pytest.raises(EmptyResult, match="is q in 1/nm"):
        absolute_scale(profile.isel(q=slice(300, None)))
    with pytest.raises(SpecError, match="never extrapolated"):
        srm3600().at(np.array([2.5]))


def test_the_certified_curve_is_the_published_one():
    """Size of the table, first, last and a middle value; and that it is in 1/nm."""
    standard = srm3600()
    assert standard.q.size == 59
    assert standard.range == pytest.approx((0.0827568, 2.47402))
    np.testing.assert_allclose(
        standard.at(np.array([0.0827568, 1.0965500, 2.4740200])),
        [34.933380, 22.472101, 4.463604],
        rtol=1e-12,
    )
    # Leaving every other point out moves the curve between them by less than its certificate.
    coarse = type(standard)(
        name="", citation="", q=standard.q[::2], cross_section=standard.cross_section[::2],
        relative_sigma=0.0,
    )  # fmt: skip
    away = coarse.at(standard.q[1:-1]) / standard.cross_section[1:-1] - 1
    assert np.abs(away).max() < 0.005


def test_water_follows_its_thermodynamics():
    """Kell's density and compressibility, and the published scattering within 0.7 %."""
    assert water_density(277.13) == pytest.approx(999.972, abs=2e-3)
    assert water_density(298.15) == pytest.approx(997.045, abs=2e-3)
    assert water_compressibility(293.15) == pytest.approx(4.5892e-10, rel=1e-4)
    assert water_compressibility(298.15) == pytest.approx(4.5247e-10, rel=1e-4)
    assert water_cross_section(293.15) == pytest.approx(0.016422, abs=2e-6)
    published = {4: 0.01670, 10: 0.01647, 20: 0.01632, 25: 0.01633, 30: 0.01638, 40: 0.01660}
    for celsius, level in published.items():
        ratio = water_cross_section(celsius + 273.15) / level
        assert ratio == pytest.approx(1.0062, abs=7e-4)
    for wrong in (20.0, 380.0, np.nan):
        with pytest.raises(SpecError, match="kelvin"):
            water_cross_section(wrong)


def test_scale_from_water():
    rng = np.random.default_rng(9)
    q = np.linspace(0.5, 4.0, 200)
    level = water_cross_section(310.15) / TRUE
    profile = curve(level * (1 + 0.05 * rng.standard_normal(200)), np.full(200, 0.05 * level), q)
    scale = absolute_scale(profile, standard="water", temperature=310.15, range=(0.5, 3.0))
    assert scale.value == pytest.approx(TRUE, rel=1e-2)
    assert scale.sigma_standard / scale.value == pytest.approx(0.006)
    assert scale.range[1] <= 3.0
    assert scale.verdict is ScaleVerdict.OK
    with pytest.raises(SpecError, match="give it in K"):
        absolute_scale(profile, standard="water")
    with pytest.raises(SpecError, match="'water' only"):
        absolute_scale(noisy(rng), temperature=300.0)
    with pytest.raises(SpecError, match="never extrapolated"):
        absolute_scale(profile, standard="water", temperature=310.15, range=(0.5, 3.5))
    assert water_standard(310.15).relative_sigma == 0.006


def test_scale_from_a_curve_of_the_user_with_its_errors():
    q = np.linspace(0.2, 3.0, 57)
    level = 5 * np.exp(-(q**2) / 2) + 0.1
    standard = xk.profile(q, level, 0.02 * level, unit="1/nm", intensity_unit="1/cm")
    fine = np.linspace(0.25, 2.9, 200)
    there = measured_standard(standard).at(fine)
    profile = curve(there / TRUE, 0.001 * there / TRUE, fine)
    scale = absolute_scale(profile, standard=standard)
    assert scale.value == pytest.approx(TRUE, rel=1e-9)
    assert scale.standard == "curve"
    # Independent errors of the standard's points average over them, those common to all do not.
    rng = np.random.default_rng(10)
    values = [
        absolute_scale(
            profile,
            standard=standard.assign(
                intensity=standard.intensity * (1 + 0.02 * rng.standard_normal(57))
            ).assign(sigma=standard.sigma),
        ).value
        for _ in range(200)
    ]
    assert np.std(values) == pytest.approx(scale.sigma_standard, rel=0.15)
    common = named(standard, {"counting": 1e-6 * level}, {"thickness": 0.03 * level})
    assert absolute_scale(profile, standard=common).sigma_standard / TRUE == pytest.approx(
        0.03, rel=1e-3
    )
    with pytest.raises(SpecError, match="not in 1/cm"):
        absolute_scale(profile, standard=profile)
    with pytest.raises(SpecError, match="no 'sigma'"):
        absolute_scale(profile, standard=standard.drop_vars("sigma"))
    with pytest.raises(SpecError, match="not known"):
        absolute_scale(profile, standard="lupolen")


def test_what_is_measured_must_be_one_positive_curve_with_errors():
    profile = noisy(np.random.default_rng(11))
    with pytest.raises(SpecError, match="no 'sigma'"):
        absolute_scale(profile.drop_vars("sigma"))
    two = xr.concat([profile, profile], dim="frame")
    for name in ("intensity", "sigma"):
        two[name].attrs = profile[name].attrs
    with pytest.raises(SpecError, match="not 2 frames"):
        absolute_scale(two)
    with pytest.raises(EmptyResult, match="too much background"):
        absolute_scale(profile.assign(intensity=-profile.intensity))
    with pytest.raises(EmptyResult, match="not seen above the noise"):
        absolute_scale(profile.assign(sigma=1e4 * profile.sigma))
    with pytest.raises(SpecError, match="smeared by a slit"):
        absolute_scale(profile.assign_attrs(slit_smeared=1))
    with pytest.raises(SchemaError):
        absolute_scale(xr.Dataset())
    with pytest.raises(SpecError, match="over q"):
        absolute_scale(xk.pattern(Q, LEVEL, 0.1 * LEVEL, wavelength=1.0))


def test_the_arguments_are_left_alone_and_the_result_is_plain():
    profile = noisy(np.random.default_rng(12))
    before = profile.copy(deep=True)
    scale = absolute_scale(profile)
    assert before.identical(profile)
    assert json.loads(json.dumps(scale.to_dict()))["verdict"] == "ok"
    assert set(scale.to_dict()) >= {"value", "sigma", "points", "gof", "drift", "range"}


def integrated():
    """A profile of integration, with all that belongs to one."""
    image = np.random.default_rng(13).poisson(200, (487, 407))
    spec = xk.IntegrationSpec(bins=40, range=(1.0, 8.0), normalization=xk.Normalization(monitor=2))
    return xk.integrate(make_frames(np.stack([image, image])), reference_geometry(), spec)


def test_a_profile_comes_to_1_per_cm_with_the_error_of_the_scale():
    scale = absolute_scale(noisy(np.random.default_rng(14)))
    before = integrated()
    after = xk.correct(before, [AbsoluteIntensity(scale=scale)])
    schema.validate(after, schema.PROFILE)
    assert after.intensity.attrs["units"] == after.sigma.attrs["units"] == "1/cm"
    np.testing.assert_allclose(after.intensity, scale.value * before.intensity, rtol=1e-14)
    expected = np.hypot(scale.value * before.sigma, before.intensity * scale.sigma)
    np.testing.assert_allclose(after.sigma, expected, rtol=1e-12)
    own = after.errors.sel(source="absolute_scale")
    assert str(own.source_bins.values) == str(own.source_frames.values) == "common"
    np.testing.assert_allclose(own, before.intensity * scale.sigma, rtol=1e-12)
    np.testing.assert_allclose((after.errors**2).sum("source") ** 0.5, after.sigma, rtol=1e-12)
    # S/(N g) is the intensity still; what was counted is untouched.
    np.testing.assert_allclose(after.signal / after.normalization, after.intensity, rtol=1e-12)
    assert after.signal.identical(before.signal)
    model = error_model(after, 0)
    assert "absolute_scale" in model.common_sources
    mean = np.full((1, 40), 1 / 40)
    assert model.propagate(mean)[0, 0] ** 0.5 >= scale.sigma * float(before.intensity[0].mean())
    with pytest.raises(CorrectionFailed, match="already"):
        xk.correct(after, [AbsoluteIntensity(scale=scale)])
    assert content_sha256(after) != content_sha256(before)


def test_it_equals_the_normalization_of_the_integration():
    """Where integration has the scale itself, the result is the same number by number."""
    image = np.random.default_rng(15).poisson(200, (487, 407))
    scale = xk.Normalization(monitor=2.0, absolute_scale=TRUE, absolute_scale_sigma=3e-4)
    base = {"bins": 40, "range": (1.0, 8.0)}
    one, frames = reference_geometry(), make_frames(image)
    direct = xk.integrate(frames, one, xk.IntegrationSpec(**base, normalization=scale))
    plain = xk.IntegrationSpec(**base, normalization=xk.Normalization(monitor=2.0))
    step = AbsoluteIntensity(scale=TRUE, sigma=3e-4)
    later = xk.correct(xk.integrate(frames, one, plain), [step])
    for name in ("intensity", "sigma", "normalization"):
        np.testing.assert_allclose(later[name], direct[name], rtol=1e-12)
    np.testing.assert_allclose(
        later.errors.sel(source="absolute_scale"),
        direct.errors.sel(source="absolute_scale"),
        rtol=1e-12,
    )
    np.testing.assert_allclose(
        later.ledger.prod("correction"), direct.ledger.prod("correction"), rtol=1e-12
    )


class GlassyCarbon:
    """SRM 3600 as the virtual instrument sees it, constant beyond the ends of its certificate."""

    def intensity(self, q, *, wavelength):
        return srm3600().at(np.clip(q, *srm3600().range))


def test_from_frames_of_the_virtual_instrument_to_its_true_scale():
    """Pixels, mask, solid angle, polarisation and dose: K is that of flux and solid angle."""
    instrument = virtual_saxs(coarse=4)
    light = Exposure(flux=3e9, time=10.0, thickness=0.1055, transmission=0.916)
    frame = expose(instrument, expected_counts(instrument, GlassyCarbon(), light), seed=17)
    norm = xk.Normalization(
        time=10.0, transmission=0.916, transmission_sigma=0.004, thickness=0.1055
    )
    spec = xk.IntegrationSpec(
        bins=150,
        range=(0.3, 2.4),
        polarization=instrument.polarization,
        mask=instrument.mask(),
        normalization=norm,
    )
    profile = xk.integrate(make_frames(frame), instrument.calibration, spec)
    scale = absolute_scale(profile)
    assert scale.value == pytest.approx(1 / (3e9 * instrument.pixel_solid_angle), rel=2e-3)
    assert scale.verdict is ScaleVerdict.OK
    assert abs(scale.drift) < 5e-3
    assert scale.sigma_measured / scale.value == pytest.approx(0.004 / 0.916, rel=1e-3)


def test_covariance_and_ledger_scale_with_it():
    bare = curve(LEVEL, 0.02 * LEVEL)
    noise = Smoothed(0.02 * LEVEL)
    profile = named(bare, {"counting": 0.02 * LEVEL}, band=noise.band)
    label = {"units": "1", "long_name": "factor of each correction"}
    profile["ledger"] = (("correction", "q"), np.full((1, 231), 0.5), label)
    profile = profile.assign_coords(correction=["flat"])
    after = xk.correct(profile, [AbsoluteIntensity(scale=3.0, sigma=0.1)])
    schema.validate(after, schema.PROFILE)
    np.testing.assert_allclose(after.covariance, 9 * profile.covariance, rtol=1e-14)
    assert after.covariance.attrs["units"] == "1/cm2"
    assert list(after.correction.values) == ["flat", "absolute_scale"]
    np.testing.assert_allclose(after.ledger.prod("correction"), 1.5, rtol=1e-14)


def test_the_step_can_be_made_again_from_its_record():
    step = AbsoluteIntensity(scale=absolute_scale(noisy(np.random.default_rng(18))))
    (recorded,) = steps(xk.correct(integrated(), [step]))[-1:]
    assert rebuilt(AbsoluteIntensity, recorded.settings, version="0") == step


def test_scales_that_are_not_usable_are_refused():
    for scale, sigma in ((0.0, 0.1), (np.nan, 0.1), (1.0, -1.0), (1.0, None)):
        with pytest.raises(SpecError):
            AbsoluteIntensity(scale=scale, sigma=sigma)
    known = absolute_scale(noisy(np.random.default_rng(16)))
    with pytest.raises(SpecError, match="number only"):
        AbsoluteIntensity(scale=known, sigma=0.1)
    frames = make_frames(np.ones((4, 4), dtype=int))
    with pytest.raises(CorrectionFailed, match="integrate the frames"):
        AbsoluteIntensity(scale=known).apply(frames)
