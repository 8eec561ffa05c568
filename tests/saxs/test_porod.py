"""Porod's law and the invariant: bias, coverage, windows, refusals."""

import model_free_curves as curves
import numpy as np
import pytest

import xrdkit as xk
from xrdkit.errors import SpecError
from xrdkit.saxs import sphere_intensity
from xrdkit.saxs.structure_factors import hard_sphere

Q = np.geomspace(0.04, 5.0, 200)
SURFACE = 5.4290e-3
CONSTANT = 2 * np.pi * 10.0 * SURFACE


@pytest.fixture(scope="module")
def polydisperse(sets):
    sigma, rows = sets.noisy("A", 200)
    return curves.series(sets.Q, rows, sigma)


@pytest.fixture(scope="module")
def summed(polydisperse):
    return xk.invariant(polydisperse, xk.InvariantSpec(contrast=10.0))


def stated(clean, relative):
    return relative * np.sqrt(0.5 * clean**2 + 1e-4 * clean * clean.max())


def test_constant_of_polydisperse_spheres(polydisperse):
    result = xk.porod(polydisperse, xk.PorodSpec(contrast=10.0))
    for name, true in (("porod_constant", CONSTANT), ("surface_per_volume", SURFACE)):
        found = curves.score(result, name, true)
        assert found["count"] >= 198
        assert abs(found["bias"]) < 0.01
        assert 0.61 <= found["cov68"] <= 0.75
        assert found["cov95"] > 0.91


@pytest.mark.parametrize(
    ("name", "true", "most"),
    [
        ("volume_fraction", 0.01, 2e-3),
        ("surface_per_volume", SURFACE, 0.01),
        ("specific_surface", 100 * SURFACE, 0.01),
        ("porod_length", 4 / (100 * SURFACE), 0.01),
    ],
)
def test_invariant_of_polydisperse_spheres(summed, name, true, most):
    found = curves.score(summed, name, true)
    assert found["count"] >= 198
    assert abs(found["bias"]) < most
    assert 0.61 <= found["cov68"] <= 0.75
    assert found["cov95"] > 0.91


def test_background_and_upturn_are_taken_off(sets):
    sigma, rows = sets.noisy("E", 100)
    result = xk.invariant(curves.series(sets.Q, rows, sigma), xk.InvariantSpec(contrast=10.0))
    assert all("upturn" in reason for reason in result.verdict_reason.values)
    for name, true, most in (
        ("volume_fraction", 0.01, 2e-3),
        ("surface_per_volume", SURFACE, 0.01),
        ("background_flat", 0.1, 1e-3),
    ):
        found = curves.score(result, name, true)
        assert abs(found["bias"]) < most
        assert found["cov68"] > 0.6
        assert found["cov95"] > 0.91


def test_two_phases_that_fill_the_sample(polydisperse, summed):
    spec = xk.InvariantSpec(contrast=10.0, dilute=False)
    result = xk.invariant(polydisperse.isel(frame=0), spec)
    dilute = float(summed.volume_fraction[0])
    fraction = float(result.volume_fraction)
    assert fraction * (1 - fraction) == pytest.approx(dilute)
    assert float(result.surface_per_volume) == pytest.approx(float(summed.surface_per_volume[0]))


def test_random_two_phase_system():
    """Debye's γ0 = exp(-r/l): I = 8πl³/(1 + q²l²)², K = 8π/l, next term -2/l²."""
    clean = 8 * np.pi * 125.0 / (1 + 25.0 * Q**2) ** 2
    sigma = stated(clean, 0.01)
    profile = curves.series(Q, curves.noisy(clean, sigma, 60, 2), sigma)
    found = curves.score(xk.porod(profile), "porod_constant", 8 * np.pi / 5)
    assert abs(found["bias"]) < 0.004
    assert found["cov68"] > 0.55
    length = curves.score(
        xk.invariant(profile, xk.InvariantSpec(volume_fraction=0.3)), "porod_length", 5.0
    )
    assert abs(length["bias"]) < 0.005


