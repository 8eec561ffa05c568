"""Formula, formula units, density and absorption of a cell."""

import pytest

from xrdkit.errors import SpecError
from xrdkit.phase import Site, Structure, embedded_structure
from xrdkit.phase.content import cell_content, linear_absorption


@pytest.mark.parametrize(
    ("name", "units", "formula", "mass"),
    [
        ("LaB6", 1, "B6 La", 203.77),
        ("Si", 8, "Si", 28.085),
        ("Al2O3", 6, "Al2 O3", 101.961),
        ("C", 4, "C", 12.011),
        ("rutile", 2, "O2 Ti", 79.866),
    ],
)
def test_formula_units_and_mass(name, units, formula, mass):
    found = cell_content(embedded_structure(name))
    assert (found.units, str(found)) == (units, formula)
    assert found.formula_mass == pytest.approx(mass, abs=0.01)


def test_partly_filled_sites_do_not_change_the_number_of_units():
    kept = embedded_structure("CeO2")
    mixed = Structure(
        name="zirconia",
        cell=(0.514, 0.514, 0.514, 90, 90, 90),
        operators=kept.operators,
        sites=(
            Site(label="Zr", element="Zr", position=(0, 0, 0), occupancy=0.85),
            Site(label="Y", element="Y", position=(0, 0, 0), occupancy=0.15),
            Site(label="O", element="O", position=(0.25, 0.25, 0.25), occupancy=0.9625),
        ),
    )
    found = cell_content(mixed)
    assert found.units == 4
    assert str(found) == "O1.925 Y0.15 Zr0.85"


@pytest.mark.parametrize(
    ("name", "expected"),
    # µ in 1/cm at Cu Kα from µ/ρ of International Tables C (1992), table 4.2.4.3, within their
    # differences from the tables used here: Si 63.7, Al 50.23, Cu 51.54, Pt 198.2 cm²/g.
    [("Si", 63.7 * 2.329), ("Al", 50.23 * 2.699), ("Cu", 51.54 * 8.935), ("Pt", 198.2 * 21.45)],
)
def test_absorption_agrees_with_international_tables(name, expected):
    assert linear_absorption(embedded_structure(name), 1.5418) == pytest.approx(expected, rel=0.03)


def test_absorption_jumps_at_an_edge_and_has_limits():
    copper = embedded_structure("Cu")
    below, above = linear_absorption(copper, 1.39), linear_absorption(copper, 1.37)
    assert above > 6 * below  # K edge at 1.3806 Å
    for wavelength in (0.0, -1.0, 0.1, 200.0):
        with pytest.raises(SpecError, match="keV"):
            linear_absorption(copper, wavelength)
