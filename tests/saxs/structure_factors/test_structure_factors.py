"""Structure factors against closed forms, limits, quadrature and differences."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from xrdkit.errors import SpecError
from xrdkit.saxs.structure_factors import (
    STRUCTURE_FACTORS,
    FractalAggregate,
    HardSphere,
    StickyHardSphere,
    hard_sphere,
    sticky_hard_sphere,
)

Q = np.geomspace(1e-4, 20.0, 400)
POINTS = {
    "hard_sphere": {"effective_volume_fraction": 0.31, "radius_ratio": 1.1},
    "sticky_hard_sphere": {
        "effective_volume_fraction": 0.2,
        "stickiness": 0.3,
        "well_width": 0.07,
        "radius_ratio": 0.9,
    },
    "fractal_aggregate": {"fractal_dimension": 2.1, "correlation_length": 30.0},
}


@pytest.mark.parametrize("eta", [0.05, 0.2, 0.3, 0.45])
def test_hard_spheres_at_zero_angle_are_as_compressible_as_percus_yevick_says(eta):
    exact = (1 - eta) ** 4 / (1 + 2 * eta) ** 2
    at_zero = hard_sphere([1e-8], radius=5.0, effective_volume_fraction=eta)[0]
    assert at_zero == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("eta", [0.1, 0.4])
def test_hard_spheres_are_the_transform_of_the_direct_correlation(eta):
    alpha = (1 + 2 * eta) ** 2 / (1 - eta) ** 4
    beta = -6 * eta * (1 + eta / 2) ** 2 / (1 - eta) ** 4
    for x in (0.01, 0.3, 0.999, 1.001, 3.0, 7.0, 25.0):
        inside = quad(
            lambda t, x=x: (alpha + beta * t + 0.5 * eta * alpha * t**3) * t * np.sin(x * t) / x,
            0.0,
            1.0,
            epsabs=1e-13,
        )[0]
        ours = hard_sphere([x / 10.0], radius=5.0, effective_volume_fraction=eta)[0]
        assert ours == pytest.approx(1.0 / (1.0 + 24.0 * eta * inside), rel=1e-9)


def test_spheres_that_hardly_stick_are_hard_ones_of_the_outer_diameter():
    sticky = sticky_hard_sphere(
        Q, radius=5.0, effective_volume_fraction=0.3, stickiness=1e7, well_width=0.05
    )
    hard = hard_sphere(Q, radius=5.0 / 0.95, effective_volume_fraction=0.3 / 0.95**3)
    np.testing.assert_allclose(sticky, hard, rtol=1e-6)


def test_attraction_raises_scattering_at_small_angles():
    kept = [
        sticky_hard_sphere([1e-4], radius=5.0, effective_volume_fraction=0.1, stickiness=tau)[0]
        for tau in (0.15, 0.3, 1.0, 10.0)
    ]
    assert kept == sorted(kept, reverse=True)
    assert kept[0] > 1 > kept[-1]


def test_spheres_that_condense_are_refused():
    with pytest.raises(SpecError, match="condense"):
        sticky_hard_sphere(Q, radius=5.0, effective_volume_fraction=0.12, stickiness=0.05)


def test_an_aggregate_at_zero_angle_counts_its_particles():
    part = FractalAggregate()
    values = {"fractal_dimension": 2.0, "correlation_length": 50.0}
    near = part.factor(np.array([[1e-7]]), np.array([[5.0]]), values)
    assert near.value[0, 0] == pytest.approx(1 + math.gamma(3) * 10.0**2, rel=1e-9)
    far = part.factor(np.array([[200.0]]), np.array([[5.0]]), values)
    assert far.value[0, 0] == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("kind", sorted(STRUCTURE_FACTORS))
def test_slopes_are_those_of_differences(kind):
    part, values = STRUCTURE_FACTORS[kind](), POINTS[kind]
    q, radius = np.geomspace(1e-6, 8.0, 60)[:, None], np.array([[2.0, 5.0, 11.0]])
    here = part.factor(q, radius, values)
    assert set(here.slopes) == {quantity.name for quantity in part.quantities}
    for name, slope in here.slopes.items():
        step = 1e-5 * values[name]
        up = part.factor(q, radius, {**values, name: values[name] + step}).value
        down = part.factor(q, radius, {**values, name: values[name] - step}).value
        difference = (up - down) / (2 * step)
        assert slope.shape == difference.shape
        np.testing.assert_allclose(slope, difference, rtol=1e-6, atol=1e-7 * abs(difference).max())
    up = part.factor(q, radius * 1.00001, values).value
    down = part.factor(q, radius / 1.00001, values).value
    difference = (up - down) / (2 * np.log(1.00001))
    np.testing.assert_allclose(
        here.by_log_radius, difference, rtol=1e-6, atol=1e-7 * abs(difference).max()
    )


@pytest.mark.parametrize("kind", sorted(STRUCTURE_FACTORS))
def test_far_apart_in_angle_nothing_interferes(kind):
    part = STRUCTURE_FACTORS[kind]()
    far = part.factor(np.array([[500.0]]), np.array([[8.0]]), POINTS[kind]).value
    assert far[0, 0] == pytest.approx(1.0, abs=1e-3)


def test_what_is_no_structure_factor_is_refused():
    with pytest.raises(SpecError, match="approximation"):
        HardSphere(approximation="random")
    with pytest.raises(SpecError, match=r"outside 0 to 0\.6"):
        HardSphere(effective_volume_fraction=0.9)
    with pytest.raises(SpecError, match="stickiness"):
        StickyHardSphere(stickiness="little")
    with pytest.raises(SpecError, match=r"0 to 0\.6"):
        hard_sphere(Q, radius=5.0, effective_volume_fraction=0.9)
