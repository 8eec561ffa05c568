"""Predicted errors of calibrations against what repeats with new noise scatter.

The benchmark of calibration errors does this with 200 repeats in eleven geometries.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from frames_in_memory import make_frames
from repeated_calibrations import case, repeated
from scipy import stats

from xrdkit.calibration.angle import on_detector, two_theta_and_slopes, values_of
from xrdkit.calibration.frame import calibrant_frame
from xrdkit.calibration.ring_points import ring_points
from xrdkit.calibration.rings import calibrant_rings

NUMBER = 30
CASES = ("corner", "outside")


@cache
def repeats(name):
    return repeated(case(name), NUMBER)


@pytest.mark.parametrize("name", CASES)
def test_predicted_errors_are_the_scatter_of_repeats(name):
    """Each within what 30 repeats know of a standard deviation: outside it once in 1000 times."""
    found = repeats(name)
    assert found.refused == 0
    ratio = found.ratio[np.isfinite(found.ratio)]
    assert ratio.size >= 3
    low, high = np.sqrt(stats.chi2.ppf([5e-4, 1 - 5e-4], NUMBER - 1) / (NUMBER - 1))
    assert np.all((ratio > low) & (ratio < high)), ratio
    # Parameters do not err alike: together they know more.
    assert np.sqrt(np.mean(ratio**2)) == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("name", CASES)
def test_the_mean_of_repeats_is_the_truth(name):
    """The mean of 30 is within 3.5 of its standard errors, 0.64 of one calibration's."""
    bias = repeats(name).bias
    assert np.all(np.abs(bias[np.isfinite(bias)]) < 3.5 / np.sqrt(NUMBER))


@pytest.mark.parametrize("name", CASES)
def test_errors_of_q_are_those_of_the_scatter_all_over_the_frame(name):
    ratio = repeats(name).q_ratio
    low, high = np.sqrt(stats.chi2.ppf([5e-4, 1 - 5e-4], NUMBER - 1) / (NUMBER - 1))
    assert np.all((ratio > low) & (ratio < high)), (ratio.min(), ratio.max())


@pytest.mark.parametrize("name", ["corner", "weak", "waxs", "partial"])
def test_points_lie_from_their_rings_as_their_errors_say(name):
    """Under the true geometry, ring by ring: strong and weak, with gaps, dead and hot pixels."""
    of = case(name)
    shape = of.instrument.shape
    truth = of.instrument.calibration
    truth = replace(truth, detector=replace(truth.detector, shape=shape))
    rings = calibrant_rings(of.calibrant, truth.wavelength)
    window = np.where(np.degrees(rings.two_theta) < 45.0, 7.0, 0.0)
    ring, z = [], []
    for seed in range(3):
        frame = calibrant_frame(make_frames(of.frame(seed)), detector=truth.detector)
        points = ring_points(frame, truth, rings.two_theta, window)
        angle, slopes = two_theta_and_slopes(
            *on_detector(points.y, points.x, shape, truth.detector), values_of(truth)
        )
        pixel = truth.detector.pixel_size_x
        away = (angle - rings.two_theta[points.ring]) / np.hypot(*slopes[:, 1:3].T) / pixel
        ring.append(points.ring)
        z.append(away / points.sigma)
    ring, z = np.concatenate(ring), np.concatenate(z)
    z = np.clip(z, -4.0, 4.0)  # a hot pixel spoils its cell
    assert np.std(z) == pytest.approx(1.0, abs=4.0 / np.sqrt(2 * z.size))
    assert abs(np.mean(z)) < 0.1 + 4.0 / np.sqrt(z.size)
    for number in np.unique(ring):
        here = z[ring == number]
        if here.size >= 30:
            spread = np.std(here, ddof=1)
            assert spread == pytest.approx(1.0, abs=0.05 + 4.0 / np.sqrt(2 * here.size)), number
