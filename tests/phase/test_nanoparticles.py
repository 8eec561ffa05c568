"""Sizes and cells of small crystals whose scattering is known without any line shape."""

import numpy as np
import pytest
from nanoparticles import (
    SETTINGS,
    carbon_humps,
    catalyst,
    debye,
    fcc_spheres,
    platinum_spheres,
)
from powder_patterns import integrated
from sphere_patterns import sphere_pattern

import xrdkit as xk
from xrdkit.errors import SpecError
from xrdkit.phase import InstrumentWidths
from xrdkit.phase.scattering import dispersion, form_factor
from xrdkit.phase.sphere_profile import column_lengths

CELL = 0.39237
SHARP = InstrumentWidths(w=4e-4)
LABORATORY = InstrumentWidths(u=0.003, v=-0.002, w=0.005, x=0.01, y=0.02)
DOUBLET = [(1.5405929, 2 / 3), (1.5444274, 1 / 3)]


def refined(setting, mean, seed=0, **settings):
    wavelength, x = SETTINGS[setting]
    counts = mean if seed is None else np.random.default_rng(seed).poisson(mean).astype(float)
    profile = integrated(xk.pattern(x, counts, np.sqrt(mean), wavelength=wavelength))
    chosen = {"size_profile": "lognormal", "instrument": SHARP, "strain": False, **settings}
    return xk.refine_phases(profile, ["Pt"], xk.RefinementSpec(**chosen))


def test_the_sum_over_pairs_is_the_sum_over_atoms():
    """|Σ f exp(iq·x)|² over many directions, for a particle of some hundred atoms."""
    cell, diameter = 0.4, 2.0
    particle = fcc_spheres(cell, np.array([diameter]), seed=3)
    assert particle.atoms == pytest.approx(np.pi / 6 * diameter**3 / cell**3 * 4, rel=0.1)
    assert particle.pairs.sum() + particle.atoms == particle.atoms**2
    centre = np.random.default_rng(3).uniform(0, 2, 3)
    axis = np.arange(-9, 10)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    inside = ((grid - centre) ** 2).sum(axis=1) <= (diameter / cell) ** 2
    atoms = 0.5 * cell * grid[inside & (grid.sum(axis=1) % 2 == 0)]
    assert len(atoms) == particle.atoms
    # A spiral that covers the sphere evenly.
    z = (2 * np.arange(20_000) + 1) / 20_000 - 1
    turn = np.pi * (1 + np.sqrt(5)) * np.arange(20_000)
    ring = np.sqrt(1 - z**2)
    directions = np.stack([ring * np.cos(turn), ring * np.sin(turn), z], axis=1)
    x = np.array([20.0, 40.0, 60.0])
    found = debye(particle, x, element="Pt", wavelength=1.0, b=0.0)
    real, imaginary = dispersion("Pt", 1.0)
    s = np.sin(np.radians(x / 2))
    f_squared = (form_factor("Pt", s) + real) ** 2 + imaginary**2
    way = directions @ atoms.T
    waves = [np.exp(1j * way * 40 * np.pi * one).sum(axis=1) for one in s]
    direct = np.mean(np.abs(waves) ** 2, axis=1) / len(atoms)
    np.testing.assert_allclose(found / f_squared, direct, rtol=0.005)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("diameter", [2.0, 3.0, 4.0, 6.0])
def test_catalysts_on_carbon_give_their_diameter_and_cell(setting, diameter):
    x, mean, particles = catalyst(setting, diameter, 0.2, 0.3)
    humps = carbon_humps(x, SETTINGS[setting][0])
    result = refined(setting, mean, background=8, humps=humps)
    assert result.verdict.item() == "ok"
    assert result.diameter_volume.values[0] == pytest.approx(particles.diameter_volume, rel=0.025)
    assert result.lattice.values[0, 0] == pytest.approx(CELL, rel=2e-4)
    assert result.gof.item() < 1.3


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("diameter", [2.0, 4.0])
def test_spheres_have_no_systematic_error_without_carbon(setting, diameter):
    """Counts without noise: what is left is the model's."""
    _, mean, particles = catalyst(setting, diameter, 0.2, 0.0)
    result = refined(setting, mean, seed=None, background=8)
    assert result.diameter_volume.values[0] == pytest.approx(particles.diameter_volume, rel=0.01)
    assert result.lattice.values[0, 0] == pytest.approx(CELL, rel=3e-5)
    # The quantiles of 100 particles end at 2.6 sigma.
    assert result.size_sigma.values[0] == pytest.approx(0.18, abs=0.03)
    assert result.gof.item() < 0.25


