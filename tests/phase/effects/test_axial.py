"""Axial divergence against rays that are followed one by one."""

import numpy as np
import pytest

from xrdkit.phase.effects.axial import axial_core, axial_numbers


def rays(two_theta, axial, beam, number=2_000_000):
    """Return where rays scattered by `two_theta` (rad) reach the slit, rad."""
    random = np.random.default_rng(3)
    source, sample, slit = random.uniform(-1, 1, (3, number))
    before = 0.5 * axial * (sample - source) if beam == "divergent" else np.zeros(number)
    after = 0.5 * axial * (slit - sample)
    long = np.sqrt((1 + before**2) * (1 + after**2))
    return np.arccos(np.cos(two_theta) * long - before * after)


@pytest.mark.parametrize("beam", ["parallel", "divergent"])
@pytest.mark.parametrize("two_theta", [12.0, 30.0, 85.0, 95.0, 150.0])
def test_a_line_is_that_of_many_rays(beam, two_theta):
    axial, fwhm = 0.08, 0.06
    angle = np.array([two_theta])
    found = np.degrees(rays(np.radians(two_theta), axial, beam)) - two_theta
    numbers = axial_numbers(angle, np.array([fwhm]), axial, beam)
    _, shift, weight, _ = axial_core(angle, axial, numbers, beam)
    assert weight.sum() == pytest.approx(1.0, abs=1e-12)
    assert weight.min() >= 0.0
    # The slope products are exact to fourth order of the slopes.
    assert weight @ shift == pytest.approx(found.mean(), abs=0.01 * np.abs(found).mean() + 2e-5)
    x = np.linspace(found.min() - 3 * fwhm, found.max() + 3 * fwhm, 60)

    def seen(places, shares):
        t = (x[:, np.newaxis] - places) / fwhm
        return np.exp(-4 * np.log(2) * t**2) @ shares

    lines = seen(shift, weight)
    share, edges = np.histogram(found, 2000)
    true = seen(0.5 * (edges[1:] + edges[:-1]), share / share.sum())
    assert np.abs(lines - true).max() < 0.01 * true.max()


def test_lines_turn_over_at_90_degree_in_a_parallel_beam():
    angle = np.array([40.0, 140.0])
    _, shift, weight, _ = axial_core(angle, 0.05, np.array([4, 4]), "parallel")
    mean = (shift * weight).reshape(2, 4).sum(axis=1)
    assert mean[0] == pytest.approx(-mean[1], rel=1e-9)
    assert mean[0] < 0


def test_without_divergence_a_line_has_one_node_where_it_is():
    angle = np.array([20.0, 60.0])
    numbers = axial_numbers(angle, np.full(2, 0.1), 0.0, "divergent")
    first, shift, weight, _ = axial_core(angle, 0.0, numbers, "divergent")
    assert first.tolist() == [0, 1, 2]
    assert (shift == 0).all()
    assert (weight == 1).all()
