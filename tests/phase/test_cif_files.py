"""CIF files in the styles of databases and programs, and files that must not be read."""

import logging

import numpy as np
import pytest

from xrdkit.errors import StructureError
from xrdkit.phase import embedded_structure, load_structure
from xrdkit.phase.content import cell_content
from xrdkit.phase.intensity import powder_lines

CELL = """_cell_length_a {0}
_cell_length_b {1}
_cell_length_c {2}
_cell_angle_alpha {3}
_cell_angle_beta {4}
_cell_angle_gamma {5}
"""
HEXAGONAL = CELL.format("4.759355(82)", "4.759355(82)", "12.99231(15)", 90, 90, "120.")
CORUNDUM = "Al Al3+ 0 0 0.35216(1) 0.22\nO O2- 0.30624(4) 0 .25 0.26\n"
LOOP = """loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_B_iso_or_equiv
"""


def write(folder, text, name="some.cif"):
    path = folder / name
    path.write_text(text)
    return path


def same_lines(one, other):
    left, right = (powder_lines(s, 1.5405929, 0.1) for s in (one, other))
    assert len(left.hkl) == len(right.hkl)
    np.testing.assert_allclose(left.strength, right.strength, rtol=1e-9)


def operators_loop(name, tag, form="'{}'"):
    kept = embedded_structure(name).operators
    return f"loop_\n{tag}\n" + "\n".join(form.format(t) for t in kept) + "\n"


SYMMETRIES = {
    "hexagonal symbol": "_symmetry_space_group_name_H-M 'R -3 c'",
    "with :H": "_symmetry_space_group_name_H-M 'R -3 c :H'",
    "short": "_space_group_name_H-M_alt R-3c",
    "of the ICSD": "_symmetry_space_group_name_H-M 'R -3 c H'",
    "Hall": "_space_group_name_Hall '-R 3 2\"c'",
    "old tag": operators_loop("Al2O3", "_symmetry_equiv_pos_as_xyz"),
    "new tag": operators_loop("Al2O3", "_space_group_symop_operation_xyz", '"{}"'),
    "numbered": "loop_\n_symmetry_equiv_pos_site_id\n_symmetry_equiv_pos_as_xyz\n"
    + "\n".join(
        f"{k} '{t.replace('x', 'X').replace(',', ' , ')}'"
        for k, t in enumerate(embedded_structure("Al2O3").operators, 1)
    ),
    "decimals": operators_loop("Al2O3", "_symmetry_equiv_pos_as_xyz")
    .replace("1/2", "0.5")
    .replace("2/3", ".66667")
    .replace("1/3", ".3333"),
}


@pytest.mark.parametrize("symmetry", SYMMETRIES.values(), ids=SYMMETRIES)
def test_a_setting_may_be_written_in_many_ways(tmp_path, symmetry):
    read = load_structure(write(tmp_path, f"data_x\n{HEXAGONAL}{symmetry}\n{LOOP}{CORUNDUM}"))
    same_lines(read, embedded_structure("Al2O3"))
    assert str(cell_content(read)) == "Al2 O3"
    assert read.space_group == "R -3 c:H"


def test_dotted_tags_of_newer_dictionaries_are_read(tmp_path):
    body = f"{HEXAGONAL}_space_group.name_H-M_alt 'R -3 c:H'\n{LOOP}{CORUNDUM}"
    dotted = (
        body.replace("_cell_", "_cell.")
        .replace("_atom_site_", "_atom_site.")
        .replace("_Cell", "_cell")
    )
    read = load_structure(write(tmp_path, f"data_x\n{dotted}"))
    same_lines(read, embedded_structure("Al2O3"))


@pytest.mark.parametrize(
    ("symbol", "place"),
    [
        ("'F d -3 m:1'", 0.0),
        ("'F d 3 m S'", 0.0),
        ("'F d -3 m Z'", 0.125),
        ("'F d -3 m (origin choice 2)'", 0.125),
        ("'Fd-3m'\n_space_group_IT_coordinate_system_code 2", 0.125),
        ("'F d 3 m'\n_space_group_name_Hall '-F 4vw 2vw 3'", 0.125),
    ],
    ids=["one", "S", "Z", "choice", "code", "Hall"],
)
def test_the_origin_may_be_named_in_many_ways(tmp_path, symbol, place):
    cell = CELL.format(*["5.431144"] * 3, 90, 90, 90)
    atom = f"Si Si {place} {place} {place} 0.47\n"
    text = f"data_x\n{cell}_symmetry_space_group_name_H-M {symbol}\n{LOOP}{atom}"
    same_lines(load_structure(write(tmp_path, text)), embedded_structure("Si"))


