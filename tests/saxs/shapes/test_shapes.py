"""What every shape owes: limits, derivatives, names; golden numbers of each."""

import numpy as np
import pytest

from xrdkit import errors
from xrdkit.saxs.distribution import lattice_weights
from xrdkit.saxs.families import FAMILIES
from xrdkit.saxs.kernel import Kernel
from xrdkit.saxs.shapes import (
    SHAPES,
    CoreShell,
    Cylinder,
    Disc,
    Lamella,
    Lattice,
    Sphere,
    Spheroid,
    shape_of,
)

Q = np.geomspace(0.02, 5.0, 25)
EVERY = {
    "sphere": Sphere(),
    "core_shell": CoreShell(
        core_contrast=30.0, shell_contrast=5.0, shell_thickness=2.0, fit_shell_contrast=True
    ),
    "hollow": CoreShell(core_contrast=0.0, shell_contrast=5.0, shell_thickness=1.0),
    "prolate": Spheroid(aspect_ratio=2.5),
    "oblate": Spheroid(aspect_ratio=0.3),
    "cylinder": Cylinder(length=40.0),
    "disc": Disc(thickness=2.0),
    "lamella": Lamella(),
}


def weights_of(shape, s=0.15, radius=4.0):
    return lattice_weights(
        FAMILIES["lognormal"],
        np.log(radius),
        s,
        lowest_power=shape.lowest_power,
        power=shape.volume_power,
    )


@pytest.mark.parametrize("name", [n for n in EVERY if n != "lamella"])
def test_small_angles_are_guiniers_law(name):
    shape = EVERY[name]
    lattice = Lattice(6, 80, 3)
    q = np.array([1e-4, 2e-3])
    found = shape.matrix(q, lattice, shape.stated)
    forward = shape.forward(lattice.radius, shape.stated)
    np.testing.assert_allclose(found[0], forward, rtol=1e-5)
    slope = -3.0 * np.log(found[1] / forward) / q[1] ** 2
    np.testing.assert_allclose(slope, shape.gyration(lattice.radius, shape.stated), rtol=2e-3)


def test_sheets_scatter_as_the_inverse_square_of_small_q():
    lattice, q = Lattice(6, 80, 3), np.array([1e-3])
    found = Lamella().matrix(q, lattice, {}) * q[:, None] ** 2
    np.testing.assert_allclose(found[0], Lamella().forward(lattice.radius, {}), rtol=1e-4)
    assert np.all(np.isnan(Lamella().gyration(lattice.radius, {})))


@pytest.mark.parametrize("name", [n for n, shape in EVERY.items() if not shape.own_contrast])
def test_large_angles_are_porods_law(name):
    """G q⁴ is 2π Δρ² S/V_ref; the parallel faces of one length leave ripples, averaged over."""
    shape = EVERY[name]
    weights = weights_of(shape)
    length = next(iter(shape.stated.values()), 1.0)
    q = 60.0 + np.arange(40) / 40 * 2 * np.pi / length
    found = Kernel(q, shape=shape).apply(
        weights.level, weights.first, weights.table[:, 0], shape.stated
    )
    surface = weights.table[:, 0] @ shape.surface(weights.radius, shape.stated)
    assert np.mean(found * q**4) == pytest.approx(2 * np.pi * 0.1 * surface, rel=0.01)


@pytest.mark.parametrize("name", EVERY)
def test_derivatives_are_those_of_the_curve(name):
    shape = EVERY[name]
    weights = weights_of(shape)
    lattice = Lattice(weights.level, weights.first, len(weights.table))
    columns, slopes = shape.slopes(Q, lattice, weights.table, shape.stated)
    share = np.ascontiguousarray(weights.table[:, 0])
    direct = shape.columns(Q, lattice, share, shape.stated)
    np.testing.assert_allclose(columns[:, 0], direct, rtol=1e-7)
    assert tuple(slopes) == shape.free
    for parameter, slope in slopes.items():
        value = shape.stated[parameter]
        step = 1e-5 * value
        up = shape.columns(Q, lattice, share, shape.stated | {parameter: value + step})
        down = shape.columns(Q, lattice, share, shape.stated | {parameter: value - step})
        expected = (up - down) / (2 * step)
        np.testing.assert_allclose(slope, expected, rtol=1e-4, atol=1e-7 * np.abs(expected).max())


