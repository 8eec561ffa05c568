"""Scattering length densities against handbook numbers."""

import pytest
import xraydb

from xrdkit import errors
from xrdkit.saxs import Material, scattering_length_density, xray_contrast

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