def test_rhombohedral_and_hexagonal_axes_give_the_same_lines(tmp_path):
    # a² = (a_h/√3)² + (c_h/3)²; x_r = z for the metal, (x, -x + 1/2 ...) for oxygen
    a, c = 4.759355, 12.99231
    edge = np.hypot(a / np.sqrt(3), c / 3)
    angle = 2 * np.degrees(np.arcsin(3 / (2 * np.sqrt(3 + (c / a) ** 2))))
    cell = CELL.format(edge, edge, edge, angle, angle, angle)
    x = 0.30624
    atoms = f"Al Al .35216 .35216 .35216 0.22\nO O {0.25 + x} {0.25 - x} 0.25 0.26\n"
    text = f"data_x\n{cell}_symmetry_space_group_name_H-M 'R -3 c'\n{LOOP}{atoms}"
    read = load_structure(write(tmp_path, text))
    assert read.space_group == "R -3 c:R"
    kept = embedded_structure("Al2O3")
    left, right = (powder_lines(s, 1.5405929, 0.1) for s in (read, kept))
    np.testing.assert_allclose(9 * left.strength, right.strength, rtol=1e-5)


def test_elements_are_told_from_labels_and_types(tmp_path, caplog):
    cell = CELL.format(10, 11, 12, 90, 90, 90)
    loop = LOOP.replace("_atom_site_type_symbol\n", "")
    labels = ["CA1", "Fe2+", "O-H", "Wat1", "Cl", "C12A", "N1", "CO3", "D1", "Os7"]
    rows = "".join(f"{n} 0.{k}1 0.2 0.3 1\n" for k, n in enumerate(labels))
    symmetry = "_symmetry_space_group_name_H-M 'P 1'\n"
    with caplog.at_level(logging.WARNING):
        read = load_structure(write(tmp_path, f"data_x\n{cell}{symmetry}{loop}{rows}"))
    assert [s.element for s in read.sites] == [
        *("Ca", "Fe", "O", "O", "Cl", "C", "N", "Co", "D", "Os")
    ]
    assert "Wat1 is water" in caplog.text
    formula = "_chemical_formula_sum 'C3 Ca Cl D Fe N O4'\n"
    read = load_structure(write(tmp_path, f"data_x\n{cell}{symmetry}{formula}{loop}{rows}"))
    assert [s.element for s in read.sites][-3:] == ["C", "D", "O"]
    bad = write(tmp_path, f"data_x\n{cell}{symmetry}{loop}M1 0 0 0 1\n")
    with pytest.raises(StructureError, match="no element can be told from 'M1'"):
        load_structure(bad)


def test_sites_without_labels_shared_sites_and_empty_ones(tmp_path, caplog):
    cell = CELL.format(2.87, 2.87, 14.2, 90, 90, 120)
    loop = """loop_
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
_atom_site_U_iso_or_equiv
_atom_site_symmetry_multiplicity
Li1+ 0 0 0 0.97(1) 0.01 3
Ni2+ 0 0 0 0.03 0.01 3
Ni3+ 0 0 1/2 0.8 .005 3
Mn4+ 0 0 1/2 0.1 .005 3
Co3+ 0 0 1/2 0.1 .005 3
Al3+ 0 0 1/2 0 .005 3
O2- 0 0 0.2395 ? 0.008 12
H ? ? ? 1 ? ?
"""
    symmetry = "_symmetry_space_group_name_H-M 'R -3 m'\n"
    with caplog.at_level(logging.WARNING):
        read = load_structure(write(tmp_path, f"data_x\n{cell}{symmetry}{loop}"))
    assert str(cell_content(read)) == "Co0.1 Li0.97 Mn0.1 Ni0.83 O2"
    assert cell_content(read).units == 3
    assert "occupancy 0" in caplog.text
    assert "no coordinates" in caplog.text
    assert "states a multiplicity of 12, symmetry gives 6" in caplog.text
    assert "filled to" not in caplog.text
    full = loop.replace("0.97(1)", "1.0")
    with caplog.at_level(logging.WARNING):
        load_structure(write(tmp_path, f"data_x\n{cell}{symmetry}{full}"))
    assert "filled to 1.030" in caplog.text


