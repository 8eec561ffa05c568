"""Structures and CIF files: what is read, what is refused."""

import logging

import pytest

from xrdkit.errors import StructureError
from xrdkit.phase import Site, embedded_structure, load_structure

CIF = """data_{block}
_cell_length_a {a}
_cell_length_b {a}
_cell_length_c {a}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
{symmetry}
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
{tag}
Si Si4+ 0.125 0.125 0.125 {occupancy} {u}
"""


def write(folder, **change):
    values = {
        "block": "si",
        "a": 5.431144,
        "symmetry": "_symmetry_space_group_name_H-M 'F d -3 m:2'",
        "occupancy": 1.0,
        "tag": "_atom_site_U_iso_or_equiv",
        "u": 0.00595,
    }
    path = folder / "silicon.cif"
    path.write_text(CIF.format(**{**values, **change}))
    return path


def test_a_cif_gives_the_embedded_structure(tmp_path):
    read = load_structure(write(tmp_path))
    kept = embedded_structure("Si")
    assert read.name == "silicon"
    assert read.cell == pytest.approx(kept.cell)
    assert set(read.operators) == set(kept.operators)
    assert read.sites[0].element == "Si"
    assert read.sites[0].b_iso == pytest.approx(0.47, abs=0.001)
    assert read.density == pytest.approx(kept.density, rel=1e-9)


def test_b_values_are_read_as_b(tmp_path):
    read = load_structure(write(tmp_path, tag="_atom_site_B_iso_or_equiv", u=0.47))
    assert read.sites[0].b_iso == pytest.approx(0.47, abs=1e-9)


def test_an_ambiguous_symbol_is_refused_and_operators_resolve_it(tmp_path):
    symbol = "_symmetry_space_group_name_H-M 'F d -3 m'"
    with pytest.raises(StructureError, match="two origins"):
        load_structure(write(tmp_path, symmetry=symbol))
    rows = "\n".join(f"'{t}'" for t in embedded_structure("Si").operators)
    listed = f"{symbol}\nloop_\n_symmetry_equiv_pos_as_xyz\n{rows}"
    assert len(load_structure(write(tmp_path, symmetry=listed)).orbits()[0]) == 8


def test_operators_that_contradict_the_symbol_are_refused(tmp_path):
    only = "_symmetry_space_group_name_H-M 'F d -3 m'\nloop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'"
    with pytest.raises(StructureError, match="lists 1 operators"):
        load_structure(write(tmp_path, symmetry=only))


def test_odd_displacements_are_reported(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        assert load_structure(write(tmp_path, u=-0.004)).sites[0].b_iso < 0
        assert "negative" in caplog.text
        assert load_structure(write(tmp_path, u="?")).sites[0].b_iso == 0.5
        assert "no displacement" in caplog.text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"a": 0.54}, "outside 0.1 to 20 nm"),
        ({"symmetry": ""}, "neither symmetry operators nor a space group"),
        ({"symmetry": "_symmetry_space_group_name_H-M 'F nonsense'"}, "unknown space group"),
        ({"symmetry": "_symmetry_space_group_name_H-M 'P 63 m c'"}, "does not have the symmetry"),
        ({"occupancy": 3}, "occupancy"),
        ({"u": 5.0}, "outside -1 to 20"),
    ],
)
def test_what_cannot_be_understood_is_refused(tmp_path, change, message):
    with pytest.raises(StructureError, match=message) as error:
        load_structure(write(tmp_path, **change))
    assert "silicon.cif" in str(error.value)


def test_garbage_missing_files_and_several_blocks(tmp_path):
    garbage = tmp_path / "garbage.cif"
    garbage.write_bytes(bytes(range(256)) * 20)
    with pytest.raises(StructureError, match="cannot be read as a CIF"):
        load_structure(garbage)
    with pytest.raises(StructureError, match="no such file"):
        load_structure(tmp_path / "missing.cif")
    empty = tmp_path / "empty.cif"
    empty.write_text("data_nothing\n_cell_length_a 5\n")
    with pytest.raises(StructureError, match="0 data blocks"):
        load_structure(empty)
    both = tmp_path / "both.cif"
    text = write(tmp_path).read_text()
    both.write_text(text + text.replace("data_si", "data_second"))
    with pytest.raises(StructureError, match="2 data blocks"):
        load_structure(both)
    assert load_structure(both, block="second").name == "both"


def test_structures_in_python_are_checked():
    kept = embedded_structure("Pt")
    with pytest.raises(StructureError, match="unknown element"):
        Site(label="Q", element="Qq", position=(0, 0, 0))
    with pytest.raises(StructureError, match="does not have the symmetry"):
        kept.with_cell((0.39, 0.40, 0.39, 90, 90, 90))
    with pytest.raises(StructureError, match="cells of a Structure are in nm"):
        kept.with_cell((39.2, 39.2, 39.2, 90, 90, 90))
    assert hash(kept) == hash(embedded_structure("Pt"))
