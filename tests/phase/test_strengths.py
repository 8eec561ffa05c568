"""Line strengths of moving atoms: slopes, free coordinates, sets of equivalents."""

from dataclasses import replace

import numpy as np
import pytest

from xrdkit.errors import SpecError
from xrdkit.phase import Site, Structure, embedded_structure
from xrdkit.phase.intensity import LineStrengths, powder_lines
from xrdkit.phase.site_freedom import floating_origin, site_freedom
from xrdkit.phase.strengths import Atoms, StructureFactors, atoms_of, with_atoms
from xrdkit.phase.symmetry import find_group, triplets_of

WAVELENGTH = 1.5405929


def structure(symbol, cell, *atoms):
    return Structure(
        name="crystal",
        cell=cell,
        operators=triplets_of(find_group(symbol, cell[3:])),
        sites=tuple(
            Site(label=f"{e}{k}", element=e, position=p, occupancy=o, b_iso=b)
            for k, (e, p, o, b) in enumerate(atoms)
        ),
    )


CRYSTALS = {
    "inversion at the origin": structure(
        "P n m a",
        (1.0324, 0.6006, 0.469, 90, 90, 90),
        ("Fe", (0.2822, 0.25, 0.9747), 1.0, 0.4),
        ("O", (0.1656, 0.0465, 0.2849), 0.9, 0.7),
        ("Li", (0.0, 0.0, 0.0), 0.8, 1.2),
    ),
    "no inversion": structure(
        "P 63 m c",
        (0.32499, 0.32499, 0.52066, 90, 90, 120),
        ("Zn", (1 / 3, 2 / 3, 0.0), 1.0, 0.6),
        ("O", (1 / 3, 2 / 3, 0.3826), 1.0, 0.7),
    ),
    "inversion elsewhere": structure(
        "F d -3 m:1",
        (0.8394, 0.8394, 0.8394, 90, 90, 90),
        ("Fe", (0.0, 0.0, 0.0), 1.0, 0.5),
        ("Fe", (0.625, 0.625, 0.625), 1.0, 0.5),
        ("O", (0.3799, 0.3799, 0.3799), 1.0, 0.6),
    ),
    "triclinic": structure(
        "P 1",
        (0.41, 0.52, 0.63, 78, 83, 97),
        ("La", (0.12, 0.23, 0.07), 1.0, 0.4),
        ("O", (0.61, 0.4, 0.88), 0.5, 1.4),
    ),
}


@pytest.mark.parametrize("crystal", CRYSTALS.values(), ids=CRYSTALS)
def test_slopes_agree_with_differences(crystal):
    lines = powder_lines(crystal, WAVELENGTH, 0.1, -1.0)
    sums = LineStrengths(crystal, lines, WAVELENGTH)
    atoms = atoms_of(crystal)
    strengths, slopes = sums.strengths_and_slopes(atoms)
    np.testing.assert_array_equal(strengths, sums.strengths(atoms))
    np.testing.assert_allclose(strengths, lines.strength, rtol=1e-10, atol=1e-6)

    def moved(j, k, step):
        positions, b_iso, occupancy = (
            np.array(v) for v in (atoms.positions, atoms.b_iso, atoms.occupancy)
        )
        if k < 3:
            positions[j, k] += step
        else:
            (b_iso if k == 3 else occupancy)[j] += step
        return sums.strengths(Atoms(positions=positions, b_iso=b_iso, occupancy=occupancy))

    step = 1e-5
    for j in range(len(crystal.sites)):
        for k in range(5):
            expected = (moved(j, k, step) - moved(j, k, -step)) / (2 * step)
            scale = max(np.abs(slopes[..., k]).max(), strengths.max())
            np.testing.assert_allclose(slopes[:, j, k], expected, atol=1e-7 * scale)