def test_anisotropic_displacements_give_their_equivalent(tmp_path):
    loop = LOOP.replace("_atom_site_B_iso_or_equiv\n", "")
    atoms = "Al Al 0 0 0.35216\nO O 0.30624 0 .25\n"
    aniso = """loop_
_atom_site_aniso_label
_atom_site_aniso_U_11
_atom_site_aniso_U_22
_atom_site_aniso_U_33
_atom_site_aniso_U_12
_atom_site_aniso_U_13
_atom_site_aniso_U_23
Al 0.00279 0.00279 0.00296 0.00140 0.00000 0.00000
O 0.00327 0.00341 0.00365 0.00163 0.00047 0.00094
"""
    symmetry = "_symmetry_space_group_name_H-M 'R -3 c:H'\n"
    read = load_structure(write(tmp_path, f"data_x\n{HEXAGONAL}{symmetry}{loop}{atoms}{aniso}"))
    # trigonal: U_eq = (4/9)(U11 + U22 - U12) + U33/3 with U12 as a part of the tensor
    u = 4 / 9 * (0.00279 + 0.00279 - 0.00140) + 0.00296 / 3
    assert read.sites[0].b_iso == pytest.approx(8 * np.pi**2 * u, rel=1e-12)
    b = aniso.replace("_U_", "_B_")
    read = load_structure(write(tmp_path, f"data_x\n{HEXAGONAL}{symmetry}{loop}{atoms}{b}"))
    assert read.sites[0].b_iso == pytest.approx(u, rel=1e-12)


def test_a_wrong_origin_shows_in_the_formula(tmp_path, caplog):
    cell = CELL.format(*["8.0806"] * 3, 90, 90, 90)
    text = (
        f"data_x\n{cell}_chemical_formula_sum 'Al2 Mg O4'\n"
        f"_symmetry_space_group_name_H-M 'F d -3 m:1'\n{LOOP}"
        "Mg Mg .125 .125 .125 0.5\nAl Al .5 .5 .5 0.5\nO O .2624 .2624 .2624 0.5\n"
    )
    with caplog.at_level(logging.WARNING), pytest.raises(StructureError, match="right origin"):
        load_structure(write(tmp_path, text))
    assert "do not add up to the formula" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        read = load_structure(write(tmp_path, text.replace(":1", ":2")))
    assert caplog.text == ""
    assert str(cell_content(read)) == "Al2 Mg O4"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("_chemical_formula_sum Si\n_cell_formula_units_Z 8", "16 formula units, the file says 8"),
        ("_exptl_crystal_density_diffrn 2.33(1)", "density of 4.6"),
    ],
)
def test_a_wrong_origin_shows_in_units_and_density(tmp_path, caplog, line, message):
    text = (
        f"data_x\n{SILICON}{line}\n"
        f"_symmetry_space_group_name_H-M 'F d -3 m:1'\n{LOOP}Si Si .125 .125 .125 0.47\n"
    )
    with caplog.at_level(logging.WARNING):
        load_structure(write(tmp_path, text))
    assert message in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        load_structure(write(tmp_path, text.replace(":1", ":2")))
    assert caplog.text == ""


def test_a_rounded_cell_is_made_symmetric(tmp_path, caplog):
    cell = CELL.format("4.7594", "4.7593", "12.992", 90, 90, "119.998")
    symmetry = "_symmetry_space_group_name_H-M 'R -3 c:H'\n"
    with caplog.at_level(logging.WARNING):
        read = load_structure(write(tmp_path, f"data_x\n{cell}{symmetry}{LOOP}{CORUNDUM}"))
    assert read.cell == pytest.approx((0.47594, 0.47594, 1.2992, 90, 90, 120), abs=1e-12)
    assert "rounded" in caplog.text


