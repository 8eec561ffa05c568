"""Three minimisers: the same minimum, bounds, and what the own one does beside."""

import lmfit
import numpy as np
import pytest
import scipy.optimize

from xrdkit.errors import FitFailed
from xrdkit.fitting import SOLVERS, Table, Verdict, least_squares, levenberg_marquardt, without

X = np.linspace(-6, 6, 300)
NAMES = ("area", "centre", "width", "level", "slope")
TRUTH = np.array([30.0, 0.4, 1.1, 10.0, 0.5])
START = np.array([20.0, 0.0, 1.5, 8.0, 0.0])


def curve(p):
    bell = np.exp(-(((X - p[1]) / p[2]) ** 2))
    return p[0] * bell + p[3] + p[4] * X


def slopes(p):
    u = (X - p[1]) / p[2]
    bell = np.exp(-(u**2))
    return np.stack(
        [bell, p[0] * bell * 2 * u / p[2], p[0] * bell * 2 * u**2 / p[2], np.ones(X.size), X],
        axis=1,
    )


def problem(seed=0, shoulder=0.0):
    """Return residual, Jacobian and parameters of a peak, on request with an unknown shoulder."""
    mean = curve(TRUTH) + shoulder * np.exp(-(((X - 2.0) / 0.7) ** 2))
    y = np.random.default_rng(seed).normal(mean, np.sqrt(mean))
    sigma = np.sqrt(mean)
    start = lmfit.Parameters()
    for name, value in zip(NAMES, START, strict=True):
        start.add(name, value)
    start["area"].min = 0.0
    start["width"].min = 0.01

    def vector(values):
        return np.array([values[n] for n in NAMES])

    def residual(values):
        return (curve(vector(values)) - y) / sigma

    def jacobian(values, names):
        return slopes(vector(values))[:, [NAMES.index(n) for n in names]] / sigma[:, None]

    return residual, jacobian, start


@pytest.mark.parametrize("shoulder", [0.0, 12.0])
@pytest.mark.parametrize("seed", range(5))
def test_all_solvers_end_in_the_same_minimum(seed, shoulder):
    """Also where the model is wrong and Gauss-Newton steps converge slowly."""
    residual, jacobian, start = problem(seed, shoulder)
    found = {
        solver: least_squares(residual, start, jacobian=jacobian, solver=solver)
        for solver in SOLVERS
    }
    errors = found["lm"].sigma()
    for solver, out in found.items():
        assert out.verdict is Verdict.OK, solver
        for name, error in errors.items():
            assert abs(out.values[name] - found["lm"].values[name]) < 1e-3 * error, (solver, name)
            assert out.sigma()[name] == pytest.approx(error, rel=2e-3)


def test_a_parameter_ends_on_its_bound_and_leaves_it():
    residual, jacobian, start = problem()
    start["level"].max = 9.0
    out = least_squares(residual, start, jacobian=jacobian, solver="lm")
    assert out.verdict is Verdict.AT_BOUND
    assert out.at_bound == ("level",)
    assert out.values["level"] == 9.0
    reference = scipy.optimize.least_squares(
        lambda p: residual(dict(zip(NAMES, p, strict=True))),
        START,
        lambda p: jacobian(dict(zip(NAMES, p, strict=True)), NAMES),
        bounds=([0, -np.inf, 0.01, -np.inf, -np.inf], [np.inf, np.inf, np.inf, 9.0, np.inf]),
        xtol=1e-12,
        ftol=1e-12,
        gtol=1e-12,
    )
    held = without(out, ["level"])
    for name, value in zip(NAMES, reference.x, strict=True):
        if name != "level":
            assert abs(out.values[name] - value) < 1e-3 * held.sigma()[name]
    start["level"].set(value=9.0, min=9.0, max=np.inf)
    free = least_squares(residual, start, jacobian=jacobian, solver="lm")
    assert free.verdict is Verdict.OK
    assert free.values["level"] > 9.1


