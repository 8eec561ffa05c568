"""Form factors of sasmodels agree with our own and are refused where they mean nothing."""

import numpy as np
import pytest

from xrdkit import errors
from xrdkit.saxs.shapes import (
    CoreShell,
    Cylinder,
    Lattice,
    SasmodelsShape,
    Spheroid,
    sasmodels_shape,
    shape_of,
)

pytest.importorskip("sasmodels")

Q = np.geomspace(0.02, 1.0, 20)


def test_spheroid_cylinder_and_core_shell_are_ours():
    lattice = Lattice(4, 24, 6)
    fine = Lattice(10, 24 * 64, 5 * 64 + 1)
    at = slice(None, None, 64)
    theirs = SasmodelsShape(
        model="ellipsoid", radius="radius_equatorial", values={"radius_polar": 9.0}
    )
    found = theirs.matrix(Q, lattice, theirs.stated)
    for j, radius in enumerate(lattice.radius):
        aspect = 9.0 / radius
        own = Spheroid().matrix(Q, Lattice(10, (24 + j) * 64, 1), {"aspect_ratio": aspect})
        # Volumes are those of the particle over that of a sphere of R.
        np.testing.assert_allclose(found[:, j], aspect * own[:, 0], rtol=1e-8)
    rods = SasmodelsShape(model="cylinder", radius="radius", values={"length": 30.0})
    found = rods.matrix(Q, lattice, rods.stated)
    own = Cylinder(length=30.0).matrix(Q, fine, {"length": 30.0})[:, at]
    share = 0.75 * 30.0 / lattice.radius
    # Single sizes: what the lattice leaves of ripples is interpolated.
    np.testing.assert_allclose(found, share * own, rtol=2e-4)
    shells = SasmodelsShape(
        model="core_shell_sphere",
        values={"sld_core": 30.0, "sld_shell": 5.0, "sld_solvent": 0.0, "thickness": 2.0},
    )
    found = shells.matrix(Q, lattice, shells.stated)
    ours = CoreShell(core_contrast=30.0, shell_contrast=5.0, shell_thickness=2.0)
    np.testing.assert_allclose(found, ours.matrix(Q, fine, ours.stated)[:, at], rtol=1e-9)
    radius = lattice.radius
    np.testing.assert_allclose(
        shells.volume(radius, shells.stated), ours.volume(radius, ours.stated)
    )
    for name in ("forward", "gyration"):
        np.testing.assert_allclose(
            getattr(shells, name)(radius, shells.stated),
            getattr(ours, name)(radius, ours.stated),
            rtol=1e-4,
        )


def test_contrasts_are_ours_or_theirs():
    assert not shape_of("sasmodels:sphere").own_contrast
    stated = SasmodelsShape(model="sphere", values={"sld": 5.0, "sld_solvent": 1.0})
    assert stated.own_contrast
    lattice = Lattice(5, 40, 3)
    plain = shape_of("sasmodels:sphere")
    ratio = stated.matrix(Q, lattice, stated.stated) / plain.matrix(Q, lattice, {})
    np.testing.assert_allclose(ratio, 16.0, rtol=1e-9)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"model": "ellipsoid"}, "needs radius_equatorial"),
        ({"model": "nothing_like_it"}, "no model"),
        ({"model": "../sphere"}, "no name of one model"),
        ({"model": "hardsphere"}, "structure factor"),
        ({"model": "lamellar"}, "no volume that grows"),
        ({"model": "core_multi_shell"}, "lists of parameters"),
        ({"model": "sphere", "radius": "length"}, "no length"),
        ({"model": "sphere", "values": {"length": 1.0}}, "cannot be stated"),
        ({"model": "sphere", "fit": ("radius",)}, "names what has no value"),
        ({"model": "cylinder", "values": {"length": float("nan")}}, "not finite"),
    ],
    ids=str,
)
def test_what_is_no_particle_is_refused(settings, match):
    with pytest.raises(errors.SpecError, match=match):
        SasmodelsShape(**settings)


def test_without_sasmodels_the_way_out_is_told(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sasmodels.core", None)
    sasmodels_shape._info.cache_clear()
    with pytest.raises(errors.SpecError, match="xrdkit\\[saxs\\]"):
        SasmodelsShape(model="sphere")
    sasmodels_shape._info.cache_clear()


def test_lattice_resolves_every_ripple():
    shape = shape_of("sasmodels:sphere")
    for radius in (1.0, 10.0, 60.0):
        step = 2.0 ** -shape.least_level(np.array([5.0]), radius)
        assert 2 * 5.0 * radius * step <= 1.7
    assert shape.least_level(np.array([1e-3]), 1.0) == 0
