"""Scattering length densities against handbook numbers."""

import pytest
import xraydb

import xrdkit as xk
from xrdkit import errors
from xrdkit.saxs import Material, material_names, scattering_length_density, xray_contrast
from xrdkit.saxs.materials import material_entry

WATER = Material(formula="H2O", density=0.9982)
GOLD = Material(formula="Au", density=19.3)
CU = 8.0478


def test_water_has_its_handbook_density():
    value, sigma = scattering_length_density(WATER, energy=CU)
    # 0.3337 electrons/Å³ times the electron radius, +0.2 % by dispersion.
    assert value == pytest.approx(9.42, abs=0.04)
    assert 0 < sigma < 0.02


@pytest.mark.parametrize("formula", ["Au", "Pt", "SiO2", "LaB6"])
def test_agrees_with_the_refractive_index(formula):
    delta, _, _ = xraydb.xray_delta_beta(formula, 10.0, 1e3 * CU)
    wavelength = 12.398419843320026 / CU
    expected = 2 * 3.141592653589793 * delta / (wavelength * 1e-8) ** 2 / 1e10
    value, _ = scattering_length_density(Material(formula=formula, density=10.0), energy=CU)
    assert value == pytest.approx(expected, rel=2e-3)


def test_contrast_of_gold_in_water():
    found = xray_contrast(GOLD, WATER, energy=CU)
    assert found.value == pytest.approx(115, abs=2)
    assert found.sigma / found.value == pytest.approx(0.008, abs=0.003)
    assert xray_contrast(GOLD, WATER, wavelength=12.398419843320026 / CU).value == pytest.approx(
        found.value
    )
    assert xray_contrast(WATER, GOLD, energy=CU).value == -found.value
    assert xray_contrast(GOLD, None, energy=CU).value > found.value


def test_density_error_enters():
    loose = Material(formula="SiO2", density=2.2, density_sigma=0.11)
    value, sigma = scattering_length_density(loose, energy=CU)
    assert sigma / value == pytest.approx(0.05, rel=0.01)


def test_nonsense_is_refused():
    for wrong in ({"formula": "Xx", "density": 1.0}, {"formula": "", "density": 1.0}):
        with pytest.raises(errors.SpecError):
            scattering_length_density(Material(**wrong), energy=CU)
    with pytest.raises(errors.SpecError):
        scattering_length_density(GOLD, energy=8047.8)
    with pytest.raises(errors.SpecError):
        Material(formula="Au", density=19300.0)
    for wrong in ({}, {"energy": 8.0, "wavelength": 1.5}, {"wavelength": -1.0}):
        with pytest.raises(errors.SpecError):
            xray_contrast(GOLD, WATER, **wrong)


#: Real part of the scattering factor at Cu Kα, electrons, of CXRO's table (Henke, Gullikson &
#: Davis, At. Data Nucl. Data Tables 54 (1993) 181), as periodictable 2.1 interpolates it.
CXRO = {
    "H": 1.000,
    "C": 6.019,
    "O": 8.052,
    "Al": 13.212,
    "Si": 14.256,
    "P": 15.303,
    "Fe": 24.856,
    "Ni": 25.006,
    "Cu": 27.025,
    "Zn": 28.440,
    "Zr": 39.820,
    "Ag": 47.176,
    "Ce": 56.180,
    "W": 68.976,
    "Pt": 73.809,
    "Au": 74.986,
    "Pb": 78.272,
}


@pytest.mark.parametrize("element", CXRO)
def test_error_covers_what_two_tables_differ_by(element):
    substance = Material(formula=element, density=1.0)
    value, sigma = scattering_length_density(substance, energy=CU)
    number = xraydb.atomic_number(element)
    chantler = number + float(xraydb.f1_chantler(element, 1e3 * CU))
    difference = abs(CXRO[element] / chantler - 1)
    assert difference <= 1.1 * sigma / value
    # No error without need: elements near an edge, where f' itself is in doubt, have more.
    assert sigma / value < max(6 * difference, 3e-3) or element in ("Ni", "Cu", "Zn")


@pytest.mark.parametrize(
    ("formula", "percent"), [("Au", 0.82), ("Pt", 0.76), ("Ag", 0.25), ("SiO2", 0.08)]
)
def test_error_covers_known_differences_of_tables(formula, percent):
    """Differences of the density of scattering length at Cu Kα; twice that in volume fractions."""
    value, sigma = scattering_length_density(Material(formula=formula, density=5.0), energy=CU)
    assert percent <= 100 * sigma / value < 2.5 * percent


@pytest.mark.parametrize("name", material_names())
def test_library_of_materials(name):
    entry = material_entry(name)
    found = Material.named(name)
    assert (found.density, found.density_sigma) == (entry["density"], entry["density_sigma"])
    assert 0.0002 < found.density_sigma / found.density < 0.06
    assert len(entry["source"]) > 10
    value, sigma = scattering_length_density(found, energy=CU)
    assert 0 < sigma < 0.06 * value
    for other in entry["aliases"]:
        assert Material.named(other.upper()) == found
    if "structure" in entry:
        cell = xk.embedded_structure(entry["structure"])
        assert cell.density == pytest.approx(found.density, abs=2 * found.density_sigma)


def test_names_of_materials_are_told_apart():
    known = [
        n.lower() for name in material_names() for n in (name, *material_entry(name)["aliases"])
    ]
    assert len(known) == len(set(known))


def test_a_material_with_a_density_of_its_own():
    porous = Material.named("silica", density=2.0, density_sigma=0.1)
    assert porous == Material(formula="SiO2", density=2.0, density_sigma=0.1)
    with pytest.raises(errors.SpecError, match="near: silica"):
        Material.named("silika")
    with pytest.raises(errors.SpecError, match="takes any"):
        Material.named("unobtainium of the seventh kind")
    with pytest.raises(errors.SpecError, match="density_sigma"):
        Material.named("silica", density_sigma=0.1)
    with pytest.raises(errors.SpecError, match="not a text"):
        Material.named(78)
