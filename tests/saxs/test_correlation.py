"""Correlation functions of lamellae and random systems, and Kratky plots."""

import model_free_curves as curves
import numpy as np
import pytest

import xrdkit as xk
from xrdkit.errors import SpecError
from xrdkit.saxs.correlation_read import readings

Q = np.geomspace(0.05, 4.0, 250)
SPEC = xk.CorrelationSpec(largest=30.0, points=301)


def measured(thin, thick, spread, relative, count, seed):
    clean = curves.lamellae(Q, thin, thick, spread)
    clean /= clean.max()
    sigma = relative * np.sqrt(clean**2 + 3e-4 * clean + 1e-8)
    return curves.series(Q, curves.noisy(clean + 2e-5, sigma, count, seed), sigma)


STACKS = {
    "disordered": (4.0, 8.0, (1.2, 2.4)),
    "fair": (3.0, 9.0, (0.6, 1.8)),
    "half": (5.0, 6.0, (0.5, 0.6)),
    "ordered": (4.0, 8.0, (0.4, 0.8)),
}


@pytest.mark.parametrize("name", STACKS)
def test_lamellae(name):
    thin, thick, spread = STACKS[name]
    result = xk.correlation_function(measured(thin, thick, spread, 0.01, 12, 1), SPEC)
    assert set(result.verdict.values) == {"ok"}
    distance = result.distance.values
    gamma = curves.lamellar_correlation(thin, thick, spread, distance)
    assert np.max(np.abs(result.correlation.values - gamma)) < 0.04
    true = readings(distance, gamma)
    period = result.long_period.values
    assert np.all(np.abs(period / true["long_period"] - 1) < 3e-3)
    assert np.all(np.abs(period / (thin + thick) - 1) < 0.025)
    for key in ("lamella_thickness", "volume_fraction", "volume_fraction_slope"):
        found = curves.score(result, key, true[key])
        assert abs(found["bias"]) < 0.15
        assert abs(found["bias"]) < 2.0 * found["error"] + 5e-3
    off = (result.lamella_thickness.values - thin) / thin
    assert np.all(np.abs(off) < 0.1)


def test_readings_of_an_ideal_stack():
    """γ1 of equal lamellae: straight from 1 to -φ/(1-φ) at l, flat, and up again at L - l."""
    distance = np.linspace(0.0, 30.0, 601)
    phase = np.abs((distance + 6.0) % 12.0 - 6.0)
    gamma = np.maximum(1.0 - phase / (12.0 * 0.25 * 0.75), -0.25 / 0.75)
    found = readings(distance, gamma)
    assert found["long_period"] == pytest.approx(12.0, abs=0.05)
    assert found["lamella_thickness"] == pytest.approx(3.0, rel=1e-3)
    assert found["volume_fraction_slope"] == pytest.approx(0.25, rel=5e-3)
    assert found["minimum"] == pytest.approx(-1 / 3, rel=1e-3)


def test_random_two_phase_system():
    clean = 8 * np.pi * 125.0 / (1 + 25.0 * Q**2) ** 2
    sigma = 0.01 * clean
    result = xk.correlation_function(
        curves.series(Q, curves.noisy(clean, sigma, 10, 2), sigma), SPEC
    )
    wanted = np.exp(-result.distance.values / 5.0)
    assert np.max(np.abs(result.correlation_3d.values - wanted)) < 5e-3
    assert set(result.verdict.values) == {"unidentifiable"}
    assert all("no long period" in r for r in result.verdict_reason.values)
    assert np.isnan(result.long_period.values).all()
    assert np.isfinite(result.correlation.values).all()


def test_frames_are_independent_and_the_argument_is_kept():
    profile = measured(4.0, 8.0, (1.2, 2.4), 0.01, 3, 3)
    before = profile.copy(deep=True)
    together = xk.correlation_function(profile, SPEC)
    alone = xk.correlation_function(profile.isel(frame=1), SPEC)
    assert profile.identical(before)
    assert float(alone.long_period) == float(together.long_period[1])
    assert float(alone.long_period_sigma) == float(together.long_period_sigma[1])


def test_no_surface_no_correlation():
    clean = np.exp(-8 * Q**2)
    result = xk.correlation_function(xk.profile(Q, clean, 0.01 * clean + 1e-4, unit="1/nm"))
    assert str(result.verdict.values) == "unidentifiable"
    assert np.isnan(result.correlation.values).all()


def test_kratky_of_a_sphere():
    """(qRg)²I/I(0) of a globular body is highest near √3, at about 3/e."""
    q = np.geomspace(0.04, 3.0, 200)
    clean = 7.0 * curves.BODIES["sphere"](q * 4.0)
    sigma = 0.005 * clean + 1e-3
    profile = curves.series(q, curves.noisy(clean, sigma, 40, 4), sigma)
    result = xk.kratky(profile)
    true = (4.0 * q) ** 2 * clean / 7.0
    top = int(np.argmax(true))
    assert 4.0 * q[top] == pytest.approx(1.73, abs=0.15)
    found = result.kratky_dimensionless.values[:, top]
    error = result.kratky_dimensionless_sigma.values[:, top]
    assert found.mean() == pytest.approx(true[top], rel=0.02)
    assert 0.5 < np.mean(np.abs(found - true[top]) < error) < 0.85
    np.testing.assert_allclose(result.kratky.values, q**2 * profile.intensity.values)
    np.testing.assert_allclose(result.kratky_sigma.values, q**2 * profile.sigma.values, rtol=1e-12)


def test_kratky_with_given_numbers_and_without_a_guinier_region():
    q = np.geomspace(0.04, 3.0, 200)
    clean = q**-2.0
    profile = xk.profile(q, clean, 0.01 * clean, unit="1/nm")
    result = xk.kratky(profile)
    assert str(result.verdict.values) == "unidentifiable"
    assert np.isnan(result.kratky_dimensionless.values).all()
    np.testing.assert_allclose(result.kratky.values, 1.0)
    given = xk.kratky(profile, xk.KratkySpec(radius_of_gyration=3.0, forward_intensity=2.0))
    np.testing.assert_allclose(given.kratky_dimensionless.values, 4.5)
    np.testing.assert_allclose(given.q_rg.values, 3.0 * q)


def test_wrong_settings():
    with pytest.raises(SpecError, match="both or neither"):
        xk.KratkySpec(radius_of_gyration=3.0)
    with pytest.raises(SpecError, match="above 0"):
        xk.KratkySpec(radius_of_gyration=3.0, forward_intensity=-1.0)
    with pytest.raises(SpecError, match="largest"):
        xk.CorrelationSpec(largest=-1.0)
    with pytest.raises(SpecError, match="points"):
        xk.CorrelationSpec(points=3)
