"""The embedded structures: names, formula, density, bonds, and their lines in another program."""

import itertools
import json
import tomllib
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from xrdkit.errors import StructureError
from xrdkit.phase import embedded_names, embedded_structure
from xrdkit.phase.cell import inverse_d_squared, metric
from xrdkit.phase.cif_sites import FORMULA_GROUP, FORMULA_PART
from xrdkit.phase.content import cell_content
from xrdkit.phase.embedded import embedded_spacings, is_embedded
from xrdkit.phase.intensity import powder_lines

TABLE = tomllib.loads(
    files("xrdkit.phase").joinpath("library", "structures.toml").read_text("utf-8")
)
CU = 1.5405929
#: Five strongest lines by xrayutilities: bench_structure_factors.py --golden.
STRONGEST = json.loads((Path(__file__).parent / "golden_strongest.json").read_text())


def atoms_of_formula(formula):
    """Atoms of a formula with at most one level of brackets, such as Ca5(PO4)3OH."""
    counts: dict[str, float] = {}
    flat = FORMULA_GROUP.sub(lambda m: m.group(1) * int(m.group(2) or 1), formula)
    for element, number in FORMULA_PART.findall(flat):
        counts[element] = counts.get(element, 0.0) + float(number or 1)
    return counts


def distances(structure):
    """Shortest distance in nm per pair of elements, alternatives of one atom left out."""
    shifts = np.array(list(itertools.product((-1, 0, 1), repeat=3)))
    tensor = metric(structure.cell)
    found: dict[str, float] = {}
    places = list(zip(structure.sites, structure.orbits(), strict=True))
    for (one, here), (two, there) in itertools.combinations_with_replacement(places, 2):
        if one is two and one.occupancy <= 0.5:
            continue
        apart = here[:, None, None] - there[None, :, None] + shifts
        length = np.sqrt(np.einsum("abci,ij,abcj->abc", apart, tensor, apart))
        pair = "-".join(sorted((one.element, two.element)))
        found[pair] = min(found.get(pair, 9.0), float(length[length > 1e-3].min()))
    return found


def test_there_are_enough_phases_and_each_has_its_facts():
    assert len(embedded_names()) >= 24
    assert {"LaB6", "CeO2", "Si", "Al2O3", "ZnO", "CaF2", "Pt", "C", "Cu", "Al", "Ni"} <= set(
        embedded_names()
    )
    for name, entry in TABLE.items():
        assert {"formula", "units", "aliases", "density", "bonds", "citation"} <= set(entry), name
        assert len(entry["citation"]) > 20


@pytest.mark.parametrize("name", embedded_names())
def test_formula_and_units_follow_from_the_sites(name):
    entry = TABLE[name]
    found = cell_content(embedded_structure(name))
    assert found.units == entry["units"]
    assert dict(found.formula) == pytest.approx(atoms_of_formula(entry["formula"]), abs=1e-9)


@pytest.mark.parametrize("name", embedded_names())
def test_the_density_is_the_published_one(name):
    assert embedded_structure(name).density == pytest.approx(TABLE[name]["density"], rel=0.01)


@pytest.mark.parametrize("name", embedded_names())
def test_bonds_are_the_published_ones_and_no_atoms_are_too_close(name):
    found = distances(embedded_structure(name))
    for pair, length in TABLE[name]["bonds"].items():
        assert found[pair] == pytest.approx(length, rel=0.005), pair
    without_hydrogen = {p: d for p, d in found.items() if "H" not in p.split("-")}
    assert min(without_hydrogen.values()) > 0.12


def test_swapped_metals_of_the_cobaltate_would_show_in_the_bonds():
    # z = 0.2395 belongs to Li at the origin; with Co there it would be 0.2605.
    found = distances(embedded_structure("LiCoO2"))
    assert found["Co-O"] < 0.195 < 0.205 < found["Li-O"]
    lines = powder_lines(embedded_structure("LiCoO2"), CU, 0.1)
    hkl = [tuple(int(i) for i in h) for h in lines.hkl]
    inverse = inverse_d_squared(lines.hkl, embedded_structure("LiCoO2").cell) / 100
    seen = lines.strength * lorentz_polarization(inverse)
    assert seen[hkl.index((1, 0, 4))] / seen[hkl.index((0, 0, 3))] == pytest.approx(0.66, abs=0.05)