def test_oscillations_to_the_end_are_averaged():
    clean = 1e3 * curves.sphere(Q * 5.0)
    sigma = stated(clean, 0.01)
    result = xk.porod(curves.series(Q, curves.noisy(clean, sigma, 20, 3), sigma))
    assert all("averaged" in reason for reason in result.verdict_reason.values)
    found = curves.score(result, "porod_constant", 1e3 * 4.5 / 5.0**4)
    assert abs(found["bias"]) < 0.02
    assert found["cov95"] == 1.0


@pytest.mark.parametrize("power", [2.0, 3.0])
def test_another_power_is_no_surface(power):
    clean = Q**-power
    sigma = stated(clean, 0.01)
    result = xk.porod(curves.series(Q, curves.noisy(clean, sigma, 10, 4), sigma))
    assert not np.any(result.verdict.values == "ok")


@pytest.mark.parametrize("clean", [np.exp(-8 * Q**2), np.ones_like(Q)], ids=["gaussian", "flat"])
def test_no_porod_region(clean):
    sigma = 0.01 * clean + 1e-4
    result = xk.invariant(curves.series(Q, curves.noisy(clean, sigma, 10, 5), sigma))
    assert set(result.verdict.values) == {"unidentifiable"}
    assert np.isnan(result.invariant.values).all()


def test_known_fraction_needs_no_absolute_scale(polydisperse, summed):
    one = polydisperse.isel(frame=0)
    relative = one.copy(deep=True)
    for name in ("intensity", "sigma"):
        relative[name] = (7.0 * one[name]).assign_attrs(units="count", long_name=name)
    known = float(summed.volume_fraction[0])
    result = xk.invariant(relative, xk.InvariantSpec(volume_fraction=known))
    assert float(result.surface_per_volume) == pytest.approx(
        float(summed.surface_per_volume[0]) * (1 - known), rel=1e-6
    )
    without = xk.invariant(relative, xk.InvariantSpec(contrast=10.0))
    assert np.isnan(float(without.volume_fraction))


def test_impossible_fraction_is_told(polydisperse):
    spec = xk.InvariantSpec(contrast=0.1, dilute=False)
    result = xk.invariant(polydisperse.isel(frame=0), spec)
    assert str(result.verdict.values) == "misfit"
    assert "contrast or absolute scale" in str(result.verdict_reason.values)
    assert np.isnan(float(result.volume_fraction))


def test_contrast_error_is_in_the_fraction(polydisperse, summed):
    spec = xk.InvariantSpec(contrast=10.0, contrast_sigma=0.2)
    result = xk.invariant(polydisperse.isel(frame=0), spec)
    wanted = np.hypot(float(summed.volume_fraction_sigma[0]), 0.04 * 0.01)
    assert float(result.volume_fraction_sigma) == pytest.approx(wanted, rel=0.02)


def test_arguments_are_kept(polydisperse):
    one = polydisperse.isel(frame=0)
    before = one.copy(deep=True)
    xk.porod(one)
    xk.invariant(one)
    assert one.identical(before)


@pytest.mark.parametrize(
    "settings",
    [{"contrast": 0.0}, {"contrast_sigma": 1.0}, {"volume_fraction": 1.5}, {"dilute": 1}],
    ids=str,
)
def test_wrong_settings(settings):
    with pytest.raises(SpecError):
        xk.InvariantSpec(**settings)


def test_wrong_spec(polydisperse):
    with pytest.raises(SpecError, match="PorodSpec"):
        xk.porod(polydisperse, xk.InvariantSpec())
    with pytest.raises(SpecError, match="InvariantSpec"):
        xk.invariant(polydisperse, xk.PorodSpec())


def test_an_invariant_of_interfering_particles_says_that_they_are_not_dilute():
    q = np.geomspace(0.04, 5.0, 150)
    form = sphere_intensity(q, median_number=5.0, width=0.1, volume_fraction=0.2, contrast=10.0)
    clean = form * hard_sphere(q, radius=5.0, effective_volume_fraction=0.2)
    sigma = 0.01 * clean + 1e-3
    noisy = clean + sigma * np.random.default_rng(1).standard_normal(q.size)
    curve = xk.profile(q, noisy, sigma, unit="1/nm")
    assert "not dilute" in str(xk.invariant(curve)["verdict_reason"].values)
    filled = xk.invariant(curve, xk.InvariantSpec(dilute=False))
    assert "not dilute" not in str(filled["verdict_reason"].values)
