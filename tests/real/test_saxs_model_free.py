"""Model-free analyses of measured and foreign curves with an answer of others."""

import numpy as np
import pytest

import xrdkit as xk


@pytest.fixture(scope="module")
def protein(data_dir):
    return xk.read_profile(data_dir / "saxs/raw_gi/glucose_isomerase.dat", unit="1/angstrom")


def within(result, name, true, error, most=2.0):
    """Whether two answers agree within their errors."""
    off = float(result[name]) - true
    return abs(off) < most * np.hypot(float(result[f"{name}_sigma"]), error)


def test_protein_against_indirect_transforms_of_others(protein):
    """GNOM 5.0 (3.336(11) nm, 0.06118(20), 10.1 nm) and BIFT (3.319(13), 0.06107(14), 10.1(8))."""
    result = xk.pair_distances(protein)
    assert str(result.verdict.values) == "ok"
    assert 3.30 <= float(result.radius_of_gyration) <= 3.35
    assert float(result.radius_of_gyration_sigma) < 0.03
    for gyration, forward, extent in (
        ((3.336, 0.011), (0.06118, 0.0002), (10.1, 0.8)),
        ((3.319, 0.013), (0.06107, 0.00014), (10.13, 0.77)),
    ):
        assert within(result, "radius_of_gyration", *gyration)
        assert within(result, "forward_intensity", *forward)
        assert within(result, "largest_distance", *extent, most=1.0)


def test_density_of_the_protein(protein, data_dir):
    """The same p(r) as BIFT's, but for the ends, within the band."""
    rows = np.loadtxt(data_dir / "saxs/raw_gi/glucose_isomerase.ift", usecols=(0, 1))[:50]
    result = xk.pair_distances(protein)
    mine = np.interp(rows[:, 0] / 10, result.distance.values, result.pair_distances.values)
    theirs = rows[:, 1] * 10
    assert np.max(np.abs(mine - theirs)) < 0.03 * theirs.max()


def test_guinier_of_the_protein(protein):
    result = xk.guinier(protein)
    assert str(result.verdict.values) == "ok"
    assert within(result, "radius_of_gyration", 3.336, 0.011)
    assert within(result, "forward_intensity", 0.06118, 0.0002)


def test_the_protein_is_globular(protein):
    found = xk.pair_distances(protein)
    spec = xk.KratkySpec(
        radius_of_gyration=float(found.radius_of_gyration),
        forward_intensity=float(found.forward_intensity),
    )
    plot = xk.kratky(protein, spec)
    top = int(np.argmax(plot.kratky_dimensionless.values))
    assert float(plot.kratky_dimensionless[top]) == pytest.approx(1.1, abs=0.06)
    assert float(plot.q_rg[top]) == pytest.approx(np.sqrt(3), abs=0.25)


def test_hollow_shell_of_apoferritin(data_dir):
    """A shell of 12 nm with a hole of 7 to 8 nm: distances peak near 9 nm."""
    profile = xk.read_profile(
        data_dir / "saxs/sasdata/apoferritin.txt", unit="1/angstrom", header_lines=5
    )
    result = xk.pair_distances(profile)
    peak = float(result.distance.values[int(np.argmax(result.pair_distances.values))])
    assert 8.0 < peak < 10.0
    at_diameter = float(np.interp(12.5, result.distance.values, result.pair_distances.values))
    assert at_diameter < 0.3 * float(result.pair_distances.max())


def test_exact_sphere_without_errors(data_dir):
    profile = xk.read_profile(data_dir / "saxs/sasdata/sphere_80.txt", unit="1/angstrom")
    radius = 8.0 * np.sqrt(0.6)
    assert float(xk.guinier(profile).radius_of_gyration) == pytest.approx(radius, rel=2e-3)
    result = xk.pair_distances(profile)
    assert float(result.radius_of_gyration) == pytest.approx(radius, rel=1e-3)
    assert float(result.largest_distance) == pytest.approx(16.0, rel=0.04)


def test_interference_of_a_colloid_is_told(data_dir):
    profile = xk.read_profile(data_dir / "saxs/esrf_colloid/Colloid_dilute.dat")
    result = xk.guinier(profile)
    assert str(result.verdict.values) != "ok"
    assert "interference" in str(result.verdict_reason.values)


def test_volume_fraction_of_a_simulated_bimodal_set(data_dir):
    """Stored truth: volume fraction 0.02062 with Δρ² = 1e22 1/cm⁴, background 0.1."""
    profile = xk.read_profile(data_dir / "saxs/pyirena/bimodal-test1.h5", sort=True)
    result = xk.invariant(profile, xk.InvariantSpec(contrast=10.0))
    assert float(result.volume_fraction) == pytest.approx(0.02062, rel=0.03)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("didsr/data-hydroxyapatite.txt", {}),
        ("didsr/data-veroclear.txt", {"range": (0.01, 2.0)}),
        ("srm3600/srm3600_glassy_carbon.csv", {}),
        ("sasdata/Ludox_silica.xml", {}),
        ("pyirena/TestUnifiedFit.h5", {}),
    ],
)
def test_what_is_no_dilute_particle_is_not_called_ok(data_dir, name, options):
    profile = xk.read_profile(data_dir / "saxs" / name, **options)
    profile = profile.isel(q=profile.q.values > 0)
    assert str(xk.guinier(profile).verdict.values) != "ok"
    assert str(xk.pair_distances(profile).verdict.values) != "ok"
