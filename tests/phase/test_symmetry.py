"""Settings, groups, orbits and extinctions."""

import gemmi
import numpy as np
import pytest

from xrdkit.errors import LimitExceeded, StructureError
from xrdkit.phase.cell import inverse_d_squared, metric
from xrdkit.phase.reflections import same_spacing, unique_reflections
from xrdkit.phase.symmetry import absent, find_group, operators, orbit, triplets_of

CUBIC = (0.5, 0.5, 0.5, 90.0, 90.0, 90.0)
RIGHT = (90.0, 90.0, 90.0)


@pytest.mark.parametrize("symbol", ["F d -3 m", "F d d d", "I 41/a m d", "Fd-3m", "P 4/n m m"])
def test_two_origins_without_a_suffix_are_refused(symbol):
    with pytest.raises(StructureError, match="two origins"):
        find_group(symbol, RIGHT)


def test_suffix_chooses_the_origin_and_the_cell_the_rhombohedral_setting():
    assert find_group("F d -3 m:2", RIGHT).xhm() == "F d -3 m:2"
    assert find_group("R -3 c", (90, 90, 120)).xhm() == "R -3 c:H"
    assert find_group("R -3 c", (55, 55, 55)).xhm() == "R -3 c:R"
    assert find_group("P m 3 m", RIGHT).number == 221
    with pytest.raises(StructureError, match="unknown space group"):
        find_group("P q 7", RIGHT)


def test_the_two_origins_of_diamond_give_the_same_atoms_at_their_own_coordinates():
    for symbol, place in (("F d -3 m:1", 0.0), ("F d -3 m:2", 0.125)):
        ops = operators(triplets_of(find_group(symbol, RIGHT)))
        assert len(orbit((place,) * 3, *ops, metric(CUBIC))) == 8
    wrong = operators(triplets_of(find_group("F d -3 m:1", RIGHT)))
    assert len(orbit((0.125,) * 3, *wrong, metric(CUBIC))) == 16


def test_every_tabulated_setting_is_a_group_with_the_extinctions_of_gemmi():
    hkl = np.array([[h, k, m] for h in range(-3, 4) for k in range(-3, 4) for m in range(-3, 4)])
    for group in list(gemmi.spacegroup_table())[::7]:
        ops = operators(triplets_of(group))
        expected = group.operations().systematic_absences(hkl.astype(np.int32))
        np.testing.assert_array_equal(absent(hkl, *ops), expected, err_msg=group.xhm())


def test_few_digits_still_mean_a_special_position():
    ops = operators(triplets_of(find_group("P 63/m m c", (90, 90, 120))))
    images = orbit((0.333, 0.667, 0.25), *ops, metric((0.25, 0.25, 0.67, 90, 90, 120)))
    assert len(images) == 2
    np.testing.assert_allclose(np.sort(images[:, 0]), [1 / 3, 2 / 3], atol=1e-12)


def test_what_is_no_group_is_refused():
    with pytest.raises(StructureError, match="no group"):
        operators(("x,y,z", "-y,x-y,z"))
    with pytest.raises(StructureError, match="cannot be read"):
        operators(("x,y,z", "x,y,q"))
    with pytest.raises(StructureError, match="lack x,y,z"):
        operators(("-x,-y,-z",))


@pytest.mark.parametrize(
    ("symbol", "cell", "expected"),
    [
        ("P m -3 m", CUBIC, {(1, 0, 0): 6, (1, 1, 0): 12, (1, 1, 1): 8, (2, 1, 0): 24}),
        ("P m -3", CUBIC, {(2, 1, 0): 12, (2, 0, 1): 12, (1, 1, 1): 8}),
        ("F m -3 m", CUBIC, {(1, 1, 1): 8, (2, 0, 0): 6, (2, 2, 0): 12, (3, 1, 1): 24}),
        ("P 63/m m c", (0.3, 0.3, 0.5, 90, 90, 120), {(1, 0, 0): 6, (0, 0, 2): 2, (1, 0, 1): 12}),
        ("R -3 c", (0.476, 0.476, 1.3, 90, 90, 120), {(0, 1, 2): 6, (1, 0, 4): 6, (1, 1, 3): 12}),
    ],
)
def test_multiplicities(symbol, cell, expected):
    triplets = triplets_of(find_group(symbol, cell[3:]))
    hkl, count = unique_reflections(cell, triplets, 0.12)
    found = {tuple(int(i) for i in h): int(n) for h, n in zip(hkl, count, strict=True)}
    for reflection, multiplicity in expected.items():
        assert found[reflection] == multiplicity
    everything = np.array(
        [[h, k, m] for h in range(-12, 13) for k in range(-12, 13) for m in range(-12, 13)]
    )
    near = inverse_d_squared(everything, cell)
    inside = (near > 0) & (near <= 1 / 0.12**2)
    kept = np.logical_not(absent(everything[inside], *operators(triplets)))
    assert count.sum() == kept.sum()


def test_lines_of_equal_spacing_are_found_by_symmetry():
    triplets = triplets_of(find_group("F m -3 m", RIGHT))
    hkl = np.array([[3, 3, 3], [5, 1, 1], [4, 2, 0]])
    group = same_spacing(hkl, triplets)
    assert group[0] == group[1] != group[2]
    tetragonal = triplets_of(find_group("P 4/m m m", RIGHT))
    assert len(set(same_spacing(np.array([[3, 4, 0], [5, 0, 0], [0, 0, 5]]), tetragonal))) == 2


def test_an_absurd_number_of_reflections_is_refused():
    with pytest.raises(LimitExceeded, match="too many reflections"):
        unique_reflections((10.0, 10.0, 10.0, 90, 90, 90), ("x,y,z",), 0.03)
