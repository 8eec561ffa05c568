"""Structures with two atoms in one place."""

from dataclasses import replace

import pytest

import xrdkit as xk
from xrdkit.errors import StructureError
from xrdkit.phase import Site, embedded_names, embedded_structure, load_structure
from xrdkit.phase.places import check_places
from xrdkit.phase.refine import resolve

CIF = """data_x
_cell_length_a 5.43
_cell_length_b 5.43
_cell_length_c 5.43
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P m -3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
_atom_site_B_iso_or_equiv
Ni1 Ni 0 0 0 {nickel} 0.5
Fe1 Fe {x} 0 0 {iron} 0.5
"""


def written(tmp_path, **values):
    file = tmp_path / "a.cif"
    file.write_text(CIF.format(**{"x": 0, "nickel": 1, "iron": 1} | values))
    return file


def test_two_atoms_in_one_place_are_refused(tmp_path):
    with pytest.raises(StructureError, match=r"filled 2\.000 times, by Ni1, Fe1"):
        load_structure(written(tmp_path))


def test_atoms_nearer_than_any_bond_are_in_one_place(tmp_path):
    # Six images of iron, 0.027 nm off, four pairs of them nearer than 0.04 nm to one another.
    with pytest.raises(StructureError, match="one place is filled"):
        load_structure(written(tmp_path, x=0.05))
    load_structure(written(tmp_path, x=0.5))


@pytest.mark.parametrize(("nickel", "iron"), [(0.5, 0.5), (0.25, 0.5), (0.52, 0.5)])
def test_mixed_sites_are_structures(tmp_path, nickel, iron):
    read = load_structure(written(tmp_path, nickel=nickel, iron=iron))
    assert [s.occupancy for s in read.sites] == [nickel, iron]


def test_structures_made_in_python_are_refused_where_they_are_used():
    silicon = embedded_structure("Si")
    twice = replace(
        silicon,
        name="SiGe",
        sites=(*silicon.sites, Site(label="Ge", element="Ge", position=silicon.sites[0].position)),
    )
    with pytest.raises(StructureError, match="SiGe: one place is filled"):
        resolve([twice])
    pattern = xk.pattern([float(x) for x in range(20, 60)], [1.0] * 40, [1.0] * 40, wavelength=1.54)
    with pytest.raises(StructureError):
        xk.refine_phases(pattern, [twice])


def test_no_embedded_structure_has_atoms_in_one_place():
    for name in embedded_names():
        check_places(embedded_structure(name))
