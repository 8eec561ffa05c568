"""The pseudo-Voigt: area, width, and every derivative."""

import numpy as np
import pytest

from xrdkit.phase.profile_function import (
    combined_width,
    combined_width_slope,
    integral_breadth,
    one_node,
    sum_lines,
)


def line(x, position, gauss, lorentz):
    h, eta = combined_width(np.array([gauss]), np.array([lorentz]))
    total, one = np.zeros(x.size), np.ones(x.size)
    ends = np.array([0]), np.array([x.size])
    sum_lines(x, one, *ends, np.array([position]), h, eta, np.ones(1), *one_node(1), total)
    return total, float(h[0]), float(eta[0])


@pytest.mark.parametrize(("gauss", "lorentz"), [(0.1, 0.0), (0.1, 0.03), (0.05, 0.1), (1e-3, 0.1)])
def test_area_is_one_and_the_width_is_the_fwhm(gauss, lorentz):
    x = np.linspace(-60, 100, 400_001)
    y, h, eta = line(x, 20.0, gauss, lorentz)
    # A Lorentzian keeps (h/π)/reach of its area outside.
    outside = eta * h / np.pi * (1 / 80 + 1 / 80) / 2
    assert np.trapezoid(y, x) == pytest.approx(1 - outside, abs=2e-5)
    above = x[y >= 0.5 * y.max()]
    assert above[-1] - above[0] == pytest.approx(h, abs=2e-3)
    assert 1.0 / y.max() == pytest.approx(integral_breadth(h, eta), rel=1e-4)


def test_limits_are_gauss_and_lorentz():
    h, eta = combined_width(np.array([0.2, 0.0]), np.array([0.0, 0.3]))
    np.testing.assert_allclose(h, [0.2, 0.3], rtol=1e-12)
    np.testing.assert_allclose(eta, [0.0, 1.0], atol=1e-12)


def test_the_width_is_close_to_that_of_the_voigt_function():
    from scipy.special import voigt_profile

    gauss, lorentz = 0.1, 0.07
    h, _ = combined_width(np.array([gauss]), np.array([lorentz]))
    x = np.linspace(0, 0.2, 20_001)
    voigt = voigt_profile(x, gauss / np.sqrt(8 * np.log(2)), lorentz / 2)
    assert 2 * x[np.argmin(np.abs(voigt - voigt[0] / 2))] == pytest.approx(h[0], rel=5e-3)


def test_slopes_of_the_combined_width():
    gauss, lorentz = np.array([0.1, 0.02, 0.3]), np.array([0.05, 0.2, 0.001])
    h, _ = combined_width(gauss, lorentz)
    got = combined_width_slope(gauss, lorentz, h)
    step = 1e-7
    for k, (dg, dl) in enumerate(((step, 0.0), (0.0, step))):
        up = combined_width(gauss + dg, lorentz + dl)
        down = combined_width(gauss - dg, lorentz - dl)
        np.testing.assert_allclose(got[k], (up[0] - down[0]) / (2 * step), rtol=1e-5)
        np.testing.assert_allclose(got[2 + k], (up[1] - down[1]) / (2 * step), rtol=1e-4, atol=1e-6)