FREE = [
    ("F m -3 m", (0, 0, 0), 4, []),
    ("P m -3 m", (0.2, 0.5, 0.5), 6, [[1, 0, 0]]),
    ("F d -3 m:2", (0.2549, 0.2549, 0.2549), 32, [[1, 1, 1]]),
    ("P 42/m n m", (0.305, 0.305, 0), 4, [[1, 1, 0]]),
    ("P 63/m m c", (0.8, 0.6, 0.25), 6, [[1, 2, 0]]),
    ("R -3 c:H", (0.306, 0, 0.25), 18, [[1, 0, 0]]),
    ("P 63 m c", (1 / 3, 2 / 3, 0.38), 2, [[0, 0, 1]]),
    ("P n m a", (0.28, 0.25, 0.97), 4, [[1, 0, 0], [0, 0, 1]]),
    ("P n m a", (0.16, 0.05, 0.28), 8, [[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
    ("P 63/m", (0.24, 0.99, 0.25), 6, [[1, 0, 0], [0, 1, 0]]),
]


@pytest.mark.parametrize(("symbol", "place", "multiplicity", "directions"), FREE)
def test_symmetry_leaves_the_right_coordinates_free(symbol, place, multiplicity, directions):
    hexagonal = symbol[2] in "36" or symbol.startswith("R")
    a, c = (0.5, 0.7) if "3" not in symbol[4:] or hexagonal else (0.5, 0.5)
    if "42" in symbol or "n m a" in symbol:
        c = 0.7
    cell = (a, a, c, 90, 90, 120 if hexagonal else 90)
    if "n m a" in symbol:
        cell = (0.9, 0.6, 0.5, 90, 90, 90)
    if "-3 m" in symbol:
        cell = (a, a, a, 90, 90, 90)
    crystal = structure(symbol, cell, ("O", place, 1.0, 0.5))
    freedom = site_freedom(crystal, 0)
    assert freedom.multiplicity == multiplicity
    np.testing.assert_allclose(freedom.directions, np.reshape(directions, (-1, 3)), atol=1e-12)
    assert len(freedom.names) == len(directions)
    if directions:
        step = 1e-3 * np.ones(len(directions)) @ freedom.directions
        moved = replace(
            crystal, sites=(replace(crystal.sites[0], position=tuple(freedom.origin + step)),)
        )
        assert moved.atoms_per_cell() == crystal.atoms_per_cell()


def test_moving_along_a_free_coordinate_is_moving_the_site():
    crystal = CRYSTALS["inversion elsewhere"]
    freedom = site_freedom(crystal, 2)
    atoms = atoms_of(crystal)
    positions = np.array(atoms.positions)
    positions[2] = freedom.origin + 0.01 * freedom.directions[0]
    lines = powder_lines(crystal, WAVELENGTH, 0.1, -1.0)
    fast = LineStrengths(crystal, lines, WAVELENGTH).strengths(replace(atoms, positions=positions))
    site = replace(crystal.sites[2], position=(0.3899,) * 3)
    other = powder_lines(replace(crystal, sites=(*crystal.sites[:2], site)), WAVELENGTH, 0.1, -1.0)
    np.testing.assert_allclose(fast, other.strength, rtol=1e-9, atol=1e-6)


def test_a_line_of_several_sets_says_which():
    crystal = CRYSTALS["inversion elsewhere"]
    lines = powder_lines(crystal, WAVELENGTH, 0.09)
    line = next(k for k, h in enumerate(lines.hkl) if tuple(h) in ((5, 1, 1), (3, 3, 3)))
    inside = lines.set_line == line
    assert {tuple(int(i) for i in h) for h in lines.sets[inside]} == {(5, 1, 1), (3, 3, 3)}
    assert sorted(lines.set_multiplicity[inside].tolist()) == [8, 24]
    assert lines.multiplicity[line] == 32
    assert lines.set_strength[inside].sum() == pytest.approx(lines.strength[line], rel=1e-12)
    assert np.all(np.diff(lines.set_line) >= 0)


def test_lines_without_strength_are_kept_on_request():
    silicon = embedded_structure("Si")
    some = {tuple(h) for h in powder_lines(silicon, WAVELENGTH, 0.1).hkl.tolist()}
    every = {tuple(h) for h in powder_lines(silicon, WAVELENGTH, 0.1, -1.0).hkl.tolist()}
    assert (2, 2, 2) in every - some


def test_reflections_extinct_by_centring_have_no_strength():
    copper = embedded_structure("Cu")
    hkl = np.array([[1, 1, 1], [1, 0, 0], [2, 1, 0], [2, 0, 0]])
    squared = StructureFactors(copper, hkl, WAVELENGTH).squared(atoms_of(copper))
    assert squared[1] == squared[2] == 0.0
    assert min(squared[0], squared[3]) > 1000.0
    with pytest.raises(SpecError, match=r"\(n, 3\)"):
        StructureFactors(copper, np.array([1, 1, 1]), WAVELENGTH)


@pytest.mark.parametrize(
    ("symbol", "angles", "directions"),
    [
        ("P 1", (80, 85, 95), np.eye(3)),
        ("P 1 m 1", (90, 99, 90), [[1, 0, 0], [0, 0, 1]]),
        ("P 63 m c", (90, 90, 120), [[0, 0, 1]]),
        ("R 3 m:R", (60, 60, 60), [[1, 1, 1]]),
        ("P 21 21 21", (90, 90, 90), np.zeros((0, 3))),
        ("P n m a", (90, 90, 90), np.zeros((0, 3))),
    ],
)
def test_polar_groups_leave_the_origin_free(symbol, angles, directions):
    a = (0.5, 0.5, 0.5) if ":R" in symbol or symbol == "P 63 m c" else (0.5, 0.6, 0.7)
    c = 0.7 if symbol == "P 63 m c" else a[2]
    crystal = structure(symbol, (*a[:2], c, *angles), ("Zn", (0.11, 0.23, 0.37), 1.0, 0.5))
    found = floating_origin(crystal)
    np.testing.assert_allclose(found, directions, atol=1e-12)
    hkl = np.array([[1, 2, 3], [2, 0, 1], [1, 1, 1]])
    one = StructureFactors(crystal, hkl, WAVELENGTH).squared(atoms_of(crystal))
    for direction in found:
        moved = np.array([s.position for s in crystal.sites]) + 0.07 * direction
        other = with_atoms(crystal, replace(atoms_of(crystal), positions=moved))
        np.testing.assert_allclose(
            StructureFactors(other, hkl, WAVELENGTH).squared(atoms_of(other)),
            one,
            rtol=1e-9,
            atol=1e-9,
        )


def test_refined_atoms_make_a_structure_again():
    crystal = CRYSTALS["no inversion"]
    atoms = atoms_of(crystal)
    assert with_atoms(crystal, atoms) == crystal
    moved = replace(atoms, b_iso=atoms.b_iso + 0.1, occupancy=np.array([1.0, 0.9]))
    assert [s.b_iso for s in with_atoms(crystal, moved).sites] == pytest.approx([0.7, 0.8])
    assert crystal.sites[0].b_iso == 0.6
