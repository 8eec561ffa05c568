"""Rings that may be taken for other rings: other orders, other calibrants, other distances."""

import numpy as np
import pytest

from xrdkit.calibration.competitors import COMMON, competitors
from xrdkit.calibration.rings import calibrant_rings
from xrdkit.errors import SpecError

PIXEL = 172e-6


def radii(calibrant, wavelength, distance, orders):
    """Return where rings lie on the plane across the beam, pixel."""
    tangent = np.tan(calibrant_rings(calibrant, wavelength).two_theta)
    return distance / PIXEL * tangent[list(orders)]


def tried(radius, wavelength, error=0.02, **settings):
    """Return the competitors for radii that are known to `error` pixel."""
    return competitors(
        radius, np.full(radius.size, error), wavelength=wavelength, pixel=PIXEL, **settings
    )


@pytest.mark.parametrize(
    ("calibrant", "wavelength", "distance", "number"),
    [("CeO2", 0.4066, 0.2087, 16), ("LaB6", 0.59, 0.42, 9), ("AgBh", 1.3414, 0.181, 9)],
)
def test_many_rings_at_wide_angles_have_one_assignment(calibrant, wavelength, distance, number):
    random = np.random.default_rng(0)
    radius = radii(calibrant, wavelength, distance, range(number)) + random.normal(0, 0.02, number)
    (only,) = tried(radius, wavelength)
    assert only.calibrant == calibrant
    assert only.orders == tuple(range(number))
    assert only.distance == pytest.approx(distance, rel=1e-4)
    assert only.matched == only.expected == number
    assert only.misfit < 1.5


def test_two_rings_of_behenate_are_two_of_silicon_twenty_times_closer():
    found = tried(radii("AgBh", 1.5406, 1.0, (0, 1)), 1.5406)
    named = {(c.calibrant, c.orders): c for c in found}
    assert named["AgBh", (0, 1)].misfit < 1e-6
    assert named["Si", (0, 1)].distance == pytest.approx(0.0487, rel=1e-2)
    assert 0.5 < named["Si", (0, 1)].misfit < 4
    # With radii known ten times better the two are told apart.
    better = tried(radii("AgBh", 1.5406, 1.0, (0, 1)), 1.5406, error=0.002)
    assert ("Si", (0, 1)) not in {(c.calibrant, c.orders) for c in better}


def test_every_second_ring_is_another_order_at_half_the_distance_unless_rings_are_absent():
    radius = radii("AgBh", 0.1, 20.0, (0, 1, 2, 3))
    found = tried(
        radius, 0.1, error=0.1, names=("AgBh",), absent=lambda r: np.ones(r.size, dtype=bool)
    )
    halved = next(c for c in found if c.orders == (1, 3, 5, 7))
    assert halved.distance == pytest.approx(10.0, rel=1e-3)
    assert halved.expected == 7
    assert halved.absent == 7  # here the frame shows nothing anywhere


def test_a_stranger_among_the_rings_is_left_out_where_that_is_allowed():
    radius = np.sort(np.append(radii("CeO2", 0.4, 0.2, range(8)), 211.3))
    assert tried(radius, 0.4, names=("CeO2",), within=2.0) == []
    best = tried(radius, 0.4, names=("CeO2",), within=2.0, least=0.8)[0]
    assert best.matched == 8
    assert best.orders.count(-1) == 1


def test_lattices_of_one_kind_are_told_apart_by_the_curvature_alone():
    """NaCl and CeO2 have the same reflections: far away one is the other at another distance."""
    far = tried(radii("CeO2", 0.4, 30.0, range(6)) / 30.0, 0.4, names=("CeO2", "NaCl"))
    assert {c.calibrant for c in far} == {"CeO2"}
    narrow = tried(radii("CeO2", 0.05, 2.0, range(6)), 0.05, names=("CeO2", "NaCl"))
    assert {c.calibrant for c in narrow if c.orders[0] == 0} == {"CeO2", "NaCl"}


def test_nothing_found_has_no_competitor_and_unknown_names_are_refused():
    assert tried(np.array([]), 1.0) == []
    with pytest.raises(SpecError, match="not known"):
        tried(np.array([100.0, 200.0]), 1.0, names=("nothing",))
    assert len(set(COMMON)) == len(COMMON)
