"""Pair distances: Rg, I(0) and extent with errors that hold; p(r); refusals."""

import model_free_curves as curves
import numpy as np
import pytest
from named_profiles import named

import xrdkit as xk
from xrdkit.errors import EmptyResult, SpecError

Q = np.linspace(0.1, 2.8, 200)


def stated(clean, relative):
    """Errors that grow with q as those of a protein in solution do."""
    return relative * clean.max() * (0.5 * clean / clean.max() + 0.1 * (1.0 + Q**2) / 3.0)


def body(name, radius, relative, count, seed):
    clean = curves.BODIES[name](Q * radius)
    sigma = stated(clean, relative)
    return curves.series(Q, curves.noisy(clean, sigma, count, seed), sigma)


@pytest.fixture(scope="module")
def spheres():
    """Spheres of radius 4 nm."""
    return body("sphere", 4.0 * np.sqrt(0.6), 0.01, 40, 1)


@pytest.fixture(scope="module")
def fitted(spheres):
    return xk.pair_distances(spheres)


def test_coverage_on_spheres(fitted):
    """40 draws of a right error leave 0.68 within one by ± 0.07."""
    assert set(fitted.verdict.values) == {"ok"}
    for name, true in (("radius_of_gyration", 4.0 * np.sqrt(0.6)), ("forward_intensity", 1.0)):
        found = curves.score(fitted, name, true)
        assert abs(found["bias"]) < 2e-3
        assert found["error"] < 6e-3
        assert 0.5 <= found["cov68"] <= 0.9
        assert found["cov95"] > 0.86
    extent = curves.score(fitted, "largest_distance", 8.0)
    assert abs(extent["bias"]) < 0.1
    assert extent["cov95"] > 0.9


def test_density_of_a_sphere(fitted):
    """p(r) of a sphere of volume V: 4πp = 12 x² (2 - 3x + x³)/D · I(0), x = r/D."""
    x = fitted.distance.values / 8.0
    true = np.where(x < 1, 12 * x**2 * (2 - 3 * x + x**3) / 8.0, 0.0) / (4 * np.pi)
    found, error = fitted.pair_distances.values, fitted.pair_distances_sigma.values
    assert np.max(np.abs(found.mean(axis=0) - true)) < 0.02 * true.max()
    inside = (x > 0.05) & (x < 1.0)
    off = np.abs(found - true)[:, inside] / error[:, inside]
    # A band for densities of any shape is wide for one that is as smooth as this.
    assert np.mean(off < 1) > 0.61
    assert np.mean(off < 2) > 0.91
    assert np.all(found[:, 0] == 0)


@pytest.mark.parametrize("name", ["prolate", "oblate", "needle"])
def test_coverage_on_other_bodies(name):
    result = xk.pair_distances(body(name, 3.2, 0.01, 24, 2))
    found = curves.score(result, "radius_of_gyration", 3.2)
    assert abs(found["bias"]) < 5e-3
    assert found["error"] < 0.02
    assert found["cov68"] > 0.45
    assert found["cov95"] > 0.8


def test_coverage_on_polydisperse_spheres(sets):
    """A distribution without an end, and a curve of 32 channels."""
    sigma, rows = sets.noisy("A", 24)
    result = xk.pair_distances(curves.series(sets.Q, rows, sigma))
    assert set(result.verdict.values) == {"ok"}
    for name, true in (("radius_of_gyration", 5.12446), ("forward_intensity", 89.850)):
        found = curves.score(result, name, true)
        assert abs(found["bias"]) < 2.5e-3
        assert found["error"] < 4e-3
        assert found["cov68"] > 0.45
        assert found["cov95"] > 0.82


@pytest.mark.parametrize("order", [1, 2])
def test_either_penalty(spheres, order):
    result = xk.pair_distances(spheres.isel(frame=0), xk.DistanceSpec(order=order))
    off = float(result.radius_of_gyration) - 4.0 * np.sqrt(0.6)
    assert abs(off) < 3 * float(result.radius_of_gyration_sigma)


def test_flat_background_is_told(spheres):
    lifted = spheres.isel(frame=slice(0, 10)).copy(deep=True)
    lifted.intensity.values += 0.05
    result = xk.pair_distances(lifted, xk.DistanceSpec(flat=True))
    found = curves.score(result, "radius_of_gyration", 4.0 * np.sqrt(0.6))
    assert found["cov95"] == 1.0
    assert abs(found["bias"]) < 0.02
    assert curves.score(result, "background_flat", 0.05)["cov95"] > 0.7


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_wrongly_stated_errors_are_scaled(spheres, factor):
    data = spheres.isel(frame=slice(0, 20)).copy(deep=True)
    data["sigma"] = factor * data.sigma
    data.sigma.attrs.update(spheres.sigma.attrs)
    result = xk.pair_distances(data)
    assert float(result.sigma_scale.mean()) == pytest.approx(1 / factor, rel=0.06)


