"""Exactness of the sphere kernel and of the distributions on their lattice."""

import numpy as np
import pytest
from scipy.integrate import quad

from xrdkit import errors
from xrdkit.saxs import particle_intensity, sphere_intensity
from xrdkit.saxs.distribution import lattice_weights
from xrdkit.saxs.families import FAMILIES
from xrdkit.saxs.kernel import Kernel, lattice_level, sphere_amplitude, sphere_matrix
from xrdkit.saxs.shapes import CoreShell, Cylinder

Q = np.geomspace(0.05, 5.0, 9)


def test_amplitude_keeps_its_digits_at_small_arguments():
    x = np.geomspace(1e-8, 0.02, 200)
    exact = 1 - x**2 / 10 + x**4 / 280 - x**6 / 15120
    np.testing.assert_allclose(sphere_amplitude(x), exact, rtol=1e-11)
    assert sphere_amplitude(np.zeros(1))[0] == 1.0


def test_amplitude_vanishes_where_tan_x_is_x():
    roots = np.array([4.493409457909064, 7.725251836937707])
    np.testing.assert_allclose(sphere_amplitude(roots), 0, atol=1e-15)


def test_matrix_is_absolute():
    # 1e-21 cm³/nm³ (1e10/cm²)² V at q = 0: a sphere of 1 nm.
    value = sphere_matrix(np.array([1e-9]), np.array([1.0]))[0, 0]
    assert value == pytest.approx(1e-21 * 1e20 * 4 / 3 * np.pi, rel=1e-12)


@pytest.mark.parametrize("method", ["lognormal", "schulz", "gaussian"])
@pytest.mark.parametrize("s", [0.02, 0.05, 0.13, 0.2, 0.3, 0.5])
@pytest.mark.parametrize("radius", [1.0, 5.0])
def test_polydisperse_scattering_against_adaptive_quadrature(method, s, radius):
    family = FAMILIES[method]
    location = np.log(radius)
    below, above = family.reach(s, -1)
    low, high = np.exp(location - below), np.exp(location + above)

    def density(r: float) -> float:
        return float(np.exp(family.log_density(np.log(np.array([r])), location, s)[0][0])) / r

    def integral(f) -> float:
        middle = [float(np.exp(location + k * s)) for k in (-3, -1, 0, 1, 3)]
        points = [p for p in middle if low < p < high]
        return quad(f, low, high, points=points, epsabs=0, epsrel=1e-9, limit=2000)[0]

    norm = integral(density)
    q = np.array([0.05, 1.0, 5.0])
    expected = [
        integral(lambda r, qi=qi: density(r) * sphere_matrix(np.array([qi]), np.array([r]))[0, 0])
        / norm
        for qi in q
    ]
    weights = lattice_weights(family, location, s, lowest_power=-1)
    found = Kernel(q).apply(weights.level, weights.first, weights.table[:, 0])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("method", ["lognormal", "schulz", "gaussian"])
def test_derivatives_of_the_weights(method):
    family, location, s, step = FAMILIES[method], 1.1, 0.17, 1e-6
    kernel = Kernel(Q)

    def column(at: float, width: float, which: int) -> np.ndarray:
        w = lattice_weights(family, at, width, lowest_power=-1)
        return kernel.apply(w.level, w.first, w.table[:, which])

    by_location = (column(location + step, s, 0) - column(location - step, s, 0)) / (2 * step)
    up, down = s * np.exp(step), s * np.exp(-step)
    by_width = (column(location, up, 0) - column(location, down, 0)) / (2 * step)
    np.testing.assert_allclose(column(location, s, 1), by_location, rtol=1e-5)
    np.testing.assert_allclose(column(location, s, 2), by_width, rtol=1e-5)


def test_kernel_does_not_depend_on_what_was_asked_before():
    weights = np.random.default_rng(1).random(300)
    fresh = Kernel(Q).apply(5, -40, weights)
    used = Kernel(Q)
    used.apply(5, 100, weights)
    used.apply(7, 0, weights)
    np.testing.assert_array_equal(used.apply(5, -40, weights), fresh)


