"""Guinier's law: bias and coverage, shapes, refusals, bad input."""

import model_free_curves as curves
import numpy as np
import pytest
import xarray as xr
from named_profiles import named
from scipy.special import j1

import xrdkit as xk
from xrdkit import provenance
from xrdkit.errors import CurveError, EmptyResult, SchemaError, SpecError

Q = np.geomspace(0.04, 5.0, 200)
RADIUS = 5.0


@pytest.fixture(scope="module")
def polydisperse(sets):
    sigma, rows = sets.noisy("A", 200)
    return curves.series(sets.Q, rows, sigma)


@pytest.fixture(scope="module")
def fitted(polydisperse):
    return xk.guinier(polydisperse)


@pytest.mark.parametrize(
    ("name", "true"), [("radius_of_gyration", 5.12446), ("forward_intensity", 89.850)]
)
def test_bias_and_coverage(fitted, name, true):
    found = curves.score(fitted, name, true)
    assert found["count"] == 200
    assert abs(found["bias"]) < 1e-3
    assert 0.61 <= found["cov68"] <= 0.75
    assert found["cov95"] > 0.91


def test_clean_curves_are_called_so(fitted):
    assert set(fitted.verdict.values) == {"ok"}
    assert np.all(fitted.q_low.values == Q[0])


def test_an_upturn_is_told_and_taken_off(sets):
    sigma, rows = sets.noisy("E", 100)
    result = xk.guinier(curves.series(sets.Q, rows, sigma))
    assert set(result.verdict.values) == {"misfit"}
    assert all(
        "rises above Guinier's law below q = 0.1 " in r for r in result.verdict_reason.values
    )
    found = curves.score(result, "radius_of_gyration", 5.12446)
    assert abs(found["bias"]) < 4e-3
    assert 0.58 <= found["cov68"] <= 0.80


@pytest.mark.parametrize("body", curves.BODIES)
def test_bodies_of_all_shapes(body):
    """60 draws of a right error leave 0.68 within one by ± 0.06, and 0.95 within two by ± 0.03."""
    clean = 90.0 * curves.BODIES[body](Q * RADIUS)
    sigma = 0.003 * np.sqrt(0.3 * clean**2 + 0.2 * clean * clean[0])
    profile = curves.series(Q, curves.noisy(clean, sigma, 60, 3), sigma)
    found = curves.score(xk.guinier(profile), "radius_of_gyration", RADIUS)
    assert found["count"] == 60
    assert abs(found["bias"]) < 3e-3
    assert found["error"] < 8e-3
    assert found["cov68"] > 0.5
    assert found["cov95"] > 0.86


@pytest.mark.parametrize(("body", "wrong"), [("shell", 0.01), ("rod", -0.02), ("chain", -0.02)])
def test_the_law_alone_is_wrong(body, wrong):
    clean = 90.0 * curves.BODIES[body](Q * RADIUS)
    sigma = 0.003 * np.sqrt(0.3 * clean**2 + 0.2 * clean * clean[0])
    profile = curves.series(Q, curves.noisy(clean, sigma, 20, 3), sigma)
    plain = xk.guinier(profile, xk.GuinierSpec(curved=False))
    assert curves.score(plain, "radius_of_gyration", RADIUS)["bias"] / wrong > 1.0


def test_poor_data_keep_an_error_for_the_unknown_shape():
    clean = 90.0 * curves.BODIES["sphere"](Q * RADIUS)
    sigma = 0.03 * np.sqrt(0.3 * clean**2 + 0.2 * clean * clean[0])
    profile = curves.series(Q, curves.noisy(clean, sigma, 100, 4), sigma)
    found = curves.score(xk.guinier(profile), "radius_of_gyration", RADIUS)
    assert found["error"] < 0.03
    assert found["cov68"] > 0.6
    assert found["cov95"] > 0.9


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_wrongly_stated_errors_are_scaled(sets, factor):
    sigma, rows = sets.noisy("A", 100)
    result = xk.guinier(curves.series(sets.Q, rows, factor * sigma))
    assert float(result.sigma_scale.mean()) == pytest.approx(1 / factor, rel=0.05)
    assert 0.58 <= curves.score(result, "radius_of_gyration", 5.12446)["cov68"] <= 0.78


