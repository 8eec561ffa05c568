"""The random search: what it reaches, and what its errors are."""

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.saxs import montecarlo
from xrdkit.saxs.background import background_columns
from xrdkit.saxs.kernel import sphere_kernel
from xrdkit.saxs.montecarlo import STOP, MonteCarlo, _walk
from xrdkit.saxs.problem import HIGHEST, Curve, Problem
from xrdkit.saxs.spec import SizeSpec

NAMES = ("mean_radius_volume", "width_volume", "volume_fraction", "distribution_volume")


def profile(sets, name="A", row=0):
    sigma, curves = sets.noisy(name, row + 1)
    return xk.profile(sets.Q, curves[row], sigma, unit="1/nm")


def spec(**options):
    return SizeSpec(method="montecarlo", contrast=10.0, **options)


def test_the_seed_tells_all_that_is_random(sets):
    first, again, other = (xk.fit_sizes(profile(sets), spec(seed=seed)) for seed in (1, 1, 2))
    for name in NAMES:
        np.testing.assert_array_equal(first[name], again[name])
        assert np.all(first[name + "_sigma"] == again[name + "_sigma"])
    assert float(first.mean_radius_volume) != float(other.mean_radius_volume)
    # Other starts change far less than the noise does.
    change = abs(float(first.mean_radius_volume - other.mean_radius_volume))
    assert change < float(first.mean_radius_volume_sigma)


def test_every_search_reaches_the_wanted_misfit(sets):
    result = xk.fit_sizes(profile(sets), spec())
    reached = float(result.parameter_value.sel(parameter="reduced_chi2_reached"))
    assert reached <= STOP * float(result.sigma_scale) ** 2
    assert reached > 0.9 * STOP * float(result.sigma_scale) ** 2
    assert 1000 < float(result.parameter_value.sel(parameter="steps")) < 100_000


def test_errors_are_those_of_the_data(sets):
    """More repetitions steady the search, and leave the error that the noise makes."""
    few = xk.fit_sizes(profile(sets), spec(repetitions=5))
    many = xk.fit_sizes(profile(sets), spec(repetitions=20))
    linear = xk.fit_sizes(profile(sets), SizeSpec(contrast=10.0))
    ratio = float(many.volume_fraction_sigma / few.volume_fraction_sigma)
    assert ratio > 0.7
    assert float(many.volume_fraction_sigma) > 0.8 * float(linear.volume_fraction_sigma)


def test_a_search_that_does_not_end_is_reported(sets, monkeypatch):
    monkeypatch.setattr(montecarlo, "STEP_LIMIT", 100)
    monkeypatch.setattr(montecarlo, "_CHUNK", 100)
    result = xk.fit_sizes(profile(sets), spec())
    assert str(result.verdict.values) == "not_converged"
    assert "10 of 10 searches stopped, after 100 steps" in str(result.verdict_reason.values)


def test_a_search_without_hope_is_given_up(sets):
    """Three hundred sizes cannot describe a curve to a millionth."""
    exact = xk.profile(sets.Q, sets.truth("E"), 0.01 * sets.truth("E"), unit="1/nm")
    result = xk.fit_sizes(exact, spec())
    assert str(result.verdict.values) == "not_converged"
    assert float(result.parameter_value.sel(parameter="steps")) < 0.7 * montecarlo.STEP_LIMIT
    assert float(result.mean_radius_volume) == pytest.approx(5.75137, rel=1e-3)


def test_sums_that_are_kept_up_are_those_taken_anew(sets):
    rng = np.random.default_rng(1)
    columns = rng.random((50, 20))
    target = columns @ rng.random(20)
    gram, product, power = columns.T @ columns, columns.T @ target, float(target @ target)
    chosen = rng.integers(0, 20, 30)
    places, draws = rng.integers(0, 30, 500), rng.integers(0, 20, 500)
    expected = chosen.copy()
    best = np.inf
    for place, draw in zip(places, draws, strict=True):
        trial = expected.copy()
        trial[place] = draw
        curves = [columns[:, rows].sum(axis=1) for rows in (expected, trial)]
        best, chi2 = (power - max(float(c @ target), 0.0) ** 2 / float(c @ c) for c in curves)
        if chi2 < best - 1e-9:
            expected, best = trial, chi2
    found, steps = _walk(gram, product, power, chosen, -1.0, places, draws)
    assert steps == 500
    np.testing.assert_array_equal(chosen, expected)
    assert found == pytest.approx(best, rel=1e-6)


def test_scale_and_backgrounds_are_least_squares(sets):
    sigma, curves = sets.noisy("E", 1)
    curve = Curve(
        kernel=sphere_kernel(sets.Q),
        valid=np.ones(sets.Q.size, dtype=bool),
        intensity=curves[0],
        sigma=sigma,
        background=background_columns(sets.Q, flat=True, porod=True),
    )
    problem = Problem(curve, HIGHEST)
    noise = problem.noise(curve.target, None)
    x = MonteCarlo(problem, curve.target, noise, spec(repetitions=1)).fit(curve.target)
    nodes = problem.nodes
    sizes = problem.matrix[:, :nodes] @ x[:nodes]
    matrix = np.column_stack([sizes, problem.matrix[:, nodes:]])
    best = np.linalg.lstsq(matrix, curve.target)[0]
    np.testing.assert_allclose(best, [1.0, *x[nodes:]], rtol=1e-6)
    # Every contribution has a volume that goes as 1/R.
    counts = x[:nodes] * problem.radius
    counts /= counts[counts > 0].min()
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-6)
    assert round(counts.sum()) == 300
