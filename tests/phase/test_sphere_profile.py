"""The line of spheres against sums over atoms, quadrature and moments."""

import numpy as np
import pytest

from xrdkit.errors import SpecError
from xrdkit.phase.sphere_profile import (
    column_lengths,
    lognormal_sphere_fourier,
    lognormal_sphere_line,
    sphere_function,
    sphere_line,
)

SIGMAS = [0.0, 0.05, 0.2, 0.5, 1.0]


def test_one_sphere_is_a_sum_over_lattice_planes():
    """|Σ exp(2πi s·x)|² over a fine simple lattice in a sphere, seen along one direction."""
    diameter, spacing = 8.0, 0.1
    axis = np.arange(-45, 46) * spacing
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    planes = (x**2 + y**2 + z**2 < diameter**2 / 4).sum(axis=0, dtype=float)
    # The 00l line of a powder: columns along x of n cells, each |sin(πns)/sin(πs)|², in phase.
    s = np.linspace(-0.4, 0.4, 81)
    columns = planes.ravel()
    power = np.zeros(s.size)
    for length in np.unique(columns[columns > 0]):
        lags = np.arange(1, length)
        shape = length + 2 * ((length - lags) @ np.cos(2 * np.pi * np.outer(lags * spacing, s)))
        power += (columns == length).sum() * shape
    # Area 1: the coefficient of lag 0 is the number of cells.
    density = power * spacing / columns.sum()
    expected = lognormal_sphere_line(s, diameter, 0.0)
    assert np.abs(density - expected).max() < 0.02 * expected.max()


def test_function_against_quadrature():
    y = np.array([0.0, 0.2, 0.499, 0.501, 2.0, 12.0, 60.0])
    t, weight = np.polynomial.legendre.leggauss(120)
    t, weight = (t + 1) / 2, weight / 2
    hull = 1 - 1.5 * t + 0.5 * t**3
    value, slope = sphere_function(y)
    np.testing.assert_allclose(value, 2 * np.cos(np.outer(y, t)) @ (weight * hull), atol=1e-13)
    np.testing.assert_allclose(slope, -2 * np.sin(np.outer(y, t)) @ (weight * hull * t), atol=1e-13)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_line_is_the_mean_over_spheres(sigma):
    mean = 10.0
    s = np.concatenate([np.linspace(0, 0.3, 200), np.geomspace(0.3, 30, 150)])
    u = np.arange(-9, 9, 0.004) if sigma else np.zeros(1)
    diameters = mean * np.exp(-0.5 * sigma**2 + sigma * u)
    weight = np.exp(-0.5 * u**2) * diameters**3
    weight /= weight.sum()
    direct = np.array(
        [weight @ (diameters * sphere_function(2 * np.pi * v * diameters)[0]) for v in s]
    )
    line = lognormal_sphere_line(s, mean, sigma)
    assert np.abs(line - direct).max() < 3e-6 * direct.max()
    np.testing.assert_allclose(line[s > 1], direct[s > 1], rtol=0.03)


@pytest.mark.parametrize("sigma", [0.0, 0.1, 0.3])
def test_line_is_the_transform_of_the_coefficients(sigma):
    mean = 10.0
    length = np.linspace(0, 1, 60001) ** 2 * mean * np.exp(8 * sigma)
    coefficient = lognormal_sphere_fourier(length, mean, sigma)
    s = np.linspace(0, 1, 60)
    wave = np.cos(2 * np.pi * np.outer(s, length))
    transform = 2 * np.trapezoid(coefficient * wave, length, axis=1)
    line = lognormal_sphere_line(s, mean, sigma)
    np.testing.assert_allclose(line, transform, atol=1e-5 * line[0])
    # Bertaut: the coefficients start with the slope -1/L_area; the top is L_vol.
    volume, area = column_lengths(mean, sigma)
    assert (1 - lognormal_sphere_fourier(np.array(1e-4), mean, sigma)) / 1e-4 == pytest.approx(
        1 / area, rel=1e-4
    )
    assert line[0] == pytest.approx(volume, rel=1e-6)


@pytest.mark.parametrize("sigma", [0.03, 0.2, 0.6])
def test_slopes_against_differences(sigma):
    mean = 19.1
    s = np.concatenate([np.linspace(-0.3, 0.3, 301), [2.0, 20.0]])
    line = sphere_line(sigma)
    value, by_offset, by_mean, by_sigma = line.slopes(s, mean)
    np.testing.assert_array_equal(value, line.density(s, mean))
    h = 1e-6
    numeric = (
        (line.density(s + h, mean) - line.density(s - h, mean)) / (2 * h),
        (line.density(s, mean + h) - line.density(s, mean - h)) / (2 * h),
        (
            lognormal_sphere_line(s, mean, sigma + 1e-5)
            - lognormal_sphere_line(s, mean, sigma - 1e-5)
        )
        / 2e-5,
    )
    for found, expected in zip((by_offset, by_mean, by_sigma), numeric, strict=True):
        assert np.abs(found - expected).max() < 1e-3 * np.abs(expected).max()


def test_area_and_symmetry():
    line = sphere_line(0.2)
    s = np.linspace(-40, 40, 400001)
    density = line.density(s, 19.1)
    # Beyond the range the tails 3/(4π²s²⟨D⟩..) hold the rest.
    rest = 2 * line.tail[0, 0] / (40 * 19.1)
    assert np.trapezoid(density, s) + rest == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(density, density[::-1], rtol=1e-9)


@pytest.mark.parametrize(
    ("mean", "sigma"), [(0.0, 0.1), (-1.0, 0.1), (np.nan, 0.1), (5.0, -0.1), (5.0, 1.5)]
)
def test_refusals(mean, sigma):
    with pytest.raises(SpecError):
        lognormal_sphere_line(np.zeros(3), mean, sigma)
    with pytest.raises(SpecError):
        column_lengths(mean, sigma)