CASES = {
    "power law 4": (1e-3 * Q**-4.0, "unidentifiable"),
    "power law 4 on a background": (1e-3 * Q**-4.0 + 0.3, "unidentifiable"),
    "power law 2": (1e-2 * Q**-2.0, "unidentifiable"),
    "power law 3 on a background": (1e-3 * Q**-3.0 + 0.3, "unidentifiable"),
    "background alone": (np.ones_like(Q), "unidentifiable"),
    "interference": (curves.sphere(Q * 5) * curves.hard_spheres(Q, 5.0, 0.3), "unidentifiable"),
    "an interference peak": (
        curves.sphere(Q * 5) * curves.hard_spheres(Q, 5.0, 0.45),
        "unidentifiable",
    ),
    "too large": (curves.sphere(Q * 60.0), "unidentifiable"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_has_no_guinier_region_is_refused(case):
    clean, verdict = CASES[case]
    sigma = 0.01 * np.sqrt(clean**2 + 1e-4 * clean * clean.max())
    result = xk.guinier(curves.series(Q, curves.noisy(clean, sigma, 12, 5), sigma))
    assert set(result.verdict.values) == {verdict}
    assert np.isnan(result.radius_of_gyration.values).all()
    assert all(result.verdict_reason.values)


def test_a_short_upturn_at_the_beamstop_is_left_out():
    clean = 90.0 * curves.BODIES["sphere"](Q * RADIUS)
    sigma = 0.005 * clean + 1e-3
    rows = curves.noisy(clean, sigma, 20, 6)
    rows[:, :2] *= 0.5
    result = xk.guinier(curves.series(Q, rows, sigma))
    assert set(result.verdict.values) == {"ok"}
    assert np.all(result.q_low.values >= Q[2])
    assert abs(curves.score(result, "radius_of_gyration", RADIUS)["bias"]) < 0.01


def test_cross_section_of_a_rod():
    q = np.geomspace(0.05, 2.0, 150)
    x = q * 4.0
    clean = (2.0 * j1(x) / x) ** 2 / q
    sigma = 0.004 * clean
    profile = curves.series(q, curves.noisy(clean, sigma, 60, 7), sigma)
    result = xk.guinier(profile, xk.GuinierSpec(geometry="rod"))
    found = curves.score(result, "radius_of_gyration", 4.0 / np.sqrt(2.0))
    assert found["count"] == 60
    assert abs(found["bias"]) < 3e-3
    assert found["cov68"] > 0.55
    assert result.forward_intensity.attrs["units"].endswith("/nm^1")


def test_thickness_of_a_sheet():
    q = np.geomspace(0.02, 2.0, 150)
    clean = np.sinc(q * 6.0 / 2.0 / np.pi) ** 2 / q**2
    sigma = 0.004 * clean
    profile = curves.series(q, curves.noisy(clean, sigma, 60, 8), sigma)
    result = xk.guinier(profile, xk.GuinierSpec(geometry="sheet"))
    found = curves.score(result, "radius_of_gyration", 6.0 / np.sqrt(12.0))
    assert found["count"] == 60
    assert abs(found["bias"]) < 3e-3
    assert found["cov68"] > 0.55


def test_without_errors():
    clean = 90.0 * curves.BODIES["sphere"](Q * RADIUS)
    result = xk.guinier(xk.profile(Q, clean, unit="1/nm"))
    assert float(result.radius_of_gyration) == pytest.approx(RADIUS, rel=2e-3)
    assert np.isnan(float(result.gof))


def test_a_common_error_moves_the_intensity_and_not_the_radius(sets):
    sigma, rows = sets.noisy("A", 1)
    plain = xk.profile(sets.Q, rows[0], sigma, unit="1/nm")
    scaled = named(plain, {"counting": sigma}, {"transmission": 0.05 * rows[0]})
    before, after = xk.guinier(plain), xk.guinier(scaled)
    assert float(after.radius_of_gyration) == pytest.approx(float(before.radius_of_gyration))
    assert float(after.radius_of_gyration_sigma) == pytest.approx(
        float(before.radius_of_gyration_sigma), rel=0.02
    )
    wanted = np.hypot(float(before.forward_intensity_sigma), 0.05 * float(before.forward_intensity))
    assert float(after.forward_intensity_sigma) == pytest.approx(wanted, rel=0.02)


def test_frames_are_independent_and_the_argument_is_kept(polydisperse, fitted):
    before = polydisperse.copy(deep=True)
    single = xk.guinier(polydisperse.isel(frame=7))
    assert polydisperse.identical(before)
    assert float(single.radius_of_gyration) == float(fitted.radius_of_gyration[7])
    step = provenance.steps(single)[-1]
    assert step.step == "guinier"
    assert step.settings["geometry"] == "sphere"


def test_order_of_points_does_not_matter(polydisperse):
    one = polydisperse.isel(frame=0)
    turned = one.isel(q=slice(None, None, -1))
    assert float(xk.guinier(turned).radius_of_gyration) == float(xk.guinier(one).radius_of_gyration)


def test_bad_frames_do_not_lose_the_others(polydisperse):
    data = polydisperse.isel(frame=slice(0, 6)).copy(deep=True)
    data.intensity.values[0] = np.nan
    data.intensity.values[1] = 0.0
    data.intensity.values[2] = -data.intensity.values[2]
    data.intensity.values[3, ::3] = np.nan
    data.intensity.values[5] *= 1e200
    result = xk.guinier(data)
    assert result.verdict.values.tolist() == ["unidentifiable"] * 3 + ["ok"] * 2 + [
        "unidentifiable"
    ]
    assert "overflow" in str(result.verdict_reason.values[5])
    assert "usable points" in str(result.verdict_reason.values[0])
    assert "0 everywhere" in str(result.verdict_reason.values[1])
    assert float(result.radius_of_gyration[3]) == pytest.approx(5.12, rel=0.05)


def test_what_cannot_be_analysed(polydisperse):
    one = polydisperse.isel(frame=0)
    with pytest.raises(EmptyResult, match="at least 10"):
        xk.guinier(one.isel(q=slice(0, 9)))
    with pytest.raises(EmptyResult, match="lie in"):
        xk.guinier(one, xk.GuinierSpec(range=(6.0, 7.0)))
    with pytest.raises(CurveError, match="desmear"):
        xk.guinier(one.assign_attrs(slit_smeared=1))
    with pytest.raises(SchemaError, match="over two_theta"):
        xk.guinier(xk.pattern(np.linspace(1, 5, 20), np.ones(20), np.ones(20), wavelength=1.54))
    with pytest.raises(SpecError, match="GuinierSpec"):
        xk.guinier(one, {"geometry": "rod"})


def test_a_doubtful_unit_of_q_is_told():
    """A curve in 1/angstrom taken for one in 1/nm has the shape of one of larger particles."""
    q = Q / 10
    clean = 90.0 * curves.BODIES["sphere"](Q * RADIUS)
    result = xk.guinier(xk.profile(q, clean, 0.01 * clean + 1e-3, unit="1/nm"))
    assert "if it is in 1/angstrom" in str(result.verdict_reason.values)


@pytest.mark.parametrize("verb", ["guinier", "porod", "invariant", "kratky", "pair_distances"])
def test_results_are_stored_and_loaded(polydisperse, tmp_path, verb):
    result = getattr(xk, verb)(polydisperse.isel(frame=slice(0, 2)))
    xk.save(result, tmp_path / "result.nc")
    xr.testing.assert_identical(xk.load(tmp_path / "result.nc"), result)


@pytest.mark.parametrize(
    "settings",
    [
        {"geometry": "cube"},
        {"qr_max": 0.0},
        {"qr_max": 3.0},
        {"range": (2.0, 1.0)},
        {"curved": 1},
    ],
    ids=str,
)
def test_wrong_settings(settings):
    with pytest.raises(SpecError):
        xk.GuinierSpec(**settings)


def test_a_constant_without_noise_has_no_radius():
    q = np.geomspace(0.04, 5.0, 150)
    curve = xk.profile(q, np.full(q.size, 3.0), np.full(q.size, 0.1), unit="1/nm")
    for verb in (xk.guinier, xk.kratky):
        result = verb(curve)
        assert str(result["verdict"].values) == "unidentifiable"
        assert np.isnan(result["radius_of_gyration"])