@pytest.mark.parametrize("name", EVERY)
def test_sums_are_those_of_single_sizes(name):
    """Columns for narrow weights agree with the matrix, node by node."""
    shape = EVERY[name]
    lattice = Lattice(7, 170, 60)
    weights = np.exp(-0.5 * ((np.arange(60) - 30) / 7.0) ** 2)
    matrix = shape.matrix(Q, lattice, shape.stated)
    assert matrix.shape == (Q.size, 60)
    assert np.all(matrix >= 0)
    summed = shape.columns(Q, lattice, weights, shape.stated)
    np.testing.assert_allclose(summed, matrix @ weights, rtol=1e-5)


@pytest.mark.parametrize(
    ("aspect", "bend"),
    [(1.0, 1.0), (1.00005, 1.0), (0.99995, 1.0)],
)
def test_a_round_spheroid_is_a_sphere(aspect, bend):
    lattice = Lattice(6, 60, 40)
    found = Spheroid().matrix(Q, lattice, {"aspect_ratio": aspect})
    sphere = Sphere().matrix(Q, lattice, {})
    inside = np.outer(Q, lattice.radius) < 3.0
    np.testing.assert_allclose(found[inside], bend * sphere[inside], rtol=2e-3)
    surface = Spheroid().surface(lattice.radius, {"aspect_ratio": aspect})
    np.testing.assert_allclose(surface, 3.0 / lattice.radius, rtol=1e-3)


def test_a_shell_of_the_same_kind_is_a_larger_sphere():
    whole = CoreShell(core_contrast=2.0, shell_contrast=2.0, shell_thickness=1.5)
    lattice = Lattice(6, 96, 1)
    radius = lattice.radius[0]
    x = Q * (radius + 1.5)
    larger = 4 / 3 * np.pi * (radius + 1.5) ** 3
    f = 2.0 * larger * 3.0 * (np.sin(x) - x * np.cos(x)) / x**3
    found = whole.matrix(Q, lattice, whole.stated)[:, 0] * 4 / 3 * np.pi * radius**3
    near = x < 8
    np.testing.assert_allclose(found[near], 0.1 * f[near] ** 2, rtol=1e-9)
    assert whole.volume(lattice.radius, whole.stated)[0] == pytest.approx(
        ((radius + 1.5) / radius) ** 3
    )


def test_surfaces_of_spheroids():
    # Closed forms with aspect ratios 2 and 1/2 (equatorial radius 1): 21.4784, 8.6719.
    for aspect, area in ((2.0, 21.478435), (0.5, 8.671882)):
        found = Spheroid().surface(np.ones(1), {"aspect_ratio": aspect})[0]
        assert found * 4 / 3 * np.pi * aspect == pytest.approx(area, rel=1e-6)


def test_names():
    assert {n for n, _ in SHAPES.items()} >= {
        *("sphere", "core_shell", "spheroid", "cylinder", "disc", "lamella", "sasmodels")
    }
    assert shape_of("cylinder") == Cylinder()
    assert shape_of(Disc()) == Disc()
    with pytest.raises(errors.SpecError, match="known: core_shell"):
        shape_of("cube")
    with pytest.raises(errors.SpecError, match="needs core_contrast and shell_contrast"):
        shape_of("core_shell")
    with pytest.raises(errors.SpecError, match="a Disc is called 'cylinder'"):
        shape_of(Disc(name="cylinder"))
    with pytest.raises(errors.SpecError, match="neither a name nor a Shape"):
        shape_of(3)


@pytest.mark.parametrize(
    ("kind", "wrong", "match"),
    [
        (Cylinder, {"length": -1.0}, "length"),
        (Cylinder, {"length": True}, "length"),
        (Cylinder, {"fit_length": False}, "no value"),
        (Cylinder, {"fit_length": 1}, "fit_length"),
        (Disc, {"thickness": float("nan")}, "thickness"),
        (Spheroid, {"aspect_ratio": 1e3}, "aspect_ratio"),
        (CoreShell, {"core_contrast": 0.0, "shell_contrast": 0.0}, "core_contrast"),
        (CoreShell, {"core_contrast": None, "shell_contrast": 1.0}, "core_contrast"),
        (CoreShell, {"core_contrast": 1.0, "shell_contrast": "1"}, "shell_contrast"),
        (
            CoreShell,
            {"core_contrast": 1.0, "shell_contrast": 1.0, "shell_thickness": -1.0},
            "shell_thickness",
        ),
    ],
    ids=str,
)
def test_settings_that_make_no_particle_are_refused(kind, wrong, match):
    with pytest.raises(errors.SpecError, match=match):
        kind(**wrong)
