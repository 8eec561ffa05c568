"""The fit core: the same minimum with and without a Jacobian, honest errors and verdicts."""

import lmfit
import numpy as np
import pytest

from xrdkit.errors import FitFailed
from xrdkit.fitting import Verdict, least_squares

X = np.linspace(-5, 5, 200)


def gaussian(values):
    return values["a"] * np.exp(-(((X - values["c"]) / values["w"]) ** 2))


def problem(seed=0, noise=0.1):
    y = 3 * np.exp(-(((X - 0.5) / 1.2) ** 2)) + np.random.default_rng(seed).normal(0, noise, 200)
    start = lmfit.Parameters()
    start.add("a", 1.0, min=0, max=10)
    start.add("c", 0.0)
    start.add("w", 1.0, min=0)

    def residual(values):
        return (gaussian(values) - y) / noise

    def jacobian(values, names):
        shape = gaussian(values) / values["a"]
        u = (X - values["c"]) / values["w"]
        columns = {
            "a": shape,
            "c": values["a"] * shape * 2 * u / values["w"],
            "w": values["a"] * shape * 2 * u**2 / values["w"],
        }
        return np.stack([columns[n] for n in names], axis=1) / noise

    return residual, jacobian, start


def test_the_jacobian_changes_the_speed_not_the_answer():
    residual, jacobian, start = problem()
    plain = least_squares(residual, start)
    fast = least_squares(residual, start, jacobian=jacobian)
    for name, error in plain.sigma().items():
        assert fast.values[name] == pytest.approx(plain.values[name], abs=1e-3 * error)
        assert fast.sigma()[name] == pytest.approx(error, rel=1e-4)
    assert fast.evaluations < plain.evaluations
    assert fast.verdict is Verdict.OK
    assert start["a"].value == 1.0


def test_errors_cover_the_truth():
    pulls = []
    for seed in range(100):
        residual, jacobian, start = problem(seed)
        out = least_squares(residual, start, jacobian=jacobian)
        truth = {"a": 3.0, "c": 0.5, "w": 1.2}
        errors = out.sigma(scaled=False)
        pulls.append([(out.values[n] - truth[n]) / errors[n] for n in truth])
    assert np.all(np.abs(np.std(pulls, axis=0) - 1) < 0.25)
    assert np.all(np.abs(np.mean(pulls, axis=0)) < 0.4)


def test_derived_numbers_by_the_delta_method():
    residual, jacobian, start = problem()
    out = least_squares(residual, start, jacobian=jacobian)
    assert out.sigma_of({"a": 2.0}) == pytest.approx(2 * out.sigma()["a"])


def test_a_start_on_a_bound_moves_inside_and_a_bound_at_the_end_is_told():
    residual, jacobian, start = problem()
    start["a"].value = 0.0
    out = least_squares(residual, start, jacobian=jacobian)
    assert out.verdict is Verdict.OK
    assert out.values["a"] == pytest.approx(3.0, abs=0.1)
    start["a"].set(value=1.0, max=2.0)
    assert least_squares(residual, start, jacobian=jacobian).verdict is Verdict.AT_BOUND


def test_two_parameters_that_do_the_same_are_unidentifiable():
    start = lmfit.Parameters()
    start.add("a", 1.0)
    start.add("b", 1.0)
    out = least_squares(lambda v: (v["a"] + v["b"]) * X - 3 * X, start)
    assert out.verdict is Verdict.UNIDENTIFIABLE
    assert np.isnan(out.sigma()["a"])


def test_impossible_fits_are_refused():
    residual, _, start = problem()
    with pytest.raises(FitFailed, match="not finite"):
        least_squares(lambda v: residual(v) * np.nan, start)
    with pytest.raises(FitFailed, match="points"):
        least_squares(lambda v: residual(v)[:2], start)
    for parameter in start.values():
        parameter.vary = False
    with pytest.raises(FitFailed, match="free"):
        least_squares(residual, start)
