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


class Shared:
    """Errors of a residual by dense matrices: a moving mean, and one common to all points."""

    correlated = True

    def __init__(self, width=5, common=0.0):
        kernel = np.array([np.abs(np.arange(200 + 20) - 10 - k) < width / 2 for k in range(200)])
        self.kernel = kernel / np.sqrt(kernel.sum(axis=1))[:, None]
        self.matrix = self.kernel @ self.kernel.T
        self.common = np.full((1, 200), common)

    def parts(self, estimator):
        return (estimator @ self.matrix @ estimator.T)[None]

    def shifts(self, estimator):
        return self.common @ estimator.T


def test_errors_shared_by_neighbours_cover_the_truth():
    shared, noise = Shared(), 0.05
    generator = np.random.default_rng(8)
    truth = {"a": 3.0, "c": 0.5, "w": 1.2}
    pulls, gofs = [], []
    for _ in range(300):
        y = 3 * np.exp(-(((X - 0.5) / 1.2) ** 2))
        y = y + noise * (shared.kernel @ generator.standard_normal(220))
        start = lmfit.Parameters()
        for name, value in truth.items():
            start.add(name, value)
        out = least_squares(lambda v, y=y: (gaussian(v) - y) / noise, start, errors=shared)
        errors = out.sigma(scaled=False)
        pulls.append([(out.values[n] - truth[n]) / errors[n] for n in truth])
        gofs.append(out.gof**2)
    assert np.all(np.abs(np.std(pulls, axis=0) - 1) < 0.1)
    assert np.all(np.abs(np.mean(pulls, axis=0)) < 0.2)
    assert np.mean(gofs) == pytest.approx(1.0, abs=0.03)
    # Three parameters take more than three points' worth of smooth noise.
    assert out.dof < 200 - 2.5 * 3


def test_what_is_common_to_all_points_is_not_scaled():
    residual, jacobian, start = problem(noise=0.3)
    scale = 1.0 / 3.0

    def tight(values):
        return residual(values) / scale

    def tight_jacobian(values, names):
        return jacobian(values, names) / scale

    shared = Shared(common=0.1)
    shared.correlated = False
    plain = least_squares(tight, start, jacobian=tight_jacobian)
    out = least_squares(tight, start, jacobian=tight_jacobian, errors=shared)
    assert out.gof == plain.gof
    assert out.gof == pytest.approx(3.0, rel=0.15)
    names = out.names
    # A constant of 0.1 σ everywhere lifts the top: by A e, whatever the misfit.
    slope = tight_jacobian(out.values, names)
    moved = np.linalg.lstsq(slope, np.full(200, 0.1), rcond=None)[0]
    np.testing.assert_allclose(out.common[0], moved, rtol=1e-5)
    for place, name in enumerate(names):
        assert out.sigma(common=False)[name] == pytest.approx(plain.sigma()[name])
        total = np.hypot(plain.sigma()[name], moved[place])
        assert out.sigma()[name] == pytest.approx(total)
        assert out.sources_of({name: 2.0})[-1] == pytest.approx(2 * moved[place])
    full = out.full_covariance()
    assert full[0, 0] == pytest.approx(out.sigma()[names[0]] ** 2)