SILICON = CELL.format(*["5.431"] * 3, 90, 90, 90)
ATOM = "Si Si .125 .125 .125 0.47\n"
REFUSED = {
    "bare two origins": (
        f"{SILICON}_symmetry_space_group_name_H-M 'F d -3 m'\n{LOOP}{ATOM}",
        "two origins",
    ),
    "number alone": (
        f"{SILICON}_symmetry_Int_Tables_number 227\n{LOOP}{ATOM}",
        "does not say which setting",
    ),
    "no number": (f"{SILICON}_symmetry_Int_Tables_number 231\n{LOOP}{ATOM}", "1 to 230"),
    "unknown symbol": (
        f"{SILICON}_symmetry_space_group_name_H-M 'F d -3 q'\n{LOOP}{ATOM}",
        "unknown space group",
    ),
    "bad Hall": (f"{SILICON}_space_group_name_Hall 'F 9q'\n{LOOP}{ATOM}", "Hall symbol"),
    "Hall against symbol": (
        f"{SILICON}_symmetry_space_group_name_H-M 'F m -3 m'\n"
        f"_space_group_name_Hall '-F 4vw 2vw 3'\n{LOOP}{ATOM}",
        "is F d -3 m:2, the other symbol is F m -3 m",
    ),
    "operators against symbol": (
        f"{SILICON}_symmetry_space_group_name_H-M 'F d -3 c:2'\n"
        f"{operators_loop('Si', '_symmetry_equiv_pos_as_xyz')}{LOOP}{ATOM}",
        "operators are those of F d -3 m:2",
    ),
    "no centring": (
        f"{SILICON}_symmetry_space_group_name_H-M 'F m -3 m'\n"
        f"{operators_loop('LaB6', '_symmetry_equiv_pos_as_xyz')}{LOOP}{ATOM}",
        "lists 48 operators, F m -3 m has 192",
    ),
    "operators are no group": (
        f"{SILICON}loop_\n_symmetry_equiv_pos_as_xyz\nx,y,z\ny,z,x\n{LOOP}{ATOM}",
        "no group",
    ),
    "operator of no language": (
        f"{SILICON}loop_\n_symmetry_equiv_pos_as_xyz\nx,y,z\nx,y\n{LOOP}{ATOM}",
        "operator cannot be read",
    ),
    "no operator": (
        f"{SILICON}loop_\n_symmetry_equiv_pos_as_xyz\nx,y,z\n0,0,0\n{LOOP}{ATOM}",
        "'0,0,0' is no symmetry operator",
    ),
    "flat cell": (
        CELL.format(5, 5, 5, 60, 60, 120) + f"_symmetry_space_group_name_H-M 'P 1'\n{LOOP}{ATOM}",
        "encloses no volume",
    ),
    "no atoms": (f"{SILICON}_symmetry_space_group_name_H-M 'P 1'\n", "0 data blocks"),
    "no angle known": (
        SILICON.replace("gamma 90", "gamma ?")
        + f"_symmetry_space_group_name_H-M 'F d -3 m:2'\n{LOOP}{ATOM}",
        "gamma is '\\?', not a number",
    ),
    "no length": (
        SILICON.replace("_cell_length_c 5.431", "")
        + f"_symmetry_space_group_name_H-M 'F d -3 m:2'\n{LOOP}{ATOM}",
        "no length c",
    ),
    "decimal comma": (
        f"{SILICON}_symmetry_space_group_name_H-M 'F d -3 m:2'\n{LOOP}Si Si 0,125 .1 .1 0.5\n",
        "fract_x is '0,125', not a number",
    ),
    "half a place": (
        f"{SILICON}_symmetry_space_group_name_H-M 'F d -3 m:2'\n{LOOP}Si Si ? .1 .1 0.5\n",
        "fract_x",
    ),
    "U taken for B": (
        f"{SILICON}_symmetry_space_group_name_H-M 'F d -3 m:2'\n"
        + LOOP.replace("B_iso", "U_iso")
        + "Si Si .125 .125 .125 0.47\n",
        "outside -1 to 20",
    ),
    "wrong axes": (
        CELL.format(4.76, 4.76, 12.99, 90, 90, 90)
        + f"_symmetry_space_group_name_H-M 'R -3 c:H'\n{LOOP}{CORUNDUM}",
        "does not have the symmetry",
    ),
    "magnetic": (
        f"{SILICON}loop_\n_space_group_symop_magn_operation.xyz\nx,y,z,+1\n{LOOP}{ATOM}",
        "only magnetic",
    ),
    "modulated": (
        f"{SILICON}_cell_modulation_dimension 1\n"
        f"_symmetry_space_group_name_H-M 'F d -3 m:2'\n{LOOP}{ATOM}",
        "modulated",
    ),
    "macromolecule": (
        "_cell.length_a 50\nloop_\n_atom_site.id\n_atom_site.Cartn_x\n1 5.0\n",
        "macromolecular",
    ),
}