def test_what_is_held_where_it_ended_is_as_if_never_free():
    residual, jacobian, start = problem()
    start["slope"].max = 0.0
    held = without(least_squares(residual, start, jacobian=jacobian, solver="lm"), ["slope"])
    start["slope"].set(value=0.0, vary=False)
    fixed = least_squares(residual, start, jacobian=jacobian, solver="lm")
    assert held.names == fixed.names
    assert held.dof == fixed.dof
    for name, error in fixed.sigma().items():
        assert held.sigma()[name] == pytest.approx(error, rel=1e-3)
        assert abs(held.values[name] - fixed.values[name]) < 1e-3 * error


def test_the_jacobian_of_a_neighbour_saves_evaluations_and_changes_nothing():
    residual, jacobian, start = problem(0)
    near = least_squares(residual, start, jacobian=jacobian, solver="lm")
    residual, jacobian, _ = problem(1)
    table = Table(values=near.values, free=near.names, bounds=near.table.bounds)
    alone = least_squares(residual, start, jacobian=jacobian, solver="lm")
    chord = least_squares(residual, table, jacobian=jacobian, solver="lm", slopes=near.slopes)
    assert chord.evaluations < alone.evaluations
    for name, error in alone.sigma().items():
        assert abs(chord.values[name] - alone.values[name]) < 1e-3 * error
        assert chord.sigma()[name] == pytest.approx(error, rel=1e-3)
    wrong = -np.asarray(near.slopes)[:, ::-1]
    astray = least_squares(residual, table, jacobian=jacobian, solver="lm", slopes=wrong)
    for name, error in alone.sigma().items():
        assert abs(astray.values[name] - alone.values[name]) < 1e-3 * error


def test_a_curved_valley():
    """Rosenbrock, Comput. J. 3 (1960) 175: the minimum is at (1, 1), and exactly 0."""
    found = levenberg_marquardt(
        lambda p: np.array([10 * (p[1] - p[0] ** 2), 1 - p[0]]),
        lambda p: np.array([[-20 * p[0], 10.0], [-1.0, 0.0]]),
        np.array([-1.2, 1.0]),
        low=np.full(2, -np.inf),
        high=np.full(2, np.inf),
    )
    assert found.converged
    np.testing.assert_allclose(found.x, 1.0, atol=1e-8)


def test_data_without_noise_are_fitted_to_rounding():
    y = curve(TRUTH)
    found = levenberg_marquardt(
        lambda p: curve(p) - y, slopes, START, low=np.full(5, -np.inf), high=np.full(5, np.inf)
    )
    assert found.converged
    np.testing.assert_allclose(found.x, TRUTH, rtol=1e-8)


def test_steps_out_of_the_range_of_a_model_are_taken_back():
    """The logarithm has no value beyond the edge; steps towards it must be shortened."""
    y = np.log(3.0 - X / 3.0)

    def residual(p):
        with np.errstate(invalid="ignore"):
            return np.log(p[0] - X / p[1]) - y

    found = levenberg_marquardt(
        residual,
        lambda p: np.stack([1 / (p[0] - X / p[1]), X / p[1] ** 2 / (p[0] - X / p[1])], axis=1),
        np.array([9.0, 2.0]),
        low=np.full(2, -np.inf),
        high=np.full(2, np.inf),
    )
    assert found.converged
    np.testing.assert_allclose(found.x, 3.0, rtol=1e-6)


def test_a_limit_of_evaluations_is_kept():
    residual, jacobian, start = problem()
    out = least_squares(residual, start, jacobian=jacobian, solver="lm", max_evaluations=3)
    assert out.verdict is Verdict.NOT_CONVERGED
    assert out.evaluations <= 4


def test_what_a_solver_cannot_do_is_refused():
    residual, jacobian, start = problem()
    start.add("twice", expr="2 * area")
    with pytest.raises(FitFailed, match="tied"):
        least_squares(residual, start, jacobian=jacobian, solver="lm")
    with pytest.raises(FitFailed, match="unknown solver"):
        least_squares(residual, start, solver="newton")
    out = least_squares(residual, problem()[2], solver="lm")
    with pytest.raises(FitFailed, match="let go"):
        without(type(out)(**{**vars(out), "slopes": None}), ["level"])
    with pytest.raises(FitFailed, match="finite numbers"):
        levenberg_marquardt(
            lambda p: p - 1.0,
            lambda p: np.full((2, 2), np.nan),
            np.zeros(2),
            low=np.full(2, -1.0),
            high=np.full(2, 1.0),
        )
