"""Fractions of the mass: microabsorption, an internal standard, what is amorphous."""

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.phase import PhaseSpec, RefinementSpec, powder_intensity
from xrdkit.phase.content import linear_absorption
from xrdkit.phase.embedded import embedded_structure
from xrdkit.phase.microabsorption import particle_absorption, without_microabsorption

ANGLES = np.arange(18.0, 100.0, 0.02)
RADIATION = 1.5405929


def counts(shares, *, glass=0.0, seed=0, level=2e4):
    """Return counts of a mixture of mass shares, the rest a glass that scatters as a hump."""
    total = np.zeros(ANGLES.size)
    for name, share in shares.items():
        density = embedded_structure(name).density
        total += share / density * powder_intensity(name, ANGLES, wavelength=RADIATION, fwhm=0.08)
    polarisation = 0.5 * (1 + np.cos(np.radians(ANGLES)) ** 2)
    total *= level * polarisation / total.max()
    hump = np.exp(-0.5 * ((ANGLES - 27.0) / 6.0) ** 2)
    total += 60.0 + 900.0 * glass * hump
    measured = np.random.default_rng(seed).poisson(total).astype(float)
    return xk.pattern(ANGLES, measured, wavelength="CuKa1")


def test_a_spiked_mixture_tells_how_much_is_glass():
    # 30 % of the sample is glass; it is mixed with corundum, 20 % of the mixture.
    sample = {"ZnO": 0.45, "CaF2": 0.25}
    mixture = {name: 0.8 * share for name, share in sample.items()} | {"Al2O3": 0.2}
    spec = RefinementSpec(
        of_phase=(PhaseSpec(name="Al2O3", added_fraction=0.2),), background=12, size=False
    )
    result = xk.refine_phases(counts(mixture, glass=1.0, seed=1), list(mixture), spec)
    assert result.verdict.item() == "ok"
    assert result.amorphous_fraction.item() == pytest.approx(0.30, abs=0.01)
    found = dict(zip(result.phase.values, result.absolute_fraction.values, strict=True))
    assert found["ZnO"] == pytest.approx(0.45, abs=0.01)
    assert found["CaF2"] == pytest.approx(0.25, abs=0.01)
    assert np.isnan(found["Al2O3"])
    assert np.nansum(result.absolute_fraction) + result.amorphous_fraction == pytest.approx(1.0)


def test_the_error_of_the_amorphous_fraction_is_its_scatter():
    mixture = {"ZnO": 0.36, "CaF2": 0.2, "Al2O3": 0.2}
    spec = RefinementSpec(
        of_phase=(PhaseSpec(name="Al2O3", added_fraction=0.2),),
        background=3,
        size=False,
        strain=False,
    )
    found = []
    for seed in range(40):
        result = xk.refine_phases(counts(mixture, seed=seed, level=2e3), list(mixture), spec)
        found.append((result.amorphous_fraction.item(), result.amorphous_fraction_sigma.item()))
    values, sigmas = np.array(found).T
    # 40 draws know a standard deviation to 11 %.
    assert values.std(ddof=1) == pytest.approx(sigmas.mean(), rel=0.35)


def test_without_a_standard_nothing_is_said_of_glass():
    result = xk.refine_phases(
        counts({"ZnO": 0.5, "CaF2": 0.5}), ["ZnO", "CaF2"], RefinementSpec(background=4)
    )
    assert "amorphous_fraction" not in result
    assert "absolute_fraction" not in result


def test_small_particles_follow_the_mean_path_and_an_even_mixture_needs_nothing():
    absorption = np.array([100.0, 300.0])
    tau = particle_absorption(absorption, 200.0, np.array([1.0, 1.0]))
    # The mean path through a sphere, in and out, is 3/2 R.
    expected = 1 + 1.5 * 100.0 * 0.5e-4
    np.testing.assert_allclose(tau, [expected, 2 - expected], rtol=1e-4)
    same = particle_absorption(np.array([200.0]), 200.0, np.array([50.0]))
    np.testing.assert_allclose(same, 1.0)


def test_large_particles_agree_with_rays_through_spheres():
    random = np.random.default_rng(2)
    points = random.uniform(-1, 1, (400_000, 3))
    x, y, z = points[np.linalg.norm(points, axis=1) < 1].T
    path = x + np.sqrt(1 - y**2 - z**2) - z + np.sqrt(1 - x**2 - y**2)
    radius = 10e-4
    expected = np.exp(-200.0 * radius * path).mean()
    tau = particle_absorption(np.array([300.0]), 100.0, np.array([20.0]))
    assert tau[0] == pytest.approx(expected, rel=2e-3)


def test_the_correction_undoes_what_microabsorption_does():
    names = ["Al2O3", "Fe3O4", "ZnO"]
    absorption = np.array([linear_absorption(embedded_structure(n), RADIATION) for n in names])
    diameter = np.array([5.0, 3.0, 2.0])
    true = np.array([0.5, 0.2, 0.3])
    shown = true * particle_absorption(absorption, float(true @ absorption), diameter)
    found = without_microabsorption(shown, absorption, diameter)
    np.testing.assert_allclose(found / found.sum(), true, rtol=1e-9)
    assert shown[1] / shown.sum() < 0.98 * true[1]


def test_coarse_particles_change_the_fractions_of_a_fit():
    profile = counts({"Al2O3": 0.5, "Fe3O4": 0.5})
    fine = xk.refine_phases(profile, ["Al2O3", "Fe3O4"], RefinementSpec(background=4))
    spec = RefinementSpec(
        background=4,
        of_phase=(
            PhaseSpec(name="Al2O3", particle_diameter=5.0),
            PhaseSpec(name="Fe3O4", particle_diameter=5.0),
        ),
    )
    coarse = xk.refine_phases(profile, ["Al2O3", "Fe3O4"], spec)
    assert fine.weight_fraction.values[1] == pytest.approx(0.5, abs=0.01)
    assert coarse.weight_fraction.values[1] > 0.53