def test_intensity_agrees_with_the_data(spheres, fitted):
    pull = (spheres.intensity - fitted.intensity_calculated) / spheres.sigma
    assert float((pull**2).mean()) == pytest.approx(1.0, abs=0.1)
    assert np.all(np.abs(fitted.gof - 1) < 0.2)


def test_exact_data_give_the_exact_extent():
    clean = curves.BODIES["sphere"](Q * 4.0 * np.sqrt(0.6))
    result = xk.pair_distances(xk.profile(Q, clean, np.full(Q.size, 1e-5), unit="1/nm"))
    assert float(result.radius_of_gyration) == pytest.approx(4.0 * np.sqrt(0.6), rel=1e-4)
    assert float(result.largest_distance) == pytest.approx(8.0, rel=0.04)


def test_long_curves_of_many_channels_are_cut():
    q = np.geomspace(0.01, 10.0, 600)
    clean = curves.BODIES["sphere"](q * 20.0)
    sigma = 0.01 * clean + 1e-7
    result = xk.pair_distances(xk.profile(q, clean, sigma, unit="1/nm"))
    assert float(result.radius_of_gyration) == pytest.approx(20.0, rel=2e-3)
    assert float(result.q_high) < 10.0


def test_distances_beyond_the_data_are_told():
    q = np.geomspace(0.04, 5.0, 200)
    clean = 1e-3 * q**-4.0
    result = xk.pair_distances(xk.profile(q, clean, 0.01 * clean, unit="1/nm"))
    assert str(result.verdict.values) != "ok"
    assert str(result.verdict_reason.values)


def test_interference_gives_a_negative_density():
    clean = curves.sphere(Q * 4.0) * curves.hard_spheres(Q, 4.0, 0.2)
    sigma = 0.01 * clean + 1e-4 * clean.max()
    result = xk.pair_distances(curves.series(Q, curves.noisy(clean, sigma, 3, 3), sigma))
    assert not np.any(result.verdict.values == "ok")


@pytest.mark.parametrize("level", [0.0, 10.0])
def test_no_signal_and_a_flat_one_are_refused(level):
    sigma = np.full(Q.size, 1.0)
    result = xk.pair_distances(curves.series(Q, curves.noisy(level + 0 * Q, sigma, 5, 4), sigma))
    assert set(result.verdict.values) == {"unidentifiable"}
    assert np.isnan(result.radius_of_gyration.values).all()


def test_a_common_error_moves_the_intensity_and_not_the_radius(spheres, fitted):
    plain = spheres.isel(frame=0)
    single = {"counting": plain.sigma.values}
    scaled = named(plain, single, {"transmission": 0.05 * plain.intensity.values})
    result = xk.pair_distances(scaled)
    wanted = np.hypot(float(fitted.forward_intensity_sigma[0]), 0.05)
    assert float(result.forward_intensity_sigma) == pytest.approx(wanted, rel=0.03)
    assert float(result.radius_of_gyration_sigma) == pytest.approx(
        float(fitted.radius_of_gyration_sigma[0]), rel=0.1
    )


def test_frames_are_independent_and_the_argument_is_kept(spheres, fitted):
    before = spheres.copy(deep=True)
    single = xk.pair_distances(spheres.isel(frame=3))
    assert spheres.identical(before)
    for name in ("radius_of_gyration", "largest_distance", "forward_intensity_sigma"):
        assert float(single[name]) == float(fitted[name][3])


def test_bad_frames_do_not_lose_the_others(spheres):
    data = spheres.isel(frame=slice(0, 3)).copy(deep=True)
    data.intensity.values[0] = np.nan
    data.intensity.values[1] = 0.0
    result = xk.pair_distances(data)
    assert result.verdict.values.tolist() == ["unidentifiable", "unidentifiable", "ok"]
    assert np.isnan(result.pair_distances.values[:2]).all()
    assert np.isfinite(result.pair_distances.values[2]).all()
    with pytest.raises(EmptyResult):
        xk.pair_distances(data.isel(q=slice(0, 5)))


@pytest.mark.parametrize("settings", [{"order": 3}, {"points": 5}, {"flat": 1}], ids=str)
def test_wrong_settings(settings):
    with pytest.raises(SpecError):
        xk.DistanceSpec(**settings)
