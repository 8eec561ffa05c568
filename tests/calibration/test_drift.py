"""Differences of calibrations: values, errors by the delta method, significance, refusals."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.calibration import compare_calibrations
from xrdkit.calibration.derived import derived
from xrdkit.errors import SpecError
from xrdkit.geometry import PARAMETERS

DETECTOR = xk.Detector(pixel_size_y=172e-6, pixel_size_x=100e-6, shape=(619, 487))
SIGMA = np.array([2e-5, 8e-6, 6e-6, 1e-4, 2e-4, 0.0])
TRUTH = xk.Calibration(
    distance=0.4, poni1=0.05, poni2=0.03, rot1=0.1, rot2=-0.2, wavelength=1.0, detector=DETECTOR
)


def covariance(sigma=SIGMA):
    random = np.random.default_rng(4)
    mixed = random.normal(size=(6, 6))
    matrix = mixed @ mixed.T + 6 * np.eye(6)
    size = np.sqrt(np.diag(matrix))
    return matrix / np.outer(size, size) * np.outer(sigma, sigma)


def known(calibration, matrix):
    return replace(calibration, covariance=tuple(tuple(row) for row in matrix.tolist()))


def moved(shifts):
    return replace(
        TRUTH, **{n: getattr(TRUTH, n) + s for n, s in zip(PARAMETERS, shifts, strict=True)}
    )


def test_slopes_are_those_of_differences():
    slopes = derived(TRUTH)[1]
    for k in range(6):
        step = np.zeros(6)
        step[k] = 1e-6
        rise = (derived(moved(step))[0] - derived(moved(-step))[0]) / 2e-6
        np.testing.assert_allclose(slopes[:, k], rise, rtol=1e-6, atol=1e-5)


def test_errors_are_the_scatter_of_draws_and_chi2_is_chi2():
    matrix = covariance()
    random = np.random.default_rng(11)
    draws = random.multivariate_normal(np.zeros(6), matrix, size=(600, 2))
    found = [
        compare_calibrations(known(moved(a), matrix), known(moved(b), matrix)) for a, b in draws
    ]
    for name in ("direct_distance", "beam_center_x", "beam_center_y", "rot1", "rot2"):
        pull = [getattr(f, name).value / getattr(f, name).sigma for f in found]
        assert np.std(pull) == pytest.approx(1.0, abs=0.1)
        assert abs(np.mean(pull)) < 0.15
    assert {f.freedom for f in found} == {5}
    assert np.mean([f.chi2 for f in found]) == pytest.approx(5.0, abs=0.5)
    assert np.mean([f.probability < 0.1 for f in found]) == pytest.approx(0.1, abs=0.04)


def test_a_detector_that_moved_is_seen_in_what_moved():
    a = known(TRUTH, covariance())
    b = replace(a, poni2=a.poni2 + 1e-4)
    found = compare_calibrations(a, b)
    assert found.beam_center_x.value == pytest.approx(1.0)
    assert found.beam_center_y.value == 0.0
    assert found.direct_distance.significance == 0.0
    assert found.probability < 1e-3
    assert compare_calibrations(a, a).probability == 1.0
    farther = compare_calibrations(a, replace(a, distance=0.404))
    assert farther.relative_distance == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("orientation", "x", "y"), [(1, -1, -1), (2, 1, -1), (3, 1, 1), (4, -1, 1)]
)
def test_centres_move_as_frames_are_stored(orientation, x, y):
    a = replace(TRUTH, detector=replace(DETECTOR, orientation=orientation))
    b = replace(a, poni1=a.poni1 + 172e-6, poni2=a.poni2 + 100e-6)
    found = compare_calibrations(a, b)
    assert (found.beam_center_x.value, found.beam_center_y.value) == pytest.approx((x, y))
    moved_by = np.subtract(b.center_on_frame(), a.center_on_frame())
    assert moved_by == pytest.approx((x, y))


def test_what_is_not_known_is_not_a_number_and_what_is_exact_differs():
    unknown = compare_calibrations(TRUTH, replace(TRUTH, distance=0.41))
    assert math.isnan(unknown.direct_distance.sigma)
    assert math.isnan(unknown.direct_distance.significance)
    assert math.isnan(unknown.probability)
    assert json.loads(json.dumps(unknown.to_dict()))["direct_distance"]["sigma"] is None
    a = known(TRUTH, covariance())
    other = compare_calibrations(a, replace(a, wavelength=1.001))
    assert other.wavelength.significance == math.inf
    assert other.probability == 0.0
    exact = known(TRUTH, np.zeros((6, 6)))
    assert compare_calibrations(exact, exact).probability == 1.0
    assert compare_calibrations(exact, replace(exact, rot1=0.11)).probability == 0.0


@pytest.mark.parametrize(
    ("name", "value"), [("pixel_size_x", 75e-6), ("orientation", 2), ("shape", (10, 10))]
)
def test_another_detector_is_refused(name, value):
    other = replace(TRUTH, detector=replace(DETECTOR, **{name: value}))
    with pytest.raises(SpecError, match=name):
        compare_calibrations(TRUTH, other)