def test_lattice_step_follows_the_width():
    for s in (0.01, 0.05, 0.3, 1.0):
        step = 2.0 ** -lattice_level(s)
        assert step <= s / 6
        assert step <= 1 / 32
    with pytest.raises(errors.SpecError):
        lattice_level(0.0)


def test_sphere_intensity_agrees_with_a_plain_sum(sets):
    found = sphere_intensity(
        sets.Q, median_number=5.0, width=0.2, volume_fraction=0.01, contrast=10.0
    )
    np.testing.assert_allclose(found, sets.truth("A"), rtol=1e-6)


def test_intensity_of_other_particles_agrees_with_plain_sums(sets):
    rods = particle_intensity(
        sets.Q,
        shape=Cylinder(length=sets.LENGTH_C),
        median_number=4.0,
        width=0.1,
        volume_fraction=0.01,
        contrast=sets.CONTRAST,
    )
    # The sum of the set ends at five widths.
    np.testing.assert_allclose(rods, sets.truth("C"), rtol=3e-6)
    shape = CoreShell(
        core_contrast=sets.CORE_D, shell_contrast=sets.SHELL_D, shell_thickness=sets.THICKNESS_D
    )
    shells = particle_intensity(
        sets.Q, shape=shape, median_number=5.0, width=0.15, volume_fraction=0.01
    )
    np.testing.assert_allclose(shells, sets.truth("D"), rtol=1e-8)


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"shape": "cylinder"}, "length is not stated"),
        ({"contrast": None}, "contrast is missing"),
        (
            {"shape": CoreShell(core_contrast=1.0, shell_contrast=1.0, shell_thickness=1.0)},
            "its own contrast",
        ),
        ({"shape": "cube"}, "unknown shape"),
    ],
    ids=["no length", "no contrast", "two contrasts", "no shape"],
)
def test_particle_intensity_wants_all_of_a_particle(wrong, match):
    good = {"median_number": 5.0, "width": 0.2, "volume_fraction": 0.01, "contrast": 10.0}
    with pytest.raises(errors.SpecError, match=match):
        particle_intensity(Q, **(good | wrong))


def test_published_check_values(sets):
    for name, first, last in (
        ("A", 88.6004, 5.4659e-4),
        ("B", 279.217, 6.1965e-4),
        ("C", 198.102, 5.5030e-4),
        ("D", 373.783, 8.2545e-4),
        ("E", 166.825, 0.100547),
    ):
        clean = sets.truth(name)
        assert clean[0] == pytest.approx(first, rel=1e-5)
        assert clean[-1] == pytest.approx(last, rel=2e-5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"q": [0.0, 1.0]},
        {"q": [[1.0]]},
        {"width": 0.0},
        {"width": 3.0},
        {"median_number": -1.0},
        {"volume_fraction": 2.0},
    ],
)
def test_sphere_intensity_refuses_what_it_cannot_do(wrong):
    good = {"q": Q, "median_number": 5.0, "width": 0.2, "volume_fraction": 0.01, "contrast": 10.0}
    arguments = good | wrong
    with pytest.raises(errors.SpecError):
        sphere_intensity(arguments.pop("q"), **arguments)


def test_wide_bins_are_seen_as_they_are():
    """Bins of 6 % of q, averaged over their pixels: the mean position alone is off by percents."""
    edges = np.geomspace(0.1, 4.0, 61)
    inner = edges[:-1, None] + np.diff(edges)[:, None] * (np.arange(200) + 0.5) / 200
    share = inner / inner.sum(axis=1, keepdims=True)
    mean = (share * inner).sum(axis=1)
    spread = np.sqrt((share * (inner - mean[:, None]) ** 2).sum(axis=1))
    weights = lattice_weights(FAMILIES["lognormal"], np.log(3.0), 0.25, lowest_power=-1)

    def seen(kernel):
        return kernel.apply(weights.level, weights.first, weights.table[:, 0])

    true = (seen(Kernel(inner.ravel())).reshape(inner.shape) * share).sum(axis=1)
    error = np.abs(seen(Kernel(mean, spread)) / true - 1).max()
    assert error < 2e-4
    assert np.abs(seen(Kernel(mean)) / true - 1).max() > 20 * error
