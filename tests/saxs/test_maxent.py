"""The entropy maximum: that it is one, and that it is found."""

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.saxs.background import background_columns
from xrdkit.saxs.kernel import sphere_kernel
from xrdkit.saxs.maxent import MaxEnt
from xrdkit.saxs.problem import HIGHEST, Curve, Problem
from xrdkit.saxs.spec import SizeSpec
from xrdkit.saxs.tikhonov import Tikhonov, allowed_chi2

SPEC = SizeSpec(method="maxent")


def problem_of(sets, intensity, sigma, *, porod=True):
    curve = Curve(
        kernel=sphere_kernel(sets.Q),
        valid=np.ones(sets.Q.size, dtype=bool),
        intensity=intensity,
        sigma=sigma,
        background=background_columns(sets.Q, flat=True, porod=porod),
    )
    problem = Problem(curve, HIGHEST)
    return problem, curve.target, problem.noise(curve.target, None)


def solved(sets, name, row, **options):
    sigma, curves = sets.noisy(name, row + 1)
    problem, target, noise = problem_of(sets, curves[row], sigma, **options)
    solver = MaxEnt(problem, target, noise, SPEC)
    return problem, target, noise, solver, solver.fit(target)


@pytest.mark.parametrize("name", ["A", "B", "E"])
@pytest.mark.parametrize("row", range(4))
def test_it_converges_to_the_wanted_misfit(sets, name, row):
    problem, target, noise, solver, x = solved(sets, name, row)
    assert solver.converged
    assert solver.note == ""
    assert np.all(x[: problem.nodes] > 0)
    chi2 = problem.chi2(x, target)
    assert chi2 == pytest.approx(allowed_chi2(noise, target.size), rel=1e-3)


def test_entropy_and_misfit_pull_against_each_other(sets):
    """At the maximum of α S - χ²/2, all in units of the noise, both gradients are opposite."""
    problem, target, noise, solver, x = solved(sets, "E", 0)
    nodes = problem.nodes
    pull = problem.matrix.T @ (target - problem.matrix @ x)
    strength = 10.0**solver.log_strength
    default = np.log(x[:nodes]) - pull[:nodes] / noise.scale / strength
    # ln m is the same at every node: the default is flat.
    np.testing.assert_allclose(default, default.mean(), atol=1e-3)
    # Backgrounds have no entropy: the misfit is smallest with respect to them.
    assert np.all(np.abs(pull[nodes:]) < 1e-6 * np.linalg.norm(target))


def test_no_solution_as_good_has_more_entropy(sets):
    problem, target, noise, _, x = solved(sets, "A", 1)
    nodes = problem.nodes
    other = Tikhonov(problem, target, noise, SizeSpec(method="tikhonov")).fit(target)
    assert problem.chi2(other, target) == pytest.approx(problem.chi2(x, target), rel=0.01)
    default = 1e-3 * noise.x[:nodes].sum() / nodes

    def entropy(y):
        y = np.maximum(y[:nodes], 1e-300)
        return -np.sum(y * (np.log(y / default) - 1.0))

    assert entropy(x) > entropy(other)


def test_a_background_that_would_be_negative_is_zero(sets):
    clean = sets.truth("A") - 1e-6 * sets.Q**-4.0
    sigma = 0.01 * sets.truth("A") + 1e-5
    noise = np.random.default_rng(0).standard_normal(sets.Q.size)
    problem, target, level = problem_of(sets, clean + sigma * noise, sigma)
    found = MaxEnt(problem, target, level, SPEC).fit(target)
    assert problem.background[1] == "background_porod"
    assert found[problem.nodes + 1] == 0.0


def test_without_any_background(sets):
    sigma, curves = sets.noisy("A", 1)
    curve = Curve(
        kernel=sphere_kernel(sets.Q),
        valid=np.ones(sets.Q.size, dtype=bool),
        intensity=curves[0],
        sigma=sigma,
        background={},
    )
    problem = Problem(curve, HIGHEST)
    noise = problem.noise(curve.target, None)
    solver = MaxEnt(problem, curve.target, noise, SPEC)
    x = solver.fit(curve.target) / problem.scale
    assert solver.converged
    assert x.sum() * problem.step == pytest.approx(1.0, rel=0.01)


def test_corrected_numbers_stay_positive(sets):
    """Where spheres do not describe the curve, the second inversion changes numbers by a lot."""
    clean = 100.0 / (1 + (2.0 * sets.Q) ** 2) ** 1.5 + sets.truth("B")
    profile = xk.profile(sets.Q, clean, 0.003 * clean, unit="1/nm")
    result = xk.fit_sizes(profile, xk.SizeSpec(method="maxent", contrast=10.0))
    for name in ("mean_radius_volume", "width_volume", "median_radius_volume", "volume_fraction"):
        assert float(result[name]) > 0
    assert np.all(result.radius_percentile_volume > 0)
    assert np.all(result.population_width_volume > 0)
