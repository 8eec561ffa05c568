"""Every tabulated setting of every space group describes the same crystal."""

from functools import lru_cache

import gemmi
import numpy as np
import pytest

from xrdkit.phase import Site, Structure
from xrdkit.phase.cell import cell_ties, inverse_d_squared, metric, volume
from xrdkit.phase.intensity import powder_lines
from xrdkit.phase.reflections import equivalents, extinct, unique_reflections
from xrdkit.phase.symmetry import find_group, operators, setting_of, triplets_of

TABLE = list(gemmi.spacegroup_table())
GENERIC = (0.41, 0.52, 0.63, 78.0, 83.0, 97.0)
ATOMS = (("La", (0.1234, 0.2345, 0.0678)), ("O", (0.0, 0.0, 0.0)))


def cell_of(metric_tensor):
    lengths = np.sqrt(np.diag(metric_tensor))
    cosines = [metric_tensor[i, j] / (lengths[i] * lengths[j]) for i, j in ((1, 2), (0, 2), (0, 1))]
    angles = np.degrees(np.arccos(cosines))
    return tuple(float(v) for v in (*lengths, *angles))


def structure_of(group, cell, atoms):
    return Structure(
        name="crystal",
        cell=cell,
        operators=triplets_of(group),
        sites=tuple(
            Site(label=f"{e}{k}", element=e, position=tuple(float(v) for v in p))
            for k, (e, p) in enumerate(atoms)
        ),
    )


@lru_cache(maxsize=4)
def reference(number):
    """A crystal in the reference setting of a space group, its lines without zeros."""
    group = next(g for g in TABLE if g.number == number and g.is_reference_setting())
    tensor = np.mean([r.T @ metric(GENERIC) @ r for r in operators(triplets_of(group))[0]], axis=0)
    return structure_of(group, cell_of(tensor), ATOMS)


def lines(structure):
    found = powder_lines(structure, 1.5405929, 0.09)
    inverse = inverse_d_squared(found.hkl, structure.cell)
    order = np.argsort(inverse)
    return inverse[order], found.strength[order] / volume(structure.cell) ** 2


@pytest.mark.parametrize("number", range(1, 231))
def test_all_settings_of_a_group_give_the_same_lines(number):
    here = reference(number)
    spacings, strengths = lines(here)
    assert len(spacings) > 3
    for group in TABLE:
        if group.number != number or group.is_reference_setting():
            continue
        change = group.basisop
        matrix = np.array(change.rot) / gemmi.Op.DEN  # x of the setting = matrix · x + shift
        back = np.linalg.inv(matrix)
        there = structure_of(
            group,
            cell_of(back.T @ metric(here.cell) @ back),
            [(s.element, change.apply_to_xyz(list(s.position))) for s in here.sites],
        )
        assert sum(there.atoms_per_cell()) / there.volume == pytest.approx(
            sum(here.atoms_per_cell()) / here.volume, rel=1e-9
        )
        other_spacings, other_strengths = lines(there)
        np.testing.assert_allclose(other_spacings, spacings, rtol=1e-9, err_msg=group.xhm())
        np.testing.assert_allclose(other_strengths, strengths, rtol=1e-7, err_msg=group.xhm())


def test_every_setting_is_found_by_its_own_symbol_and_by_its_operators():
    for group in TABLE:
        triplets = triplets_of(group)
        angles = (60.5,) * 3 if group.ext == "R" else (90.0, 90.0, 120.0)
        assert triplets_of(find_group(group.xhm(), angles)) == triplets
        # Some settings have two names, as C c c a:1 and C c c b:1.
        assert set(triplets_of(setting_of(triplets))) == set(triplets), group.xhm()


def test_every_setting_leaves_its_cell_the_freedom_of_its_system():
    free = {
        "triclinic": 6,
        "monoclinic": 4,
        "orthorhombic": 3,
        "tetragonal": 2,
        "trigonal": 2,
        "hexagonal": 2,
        "cubic": 1,
    }
    for group in TABLE:
        ties = cell_ties(operators(triplets_of(group))[0])
        assert len(ties.free) == free[group.crystal_system_str()], group.xhm()


@pytest.mark.parametrize("number", [2, 14, 62, 88, 148, 167, 176, 194, 205, 206, 227, 230])
def test_equivalents_fill_the_sphere_once(number):
    here = reference(number)
    hkl, count = unique_reflections(here.cell, here.operators, 0.14)
    sets = equivalents(hkl, here.operators)
    assert [len(s) for s in sets] == count.tolist()
    together = {tuple(int(i) for i in h) for s in sets for h in s}
    assert len(together) == count.sum()
    spread = [np.ptp(inverse_d_squared(s, here.cell)) for s in sets]
    assert max(spread) < 1e-9
    assert not any(extinct(s, here.operators).any() for s in sets)
    for one, members in zip(hkl, sets, strict=True):
        assert any(np.array_equal(one, m) for m in members)