def lorentz_polarization(inverse):
    sine = 0.5 * CU * np.sqrt(inverse)
    double = np.cos(2 * np.arcsin(sine))
    return (1 + double**2) / (sine**2 * np.sqrt(1 - sine**2))


@pytest.mark.parametrize("name", embedded_names())
def test_the_five_strongest_lines_are_those_of_xrayutilities(name):
    assert STRONGEST["versions"]["xrayutilities"] == "1.8.0"
    structure = embedded_structure(name)
    lines = powder_lines(structure, CU, 0.1)
    inverse = inverse_d_squared(lines.hkl, structure.cell) / 100
    angle = 2 * np.degrees(np.arcsin(0.5 * CU * np.sqrt(inverse)))
    seen = lines.strength * lorentz_polarization(inverse)
    best = np.argsort(seen)[::-1][:5]
    theirs = np.array(STRONGEST["lines"][name])
    ours = np.stack([angle[best], 100 * seen[best] / seen.max()], axis=1)
    # Lines of nearly equal strength may come in either order.
    ours, theirs = ours[np.argsort(ours[:, 0])], theirs[np.argsort(theirs[:, 0])]
    np.testing.assert_allclose(ours[:, 0], theirs[:, 0], atol=0.001)
    np.testing.assert_allclose(ours[:, 1], theirs[:, 1], rtol=0.01)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("lab6", "LaB6"),
        (" Corundum ", "corundum"),
        ("GRAPHITE", "graphite"),
        ("C", "C"),
        ("lfp", "LFP"),
        ("Mg(oh)2", "Mg(OH)2"),
        ("SiO2", "SiO2"),
        ("hydroxylapatite", "hydroxylapatite"),
    ],
)
def test_names_are_found_in_any_case(asked, name):
    assert is_embedded(asked)
    assert embedded_structure(asked).name == name


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("TiO2", "'TiO2' may be rutile or anatase"),
        ("caco3", "may be calcite or aragonite"),
        ("hydroxyapatit", "did you mean hydroxyapatite"),
        ("corrundum", "did you mean corundum"),
        ("AgBh", "only the spacings 00l"),
        ("unobtainium", "unknown phase 'unobtainium' .known: LaB6, "),
    ],
)
def test_names_that_are_not_clear_are_refused_with_a_hint(asked, message):
    assert not is_embedded(asked)
    with pytest.raises(StructureError, match=message):
        embedded_structure(asked)


def test_no_name_means_two_entries_unless_it_is_their_common_formula():
    names: dict[str, str] = {}
    for key, entry in TABLE.items():
        for name in (key, *entry["aliases"]):
            assert names.setdefault(name.lower(), key) == key, name


def test_silver_behenate_is_a_series_of_spacings():
    spacings = embedded_spacings("agbh", 3)
    np.testing.assert_allclose(spacings, [5.838, 2.919, 1.946], rtol=1e-12)
    with pytest.raises(StructureError, match="known: AgBh"):
        embedded_spacings("LaB6")


def table_of_the_page():
    """The rows of the table in docs/structures.md, from the facts."""
    yield "| name | other names | formula, Z | space group | cell (Å, degree) | source |"
    yield "|---|---|---|---|---|---|"
    for name, entry in TABLE.items():
        a, b, c, alpha, beta, gamma = entry["cell"]
        lengths = [f"{10 * v:.7g}" for v in (a, b, c)]
        kept = [lengths[0]]
        kept += [lengths[1]] if b != a else []
        kept += [lengths[2]] if c not in (a, b) else []
        kept += [f"{v:g}" for v in (alpha, beta, gamma) if v not in (90, 120)]
        entries = [f"AMCSD {entry['amcsd']}"] if "amcsd" in entry else []
        entries += [f"COD {entry['cod']}"] if "cod" in entry else []
        yield (
            f"| {name} | {', '.join(entry['aliases'])} | {entry['formula']}, {entry['units']} "
            f"| {embedded_structure(name).space_group} | {', '.join(kept)} "
            f"| {'. '.join([entry['citation'], *entries])} |"
        )


def test_the_page_shows_the_structures_that_are_there():
    page = (Path(__file__).parents[2] / "docs" / "structures.md").read_text("utf-8")
    shown = [line for line in page.splitlines() if line.startswith("|")]
    start = shown.index(next(table_of_the_page()))
    expected = list(table_of_the_page())
    assert shown[start : start + len(expected)] == expected