@pytest.mark.parametrize("diameter", [2.0, 3.0, 4.0, 6.0])
def test_spheres_of_one_size_are_told_as_such(diameter):
    particles = platinum_spheres(diameter, 0.0)
    assert particles.diameter_volume == pytest.approx(diameter, rel=0.01)
    _, mean, _ = catalyst("Mo", diameter, 0.0, 0.0)
    result = refined("Mo", mean, background=8)
    assert result.diameter_volume.values[0] == pytest.approx(diameter, rel=0.025)
    assert result.size_sigma.values[0] < 0.05


def test_other_shapes_of_lines_miss_the_diameter_of_small_particles():
    _, mean, particles = catalyst("Cu", 2.0, 0.2, 0.0)
    truth = particles.diameter_volume
    for shape in ("lorentzian", "voigt"):
        result = refined("Cu", mean, size_profile=shape, background=8)
        assert abs(4 / 3 * result.crystallite_size.values[0] / truth - 1) > 0.05
        assert "size_sigma" not in result


def test_ceria_of_a_laboratory_gives_both_column_lengths():
    """The round robin's powder: 19.1 nm, sigma 0.2, for a Cu doublet and a usual instrument."""
    x = np.arange(20, 140, 0.03)
    y = sphere_pattern(
        "CeO2", x, mean_diameter=19.1, sigma=0.2, emission=DOUBLET, instrument=LABORATORY
    )
    expected = y / y.max() * 1e4 + 300
    spec = xk.RefinementSpec(
        instrument=LABORATORY, strain=False, size_profile="lognormal", refine_zero=False
    )
    volume, area = column_lengths(19.1, 0.2)
    pulls = []
    for seed in range(8):
        counts = np.random.default_rng(seed).poisson(expected).astype(float)
        result = xk.refine_phases(xk.pattern(x, counts, wavelength="CuKa"), ["CeO2"], spec)
        assert result.verdict.item() == "ok"
        assert result.crystallite_size.values[0] == pytest.approx(volume, rel=0.02)
        assert result.column_length_area.values[0] == pytest.approx(area, rel=0.04)
        assert result.size_sigma.values[0] == pytest.approx(0.2, abs=0.04)
        cell = result.lattice.values[0, 0]
        assert cell == pytest.approx(0.5411651, rel=1e-4)
        pulls.append((cell - 0.5411651) / result.lattice_sigma.values[0, 0])
    assert 0.3 < np.std(pulls) < 1.8


def test_humps_are_found_where_they_are():
    x = np.arange(10, 70, 0.02)
    t = (x - 24.0) / np.where(x < 24.0, 5.0, 7.0)
    hump = 400 * (0.5 / (1 + 4 * t**2) + 0.5 * np.exp(-4 * np.log(2) * t**2))
    lines = xk.phase.powder_intensity("Si", x, wavelength=1.2, fwhm=0.1)
    counts = np.random.default_rng(4).poisson(lines / lines.max() * 2000 + hump + 50).astype(float)
    profile = integrated(xk.pattern(x, counts, wavelength=1.2))
    spec = xk.RefinementSpec(humps=((22.0, 5.0),), background=2, size=False, strain=False)
    result = xk.refine_phases(profile, ["Si"], spec)
    assert result.verdict.item() == "ok"
    assert result.gof.item() == pytest.approx(1.0, abs=0.06)
    found = dict(zip(result.parameter.values, result.parameter_value.values, strict=True))
    assert found["background_hump0_position"] == pytest.approx(24.0, abs=0.2)
    assert found["background_hump0_height"] == pytest.approx(400, rel=0.05)
    assert found["background_hump0_width"] == pytest.approx(np.sqrt(35), rel=0.05)
    assert found["background_hump0_lean"] == pytest.approx(0.5 * np.log(7 / 5), abs=0.06)
    units = dict(zip(result.parameter.values, result.parameter_unit.values, strict=True))
    assert units["background_hump0_width"] == "degree"
    missing = xk.refine_phases(
        profile, ["Si"], xk.RefinementSpec(background=2, size=False, strain=False)
    )
    assert missing.gof.item() > 1.5


@pytest.mark.parametrize(
    "humps",
    [((0.0, 5.0),), ((20.0, 0.01),), ((20.0, 5.0), (20.0, 5.0)), ((20.0, float("nan")),)],
    ids=["angle", "width", "twice", "nan"],
)
def test_humps_that_are_none_are_refused(humps):
    with pytest.raises(SpecError, match="hump"):
        xk.RefinementSpec(humps=humps)