@pytest.mark.parametrize(("body", "message"), REFUSED.values(), ids=REFUSED)
def test_what_names_no_structure_is_refused_with_the_file(tmp_path, body, message):
    with pytest.raises(StructureError, match=message) as error:
        load_structure(write(tmp_path, f"data_x\n{body}"))
    assert "some.cif" in str(error.value)


def test_a_block_is_chosen_by_its_name(tmp_path):
    symmetry = "_symmetry_space_group_name_H-M 'F d -3 m:2'\n"
    block = f"{SILICON}{symmetry}{LOOP}{ATOM}"
    text = f"data_global\n_publ_section_title 'x'\ndata_One\n{block}\ndata_two\n{block}"
    path = write(tmp_path, text)
    with pytest.raises(StructureError, match=r"2 data blocks hold a cell and atoms \(One, two\)"):
        load_structure(path)
    assert load_structure(path, block="one").citation == "CIF data block One"
    with pytest.raises(StructureError, match=r"no data block 'three'.*there are: One, two"):
        load_structure(path, block="three")


def test_an_encoding_that_is_not_utf8_is_said(tmp_path):
    symmetry = "_symmetry_space_group_name_H-M 'F d -3 m:2'\n"
    text = f"data_x\n_chemical_name_common 'Sch\xf6nfeldit'\n{SILICON}{symmetry}{LOOP}{ATOM}"
    path = tmp_path / "latin.cif"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(StructureError, match=r"latin\.cif.*UTF-8"):
        load_structure(path)


def test_only_plain_regular_files_are_read(tmp_path):
    import gzip
    import os

    with pytest.raises(StructureError, match="not a regular one"):
        load_structure(tmp_path)
    pipe = tmp_path / "pipe.cif"
    os.mkfifo(pipe)
    with pytest.raises(StructureError, match="not a regular one"):
        load_structure(pipe)
    packed = tmp_path / "packed.cif.gz"
    packed.write_bytes(gzip.compress(b"data_x\n" + b"#" * 10**6))
    with pytest.raises(StructureError, match="cannot be read as a CIF"):
        load_structure(packed)


def test_operators_in_decimals_beside_an_unusual_symbol(tmp_path, caplog):
    cell = CELL.format(2.851, 2.851, 14.275, 90, 90, 120)
    rows = ["x, y, z", "-x+y, -x, z", "-x+y, y, z", "-x, -x+y, -z", "-x, -y, -z", "-y, -x, z"]
    rows += ["-y, x-y, z", "x, x-y, z", "x-y, -y, -z", "x-y, x, -z", "y, -x+y, -z", "y, x, -z"]
    moved = [
        ", ".join(
            f"{t}{part.strip()}" if part.strip()[0] == "-" else f"{t}+{part.strip()}"
            for t, part in zip(shift, row.split(","), strict=True)
        )
        for shift in (("0.66667", "0.33333", "0.33333"), ("0.33333", "0.66667", "0.66667"))
        for row in rows
    ]
    listed = "".join(f" {k} '{row}'\n" for k, row in enumerate([*rows, *moved], 1))
    text = (
        f"data_x\n{cell}_symmetry_Int_Tables_number 166\n"
        f"_symmetry_space_group_name_H-M 'R-3m h'\n"
        f"loop_\n_symmetry_equiv_pos_site_id\n_symmetry_equiv_pos_as_xyz\n{listed}"
        f"{LOOP}O O 0 0 0.25 1\nM1 Co 0 0 0.5 1\nLi1 Li 0 0 0 1\n"
    )
    with caplog.at_level(logging.WARNING):
        read = load_structure(write(tmp_path, text))
    assert read.space_group == "R -3 m:H"
    assert str(cell_content(read)) == "Co Li O2"
    assert caplog.text == ""
