"""Scattering of polydisperse particles of every shape against sums made in another way."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad, quad_vec
from scipy.special import j1

from xrdkit.saxs.distribution import lattice_weights
from xrdkit.saxs.families import FAMILIES
from xrdkit.saxs.kernel import Kernel
from xrdkit.saxs.shapes import CoreShell, Cylinder, Disc, Lamella, Sphere, Spheroid

Q = np.array([0.01, 0.05, 0.3, 1.0, 2.2, 5.0])
_X, _W = np.polynomial.legendre.leggauss(1200)
MU, WEIGHT = 0.5 * (_X + 1.0), 0.5 * _W


def ball(x):
    return 3.0 * (np.sin(x) - x * np.cos(x)) / x**3


def volume(r):
    return 4.0 / 3.0 * np.pi * r**3


def sphere(r):
    return 0.1 * volume(r) * ball(Q * r) ** 2


def core_shell(r):
    f = (30.0 - 5.0) * volume(r) * ball(Q * r) + 5.0 * volume(r + 2.0) * ball(Q * (r + 2.0))
    return 0.1 * f**2 / volume(r)


def turned(along, across, whole):
    """Mean over orientations of (sinc(q along mu) Lambda(q across sqrt(1 - mu²)))², times V."""
    a, c = np.outer(Q, MU) * along, np.outer(Q, np.sqrt(1.0 - MU**2)) * across
    return 0.1 * whole * ((np.sinc(a / np.pi) * 2.0 * j1(c) / c) ** 2 @ WEIGHT)


def cylinder(length):
    return lambda r: turned(0.5 * length, r, np.pi * r**2 * length)


def spheroid(aspect):
    def of(r):
        x = np.outer(Q, np.sqrt(1.0 + MU**2 * (aspect**2 - 1.0))) * r
        return 0.1 * aspect * volume(r) * (ball(x) ** 2 @ WEIGHT)

    return of


def lamella(r):
    return 0.1 * 2.0 * np.pi / Q**2 * 2.0 * r * np.sinc(Q * r / np.pi) ** 2


SHAPES = {
    "sphere": (Sphere(), sphere),
    "core_shell": (
        CoreShell(core_contrast=30.0, shell_contrast=5.0, shell_thickness=2.0),
        core_shell,
    ),
    "lamella": (Lamella(), lamella),
    "cylinder": (Cylinder(length=40.0), cylinder(40.0)),
    "long_cylinder": (Cylinder(length=300.0), cylinder(300.0)),
    "disc": (Disc(thickness=1.5), cylinder(1.5)),
    "prolate": (Spheroid(aspect_ratio=3.0), spheroid(3.0)),
    "oblate": (Spheroid(aspect_ratio=0.2), spheroid(0.2)),
}
#: By number, up to a factor; z = R over the location.
DENSITIES = {
    "lognormal": lambda z, s, p: np.exp(-0.5 * (np.log(z) / s) ** 2) / z ** (p + 1),
    "schulz": lambda z, s, p: np.exp((np.log(z) - z + 1.0) / s**2) / z ** (p + 1),
    "gaussian": lambda z, s, p: np.exp(-0.5 * ((z - 1.0) / s) ** 2),
    "lsw": lambda z, s, p: (
        z**2 * (3 + z) ** (-7 / 3) * (1.5 - z) ** (-11 / 3) * np.exp(-z / (1.5 - z))
    ),
}


def adaptive(function, family, s, power, radius, scale, *, lowest):
    """Mean of `function`/`scale` per reference volume, by adaptive quadrature over R.

    The error of quad_vec is that of all q together: they should be of the same size.
    """
    if family == "lsw":
        edges = [1e-3, 0.2, 0.6, 1.0, 1.3, 1.5 * (1 - 1e-9)]
    else:
        wide = 9.0 * s + (6.0 + abs(lowest)) * s * s
        low = max(1e-4, 1.0 - 10.0 * s) if family == "gaussian" else np.exp(-wide)
        high = 1.0 + 10.0 * s if family == "gaussian" else np.exp(wide)
        if family == "schulz":
            low = 1e-9 if s > 0.2 else low
        edges = [
            low,
            *(z for z in (1e-6, 1e-3, 0.03) if low < z < 1 - 3 * s),
            *(z for z in np.linspace(1 - 3 * s, 1 + 4 * s, 8) if low < z < high),
            high,
        ]

    def density(z):
        return DENSITIES[family](z, s, power) * z**power

    norm = sum(
        quad(density, a, b, epsabs=0, epsrel=1e-11, limit=500)[0] for a, b in pairwise(edges)
    )
    total = sum(
        quad_vec(
            lambda z: density(z) * function(radius * z) / scale,
            a,
            b,
            epsabs=0,
            epsrel=1e-9,
            limit=3000,
        )[0]
        for a, b in pairwise(edges)
    )
    return total / norm


def found(shape, family, s, radius):
    weights = lattice_weights(
        FAMILIES[family],
        np.log(radius),
        s,
        lowest_power=shape.lowest_power,
        power=shape.volume_power,
    )
    return Kernel(Q, shape=shape).apply(weights.level, weights.first, weights.table[:, 0])


@pytest.mark.parametrize("name", ["sphere", "core_shell", "lamella"])
@pytest.mark.parametrize("family", ["lognormal", "schulz", "gaussian"])
@pytest.mark.parametrize("s", [0.02, 0.1, 0.3, 0.5])
@pytest.mark.parametrize("radius", [3.0, 12.0])
def test_particles_that_look_the_same_from_all_sides(name, family, s, radius):
    shape, function = SHAPES[name]
    values = found(shape, family, s, radius)
    ratio = adaptive(
        function, family, s, shape.volume_power, radius, values, lowest=shape.lowest_power
    )
    np.testing.assert_allclose(ratio, 1.0, rtol=1e-5)


@pytest.mark.parametrize("name", ["cylinder", "long_cylinder", "disc", "prolate", "oblate"])
@pytest.mark.parametrize(
    ("family", "s", "radius"),
    [
        ("lognormal", 0.03, 4.0),
        ("lognormal", 0.4, 9.0),
        ("schulz", 0.2, 4.0),
        ("gaussian", 0.1, 9.0),
    ],
)
def test_particles_that_are_turned(name, family, s, radius):
    shape, function = SHAPES[name]
    values = found(shape, family, s, radius)
    ratio = adaptive(
        function, family, s, shape.volume_power, radius, values, lowest=shape.lowest_power
    )
    np.testing.assert_allclose(ratio, 1.0, rtol=1e-5)


@pytest.mark.parametrize("name", SHAPES)
def test_sizes_that_coarsening_ends_in(name):
    shape, function = SHAPES[name]
    values = found(shape, "lsw", FAMILIES["lsw"].width_range[0], 6.0)
    ratio = adaptive(function, "lsw", 0.1, shape.volume_power, 6.0, values, lowest=-3)
    np.testing.assert_allclose(ratio, 1.0, rtol=1e-5)
